// SPDX-License-Identifier: Apache-2.0
// `burst53 status`: state of every process, worker and snapshot, read from the counters.
#include "cli/command.h"

#include "cli/proc.h"
#include "cli/running.h"
#include "cli/status_health.h"
#include "cli/status_json.h"
#include "cli/usage.h"

#include <getopt.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>
#include <unistd.h>

static const char help[] = "usage: burst53 status [OPTION]...\n"
			   "Shows what runs, what it serves, and how it does.\n\n"
			   "  --run-dir D      of the instance (default /run/burst53)\n"
			   "  --watch[=S]      again and again, every S seconds (2)\n"
			   "  --json\n"
			   "  --help\n\n"
			   "Exit code 0 when every process runs, none hangs, and queries are "
			   "answered from data that is\n"
			   "there; 1 otherwise, and the warnings say why.\n";

enum { WATCH_S = 2, WATCH_MAX_S = 3600 };

struct status_options {
	const char *run_dir;
	unsigned watch_s; // 0: once
	bool is_json;
};

// Prints "name  key value  key value" for each object of a list, or for one object.
static void print_pairs(json_t *object)
{
	const char *key;
	json_t *value;

	json_object_foreach(object, key, value)
	{
		if (json_is_string(value))
			(void)printf("  %s %s", key, json_string_value(value));
		else if (json_is_integer(value))
			(void)printf("  %s %" JSON_INTEGER_FORMAT, key, json_integer_value(value));
		else if (json_is_boolean(value))
			(void)printf("  %s %s", key, json_is_true(value) ? "yes" : "no");
	}
	(void)putchar('\n');
}

static void print_table(json_t *doc)
{
	const char *key;
	json_t *value;

	json_object_foreach(doc, key, value)
	{
		if (json_is_string(value)) {
			(void)printf("%-11s  %s\n", key, json_string_value(value));
			continue;
		}
		if (json_is_boolean(value)) {
			(void)printf("%-11s  %s\n", key, json_is_true(value) ? "yes" : "no");
			continue;
		}
		for (size_t i = 0; i < json_array_size(value); i++) {
			(void)printf("%-11s", i == 0 ? key : "");
			print_pairs(json_array_get(value, i));
		}
		if (json_is_object(value) && json_object_size(value) > 0) {
			(void)printf("%-11s", key);
			print_pairs(value);
		}
	}
}

static int show(const struct status_options *o)
{
	struct running r;
	struct err err = {0};
	json_t *doc = NULL;
	struct status_verdict v = {0};

	if (running_open(o->run_dir, &r, &err) == 0) {
		status_judge(&r, &v);
		doc = status_json(&r, &v);
	}
	running_close(&r);
	bool is_good = v.is_serving && v.is_complete;
	status_verdict_fini(&v);
	if (doc == NULL) {
		(void)fprintf(
			stderr, "burst53 status: %s\n", err.code != 0 ? err.text : "out of memory");
		return EXIT_FAILED;
	}
	int rc = o->is_json ? json_dumpf(doc, stdout, JSON_INDENT(2) | JSON_PRESERVE_ORDER) : 0;
	if (o->is_json)
		(void)putchar('\n');
	else
		print_table(doc);
	json_decref(doc);
	return rc == 0 && is_good ? EXIT_OK : EXIT_FAILED;
}

// Until somebody interrupts it, or who reads goes away.
static int watch(const struct status_options *o)
{
	const struct timespec nap = {.tv_sec = o->watch_s};
	bool is_terminal = isatty(STDOUT_FILENO) == 1;

	for (;;) {
		if (is_terminal)
			(void)fputs("\033[H\033[2J", stdout);
		int code = show(o);
		if (fflush(stdout) != 0)
			return EXIT_FAILED;
		if (nanosleep(&nap, NULL) != 0)
			return code;
		if (!is_terminal && !o->is_json)
			(void)putchar('\n');
	}
}

int command_status(int argc, char **argv)
{
	static const struct option longs[] = {{"run-dir", required_argument, NULL, 'r'},
		{"watch", optional_argument, NULL, 'w'}, {"json", no_argument, NULL, 'j'},
		{"help", no_argument, NULL, 'h'}, {0}};
	struct status_options o = {.run_dir = "/run/burst53"};
	int key;

	optind = 0;
	while ((key = getopt_long(argc, argv, "", longs, NULL)) != -1) {
		if (key == 'h') {
			(void)fputs(help, stdout);
			return EXIT_OK;
		}
		if (key == '?')
			return usage_error("status", NULL, NULL);
		if (key == 'w')
			o.watch_s = WATCH_S;
		if (key == 'w' && optarg != NULL &&
			!usage_number(optarg, 1, WATCH_MAX_S, &o.watch_s))
			return usage_error("status", "not a number of seconds: ", optarg);
		if (key == 'r')
			o.run_dir = optarg;
		o.is_json |= key == 'j';
	}
	if (optind < argc)
		return usage_error("status", "unexpected word: ", argv[optind]);
	return o.watch_s == 0 ? show(&o) : watch(&o);
}
