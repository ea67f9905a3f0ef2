// SPDX-License-Identifier: Apache-2.0
// burst53: the supervisor and the commands people use.
#include "cli/command.h"

#include "zones/base/array.h"

#include <stdio.h>
#include <string.h>

struct command {
	const char *name;
	const char *summary;
	command_fn *fn;
};

static const struct command commands[] = {
	{"check", "read a Corefile: explain it, or say what is wrong and repair it", command_check},
	{"run", "serve: start the processes and look after them", command_run},
	{"status", "show what runs and how it does", command_status},
	{"top", "who asks most, and for what", command_top},
	{"capture", "frames of the port, which tcpdump does not see", command_capture},
	{"query", "the answer to a question, and why", command_query},
	{"dump", "the snapshot as zone-file text", command_dump},
	{"diff", "what changed between two snapshots", command_diff},
	{"history", "the last changes of a name", command_history},
	{"reload", "read the Corefile again", command_reload},
	{"drain", "take the instance out of service, then end it", command_drain},
	{"setup", "prepare this machine for a port of its own", command_setup},
	{"nic", "network cards: list, explain, give to DPDK and back", command_nic},
	{"bench", "what a query costs a worker on this machine", command_bench},
	{"compare", "whether two servers answer the same", command_compare},
	{"nodelocal", "stand in for NodeLocal DNSCache, with node-cache's options",
		command_nodelocal},
};

static void print_help(FILE *out)
{
	(void)fprintf(out,
		"usage: burst53 COMMAND [OPTION]...\n"
		"Cluster DNS of Kubernetes at the speed of the network card.\n\n");
	for (size_t i = 0; i < ARRAY_LEN(commands); i++)
		(void)fprintf(out, "  %-9s %s\n", commands[i].name, commands[i].summary);
	(void)fprintf(out,
		"\n`burst53 COMMAND --help` lists the options of a command.\n"
		"Exit codes: 0 done, 1 failed, 2 wrong command line.\n");
}

static const struct command *find_command(const char *name)
{
	for (size_t i = 0; i < ARRAY_LEN(commands); i++) {
		if (strcmp(commands[i].name, name) == 0)
			return &commands[i];
	}
	return NULL;
}

// Under the name of what it stands in for, or with arguments of CoreDNS instead of a command: a
// container's image is changed, its arguments are not.
static command_fn *find_role(int argc, char **argv)
{
	const char *slash = strrchr(argv[0], '/');
	const char *name = slash == NULL ? argv[0] : slash + 1;

	if (strcmp(name, "node-cache") == 0)
		return command_nodelocal;
	if (strcmp(name, "coredns") == 0)
		return command_coredns;
	if (argc < 2 || argv[1][0] != '-' || argv[1][1] == '-' || strcmp(argv[1], "-h") == 0)
		return NULL;
	for (int i = 1; i < argc; i++) {
		const char *word = argv[i] + strspn(argv[i], "-");
		if (argv[i][0] == '-' && strncmp(word, "localip", 7) == 0)
			return command_nodelocal;
	}
	return command_coredns;
}

int main(int argc, char **argv)
{
	command_fn *role = argc < 1 ? NULL : find_role(argc, argv);

	if (role != NULL)
		return role(argc, argv);
	if (argc < 2) {
		print_help(stderr);
		return EXIT_USAGE;
	}
	if (strcmp(argv[1], "--help") == 0 || strcmp(argv[1], "-h") == 0 ||
		strcmp(argv[1], "help") == 0) {
		print_help(stdout);
		return EXIT_OK;
	}
	if (strcmp(argv[1], "--version") == 0) {
		(void)puts("burst53 " B53_VERSION);
		return EXIT_OK;
	}
	const struct command *command = find_command(argv[1]);
	if (command == NULL) {
		(void)fprintf(stderr, "burst53: there is no command '%s'\n\n", argv[1]);
		print_help(stderr);
		return EXIT_USAGE;
	}
	static char name[32];
	(void)snprintf(name, sizeof(name), "burst53 %s", command->name); // always fits
	argv[1] = name; // getopt begins its messages with it
	return command->fn(argc - 1, argv + 1);
}
