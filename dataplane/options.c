// SPDX-License-Identifier: Apache-2.0
// Reads the options; what they name is looked at later.
#include "dataplane/options.h"

#include "dataplane/net/vlan.h"

#include <arpa/inet.h>
#include <fcntl.h>
#include <getopt.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

static const char usage[] =
	"usage: burst53-dataplane --port SPEC --address A/len ... [option ...]\n"
	"Answers DNS at NIC speed; started by `burst53 run`.\n"
	"  --port SPEC          PCI address, af_packet:IF, af_xdp:IF or eal:DEVARGS\n"
	"  --address A[/LEN]    address to serve (repeatable)\n"
	"  --served-port N      UDP port to take from an af_xdp interface (repeatable; 53)\n"
	"  --network NET/LEN    clients that are trusted (repeatable)\n"
	"  --outside MODE       pass, limit or drop queries from elsewhere (pass)\n"
	"  --rate N, --rate-burst N  replies a second to an address elsewhere (50, 125)\n"
	"  --rate-prefixes4 LIST, --rate-prefixes6 LIST  LENGTH:FACTOR,...: networks and how many\n"
	"                       times as much they may have (32:1, 128:1)\n"
	"  --rate-slip N        each n-th reply over it is sent truncated (1)\n"
	"  --cookie-fd N        secrets of DNS cookies, 16 or 32 bytes\n"
	"  --workers N          worker threads, one per queue (1)\n"
	"  --idle MODE          poll, pause or sleep when there is nothing to do (sleep)\n"
	"  --no-huge            run without hugepages\n"
	"  --memory MB          DPDK's memory with --no-huge (1024)\n"
	"  --mtu N              of a port that is no interface (1500)\n"
	"  --vlan N             the 802.1Q tag of all frames\n"
	"  --publish-fd N       listening socket for snapshots\n"
	"  --counters-fd N      shared counters\n"
	"  --punt-fd N          link to the slow path\n"
	"  --base-fd N, --overlay-fd N  snapshots to begin with\n"
	"  --tun-fd N           kernel side of the addresses\n"
	"  --go-fd N            the port opens when a byte comes\n"
	"  --peer-uid U         uid that may publish besides our own\n"
	"  --help\n";

enum option_code {
	OPT_PORT = 256,
	OPT_ADDRESS,
	OPT_SERVED_PORT,
	OPT_NETWORK,
	OPT_OUTSIDE,
	OPT_RATE,
	OPT_RATE_BURST,
	OPT_RATE_SLIP,
	OPT_RATE_PREFIXES4,
	OPT_RATE_PREFIXES6,
	OPT_COOKIE_FD,
	OPT_WORKERS,
	OPT_IDLE,
	OPT_NO_HUGE,
	OPT_MEMORY,
	OPT_MTU,
	OPT_VLAN,
	OPT_PUBLISH_FD,
	OPT_COUNTERS_FD,
	OPT_PUNT_FD,
	OPT_BASE_FD,
	OPT_OVERLAY_FD,
	OPT_TUN_FD,
	OPT_GO_FD,
	OPT_PEER_UID,
	OPT_HELP,
};

static const struct option table[] = {
	{"port", required_argument, NULL, OPT_PORT},
	{"address", required_argument, NULL, OPT_ADDRESS},
	{"served-port", required_argument, NULL, OPT_SERVED_PORT},
	{"network", required_argument, NULL, OPT_NETWORK},
	{"outside", required_argument, NULL, OPT_OUTSIDE},
	{"rate", required_argument, NULL, OPT_RATE},
	{"rate-burst", required_argument, NULL, OPT_RATE_BURST},
	{"rate-slip", required_argument, NULL, OPT_RATE_SLIP},
	{"rate-prefixes4", required_argument, NULL, OPT_RATE_PREFIXES4},
	{"rate-prefixes6", required_argument, NULL, OPT_RATE_PREFIXES6},
	{"cookie-fd", required_argument, NULL, OPT_COOKIE_FD},
	{"workers", required_argument, NULL, OPT_WORKERS},
	{"idle", required_argument, NULL, OPT_IDLE},
	{"no-huge", no_argument, NULL, OPT_NO_HUGE},
	{"memory", required_argument, NULL, OPT_MEMORY},
	{"mtu", required_argument, NULL, OPT_MTU},
	{"vlan", required_argument, NULL, OPT_VLAN},
	{"publish-fd", required_argument, NULL, OPT_PUBLISH_FD},
	{"counters-fd", required_argument, NULL, OPT_COUNTERS_FD},
	{"punt-fd", required_argument, NULL, OPT_PUNT_FD},
	{"base-fd", required_argument, NULL, OPT_BASE_FD},
	{"overlay-fd", required_argument, NULL, OPT_OVERLAY_FD},
	{"tun-fd", required_argument, NULL, OPT_TUN_FD},
	{"go-fd", required_argument, NULL, OPT_GO_FD},
	{"peer-uid", required_argument, NULL, OPT_PEER_UID},
	{"help", no_argument, NULL, OPT_HELP},
	{NULL, 0, NULL, 0},
};

