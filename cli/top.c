// SPDX-License-Identifier: Apache-2.0
// `burst53 top`: the heaviest clients, names, and names that do not exist, of some seconds. It
// reads the rings into which the threads note queries for `log`, and disturbs nobody.
#include "cli/command.h"

#include "cli/running.h"
#include "cli/tally.h"
#include "cli/usage.h"

#include "zones/base/array.h"
#include "zones/wire/dname.h"
#include "zones/wire/rr.h"

#include <arpa/inet.h>
#include <getopt.h>
#include <jansson.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

static const char help[] =
	"usage: burst53 top [OPTION]...\n"
	"Watches the queries for a while and lists who asked most, for what, and which names did\n"
	"not exist (search lists make those). It sees what the Corefile's `log` notes, at most\n"
	"2,000 queries a second of each thread.\n\n"
	"  --seconds S      how long (default 2)\n"
	"  --limit N        lines of each list (default 10)\n"
	"  --run-dir D      of the running instance (default /run/burst53)\n"
	"  --json\n"
	"  --help\n\n"
	"Exit code 1 when there is nothing to watch.\n";

enum {
	SECONDS_MAX = 3600,
	LIMIT_MAX = 1000,
	LOOK_MS = 100, // a ring holds half a second at the highest rate
	RINGS_MAX = COUNTERS_WORKERS_MAX + COUNTERS_THREADS_MAX,
	RCODE_NXDOMAIN_NUMBER = 3,
};

enum list { LIST_CLIENTS, LIST_NAMES, LIST_MISSING, LIST_COUNT };

static const char *const list_names[LIST_COUNT] = {
	[LIST_CLIENTS] = "clients", [LIST_NAMES] = "names", [LIST_MISSING] = "missing"};

struct top_options {
	const char *run_dir;
	unsigned seconds, limit;
	bool is_json;
};

struct top {
	const struct qlog_ring *rings[RINGS_MAX];
	uint64_t seen[RINGS_MAX]; // entries that were looked at
	uint64_t left_out_before[RINGS_MAX];
	size_t n_rings;
	uint64_t queries, missed;
	struct tally lists[LIST_COUNT];
};

// EXIT_OK, EXIT_USAGE, or -1 after --help.
static int parse(int argc, char **argv, struct top_options *o)
{
	static const struct option longs[] = {{"seconds", required_argument, NULL, 's'},
		{"limit", required_argument, NULL, 'l'}, {"run-dir", required_argument, NULL, 'r'},
		{"json", no_argument, NULL, 'j'}, {"help", no_argument, NULL, 'h'}, {0}};
	int key;

	*o = (struct top_options){.run_dir = "/run/burst53", .seconds = 2, .limit = 10};
	optind = 0;
	while ((key = getopt_long(argc, argv, "", longs, NULL)) != -1) {
		if (key == 'h') {
			(void)fputs(help, stdout);
			return -1;
		}
		if (key == '?')
			return usage_error("top", NULL, NULL);
		if (key == 'r')
			o->run_dir = optarg;
		if (key == 'j')
			o->is_json = true;
		if (key == 's' && !usage_number(optarg, 1, SECONDS_MAX, &o->seconds))
			return usage_error("top", "not a number of seconds: ", optarg);
		if (key == 'l' && !usage_number(optarg, 1, LIMIT_MAX, &o->limit))
			return usage_error("top", "not a number of lines: ", optarg);
	}
	return argc == optind ? EXIT_OK : usage_error("top", "unexpected word: ", argv[optind]);
}

static void open_rings(struct top *t, const struct counters_page *page)
{
	for (unsigned i = 0; i < page->n_workers && i < COUNTERS_WORKERS_MAX; i++)
		t->rings[t->n_rings++] = &page->worker_rings[i];
	for (unsigned i = 0; i < counter_get(&page->n_threads) && i < COUNTERS_THREADS_MAX; i++)
		t->rings[t->n_rings++] = &page->thread_rings[i];
	for (size_t i = 0; i < t->n_rings; i++) {
		t->seen[i] = counter_get(&t->rings[i]->written);
		t->left_out_before[i] = counter_get(&t->rings[i]->left_out);
	}
}

