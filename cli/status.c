// SPDX-License-Identifier: Apache-2.0
// `burst53 status`: state of every process, worker and snapshot, read from the counters.
#include "cli/command.h"

#include "cli/proc.h"
#include "cli/running.h"
#include "cli/status_json.h"

#include <getopt.h>
#include <stdbool.h>
#include <stdio.h>

static const char help[] =
	"usage: burst53 status [OPTION]...\n"
	"Shows what runs, what it serves, and how it does.\n\n"
	"  --run-dir D      of the instance (default /run/burst53)\n"
	"  --json\n"
	"  --help\n\n"
	"Exit code 0 when every process runs and queries are answered, 1 otherwise.\n";

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

int command_status(int argc, char **argv)
{
	static const struct option longs[] = {{"run-dir", required_argument, NULL, 'r'},
		{"json", no_argument, NULL, 'j'}, {"help", no_argument, NULL, 'h'}, {0}};
	const char *run_dir = "/run/burst53";
	bool is_json = false;
	struct running r;
	struct err err = {0};
	int key;

	optind = 0;
	while ((key = getopt_long(argc, argv, "", longs, NULL)) != -1) {
		if (key == 'h') {
			(void)fputs(help, stdout);
			return EXIT_OK;
		}
		if (key == '?')
			return EXIT_USAGE;
		if (key == 'r')
			run_dir = optarg;
		else
			is_json = true;
	}
	json_t *doc = NULL;
	bool is_serving = false;
	if (running_open(run_dir, &r, &err) == 0)
		doc = status_json(&r, &is_serving);
	running_close(&r);
	if (doc == NULL) {
		(void)fprintf(
			stderr, "burst53 status: %s\n", err.code != 0 ? err.text : "out of memory");
		return EXIT_FAILED;
	}
	int rc = is_json ? json_dumpf(doc, stdout, JSON_INDENT(2) | JSON_PRESERVE_ORDER) : 0;
	if (is_json)
		(void)putchar('\n');
	else
		print_table(doc);
	json_decref(doc);
	return rc == 0 && is_serving ? EXIT_OK : EXIT_FAILED;
}
