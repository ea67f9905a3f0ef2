// SPDX-License-Identifier: Apache-2.0
// Measures what a query costs a worker: at every size all cases by turns, loop after loop, a line
// of JSON for each run. bench/run makes tables of them.
#include "bench/inproc/drive.h"
#include "bench/inproc/fail.h"

#include "zones/corefile/words.h"

#include <rte_cycles.h>

#include <getopt.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <valgrind/callgrind.h>

enum {
	FRAMES_MIN = 1 << 12,
	FRAMES_MAX = 1 << 18,
	VERIFIED = 4096,
	SIZES_MAX = 8,
	NAMES_MAX = 100000000,
	QUERIES_MAX = 1000000000,
	REPEATS_MAX = 1000,
	MEMORY_MAX_MB = 1 << 20,
	WORD_BYTES = 24,
};

struct options {
	struct drive_options drive;
	uint32_t sizes[SIZES_MAX];
	unsigned n_sizes;
	uint32_t cases; // a bit for each one that is wanted
	uint64_t queries;
	unsigned repeats;
};

static const char *const loop_names[LOOP_COUNT] = {"port", "swap", "worker", "stages"};
static const char *const stage_names[STAGE_COUNT] = {"frames", "parse", "find", "answers", "send"};

__attribute__((noreturn)) static void wrong(const char *why, const char *what)
{
	(void)fprintf(stderr, "burst53-bench: %s%s\n", why, what);
	exit(2);
}

static uint64_t number(const char *option, const char *text, uint64_t min, uint64_t max)
{
	uint64_t n = 0;

	if (word_number(text, min, max, &n) == 0)
		return n;
	(void)fprintf(stderr,
		"burst53-bench: --%s: not a number from %" PRIu64 " to %" PRIu64 ": %s\n", option,
		min, max, text);
	exit(2);
}

// Calls take for each word of a list with "," between them.
static void words_each(
	struct options *o, const char *text, void (*take)(struct options *o, const char *word))
{
	char word[WORD_BYTES];

	for (const char *p = text; p != NULL; p = strchr(p, ',')) {
		p += *p == ',' && p != text;
		size_t len = strcspn(p, ",");
		if (len == 0 || len >= sizeof(word))
			wrong("a list of words with \",\" between them, not ", text);
		memcpy(word, p, len);
		word[len] = '\0';
		take(o, word);
	}
}

static void size_take(struct options *o, const char *word)
{
	if (o->n_sizes == SIZES_MAX)
		wrong("too many sizes, the first that is: ", word);
	o->sizes[o->n_sizes++] = (uint32_t)number("names", word, NAMES_PER_SERVICE, NAMES_MAX);
}

static void case_take(struct options *o, const char *word)
{
	for (size_t i = 0; i < n_query_cases; i++) {
		if (strcmp(word, query_cases[i].name) == 0) {
			o->cases |= 1u << i;
			return;
		}
	}
	(void)fprintf(stderr, "burst53-bench: there is no case %s, but", word);
	for (size_t i = 0; i < n_query_cases; i++)
		(void)fprintf(stderr, " %s", query_cases[i].name);
	(void)fputc('\n', stderr);
	exit(2);
}

static void option_take(struct options *o, int key, const char *value)
{
	if (key == 'n')
		words_each(o, value, size_take);
	else if (key == 'c')
		words_each(o, value, case_take);
	else if (key == 'w')
		o->drive.workers = (unsigned)number("workers", value, 1, DRIVE_WORKERS_MAX);
	else if (key == 'q')
		o->queries = number("queries", value, 1, QUERIES_MAX);
	else if (key == 'r')
		o->repeats = (unsigned)number("repeats", value, 1, REPEATS_MAX);
	else if (key == 'm')
		o->drive.memory_mb = (unsigned)number("memory", value, 1, MEMORY_MAX_MB);
	else if (key == 'H')
		o->drive.is_no_huge = true;
	else
		exit(2); // getopt said why
}

