// SPDX-License-Identifier: Apache-2.0
// Parses the command line of `burst53 run`. Long options are accepted with one dash too, so that
// CoreDNS' own arguments (-conf F -dns.port N -quiet -pidfile F) work unchanged.
#include "cli/run_options.h"

#include "cli/run_file.h"
#include "cli/run_values.h"

#include <errno.h>
#include <getopt.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static const char help[] =
	"usage: burst53 run --conf COREFILE --port SPEC [OPTION]...\n"
	"Serves the cluster's DNS: starts control, dataplane and slow path, restarts what dies.\n\n"
	"  --config F           settings, one a line as below without dashes; what is given here\n"
	"                       counts more (default /etc/burst53/burst53.conf)\n"
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
	"  --memory MB          for packets and index, without hugepages (default 256)\n"
	"  --mtu N              of a PCI port, as on the network it is on (default 1500)\n"
	"  --vlan N             the 802.1Q tag of all frames on the port, 1 to 4094; without it\n"
	"                       only UDP is answered in a tag, whichever it is\n"
	"  --network NET/LEN    clients of the cluster (repeatable)\n"
	"  --outside MODE       pass, limit or drop queries from other networks (default limit\n"
	"                       when there is a --network, else pass)\n"
	"  --rate N             replies a second to one address outside (default 50)\n"
	"  --rate-burst N       and at once (default 125)\n"
	"  --rate-slip N        each n-th reply over it goes out truncated, 0: none (default 1)\n"
	"  --rate-prefixes4 LIST  LENGTH:FACTOR,...: networks with a limit of their own, so many\n"
	"                       times that of one address (default 32:1,24:32,20:256,18:768)\n"
	"  --rate-prefixes6 LIST  the same (default 128:1,64:2,56:3,48:4,32:64)\n"
	"  --cookie-file F      secrets of DNS cookies (default: STATE-DIR/cookies, made when "
	"missing)\n"
	"  --no-cookies         answer no DNS cookies\n"
	"  --keep-inside LIST   names that are never forwarded: special,local,reverse\n"
	"  --mixed-case         ask upstreams for names in random case\n"
	"  --user U             who control, slow path and monitor become when root starts it\n"
	"                       (default burst53 when there is such a user, else 53053)\n"
	"  --run-dir D          sockets and state (default /run/burst53)\n"
	"  --state-dir D        saved snapshots (default /var/lib/burst53)\n"
	"  --max-image-age S    how old a saved snapshot of another boot may be\n"
	"  --api-netns PATH     network namespace from which the API server is reached\n"
	"  --dns.port N         port of Corefile blocks that name none (default 53)\n"
	"  --pidfile F          write the process number there\n"
	"  --quiet              no line about the start\n"
	"  --help\n\n"
	"SIGTERM stops everything in order, SIGUSR1 reloads the Corefile.\n";

// Those that Knot DNS 3.4 settled on.
static const char rate_prefixes4[] = "32:1,24:32,20:256,18:768";
static const char rate_prefixes6[] = "128:1,64:2,56:3,48:4,32:64";

static const char default_config[] = "/etc/burst53/burst53.conf";

// The file that --config names, NULL for the default one, "" for none. It is read before the
// options, so that they replace what it says.
static const char *config_path(int argc, char **argv)
{
	const char *path = NULL;
	bool wants_help = false;
	int key;

	optind = 0; // glibc: start over
	opterr = 0; // complaints come with the second reading
	while ((key = getopt_long_only(argc, argv, "", run_long_options, NULL)) != -1) {
		if (key == KEY_CONFIG)
			path = optarg;
		if (key == KEY_HELP)
			wants_help = true;
	}
	opterr = 1;
	return wants_help ? "" : path; // help works whatever a file says
}

static int read_config(int argc, char **argv, struct run_options *o)
{
	const char *path = config_path(argc, argv);
	struct err err = {0};
	char text[400];

	if (path == NULL ? access(default_config, F_OK) != 0 : *path == 0)
		return 0;
	int rc = run_file_read(path == NULL ? default_config : path, o, &err);
	if (rc != 0)
		(void)fprintf(stderr, "burst53 run: %s\n", err_print(&err, text, sizeof(text)));
	return rc;
}

// DESIGN 4: off unless networks are configured.
static int check_outside(struct run_options *o, struct err *err)
{
	if (o->outside == NULL)
		o->outside = o->n_networks > 0 ? "limit" : "pass";
	bool is_pass = strcmp(o->outside, "pass") == 0;
	if (!is_pass && o->n_networks == 0)
		return err_set(err, -EINVAL,
			"--outside %s without --network: everybody would be outside", o->outside);
	if (strcmp(o->outside, "limit") == 0 && o->port_kind == PORT_NONE)
		return err_set(
			err, -EINVAL, "--port none limits nobody: --outside must be pass or drop");
	return 0;
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
	if (o->cookie_file != NULL && o->has_no_cookies)
		return err_set(err, -EINVAL, "--cookie-file and --no-cookies exclude each other");
	if (o->idle == NULL)
		o->idle = o->port_kind == PORT_PCI ? "poll" : "sleep";
	return check_outside(o, err);
}

// The options of the command line; 0, RUN_HELP or -EINVAL after a message.
static int parse_words(int argc, char **argv, struct run_options *o)
{
	bool is_seen[KEY_END] = {false};
	struct err err = {0};
	int key, index = 0;

	optind = 0; // glibc: start over
	while ((key = getopt_long_only(argc, argv, "", run_long_options, &index)) != -1) {
		if (key == KEY_HELP) {
			(void)fputs(help, stdout);
			return RUN_HELP;
		}
		if (key == '?')
			return -EINVAL; // getopt said why
		if (!is_seen[key])
			run_value_forget((enum run_key)key, is_seen, o);
		is_seen[key] = true;
		if (run_value_take((enum run_key)key, optarg, o, &err) != 0) {
			(void)fprintf(stderr, "burst53 run: --%s: %s\n",
				run_long_options[index].name, err.text);
			return -EINVAL;
		}
	}
	return 0;
}

enum run_parse run_options_parse(int argc, char **argv, struct run_options *out)
{
	struct err err = {0};

	*out = (struct run_options){.workers = 1,
		.memory_mb = 256,
		.rate = 50,
		.rate_burst = 125,
		.rate_slip = 1,
		.rate_prefixes4 = rate_prefixes4,
		.rate_prefixes6 = rate_prefixes6,
		.run_dir = "/run/burst53",
		.state_dir = "/var/lib/burst53"};
	int rc = read_config(argc, argv, out);
	if (rc == 0)
		rc = parse_words(argc, argv, out);
	if (rc == RUN_HELP)
		return RUN_HELP;
	if (rc == 0 && check_together(argc - optind, argv[optind], out, &err) == 0)
		return RUN_PARSED;
	if (err.code != 0)
		(void)fprintf(stderr, "burst53 run: %s\n", err.text);
	(void)fprintf(stderr, "Try `burst53 run --help`.\n");
	return RUN_WRONG;
}

void run_options_fini(struct run_options *o)
{
	free(o->file_text);
	o->file_text = NULL;
}
