// SPDX-License-Identifier: Apache-2.0
// GNU long options; every descriptor is checked to be open before anything is started.
#include "slowpath/options.h"

#include "zones/base/inside.h"

#include <errno.h>
#include <fcntl.h>
#include <getopt.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

enum {
	OPT_PUBLISH = 1,
	OPT_COUNTERS,
	OPT_PUNT,
	OPT_BASE,
	OPT_OVERLAY,
	OPT_UDP,
	OPT_TCP,
	OPT_UID,
	OPT_COOKIE,
	OPT_NETWORK,
	OPT_KEEP_INSIDE,
	OPT_MIXED_CASE
};

static const struct option longs[] = {
	{"publish-fd", required_argument, NULL, OPT_PUBLISH},
	{"counters-fd", required_argument, NULL, OPT_COUNTERS},
	{"punt-fd", required_argument, NULL, OPT_PUNT},
	{"base-fd", required_argument, NULL, OPT_BASE},
	{"overlay-fd", required_argument, NULL, OPT_OVERLAY},
	{"udp-fd", required_argument, NULL, OPT_UDP},
	{"tcp-fd", required_argument, NULL, OPT_TCP},
	{"peer-uid", required_argument, NULL, OPT_UID},
	{"cookie-fd", required_argument, NULL, OPT_COOKIE},
	{"network", required_argument, NULL, OPT_NETWORK},
	{"keep-inside", required_argument, NULL, OPT_KEEP_INSIDE},
	{"mixed-case", no_argument, NULL, OPT_MIXED_CASE},
	{"threads", required_argument, NULL, 't'},
	{"help", no_argument, NULL, 'h'},
	{0},
};

void options_usage(void)
{
	(void)fputs(
		"usage: burst53-slowpath [OPTION...]\n"
		"Started by `burst53 run` with descriptors that it made.\n"
		"  --publish-fd N   listening socket that control sends snapshots to\n"
		"  --counters-fd N  shared page of counters\n"
		"  --punt-fd N      link to the dataplane\n"
		"  --base-fd N, --overlay-fd N  snapshot to begin with\n"
		"  --udp-fd N, --tcp-fd N       bound sockets to serve (repeatable)\n"
		"  --cookie-fd N    secrets of DNS cookies, 16 or 32 bytes\n"
		"  --network NET/LEN  clients that are answered (repeatable; everybody)\n"
		"  --keep-inside KIND,...  names that are not forwarded: special, local, reverse\n"
		"  --mixed-case     ask upstreams in random case\n"
		"  --peer-uid U     user that may send snapshots, besides our own\n"
		"  --threads N      default: one per processor\n",
		stdout);
}

static int number(const char *text, long max, long *out)
{
	char *end;

	errno = 0;
	*out = strtol(text, &end, 10);
	if (errno != 0 || end == text || *end != 0 || *out < 0 || *out > max) {
		(void)fprintf(stderr, "burst53-slowpath: not a number in range: %s\n", text);
		return -EINVAL;
	}
	return 0;
}

static int descriptor(const char *text, int *out)
{
	long n;

	if (number(text, 1 << 20, &n) != 0)
		return -EINVAL;
	if (fcntl((int)n, F_GETFD) < 0) {
		(void)fprintf(stderr, "burst53-slowpath: descriptor %ld is not open\n", n);
		return -EINVAL;
	}
	*out = (int)n;
	// It was inherited; nobody that we might start gets it.
	return fcntl(*out, F_SETFD, FD_CLOEXEC) == 0 ? 0 : -EINVAL;
}

static int socket_add(const char *text, int fds[OPTIONS_SOCKETS_MAX], unsigned *n)
{
	if (*n == OPTIONS_SOCKETS_MAX) {
		(void)fprintf(
			stderr, "burst53-slowpath: more than %d sockets\n", OPTIONS_SOCKETS_MAX);
		return -EINVAL;
	}
	return descriptor(text, &fds[(*n)++]);
}

static int network_add(struct options *o, const char *text)
{
	if (networks_add_text(&o->networks, text))
		return 0;
	(void)fprintf(stderr, "burst53-slowpath: no network, or too many: %s\n", text);
	return -EINVAL;
}

static int keep_inside(struct options *o, const char *text)
{
	if (inside_parse(text, &o->keep_inside))
		return 0;
	(void)fprintf(stderr, "burst53-slowpath: no kinds of names: %s\n", text);
	return -EINVAL;
}

static int option_take(struct options *o, int c)
{
	long n = 0;
	int rc;

	switch (c) {
	case OPT_PUBLISH:
		return descriptor(optarg, &o->publish_fd);
	case OPT_COUNTERS:
		return descriptor(optarg, &o->counters_fd);
	case OPT_PUNT:
		return descriptor(optarg, &o->punt_fd);
	case OPT_BASE:
		return descriptor(optarg, &o->base_fd);
	case OPT_OVERLAY:
		return descriptor(optarg, &o->overlay_fd);
	case OPT_UDP:
		return socket_add(optarg, o->udp_fds, &o->n_udp);
	case OPT_TCP:
		return socket_add(optarg, o->tcp_fds, &o->n_tcp);
	case OPT_COOKIE:
		return descriptor(optarg, &o->cookie_fd);
	case OPT_NETWORK:
		return network_add(o, optarg);
	case OPT_KEEP_INSIDE:
		return keep_inside(o, optarg);
	case OPT_MIXED_CASE:
		o->mixes_case = true;
		return 0;
	case OPT_UID:
		rc = number(optarg, UINT32_MAX - 1L, &n);
		o->peer_uid = (uid_t)n;
		return rc;
	case 't':
		rc = number(optarg, 64, &n);
		o->threads = (unsigned)n;
		return rc;
	case 'h':
		o->help = true;
		return 0;
	default:
		return -EINVAL; // getopt has said why
	}
}

int options_parse(struct options *o, int argc, char **argv)
{
	int c;

	*o = (struct options){.publish_fd = -1,
		.counters_fd = -1,
		.punt_fd = -1,
		.base_fd = -1,
		.overlay_fd = -1,
		.cookie_fd = -1,
		.peer_uid = geteuid()};
	while ((c = getopt_long(argc, argv, "h", longs, NULL)) != -1) {
		if (option_take(o, c) != 0)
			return -EINVAL;
	}
	if (optind < argc) {
		(void)fprintf(stderr, "burst53-slowpath: unexpected word: %s\n", argv[optind]);
		return -EINVAL;
	}
	return 0;
}