static void options_read(struct options *o, int argc, char **argv)
{
	static const struct option longs[] = {{"names", 1, NULL, 'n'}, {"cases", 1, NULL, 'c'},
		{"workers", 1, NULL, 'w'}, {"queries", 1, NULL, 'q'}, {"repeats", 1, NULL, 'r'},
		{"no-huge", 0, NULL, 'H'}, {"memory", 1, NULL, 'm'}, {0}};
	int key = 0;

	*o = (struct options){
		.drive = {.workers = 1, .memory_mb = 1024}, .queries = 1 << 19, .repeats = 5};
	while ((key = getopt_long(argc, argv, "", longs, NULL)) != -1)
		option_take(o, key, optarg);
	if (optind < argc)
		wrong("unexpected word: ", argv[optind]);
	if (o->n_sizes == 0)
		o->sizes[o->n_sizes++] = 10000;
	if (o->cases == 0)
		o->cases = ~0u;
}

static void result_print(const struct query_case *c, uint32_t n_names, enum drive_loop loop,
	const struct drive *d, const struct drive_result *r)
{
	double ghz = (double)rte_get_tsc_hz() / 1e9;
	double n = (double)r->queries;
	double kept = r->stages.queries == 0 ? 1 : (double)r->stages.queries;

	(void)printf("{\"case\": \"%s\", \"text\": \"%s\", \"names\": %u, \"loop\": \"%s\", "
		     "\"workers\": %u, \"queries\": %.0f, \"cycles\": %.2f, \"mqps\": %.3f",
		c->name, c->text, n_names, loop_names[loop], d->o.workers, n, r->cpu_ns * ghz / n,
		n * 1e3 / r->wall_ns);
	for (unsigned s = 0; loop == LOOP_STAGES && s < STAGE_COUNT; s++)
		(void)printf(", \"%s\": %.2f", stage_names[s], (double)r->stages.cycles[s] / kept);
	(void)printf("}\n");
	(void)fflush(stdout);
}

// How many frames each case has.
static uint32_t frames_count(const struct names *names)
{
	uint32_t n = FRAMES_MIN;

	while (!RUNNING_ON_VALGRIND && n < names->image.n_names && n < FRAMES_MAX)
		n *= 2;
	return n;
}

static struct query_frame *case_prepare(
	struct drive *d, const struct names *names, const struct query_case *c, uint32_t n)
{
	struct query_frame *frames = queries_make(c, names, &d->host, n);
	struct drive_result r;

	drive_verify(d, c, frames, VERIFIED);
	if (!RUNNING_ON_VALGRIND) // warms up
		drive_run(d, LOOP_WORKER, frames, n, n, &r);
	return frames;
}

// What valgrind's macros expand to counts as nesting.
// NOLINTNEXTLINE(readability-function-size)
static void case_run(struct drive *d, const struct options *o, const struct names *names,
	const struct query_case *c, const struct query_frame *frames)
{
	struct drive_result r;

	for (unsigned loop = 0; loop < LOOP_COUNT; loop++) {
		drive_run(d, (enum drive_loop)loop, frames, frames_count(names), o->queries, &r);
		result_print(c, names->image.n_names, (enum drive_loop)loop, d, &r);
		CALLGRIND_DUMP_STATS_AT(loop_names[loop]);
	}
}

// The cases by turns: what is compared shall have met the same moods of the machine.
static void size_run(struct drive *d, const struct options *o, uint32_t n_names)
{
	struct query_frame **frames = calloc(n_query_cases, sizeof(frames[0]));
	struct names names;

	if (frames == NULL)
		fail("no memory for cases");
	names_make(&names, n_names);
	drive_serve(d, &names);
	for (size_t i = 0; i < n_query_cases; i++) {
		if ((o->cases >> i & 1) != 0)
			frames[i] = case_prepare(d, &names, &query_cases[i], frames_count(&names));
	}
	for (unsigned turn = 0; turn < o->repeats; turn++) {
		for (size_t i = 0; i < n_query_cases; i++) {
			if (frames[i] != NULL)
				case_run(d, o, &names, &query_cases[i], frames[i]);
		}
	}
	for (size_t i = 0; i < n_query_cases; i++)
		free(frames[i]);
	free(frames);
	drive_unserve(d);
	names_free(&names);
}

int main(int argc, char **argv)
{
	static struct drive d;
	struct options o;

	options_read(&o, argc, argv);
	drive_open(&d, &o.drive);
	for (unsigned i = 0; i < o.n_sizes; i++)
		size_run(&d, &o, o.sizes[i]);
	drive_close(&d);
	return 0;
}
