// SPDX-License-Identifier: Apache-2.0
// GNU long options; the same place named twice is one place.
#include "control/monitor/options.h"

#include <errno.h>
#include <getopt.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static const char usage[] =
	"usage: burst53-monitor --counters-fd N [OPTION]...\n"
	"Answers /health, /ready and /metrics from the counters that the other processes share.\n"
	"Started by `burst53 run`.\n"
	"\n"
	"  --counters-fd N       the shared counters, inherited\n"
	"  --beat-fd N           an eventfd that gets 1 in each turn, inherited\n"
	"  --served-by PROCESS   who answers UDP: dataplane (default) or slowpath\n"
	"  --health HOST:PORT    serve /health there, repeatable; no HOST is every address\n"
	"  --ready HOST:PORT     serve /ready there, repeatable\n"
	"  --metrics HOST:PORT   serve /metrics there, repeatable\n"
	"  --help                this text\n";

enum {
	OPT_HEALTH = 256,
	OPT_READY,
	OPT_METRICS,
	OPT_COUNTERS_FD,
	OPT_BEAT_FD,
	OPT_SERVED_BY,
	OPT_HELP
};

static const struct option longs[] = {
	{"health", required_argument, NULL, OPT_HEALTH},
	{"ready", required_argument, NULL, OPT_READY},
	{"metrics", required_argument, NULL, OPT_METRICS},
	{"counters-fd", required_argument, NULL, OPT_COUNTERS_FD},
	{"beat-fd", required_argument, NULL, OPT_BEAT_FD},
	{"served-by", required_argument, NULL, OPT_SERVED_BY},
	{"help", no_argument, NULL, OPT_HELP},
	{NULL, 0, NULL, 0},
};

static bool parse_number(const char *text, long max, long *out)
{
	char *end;

	errno = 0;
	*out = strtol(text, &end, 10);
	return errno == 0 && *end == 0 && text[0] >= '0' && text[0] <= '9' && *out <= max;
}

// "HOST:PORT", "[HOST]:PORT", ":PORT". False: it is none of them.
static bool parse_place(const char *text, struct place *out)
{
	const char *colon = strrchr(text, ':');
	const char *host = text;
	size_t len = colon == NULL ? 0 : (size_t)(colon - text);
	long port;

	if (colon == NULL || !parse_number(colon + 1, UINT16_MAX, &port) || port == 0)
		return false;
	if (len >= 2 && host[0] == '[' && host[len - 1] == ']') {
		host++;
		len -= 2;
	} else if (memchr(host, ':', len) != NULL) {
		return false; // an IPv6 address without brackets
	}
	if (len >= sizeof(out->host))
		return false;
	memset(out, 0, sizeof(*out));
	memcpy(out->host, host, len);
	(void)snprintf(out->port, sizeof(out->port), "%u", (unsigned)port); // always fits
	return true;
}

static bool add_place(struct options *o, const char *text, enum place_serves serves)
{
	struct place place;

	if (!parse_place(text, &place))
		return false;
	for (size_t i = 0; i < o->n_places; i++) {
		struct place *p = &o->places[i];
		if (strcmp(p->host, place.host) == 0 && strcmp(p->port, place.port) == 0) {
			p->serves |= (unsigned)serves;
			return true;
		}
	}
	if (o->n_places == PLACES_MAX)
		return false;
	place.serves = (unsigned)serves;
	o->places[o->n_places++] = place;
	return true;
}

static bool take_fd(const char *text, int *out)
{
	long fd;

	if (!parse_number(text, INT32_MAX, &fd))
		return false;
	*out = (int)fd;
	return true;
}

static bool take(struct options *o, int option, const char *value)
{
	switch (option) {
	case OPT_HEALTH:
		return add_place(o, value, SERVES_HEALTH);
	case OPT_READY:
		return add_place(o, value, SERVES_READY);
	case OPT_METRICS:
		return add_place(o, value, SERVES_METRICS);
	case OPT_COUNTERS_FD:
		return take_fd(value, &o->counters_fd);
	case OPT_BEAT_FD:
		return take_fd(value, &o->beat_fd);
	case OPT_SERVED_BY:
		o->server =
			strcmp(value, "slowpath") == 0 ? SERVED_BY_SLOWPATH : SERVED_BY_DATAPLANE;
		return strcmp(value, "slowpath") == 0 || strcmp(value, "dataplane") == 0;
	default:
		return false;
	}
}

enum options_verdict options_parse(int argc, char **argv, struct options *o)
{
	int option, at = 0;

	*o = (struct options){.counters_fd = -1, .beat_fd = -1};
	optind = 1;
	while ((option = getopt_long(argc, argv, "", longs, &at)) != -1) {
		if (option == OPT_HELP) {
			(void)fputs(usage, stdout);
			return OPTIONS_HELP;
		}
		if (option == '?')
			return OPTIONS_WRONG;
		if (!take(o, option, optarg)) {
			(void)fprintf(stderr, "burst53-monitor: --%s: wrong value: %s\n",
				longs[at].name, optarg);
			return OPTIONS_WRONG;
		}
	}
	if (optind == argc && o->counters_fd >= 0 && o->n_places > 0)
		return OPTIONS_PARSED;
	(void)fputs("burst53-monitor: --counters-fd and a place to serve are needed, and nothing "
		    "else\n",
		stderr);
	return OPTIONS_WRONG;
}