static bool wrong(const char *what, const char *text)
{
	(void)fprintf(stderr, "burst53-dataplane: %s: \"%s\"\n", what, text);
	return false;
}

static bool number_parse(const char *text, unsigned long max, unsigned *out)
{
	char *end = NULL;
	unsigned long v = strtoul(text, &end, 10);

	if (*text < '0' || *text > '9' || *end != 0 || v > max)
		return wrong("not a number in range", text);
	*out = (unsigned)v;
	return true;
}

static bool fd_parse(const char *text, int *out)
{
	unsigned v = 0;

	if (!number_parse(text, 65535, &v))
		return false;
	if (fcntl((int)v, F_GETFD) < 0)
		return wrong("no open descriptor", text);
	*out = (int)v;
	return true;
}

static bool address_parse(const char *text, struct host_address *out)
{
	char ip[INET6_ADDRSTRLEN + 8];
	unsigned len = 0;

	if (snprintf(ip, sizeof(ip), "%s", text) >= (int)sizeof(ip))
		return wrong("not an address", text);
	char *slash = strchr(ip, '/');
	if (slash != NULL)
		*slash = 0;
	*out = (struct host_address){0};
	if (inet_pton(AF_INET, ip, out->bytes) == 1)
		out->family = 4;
	else if (inet_pton(AF_INET6, ip, out->bytes) == 1)
		out->family = 6;
	else
		return wrong("not an address", text);
	len = out->family == 4 ? 32 : 128;
	if (slash != NULL && !number_parse(slash + 1, len, &len))
		return false;
	out->prefix_len = (uint8_t)len;
	return true;
}

static bool address_add(struct options *o, const char *text)
{
	if (o->n_addresses == HOST_ADDRESSES_MAX)
		return wrong("more addresses than a port can have", text);
	return address_parse(text, &o->addresses[o->n_addresses++]);
}

static bool served_port_add(struct options *o, const char *text)
{
	unsigned port = 0;

	if (o->n_served_ports == XDP_PORTS_MAX)
		return wrong("more ports than can be filtered", text);
	if (!number_parse(text, UINT16_MAX, &port))
		return false;
	o->served_ports[o->n_served_ports++] = (uint16_t)port;
	return true;
}

// The index of a word among three, or -1.
static int word_find(const char *const words[3], const char *text)
{
	for (int i = 0; i < 3; i++) {
		if (strcmp(text, words[i]) == 0)
			return i;
	}
	return -1;
}

static bool idle_parse(const char *text, enum worker_idle *out)
{
	static const char *const words[3] = {
		[WORKER_POLL] = "poll", [WORKER_PAUSE] = "pause", [WORKER_SLEEP] = "sleep"};
	int i = word_find(words, text);

	if (i < 0)
		return wrong("--idle is poll, pause or sleep", text);
	*out = (enum worker_idle)i;
	return true;
}

static bool outside_parse(const char *text, enum worker_outside *out)
{
	static const char *const words[3] = {
		[OUTSIDE_PASS] = "pass", [OUTSIDE_LIMIT] = "limit", [OUTSIDE_DROP] = "drop"};
	int i = word_find(words, text);

	if (i < 0)
		return wrong("--outside is pass, limit or drop", text);
	*out = (enum worker_outside)i;
	return true;
}

static bool network_add(struct options *o, const char *text)
{
	return networks_add_text(&o->networks, text) || wrong("no network, or too many", text);
}

