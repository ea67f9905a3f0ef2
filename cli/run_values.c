// SPDX-License-Identifier: Apache-2.0
// Checks and takes values.
#include "cli/run_values.h"

#include "zones/base/inside.h"
#include "zones/base/widths.h"

#include <errno.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { RATE_MAX = 1000000, SLIP_MAX = 1000 };

const struct option run_long_options[] = {
	{"conf", required_argument, NULL, KEY_CONF},
	{"kubeconfig", required_argument, NULL, KEY_KUBECONFIG},
	{"context", required_argument, NULL, KEY_CONTEXT},
	{"dump", required_argument, NULL, KEY_DUMP},
	{"address", required_argument, NULL, KEY_ADDRESS},
	{"gateway", required_argument, NULL, KEY_GATEWAY},
	{"port", required_argument, NULL, KEY_PORT},
	{"workers", required_argument, NULL, KEY_WORKERS},
	{"idle", required_argument, NULL, KEY_IDLE},
	{"no-huge", no_argument, NULL, KEY_NO_HUGE},
	{"memory", required_argument, NULL, KEY_MEMORY},
	{"mtu", required_argument, NULL, KEY_MTU},
	{"vlan", required_argument, NULL, KEY_VLAN},
	{"network", required_argument, NULL, KEY_NETWORK},
	{"outside", required_argument, NULL, KEY_OUTSIDE},
	{"rate", required_argument, NULL, KEY_RATE},
	{"rate-burst", required_argument, NULL, KEY_RATE_BURST},
	{"rate-slip", required_argument, NULL, KEY_RATE_SLIP},
	{"rate-prefixes4", required_argument, NULL, KEY_RATE_PREFIXES4},
	{"rate-prefixes6", required_argument, NULL, KEY_RATE_PREFIXES6},
	{"user", required_argument, NULL, KEY_USER},
	{"cookie-file", required_argument, NULL, KEY_COOKIE_FILE},
	{"no-cookies", no_argument, NULL, KEY_NO_COOKIES},
	{"keep-inside", required_argument, NULL, KEY_KEEP_INSIDE},
	{"mixed-case", no_argument, NULL, KEY_MIXED_CASE},
	{"run-dir", required_argument, NULL, KEY_RUN_DIR},
	{"state-dir", required_argument, NULL, KEY_STATE_DIR},
	{"max-image-age", required_argument, NULL, KEY_MAX_IMAGE_AGE},
	{"api-netns", required_argument, NULL, KEY_API_NETNS},
	{"dns.port", required_argument, NULL, KEY_DNS_PORT},
	{"dns-port", required_argument, NULL, KEY_DNS_PORT},
	{"pidfile", required_argument, NULL, KEY_PIDFILE},
	{"config", required_argument, NULL, KEY_CONFIG},
	{"quiet", no_argument, NULL, KEY_QUIET},
	{"help", no_argument, NULL, KEY_HELP},
	{0},
};

static int parse_number(
	const char *text, unsigned min, unsigned max, unsigned *out, struct err *err)
{
	char *end;

	errno = 0;
	unsigned long n = *text >= '0' && *text <= '9' ? strtoul(text, &end, 10) : ULONG_MAX;
	if (n == ULONG_MAX || errno != 0 || *end != 0 || n < min || n > max)
		return err_set(err, -EINVAL, "'%.40s' is no number from %u to %u", text, min, max);
	*out = (unsigned)n;
	return 0;
}

static bool is_pci_address(const char *text)
{
	unsigned domain, bus, device, function;
	int n = -1;

	if (sscanf(text, "%4x:%2x:%2x.%1x%n", &domain, &bus, &device, &function, &n) == 4 &&
		n >= 0 && text[n] == 0)
		return true;
	n = -1;
	return sscanf(text, "%2x:%2x.%1x%n", &bus, &device, &function, &n) == 3 && n >= 0 &&
		text[n] == 0;
}

static int parse_ifname(const char *text, struct run_options *o, struct err *err)
{
	size_t len = strlen(text);

	if (len == 0 || len >= sizeof(o->ifname) || strpbrk(text, "/ ,\"\n\t") != NULL)
		return err_set(err, -EINVAL, "'%.60s' is no name of an interface", text);
	memcpy(o->ifname, text, len + 1);
	return 0;
}