static void count(struct top *t, const struct qlog_record *r)
{
	char client[INET6_ADDRSTRLEN], name[DNAME_TEXT_MAX_BYTES], type[32];
	char question[sizeof(name) + sizeof(type)];
	struct dname lower = {.size_bytes = r->name_size};

	if ((r->flags & QLOG_RECORD_ERROR) != 0 || r->name_size == 0 ||
		dname_size(r->name, r->name_size) != r->name_size)
		return;
	t->queries++;
	memcpy(lower.wire, r->name, r->name_size);
	dname_lower(&lower);
	(void)dname_print(lower.wire, name, sizeof(name));
	(void)snprintf(question, sizeof(question), "%s %s", name,
		rr_type_print(r->type, type, sizeof(type)));
	if (inet_ntop(r->family == 6 ? AF_INET6 : AF_INET, r->client, client, sizeof(client)))
		tally_add(&t->lists[LIST_CLIENTS], client);
	tally_add(&t->lists[LIST_NAMES], question);
	if (r->rcode == RCODE_NXDOMAIN_NUMBER)
		tally_add(&t->lists[LIST_MISSING], name);
}

static void read_ring(struct top *t, size_t i)
{
	uint64_t written = counter_get(&t->rings[i]->written);
	struct qlog_record record;

	if (written - t->seen[i] > QLOG_SLOTS) {
		t->missed += written - t->seen[i] - QLOG_SLOTS;
		t->seen[i] = written - QLOG_SLOTS;
	}
	while (t->seen[i] < written) {
		if (qlog_read(t->rings[i], ++t->seen[i], &record))
			count(t, &record);
		else
			t->missed++;
	}
}

static void watch_rings(struct top *t, unsigned seconds)
{
	const struct timespec nap = {.tv_nsec = LOOK_MS * 1000000L};

	for (unsigned ms = 0; ms < seconds * 1000; ms += LOOK_MS) {
		(void)nanosleep(&nap, NULL); // a signal only shortens the nap
		for (size_t i = 0; i < t->n_rings; i++)
			read_ring(t, i);
	}
	for (size_t i = 0; i < t->n_rings; i++)
		t->missed += counter_get(&t->rings[i]->left_out) - t->left_out_before[i];
}

static json_t *list_json(const struct tally *tally, struct tally_word *words, unsigned limit)
{
	size_t n = tally_top(tally, words, limit);
	json_t *list = json_array();

	for (size_t i = 0; i < n; i++)
		(void)json_array_append_new(list,
			json_pack("{ss sI}", "what", words[i].text, "queries",
				(json_int_t)words[i].n));
	return list;
}

static void print_json(const struct top *t, const struct top_options *o, struct tally_word *words)
{
	json_t *doc = json_pack("{si sI sI}", "seconds", (int)o->seconds, "queries",
		(json_int_t)t->queries, "not_seen", (json_int_t)t->missed);

	for (unsigned i = 0; i < LIST_COUNT; i++)
		(void)json_object_set_new(
			doc, list_names[i], list_json(&t->lists[i], words, o->limit));
	(void)json_dumpf(doc, stdout, JSON_INDENT(2) | JSON_PRESERVE_ORDER);
	(void)putchar('\n');
	json_decref(doc);
}

static void print_text(const struct top *t, const struct top_options *o, struct tally_word *words)
{
	(void)printf("%llu queries in %u s, %llu more not seen\n", (unsigned long long)t->queries,
		o->seconds, (unsigned long long)t->missed);
	for (unsigned i = 0; i < LIST_COUNT; i++) {
		size_t n = tally_top(&t->lists[i], words, o->limit);
		(void)printf("\n%s\n", list_names[i]);
		for (size_t k = 0; k < n; k++)
			(void)printf("%10llu  %s\n", (unsigned long long)words[k].n, words[k].text);
	}
}

static int show(const struct running *r, const struct top_options *o)
{
	static struct top t; // too large for a stack frame
	struct tally_word *words = calloc(o->limit + 1, sizeof(*words));

	if (words == NULL || r->counters == NULL) {
		(void)fprintf(stderr, "burst53 top: nobody has the counters\n");
		free(words);
		return EXIT_FAILED;
	}
	open_rings(&t, r->counters);
	watch_rings(&t, o->seconds);
	if (o->is_json)
		print_json(&t, o, words);
	else
		print_text(&t, o, words);
	if (t.queries == 0)
		(void)fprintf(stderr,
			"burst53 top: no query was noted: is there a `log` in the Corefile's "
			"block?\n");
	for (unsigned i = 0; i < LIST_COUNT; i++)
		tally_fini(&t.lists[i]);
	free(words);
	return t.queries == 0 ? EXIT_FAILED : EXIT_OK;
}

int command_top(int argc, char **argv)
{
	struct top_options o;
	struct running r;
	struct err err = {0};
	int code = parse(argc, argv, &o);

	if (code != EXIT_OK)
		return code < 0 ? EXIT_OK : code;
	if (running_open(o.run_dir, &r, &err) == 0) {
		code = show(&r, &o);
	} else {
		(void)fprintf(stderr, "burst53 top: %s\n", err.text);
		code = EXIT_FAILED;
	}
	running_close(&r);
	return code;
}
