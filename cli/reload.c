// SPDX-License-Identifier: Apache-2.0
// `burst53 reload`: a new Corefile, and whether it was taken.
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
	"usage: burst53 reload [OPTION]...\n"
	"Reads the Corefile again, and waits until it is in force. A wrong one changes nothing.\n\n"
	"  --run-dir D      of the running instance (default /run/burst53)\n"
	"  --wait S         seconds to wait (default 10)\n"
	"  --json\n"
	"  --help\n\n"
	"Exit code 0 when the Corefile is in force, or waits for its cluster's data; 1 when it "
	"was\n"
	"refused.\n";

enum { WAIT_S = 10, WAIT_MAX_S = 3600, LOOK_NS = 20000000 };

struct reload_options {
	const char *run_dir;
	unsigned wait_s;
	bool is_json;
};

enum reload_outcome { RELOAD_SILENT, RELOAD_REFUSED, RELOAD_WAITS, RELOAD_DONE };

struct reload_result {
	enum reload_outcome outcome;
	uint64_t generation;
	char reason[CONTROL_REASON_BYTES];
};

// EXIT_OK, EXIT_USAGE, or -1 after --help.
static int parse(int argc, char **argv, struct reload_options *o)
{
	static const struct option longs[] = {{"run-dir", required_argument, NULL, 'r'},
		{"wait", required_argument, NULL, 'w'}, {"json", no_argument, NULL, 'j'},
		{"help", no_argument, NULL, 'h'}, {0}};
	int key;

	*o = (struct reload_options){.run_dir = "/run/burst53", .wait_s = WAIT_S};
	optind = 0;
	while ((key = getopt_long(argc, argv, "", longs, NULL)) != -1) {
		if (key == 'h') {
			(void)fputs(help, stdout);
			return -1;
		}
		if (key == '?')
			return usage_error("reload", NULL, NULL);
		if (key == 'r')
			o->run_dir = optarg;
		else if (key == 'j')
			o->is_json = true;
		else if (!usage_number(optarg, 0, WAIT_MAX_S, &o->wait_s))
			return usage_error("reload", "not a number of seconds: ", optarg);
	}
	return argc == optind ? EXIT_OK : usage_error("reload", "unexpected word: ", argv[optind]);
}

// Signals the supervisor, which tells control.
static int ask(const struct running *r, struct err *err)
{
	if (!proc_is_alive(&r->state.supervisor))
		return err_set(err, -ESRCH, "the supervisor does not run");
	if (r->counters == NULL)
		return err_set(err, -EACCES, "its counters cannot be read");
	if (kill(r->state.supervisor.pid, SIGUSR1) != 0)
		return err_set(err, -errno, "the supervisor cannot be told: %s", strerror(errno));
	return 0;
}

static void look(
	const struct control_counters *c, const uint64_t before[3], struct reload_result *out)
{
	if (counter_get(&c->reloads_failed) != before[1]) {
		out->outcome = RELOAD_REFUSED;
		memcpy(out->reason, c->reload_reason, sizeof(out->reason));
		out->reason[sizeof(out->reason) - 1] = 0;
		return;
	}
	if (counter_get(&c->reloads) == before[0])
		return;
	out->generation = counter_get(&c->generation);
	out->outcome = out->generation > before[2] ? RELOAD_DONE : RELOAD_WAITS;
}

// Who kept the word from coming.
static void explain_silence(const struct state *s, struct reload_result *out)
{
	static const char *const texts[] = {[PROC_GONE] = "does not run",
		[PROC_STOPPED] = "is stopped: SIGCONT lets it go on",
		[PROC_RUNNING] = "has not answered in time"};
	const struct state_child *control = state_find_child(s, "control");
	enum proc_state supervisor = proc_state_of(&s->supervisor);

	if (supervisor != PROC_RUNNING || control == NULL)
		(void)snprintf(
			out->reason, sizeof(out->reason), "the supervisor %s", texts[supervisor]);
	else
		(void)snprintf(out->reason, sizeof(out->reason), "control %s",
			texts[proc_state_of(&control->proc)]);
}

static int reload(const struct reload_options *o, struct reload_result *out, struct err *err)
{
	struct running r;
	int rc = running_open(o->run_dir, &r, err);
	uint64_t end_ms = proc_now_ms() + (uint64_t)o->wait_s * 1000;
	uint64_t before[3] = {0};

	const struct control_counters *c =
		rc == 0 && r.counters != NULL ? &r.counters->control : NULL;
	if (c != NULL) {
		before[0] = counter_get(&c->reloads);
		before[1] = counter_get(&c->reloads_failed);
		before[2] = counter_get(&c->generation);
	}
	if (rc == 0)
		rc = ask(&r, err);
	while (rc == 0 && c != NULL && out->outcome != RELOAD_DONE &&
		out->outcome != RELOAD_REFUSED) {
		look(c, before, out);
		if (proc_now_ms() >= end_ms)
			break;
		(void)nanosleep(&(struct timespec){.tv_nsec = LOOK_NS}, NULL);
	}
	if (rc == 0 && out->outcome == RELOAD_SILENT)
		explain_silence(&r.state, out);
	running_close(&r);
	return rc;
}

static const char *outcome_text(enum reload_outcome outcome)
{
	static const char *const texts[] = {[RELOAD_SILENT] = "no answer",
		[RELOAD_REFUSED] = "refused",
		[RELOAD_WAITS] = "waits for data",
		[RELOAD_DONE] = "in force"};

	return texts[outcome];
}

static void print_json(const struct reload_result *r)
{
	json_t *doc = json_pack("{s:s, s:I, s:s}", "outcome", outcome_text(r->outcome),
		"generation", (json_int_t)r->generation, "reason", r->reason);

	if (doc != NULL && json_dumpf(doc, stdout, JSON_INDENT(2) | JSON_PRESERVE_ORDER) == 0)
		(void)putchar('\n');
	json_decref(doc);
}

static void print_text(const struct reload_result *r)
{
	switch (r->outcome) {
	case RELOAD_DONE:
		(void)printf("in force, generation %" PRIu64 "\n", r->generation);
		break;
	case RELOAD_WAITS:
		(void)puts("taken; it comes into force when its clusters' data is there");
		break;
	case RELOAD_REFUSED:
		(void)fprintf(
			stderr, "burst53 reload: refused, the old one stays: %s\n", r->reason);
		break;
	case RELOAD_SILENT:
	default:
		(void)fprintf(stderr, "burst53 reload: no answer: %s\n", r->reason);
		break;
	}
}

int command_reload(int argc, char **argv)
{
	struct reload_result result = {0};
	struct reload_options o;
	struct err err = {0};
	int code = parse(argc, argv, &o);

	if (code != EXIT_OK)
		return code < 0 ? EXIT_OK : code;
	if (reload(&o, &result, &err) != 0) {
		(void)fprintf(stderr, "burst53 reload: %s\n", err.text);
		return EXIT_FAILED;
	}
	if (o.is_json)
		print_json(&result);
	else
		print_text(&result);
	return result.outcome >= RELOAD_WAITS ? EXIT_OK : EXIT_FAILED;
}