static int parse_port(const char *text, struct run_options *o, struct err *err)
{
	static const char packet[] = "af_packet:", xdp[] = "af_xdp:", eal[] = "eal:";

	if (o->port != NULL)
		return err_set(err, -EINVAL,
			"one instance has one port: start another one with a --run-dir and a "
			"--state-dir of its own");
	o->port = text;
	o->ifname[0] = 0;
	if (strcmp(text, "none") == 0) {
		o->port_kind = PORT_NONE;
		return 0;
	}
	if (strncmp(text, packet, sizeof(packet) - 1) == 0) {
		o->port_kind = PORT_AF_PACKET;
		return parse_ifname(text + sizeof(packet) - 1, o, err);
	}
	if (strncmp(text, xdp, sizeof(xdp) - 1) == 0) {
		o->port_kind = PORT_AF_XDP;
		return parse_ifname(text + sizeof(xdp) - 1, o, err);
	}
	if (strncmp(text, eal, sizeof(eal) - 1) == 0 && text[sizeof(eal) - 1] != 0) {
		o->port_kind = PORT_EAL;
		return 0;
	}
	if (is_pci_address(text)) {
		o->port_kind = PORT_PCI;
		return 0;
	}
	return err_set(err, -EINVAL,
		"'%.60s' is no port: af_packet:IF, af_xdp:IF, a PCI address, eal:DEVARGS or none",
		text);
}

static int add_address(const char *text, struct run_options *o, struct err *err)
{
	if (o->n_addresses == RUN_ADDRESSES_MAX)
		return err_set(err, -EINVAL, "more than %d addresses", RUN_ADDRESSES_MAX);
	struct address *a = &o->addresses[o->n_addresses];
	int rc = address_parse(text, a, err);
	if (rc != 0)
		return rc;
	for (size_t i = 0; i < o->n_addresses; i++) {
		if (address_is_equal(&o->addresses[i], a))
			return err_set(err, -EINVAL, "%s is given twice", a->text);
	}
	o->n_addresses++;
	return 0;
}

static int add_gateway(const char *text, struct run_options *o, struct err *err)
{
	struct address a;
	int rc = address_parse(text, &a, err);

	if (rc != 0)
		return rc;
	for (size_t i = 0; i < o->n_gateways; i++) {
		if (o->gateways[i].family == a.family)
			return err_set(err, -EINVAL, "two gateways of one family: %s and %s",
				o->gateways[i].text, a.text);
	}
	o->gateways[o->n_gateways++] = a;
	return 0;
}

static int add_network(const char *text, struct run_options *o, struct err *err)
{
	if (o->n_networks == RUN_NETWORKS_MAX)
		return err_set(err, -EINVAL, "more than %d networks", RUN_NETWORKS_MAX);
	int rc = address_parse(text, &o->networks[o->n_networks], err);
	o->n_networks += rc == 0;
	return rc;
}

static int parse_outside(const char *text, struct run_options *o, struct err *err)
{
	if (strcmp(text, "pass") != 0 && strcmp(text, "limit") != 0 && strcmp(text, "drop") != 0)
		return err_set(err, -EINVAL, "'%.40s' is none of pass, limit, drop", text);
	o->outside = text;
	return 0;
}

static int parse_idle(const char *text, struct run_options *o, struct err *err)
{
	if (strcmp(text, "poll") != 0 && strcmp(text, "pause") != 0 && strcmp(text, "sleep") != 0)
		return err_set(err, -EINVAL, "'%.40s' is none of poll, pause, sleep", text);
	o->idle = text;
	return 0;
}

static int parse_dns_port(const char *text, struct run_options *o, struct err *err)
{
	unsigned number = 0;
	int rc = parse_number(text, 1, 65535, &number, err);

	o->dns_port = (uint16_t)number;
	return rc;
}

static int parse_max_age(const char *text, struct run_options *o, struct err *err)
{
	unsigned number;

	o->max_image_age = text;
	return parse_number(text, 0, 1u << 30, &number, err);
}

// The dataplane reads the text again.
static int parse_prefixes(const char *text, unsigned family, const char **out, struct err *err)
{
	struct widths w;

	*out = text;
	return widths_parse(text, family, &w, err);
}

// The slow path reads the text again.
static int parse_keep_inside(const char *text, struct run_options *o, struct err *err)
{
	unsigned kinds;

	o->keep_inside = text;
	if (inside_parse(text, &kinds))
		return 0;
	return err_set(err, -EINVAL, "'%.60s' is no list of special, local, reverse", text);
}

