// SPDX-License-Identifier: Apache-2.0
// The sub-commands of `burst53`: one file each, listed in main.c. Every one prints help for --help
// and returns an exit code.
#pragma once

#include <stdbool.h>

enum exit_code {
	EXIT_OK = 0,
	EXIT_FAILED = 1, // what was asked for could not be done; the reason is on stderr
	EXIT_USAGE = 2, // the command line is wrong
};

// argv[0] is "burst53" and the sub-command's name.
typedef int command_fn(int argc, char **argv);

command_fn command_bench;
command_fn command_capture;
command_fn command_check;
command_fn command_compare;
command_fn command_coredns;
command_fn command_diff;
command_fn command_drain;
command_fn command_dump;
command_fn command_history;
command_fn command_nic;
command_fn command_nodelocal;
command_fn command_query;
command_fn command_reload;
command_fn command_run;
command_fn command_setup;
command_fn command_status;
command_fn command_top;

// -version, and -plugins of CoreDNS: the version and the directives that are known.
int command_coredns_facts(bool shows_plugins);
