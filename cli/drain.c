// SPDX-License-Identifier: Apache-2.0
// `burst53 drain`: /ready says no at once, everything is answered for the time that `health` names
// as lameduck, then the instance ends.
#include "cli/command.h"

#include "cli/running.h"
#include "cli/usage.h"

#include <errno.h>
#include <getopt.h>
#include <inttypes.h>
#include <jansson.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

static const char help[] =
	"usage: burst53 drain [OPTION]...\n"
	"Takes the instance out of service: /ready says no at once, queries are answered for the\n"
	"Corefile's `lameduck` time, then it ends. A second drain waits for the first.\n\n"
	"  --run-dir D      of the running instance (default /run/burst53)\n"
	"  --wait S         seconds to wait for its end (default 120, 0 to return at once)\n"
	"  --json\n"
	"  --help\n\n"
	"Exit code 0 when it has ended, or was told to with --wait 0; 1 otherwise.\n";

enum { WAIT_S = 120, WAIT_MAX_S = 86400, LOOK_NS = 20000000 };

struct drain_options {
	const char *run_dir;
	unsigned wait_s;
	bool is_json;
};

struct drain_result {
	bool has_ended;
	uint64_t took_ms;
};

// EXIT_OK, EXIT_USAGE, or -1 after --help.
static int parse(int argc, char **argv, struct drain_options *o)
{
	static const struct option longs[] = {{"run-dir", required_argument, NULL, 'r'},
		{"wait", required_argument, NULL, 'w'}, {"json", no_argument, NULL, 'j'},
		{"help", no_argument, NULL, 'h'}, {0}};
	int key;

	*o = (struct drain_options){.run_dir = "/run/burst53", .wait_s = WAIT_S};
	optind = 0;
	while ((key = getopt_long(argc, argv, "", longs, NULL)) != -1) {
		if (key == 'h') {
			(void)fputs(help, stdout);
			return -1;
		}
		if (key == '?')
			return usage_error("drain", NULL, NULL);
		if (key == 'r')
			o->run_dir = optarg;
		else if (key == 'j')
			o->is_json = true;
		else if (!usage_number(optarg, 0, WAIT_MAX_S, &o->wait_s))
			return usage_error("drain", "not a number of seconds: ", optarg);
	}
	return argc == optind ? EXIT_OK : usage_error("drain", "unexpected word: ", argv[optind]);
}

// A second signal would end the first one's lameduck.
static int ask(const struct running *r, struct err *err)
{
	bool is_draining = r->counters != NULL && counter_get(&r->counters->is_stopping) != 0;

	if (!proc_is_alive(&r->state.supervisor))
		return err_set(err, -ESRCH, "the supervisor does not run");
	if (!is_draining && kill(r->state.supervisor.pid, SIGTERM) != 0)
		return err_set(err, -errno, "the supervisor cannot be told: %s", strerror(errno));
	return 0;
}

static int drain(const struct drain_options *o, struct drain_result *out, struct err *err)
{
	struct running r;
	uint64_t start_ms = proc_now_ms();
	int rc = running_open(o->run_dir, &r, err);

	if (rc == 0)
		rc = ask(&r, err);
	while (rc == 0 && !out->has_ended) {
		out->took_ms = proc_now_ms() - start_ms;
		if (out->took_ms >= (uint64_t)o->wait_s * 1000)
			break;
		(void)nanosleep(&(struct timespec){.tv_nsec = LOOK_NS}, NULL);
		out->has_ended = !proc_is_alive(&r.state.supervisor);
	}
	running_close(&r);
	return rc;
}

static void print_json(const struct drain_result *r)
{
	json_t *doc =
		json_pack("{s:b, s:I}", "ended", r->has_ended, "took_ms", (json_int_t)r->took_ms);

	if (doc != NULL && json_dumpf(doc, stdout, JSON_INDENT(2) | JSON_PRESERVE_ORDER) == 0)
		(void)putchar('\n');
	json_decref(doc);
}

int command_drain(int argc, char **argv)
{
	struct drain_result result = {0};
	struct drain_options o;
	struct err err = {0};
	int code = parse(argc, argv, &o);

	if (code != EXIT_OK)
		return code < 0 ? EXIT_OK : code;
	if (drain(&o, &result, &err) != 0) {
		(void)fprintf(stderr, "burst53 drain: %s\n", err.text);
		return EXIT_FAILED;
	}
	if (o.is_json)
		print_json(&result);
	else if (result.has_ended)
		(void)printf("ended after %" PRIu64 " ms\n", result.took_ms);
	else
		(void)puts(o.wait_s == 0 ? "draining" : "it still runs");
	return result.has_ended || o.wait_s == 0 ? EXIT_OK : EXIT_FAILED;
}