// Who is answered how much; -ENOENT for all other keys.
static int take_limit(enum run_key key, const char *value, struct run_options *o, struct err *err)
{
	switch ((unsigned)key) {
	case KEY_NETWORK:
		return add_network(value, o, err);
	case KEY_OUTSIDE:
		return parse_outside(value, o, err);
	case KEY_RATE:
		return parse_number(value, 1, RATE_MAX, &o->rate, err);
	case KEY_RATE_BURST:
		return parse_number(value, 1, RATE_MAX, &o->rate_burst, err);
	case KEY_RATE_SLIP:
		return parse_number(value, 0, SLIP_MAX, &o->rate_slip, err);
	case KEY_RATE_PREFIXES4:
		return parse_prefixes(value, 4, &o->rate_prefixes4, err);
	case KEY_RATE_PREFIXES6:
		return parse_prefixes(value, 6, &o->rate_prefixes6, err);
	default:
		return -ENOENT;
	}
}

// Values that are checked; -ENOENT for all other keys.
static int take_checked(enum run_key key, const char *value, struct run_options *o, struct err *err)
{
	switch ((unsigned)key) {
	case KEY_ADDRESS:
		return add_address(value, o, err);
	case KEY_GATEWAY:
		return add_gateway(value, o, err);
	case KEY_PORT:
		return parse_port(value, o, err);
	case KEY_WORKERS:
		return parse_number(value, 1, RUN_WORKERS_MAX, &o->workers, err);
	case KEY_IDLE:
		return parse_idle(value, o, err);
	case KEY_MEMORY:
		return parse_number(value, 32, 1u << 20, &o->memory_mb, err);
	case KEY_MTU: // RFC 8200 5: no link has less
		return parse_number(value, 1280, PORT_MTU_MAX, &o->mtu, err);
	case KEY_VLAN: // 802.1Q 9.6
		return parse_number(value, 1, 4094, &o->vlan, err);
	case KEY_DNS_PORT:
		return parse_dns_port(value, o, err);
	case KEY_MAX_IMAGE_AGE:
		return parse_max_age(value, o, err);
	case KEY_KEEP_INSIDE:
		return parse_keep_inside(value, o, err);
	default:
		return take_limit(key, value, o, err);
	}
}

// Values that are taken as they stand.
static void take_plain(enum run_key key, const char *value, struct run_options *o)
{
	const char **texts[] = {
		[KEY_CONF - KEY_CONF] = &o->conf,
		[KEY_KUBECONFIG - KEY_CONF] = &o->kubeconfig,
		[KEY_CONTEXT - KEY_CONF] = &o->context,
		[KEY_DUMP - KEY_CONF] = &o->dump,
		[KEY_RUN_DIR - KEY_CONF] = &o->run_dir,
		[KEY_STATE_DIR - KEY_CONF] = &o->state_dir,
		[KEY_API_NETNS - KEY_CONF] = &o->api_netns,
		[KEY_PIDFILE - KEY_CONF] = &o->pidfile,
		[KEY_COOKIE_FILE - KEY_CONF] = &o->cookie_file,
		[KEY_USER - KEY_CONF] = &o->user,
		[KEY_END - KEY_CONF] = NULL,
	};

	if (key == KEY_NO_HUGE)
		o->hugepages = HUGE_OFF;
	else if (key == KEY_QUIET)
		o->is_quiet = true;
	else if (key == KEY_NO_COOKIES)
		o->has_no_cookies = true;
	else if (key == KEY_MIXED_CASE)
		o->mixes_case = true;
	else if (texts[key - KEY_CONF] != NULL)
		*texts[key - KEY_CONF] = value;
}

int run_value_take(enum run_key key, const char *value, struct run_options *o, struct err *err)
{
	int rc = take_checked(key, value, o, err);

	if (rc != -ENOENT)
		return rc;
	take_plain(key, value, o);
	return 0;
}

void run_value_forget(enum run_key key, const bool is_seen[KEY_END], struct run_options *o)
{
	if (key == KEY_PORT)
		o->port = NULL;
	if (key == KEY_ADDRESS)
		o->n_addresses = 0;
	if (key == KEY_GATEWAY)
		o->n_gateways = 0;
	if (key == KEY_NETWORK)
		o->n_networks = 0;
	// Either is where the cluster comes from.
	if (key == KEY_KUBECONFIG && !is_seen[KEY_DUMP])
		o->dump = NULL;
	if (key == KEY_DUMP && !is_seen[KEY_KUBECONFIG])
		o->kubeconfig = o->context = NULL;
}
