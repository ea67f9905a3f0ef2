// SPDX-License-Identifier: Apache-2.0
// GNU long options.
#include "control/options.h"

#include "control/base/log.h"

#include <errno.h>
#include <getopt.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static const char usage[] =
	"usage: burst53-control [--conf COREFILE] [OPTION]...\n"
	"Watches the Kubernetes API, builds snapshots and hands them to the other processes.\n"
	"Started by `burst53 run`.\n"
	"\n"
	"  --conf FILE           Corefile (default: ./Corefile, else CoreDNS' built-in one)\n"
	"  --kubeconfig FILE     API server, unless the Corefile names one; default: in-cluster\n"
	"  --context NAME        context in the kubeconfig\n"
	"  --dump FILE           serve a saved cluster instead of an API server\n"
	"  --address A[/LEN]     own address, repeatable\n"
	"  --dns-port N          port of server blocks that name none (53)\n"
	"  --run-dir DIR         sockets of the other processes (/run/burst53)\n"
	"  --state-dir DIR       saved snapshots (/var/lib/burst53)\n"
	"  --max-image-age S     oldest saved snapshot of an earlier boot to serve (900)\n"
	"  --counters-fd N       shared counters, inherited\n"
	"  --log-level WORD      error, warn, info or debug\n"
	"  --write-image FILE    build one snapshot, write it and end\n"
	"  --help                this text\n";

enum option_id {
	OPT_CONF = 256,
	OPT_KUBECONFIG,
	OPT_CONTEXT,
	OPT_DUMP,
	OPT_ADDRESS,
	OPT_DNS_PORT,
	OPT_RUN_DIR,
	OPT_STATE_DIR,
	OPT_MAX_IMAGE_AGE,
	OPT_COUNTERS_FD,
	OPT_LOG_LEVEL,
	OPT_WRITE_IMAGE,
	OPT_HELP,
};

static const struct option longs[] = {
	{"conf", required_argument, NULL, OPT_CONF},
	{"kubeconfig", required_argument, NULL, OPT_KUBECONFIG},
	{"context", required_argument, NULL, OPT_CONTEXT},
	{"dump", required_argument, NULL, OPT_DUMP},
	{"address", required_argument, NULL, OPT_ADDRESS},
	{"dns-port", required_argument, NULL, OPT_DNS_PORT},
	{"run-dir", required_argument, NULL, OPT_RUN_DIR},
	{"state-dir", required_argument, NULL, OPT_STATE_DIR},
	{"max-image-age", required_argument, NULL, OPT_MAX_IMAGE_AGE},
	{"counters-fd", required_argument, NULL, OPT_COUNTERS_FD},
	{"log-level", required_argument, NULL, OPT_LOG_LEVEL},
	{"write-image", required_argument, NULL, OPT_WRITE_IMAGE},
	{"help", no_argument, NULL, OPT_HELP},
	{NULL, 0, NULL, 0},
};

static int complain(const char *what, const char *value)
{
	(void)fprintf(stderr, "burst53-control: %s: %s\n", what, value);
	return -EINVAL;
}

static int number(const char *text, uint64_t max, uint64_t *out)
{
	char *end;

	errno = 0;
	unsigned long long v = strtoull(text, &end, 10);
	if (errno != 0 || *end != '\0' || text[0] < '0' || text[0] > '9' || v > max)
		return -EINVAL;
	*out = v;
	return 0;
}

static unsigned whole_len(const struct object_address *a)
{
	return a->family == OBJECT_IPV4 ? 32 : 128;
}

static int add_address(struct options *o, const char *text)
{
	char plain[64];
	size_t len = strcspn(text, "/"), n = o->setup.n_addresses;
	uint64_t prefix_len;

	if (len >= sizeof(plain) || n == OPTIONS_ADDRESSES_MAX)
		return complain("--address", text);
	memcpy(plain, text, len);
	plain[len] = '\0';
	if (!object_address_parse(plain, &o->addresses[n]))
		return complain("--address", text);
	prefix_len = whole_len(&o->addresses[n]);
	if (text[len] == '/' && number(text + len + 1, prefix_len, &prefix_len) != 0)
		return complain("--address", text);
	o->prefix_lens[n] = (uint8_t)prefix_len;
	o->setup.n_addresses++;
	return 0;
}