static bool port_parse(const char *text, struct port_spec *out)
{
	struct err err = {0};

	if (port_spec_parse(text, out, &err) == 0)
		return true;
	(void)fprintf(stderr, "burst53-dataplane: %s\n", err.text);
	return false;
}

static bool prefixes_parse(const char *text, unsigned family, struct widths *out)
{
	struct err err = {0};

	return widths_parse(text, family, out, &err) == 0 || wrong(err.text, text);
}

// Options of who is answered how much.
static bool limit_take(struct options *o, int code, const char *text)
{
	switch (code) {
	case OPT_NETWORK:
		return network_add(o, text);
	case OPT_OUTSIDE:
		return outside_parse(text, &o->outside);
	case OPT_RATE:
		return number_parse(text, 1000000, &o->rate.per_s);
	case OPT_RATE_BURST:
		return number_parse(text, 1000000, &o->rate.burst);
	case OPT_RATE_SLIP:
		return number_parse(text, 1000, &o->rate.slip);
	case OPT_RATE_PREFIXES4:
		return prefixes_parse(text, 4, &o->rate.widths4);
	case OPT_RATE_PREFIXES6:
		return prefixes_parse(text, 6, &o->rate.widths6);
	case OPT_COOKIE_FD:
		return fd_parse(text, &o->cookie_fd);
	default:
		(void)fputs(usage, stderr);
		return false;
	}
}

static bool option_take(struct options *o, int code, const char *text)
{
	switch (code) {
	case OPT_PORT:
		return port_parse(text, &o->port);
	case OPT_ADDRESS:
		return address_add(o, text);
	case OPT_SERVED_PORT:
		return served_port_add(o, text);
	case OPT_WORKERS:
		return number_parse(text, PUNT_WORKERS_MAX, &o->workers);
	case OPT_IDLE:
		return idle_parse(text, &o->idle);
	case OPT_NO_HUGE:
		o->is_no_huge = true;
		return true;
	case OPT_MEMORY:
		return number_parse(text, 1 << 20, &o->memory_mb);
	case OPT_MTU:
		return number_parse(text, PORT_MTU_MAX, &o->mtu);
	case OPT_VLAN:
		return number_parse(text, VLAN_ID_MAX, &o->vlan);
	case OPT_PUBLISH_FD:
		return fd_parse(text, &o->publish_fd);
	case OPT_COUNTERS_FD:
		return fd_parse(text, &o->counters_fd);
	case OPT_PUNT_FD:
		return fd_parse(text, &o->punt_fd);
	case OPT_BASE_FD:
		return fd_parse(text, &o->base_fd);
	case OPT_OVERLAY_FD:
		return fd_parse(text, &o->overlay_fd);
	case OPT_TUN_FD:
		return fd_parse(text, &o->tun_fd);
	case OPT_GO_FD:
		return fd_parse(text, &o->go_fd);
	case OPT_PEER_UID:
		return number_parse(text, UINT32_MAX - 1, &o->peer_uid);
	default:
		return limit_take(o, code, text);
	}
}

enum options_parse options_parse(int argc, char **argv, struct options *o)
{
	int code;

	*o = (struct options){.workers = 1,
		.idle = WORKER_SLEEP,
		.memory_mb = 1024,
		.publish_fd = -1,
		.counters_fd = -1,
		.punt_fd = -1,
		.cookie_fd = -1,
		.rate = {.per_s = 50,
			.burst = 125,
			.widths4 = {.n = 1, .list = {{32, 1}}},
			.widths6 = {.n = 1, .list = {{128, 1}}},
			.slip = 1},
		.base_fd = -1,
		.overlay_fd = -1,
		.tun_fd = -1,
		.go_fd = -1,
		.peer_uid = getuid()};
	while ((code = getopt_long(argc, argv, "", table, NULL)) != -1) {
		if (code == OPT_HELP) {
			(void)fputs(usage, stdout);
			return OPTIONS_HELP;
		}
		if (!option_take(o, code, optarg))
			return OPTIONS_WRONG;
	}
	if (optind < argc || o->port.device == NULL || o->n_addresses == 0 || o->workers == 0) {
		(void)fputs("burst53-dataplane: --port, --address and at least one worker are "
			    "needed\n",
			stderr);
		return OPTIONS_WRONG;
	}
	return OPTIONS_PARSED;
}
