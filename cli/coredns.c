// SPDX-License-Identifier: Apache-2.0
// `coredns` as burst53: a Deployment whose image is changed and whose arguments are not (DESIGN 4,
// kernel mode). Its root file system may be read-only: sockets and state then live in memory.
#include "cli/command.h"

#include "cli/go_flags.h"

#include "zones/base/array.h"
#include "zones/corefile/kinds.h"

#include <errno.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

enum { WORDS_MAX = 20 };

struct coredns {
	const char *conf, *pidfile;
	uint16_t dns_port;
	bool is_quiet, shows_version, shows_plugins;
};

static const char help[] =
	"usage: coredns [-conf F] [-dns.port N] [-pidfile F] [-quiet] [-version] [-plugins]\n"
	"CoreDNS' command line: serves a Corefile on kernel sockets, like\n"
	"burst53 run --port none, which has more options.\n";

int command_coredns_facts(bool shows_plugins)
{
#define X(id, name) name,
	static const char *const plugins[] = {CONFIG_KINDS(X)};
#undef X

	(void)puts("burst53 " B53_VERSION);
	for (size_t i = 0; shows_plugins && i < ARRAY_LEN(plugins); i++)
		(void)printf("dns.%s\n", plugins[i]);
	return EXIT_OK;
}

// Where our files can live: the usual place, or what a container with a read-only root has.
static const char *find_run_dir(void)
{
	static const char *const places[][2] = {{"/run", "/run/burst53"},
		{"/var/run", "/var/run/burst53"}, {"/dev/shm", "/dev/shm/burst53"},
		{"/tmp", "/tmp/burst53"}};

	for (size_t i = 0; i < ARRAY_LEN(places); i++) {
		if (access(places[i][1], W_OK) == 0 || access(places[i][0], W_OK) == 0)
			return places[i][1];
	}
	return places[0][1]; // run says what is wrong with it
}

int command_coredns(int argc, char **argv)
{
	struct coredns c = {0};
	struct err err = {0};
	char port[8], *run[WORDS_MAX];
	const struct go_flag flags[] = {
		{"conf", GO_TEXT, &c.conf},
		{"dns.port", GO_PORT, &c.dns_port},
		{"p", GO_PORT, &c.dns_port},
		{"pidfile", GO_TEXT, &c.pidfile},
		{"quiet", GO_BOOL, &c.is_quiet},
		{"version", GO_BOOL, &c.shows_version},
		{"plugins", GO_BOOL, &c.shows_plugins},
	};
	int rc = go_flags_parse(argc, argv, flags, ARRAY_LEN(flags), &err);

	if (rc == -ECANCELED) {
		(void)fputs(help, stdout);
		return EXIT_OK;
	}
	if (rc != 0) {
		(void)fprintf(stderr, "%s: %s\n%s", argv[0], err.text, help);
		return EXIT_USAGE;
	}
	if (c.shows_version || c.shows_plugins)
		return command_coredns_facts(c.shows_plugins);
	const char *dir = find_run_dir();
	const char *words[WORDS_MAX] = {
		"run", "--port", "none", "--run-dir", dir, "--state-dir", dir, "--conf"};
	int n = 8;
	words[n++] = c.conf == NULL ? "Corefile" : c.conf;
	if (c.dns_port != 0) {
		(void)snprintf(port, sizeof(port), "%u", c.dns_port);
		words[n++] = "--dns.port";
		words[n++] = port;
	}
	if (c.pidfile != NULL) {
		words[n++] = "--pidfile";
		words[n++] = c.pidfile;
	}
	if (c.is_quiet)
		words[n++] = "--quiet";
	memcpy(run, words, sizeof(run)); // it takes them without const, and changes nothing
	return command_run(n, run);
}