// An address with a network is the node's own when others of its family are without (/32, /128:
// service addresses, which other nodes serve, too).
static bool is_of_link(const struct options *o, size_t n, size_t i)
{
	bool has_service = false;

	for (size_t k = 0; k < n; k++)
		has_service |= o->addresses[k].family == o->addresses[i].family &&
			o->prefix_lens[k] == whole_len(&o->addresses[k]);
	return has_service && o->prefix_lens[i] != whole_len(&o->addresses[i]);
}

// Those of the link to the end.
static void sort_addresses(struct options *o)
{
	struct object_address link[OPTIONS_ADDRESSES_MAX] = {0};
	size_t n = o->setup.n_addresses, n_link = 0, kept = 0;
	bool is_link[OPTIONS_ADDRESSES_MAX];

	for (size_t i = 0; i < n; i++)
		is_link[i] = is_of_link(o, n, i);
	for (size_t i = 0; i < n; i++) {
		if (is_link[i])
			link[n_link++] = o->addresses[i];
		else
			o->addresses[kept++] = o->addresses[i];
	}
	memcpy(&o->addresses[kept], link, n_link * sizeof(link[0]));
	o->setup.n_link = n_link;
}

static int take_number(int id, const char *arg, struct options *o)
{
	const uint64_t max = id == OPT_DNS_PORT ? UINT16_MAX : INT32_MAX;
	uint64_t v = 0;

	if (number(arg, max, &v) != 0)
		return complain("not a number in range", arg);
	if (id == OPT_DNS_PORT)
		o->setup.dns_port = (uint16_t)v;
	else if (id == OPT_COUNTERS_FD)
		o->counters_fd = (int)v;
	else
		o->max_image_age_s = v;
	return 0;
}

static int take_level(const char *arg)
{
	enum log_level level;

	if (log_level_parse(arg, &level) != 0)
		return complain("--log-level", arg);
	log_set_level(level);
	return 0;
}

static int take(int id, const char *arg, struct options *o)
{
	switch (id) {
	case OPT_CONF:
		o->setup.corefile = arg;
		return 0;
	case OPT_KUBECONFIG:
		o->setup.source.kubeconfig = arg;
		return 0;
	case OPT_CONTEXT:
		o->setup.source.context = arg;
		return 0;
	case OPT_DUMP:
		o->setup.source.dump = arg;
		return 0;
	case OPT_ADDRESS:
		return add_address(o, arg);
	case OPT_DNS_PORT:
	case OPT_COUNTERS_FD:
	case OPT_MAX_IMAGE_AGE:
		return take_number(id, arg, o);
	case OPT_RUN_DIR:
		o->run_dir = arg;
		return 0;
	case OPT_STATE_DIR:
		o->state_dir = arg;
		return 0;
	case OPT_LOG_LEVEL:
		return take_level(arg);
	case OPT_WRITE_IMAGE:
		o->write_image = arg;
		return 0;
	case OPT_HELP:
		(void)fputs(usage, stdout);
		return 1;
	default:
		(void)fputs(usage, stderr);
		return -EINVAL;
	}
}

int options_parse(int argc, char **argv, struct options *o)
{
	int id;

	memset(o, 0, sizeof(*o));
	o->run_dir = "/run/burst53";
	o->state_dir = "/var/lib/burst53";
	o->counters_fd = -1;
	o->max_image_age_s = 900;
	o->setup.addresses = o->addresses;
	optind = 0; // parse from the start, also the second time
	while ((id = getopt_long(argc, argv, "", longs, NULL)) != -1) {
		int rc = take(id, optarg, o);
		if (rc != 0)
			return rc;
	}
	sort_addresses(o);
	return optind == argc ? 0 : complain("unexpected argument", argv[optind]);
}
