// SPDX-License-Identifier: Apache-2.0
// Parses the command line of `burst53 run`. Long options are accepted with one dash too, so that
// CoreDNS' own arguments (-conf F -dns.port N -quiet -pidfile F) work unchanged.
#include "cli/run_options.h"

#include <errno.h>
#include <getopt.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static const char help[] =
	"usage: burst53 run --conf COREFILE --port SPEC [OPTION]...\n"
	"Serves the cluster's DNS: starts control, dataplane and slow path, restarts what dies.\n\n"
	"  --conf F             Corefile\n"
	"  --kubeconfig F       how to reach the API server; default: as a pod of the cluster\n"
	"  --context C          context of the kubeconfig\n"
	"  --dump F             serve a saved cluster (kubectl get ... -o json) instead\n"
	"  --address A/LEN      serve this address (repeatable)\n"
	"  --gateway A          next hop, one per family; default: the interface's routes\n"
	"  --port SPEC          af_packet:IF, af_xdp:IF, a PCI address, eal:DEVARGS, or none\n"
	"                       (kernel sockets)\n"
	"  --workers N          worker cores, or threads with --port none (default 1)\n"
	"  --idle MODE          poll, pause or sleep (default sleep; poll on PCI ports)\n"
	"  --no-huge            no hugepages; default: hugepages when there are enough\n"
	"  --memory MB          memory for packets (default 256)\n"
	"  --run-dir D          sockets and state (default /run/burst53)\n"
	"  --state-dir D        saved snapshots (default /var/lib/burst53)\n"
	"  --max-image-age S    how old a saved snapshot of another boot may be\n"
	"  --api-netns PATH     network namespace from which the API server is reached\n"
	"  --dns.port N         port of Corefile blocks that name none (default 53)\n"
	"  --pidfile F          write the process number there\n"
	"  --quiet              no line about the start\n"
	"  --help\n\n"
	"SIGTERM stops everything in order, SIGUSR1 reloads the Corefile.\n";

enum option_key {
	KEY_CONF = 256,
	KEY_KUBECONFIG,
	KEY_CONTEXT,
	KEY_DUMP,
	KEY_ADDRESS,
	KEY_GATEWAY,
	KEY_PORT,
	KEY_WORKERS,
	KEY_IDLE,
	KEY_NO_HUGE,
	KEY_MEMORY,
	KEY_RUN_DIR,
	KEY_STATE_DIR,
	KEY_MAX_IMAGE_AGE,
	KEY_API_NETNS,
	KEY_DNS_PORT,
	KEY_PIDFILE,
	KEY_QUIET,
	KEY_HELP,
};

static const struct option long_options[] = {
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
	{"run-dir", required_argument, NULL, KEY_RUN_DIR},
	{"state-dir", required_argument, NULL, KEY_STATE_DIR},
	{"max-image-age", required_argument, NULL, KEY_MAX_IMAGE_AGE},
	{"api-netns", required_argument, NULL, KEY_API_NETNS},
	{"dns.port", required_argument, NULL, KEY_DNS_PORT},
	{"dns-port", required_argument, NULL, KEY_DNS_PORT},
	{"pidfile", required_argument, NULL, KEY_PIDFILE},
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

static int parse_idle(const char *text, struct run_options *o, struct err *err)
{
	if (strcmp(text, "poll") != 0 && strcmp(text, "pause") != 0 && strcmp(text, "sleep") != 0)
		return err_set(err, -EINVAL, "'%.40s' is none of poll, pause, sleep", text);
	o->idle = text;
	return 0;
}

// Options whose value is checked; -ENOENT for all others.
static int take_checked(int key, const char *value, struct run_options *o, struct err *err)
{
	unsigned number = 0;
	int rc;

	switch (key) {
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
	case KEY_DNS_PORT:
		rc = parse_number(value, 1, 65535, &number, err);
		o->dns_port = (uint16_t)number;
		return rc;
	case KEY_MAX_IMAGE_AGE:
		o->max_image_age = value;
		return parse_number(value, 0, 1u << 30, &number, err);
	default:
		return -ENOENT;
	}
}

// Options that are taken as they stand.
static void take_plain(int key, const char *value, struct run_options *o)
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
		[KEY_HELP - KEY_CONF] = NULL,
	};

	if (key == KEY_NO_HUGE)
		o->hugepages = HUGE_OFF;
	else if (key == KEY_QUIET)
		o->is_quiet = true;
	else if (texts[key - KEY_CONF] != NULL)
		*texts[key - KEY_CONF] = value;
}

// What no single option can tell.
static int check_together(int n_words, const char *word, struct run_options *o, struct err *err)
{
	if (n_words > 0)
		return err_set(err, -EINVAL, "'%.60s' is no option", word);
	if (o->port == NULL)
		return err_set(err, -EINVAL, "--port is missing (af_packet:IF, ... or none)");
	if (o->conf == NULL)
		return err_set(err, -EINVAL, "--conf is missing: the Corefile to serve");
	if (o->kubeconfig != NULL && o->dump != NULL)
		return err_set(err, -EINVAL, "--kubeconfig and --dump exclude each other");
	if (o->context != NULL && o->kubeconfig == NULL)
		return err_set(err, -EINVAL, "--context needs --kubeconfig");
	if (o->n_addresses == 0 && o->port_kind != PORT_NONE)
		return err_set(err, -EINVAL, "--address is missing: what to serve on %s", o->port);
	for (size_t i = 0; i < o->n_addresses; i++) {
		if (o->port_kind != PORT_NONE && address_is_loopback(&o->addresses[i]))
			return err_set(err, -EINVAL,
				"%s is a loopback address: no port receives it",
				o->addresses[i].text);
	}
	if (o->idle == NULL)
		o->idle = o->port_kind == PORT_PCI ? "poll" : "sleep";
	return 0;
}

enum run_parse run_options_parse(int argc, char **argv, struct run_options *out)
{
	struct err err = {0};
	int key, rc = 0, index = 0;

	*out = (struct run_options){.workers = 1,
		.memory_mb = 256,
		.run_dir = "/run/burst53",
		.state_dir = "/var/lib/burst53"};
	optind = 0; // glibc: start over
	while (rc == 0 && (key = getopt_long_only(argc, argv, "", long_options, &index)) != -1) {
		if (key == KEY_HELP) {
			(void)fputs(help, stdout);
			return RUN_HELP;
		}
		if (key == '?')
			goto wrong; // getopt said why
		rc = take_checked(key, optarg, out, &err);
		if (rc == -ENOENT) {
			take_plain(key, optarg, out);
			rc = 0;
		}
		if (rc != 0)
			(void)fprintf(stderr, "burst53 run: --%s: %s\n", long_options[index].name,
				err.text);
	}
	if (rc != 0)
		goto wrong;
	if (check_together(argc - optind, argv[optind], out, &err) == 0)
		return RUN_PARSED;
	(void)fprintf(stderr, "burst53 run: %s\n", err.text);
wrong:
	(void)fprintf(stderr, "Try `burst53 run --help`.\n");
	return RUN_WRONG;
}
