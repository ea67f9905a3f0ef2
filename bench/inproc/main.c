// SPDX-License-Identifier: Apache-2.0
// Measures what a query costs a worker: every case at every size, loop after loop, a line of JSON
// for each run. bench/run makes tables of them.
#include "bench/inproc/drive.h"
#include "bench/inproc/fail.h"

#include <rte_cycles.h>

#include <getopt.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <valgrind/callgrind.h>

enum { FRAMES_MIN = 1 << 12, FRAMES_MAX = 1 << 18, VERIFIED = 4096, SIZES_MAX = 8 };

struct options {
	struct drive_options drive;
	uint32_t sizes[SIZES_MAX];
	unsigned n_sizes;
	const char *cases; // "," separated, NULL: all
	uint64_t queries;
	unsigned repeats;
};

static const char *const loop_names[LOOP_COUNT] = {"port", "swap", "worker", "stages"};
static const char *const stage_names[STAGE_COUNT] = {"frames", "parse", "find", "answers", "send"};

static void usage(void)
{
	(void)fputs("usage: burst53-bench [--names N,...] [--cases A,...] [--workers 1|2]\n"
		    "                    [--queries N] [--repeats N] [--no-huge --memory MB]\n",
		stderr);
	exit(2);
}

static void sizes_parse(struct options *o, const char *text)
{
	char *end = NULL;

	for (o->n_sizes = 0; o->n_sizes < SIZES_MAX; text = end + 1) {
		o->sizes[o->n_sizes++] = (uint32_t)strtoul(text, &end, 10);
		if (o->sizes[o->n_sizes - 1] < NAMES_PER_SERVICE)
			usage();
		if (*end != ',')
			return;
	}
}

static void options_read(struct options *o, int argc, char **argv)
{
	static const struct option longs[] = {{"names", 1, NULL, 'n'}, {"cases", 1, NULL, 'c'},
		{"workers", 1, NULL, 'w'}, {"queries", 1, NULL, 'q'}, {"repeats", 1, NULL, 'r'},
		{"no-huge", 0, NULL, 'H'}, {"memory", 1, NULL, 'm'}, {0}};
	int c = 0;

	*o = (struct options){.drive = {.workers = 1, .memory_mb = 1024},
		.sizes = {10000},
		.n_sizes = 1,
		.queries = 1 << 19,
		.repeats = 5};
	while ((c = getopt_long(argc, argv, "", longs, NULL)) != -1) {
		if (c == 'n')
			sizes_parse(o, optarg);
		else if (c == 'c')
			o->cases = optarg;
		else if (c == 'w')
			o->drive.workers = (unsigned)strtoul(optarg, NULL, 10);
		else if (c == 'q')
			o->queries = strtoull(optarg, NULL, 10);
		else if (c == 'r')
			o->repeats = (unsigned)strtoul(optarg, NULL, 10);
		else if (c == 'H')
			o->drive.is_no_huge = true;
		else if (c == 'm')
			o->drive.memory_mb = (unsigned)strtoul(optarg, NULL, 10);
		else
			usage();
	}
	if (o->drive.workers < 1 || o->drive.workers > DRIVE_WORKERS_MAX || o->queries == 0)
		usage();
}

static bool is_wanted(const char *list, const char *name)
{
	size_t len = strlen(name);

	for (const char *p = list; p != NULL; p = strchr(p, ',')) {
		p += *p == ',';
		if (strncmp(p, name, len) == 0 && (p[len] == ',' || p[len] == '\0'))
			return true;
	}
	return list == NULL;
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

// What valgrind's macros expand to counts as nesting.
// NOLINTNEXTLINE(readability-function-size)
static void case_run(struct drive *d, const struct options *o, const struct names *names,
	const struct query_case *c)
{
	uint32_t n = FRAMES_MIN;
	struct drive_result r;

	while (n < names->image.n_names && n < FRAMES_MAX)
		n *= 2;
	if (RUNNING_ON_VALGRIND)
		n = FRAMES_MIN;
	struct query_frame *frames = queries_make(c, names, &d->host, n);
	drive_verify(d, c, frames, VERIFIED);
	if (!RUNNING_ON_VALGRIND) // warms up
		drive_run(d, LOOP_WORKER, frames, n, n, &r);
	for (unsigned i = 0; i < o->repeats; i++) {
		for (unsigned loop = 0; loop < LOOP_COUNT; loop++) {
			drive_run(d, (enum drive_loop)loop, frames, n, o->queries, &r);
			result_print(c, names->image.n_names, (enum drive_loop)loop, d, &r);
			CALLGRIND_DUMP_STATS_AT(loop_names[loop]);
		}
	}
	free(frames);
}

static void size_run(struct drive *d, const struct options *o, uint32_t n_names)
{
	struct names names;

	names_make(&names, n_names);
	drive_serve(d, &names);
	for (size_t i = 0; i < n_query_cases; i++) {
		if (is_wanted(o->cases, query_cases[i].name))
			case_run(d, o, &names, &query_cases[i]);
	}
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
