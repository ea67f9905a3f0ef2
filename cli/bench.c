// SPDX-License-Identifier: Apache-2.0
// `burst53 bench`: what a query costs a worker on this machine, without a network. The program that
// measures, burst53-bench, has the workers in it; this one chooses its memory and makes a table.
#include "cli/command.h"

#include "cli/child.h"
#include "cli/run_dir.h"
#include "cli/usage.h"

#include "zones/base/array.h"

#include <errno.h>
#include <fcntl.h>
#include <getopt.h>
#include <jansson.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

static const char help[] =
	"usage: burst53 bench [OPTION]...\n"
	"Measures what a query costs a worker here: queries go through a worker in this process,\n"
	"every answer is checked first, and each case also runs as a plain swap of addresses on\n"
	"the same port. No network, card or running instance is touched.\n\n"
	"  --names N,...    sizes of the snapshot (10000)\n"
	"  --cases A,...    a_hit nodata nxdomain srv ptr pod a_cookie outside search (all)\n"
	"  --workers 1|2    (1)\n"
	"  --queries N      of each run (131072)\n"
	"  --repeats N      runs of each case; the best counts (3)\n"
	"  --memory MB      of packet buffers and index (1024)\n"
	"  --no-huge        no hugepages, as when there are not enough of them\n"
	"  --json           an object for each run\n"
	"  --help\n\n"
	"Exit code 1 when it cannot measure, or an answer was wrong; 2 for a wrong command line.\n";

enum {
	ROWS_MAX = 128,
	NAME_BYTES = 24,
	WORDS_MAX = 24,
	EXIT_NO_EXEC = 127,
	MEMORY_MIN_MB = 64,
	MEMORY_MAX_MB = 1 << 20
};

struct row {
	char name[NAME_BYTES];
	long long names;
	double worker, swap, mqps; // cycles, cycles, million queries a second; 0: not measured
};

struct bench {
	char *words[WORDS_MAX + 1]; // the program's command line
	size_t n_words;
	const char *memory;
	unsigned memory_mb;
	bool is_json, is_no_huge;
	struct row rows[ROWS_MAX];
	size_t n_rows;
};

static unsigned long free_hugepages_mb(void)
{
	static const struct {
		const char *path;
		unsigned mb;
	} sizes[] = {{"/sys/kernel/mm/hugepages/hugepages-2048kB/free_hugepages", 2},
		{"/sys/kernel/mm/hugepages/hugepages-1048576kB/free_hugepages", 1024}};
	unsigned long mb = 0, n;

	for (size_t i = 0; i < ARRAY_LEN(sizes); i++) {
		FILE *f = fopen(sizes[i].path, "re");
		if (f == NULL)
			continue;
		if (fscanf(f, "%lu", &n) == 1)
			mb += n * sizes[i].mb;
		(void)fclose(f); // only read
	}
	return mb;
}

static void add_word(struct bench *b, char *word)
{
	if (b->n_words < WORDS_MAX)
		b->words[b->n_words++] = word;
}

// EXIT_OK, EXIT_USAGE, or -1 after --help.
static int parse(int argc, char **argv, struct bench *b)
{
	static char opt_names[] = "--names", opt_cases[] = "--cases", opt_workers[] = "--workers",
		    opt_queries[] = "--queries", opt_repeats[] = "--repeats";
	static char *const passed[] = {opt_names, opt_cases, opt_workers, opt_queries, opt_repeats};
	static const struct option longs[] = {{"names", required_argument, NULL, 0},
		{"cases", required_argument, NULL, 1}, {"workers", required_argument, NULL, 2},
		{"queries", required_argument, NULL, 3}, {"repeats", required_argument, NULL, 4},
		{"memory", required_argument, NULL, 'm'}, {"no-huge", no_argument, NULL, 'H'},
		{"json", no_argument, NULL, 'j'}, {"help", no_argument, NULL, 'h'}, {0}};
	int key;

	optind = 0;
	while ((key = getopt_long(argc, argv, "", longs, NULL)) != -1) {
		if (key == 'h') {
			(void)fputs(help, stdout);
			return -1;
		}
		if (key == 'm') {
			b->memory = optarg;
		} else if (key == 'H') {
			b->is_no_huge = true;
		} else if (key == 'j') {
			b->is_json = true;
		} else if (key >= 0 && key < (int)ARRAY_LEN(passed)) {
			add_word(b, passed[key]);
			add_word(b, optarg);
		} else {
			return usage_error("bench", NULL, NULL);
		}
	}
	if (optind < argc)
		return usage_error("bench", "unexpected word: ", argv[optind]);
	return usage_number(b->memory, MEMORY_MIN_MB, MEMORY_MAX_MB, &b->memory_mb)
		? EXIT_OK
		: usage_error("bench", "not a number of megabytes that it can use: ", b->memory);
}

static struct row *row_of(struct bench *b, const char *name, long long names)
{
	for (size_t i = 0; i < b->n_rows; i++) {
		if (strcmp(b->rows[i].name, name) == 0 && b->rows[i].names == names)
			return &b->rows[i];
	}
	if (b->n_rows == ROWS_MAX)
		return NULL;
	struct row *r = &b->rows[b->n_rows++];
	*r = (struct row){.names = names};
	(void)snprintf(r->name, sizeof(r->name), "%s", name);
	return r;
}

static void keep_best(double *best, double cycles)
{
	if (*best == 0 || cycles < *best)
		*best = cycles;
}

static void take_line(struct bench *b, const char *line)
{
	json_t *run = json_loads(line, 0, NULL);
	const char *name = json_string_value(json_object_get(run, "case"));
	const char *loop = json_string_value(json_object_get(run, "loop"));
	double cycles = json_number_value(json_object_get(run, "cycles"));
	double mqps = json_number_value(json_object_get(run, "mqps"));
	struct row *r = name == NULL || loop == NULL
		? NULL
		: row_of(b, name, json_integer_value(json_object_get(run, "names")));

	if (r != NULL && strcmp(loop, "worker") == 0) {
		keep_best(&r->worker, cycles);
		r->mqps = mqps > r->mqps ? mqps : r->mqps;
	}
	if (r != NULL && strcmp(loop, "swap") == 0)
		keep_best(&r->swap, cycles);
	json_decref(run);
}

static void print_table(const struct bench *b)
{
	(void)printf("%-10s %10s %14s %14s %10s\n", "case", "names", "cycles/query", "swap, cycles",
		"M/s");
	for (size_t i = 0; i < b->n_rows; i++) {
		const struct row *r = &b->rows[i];
		(void)printf("%-10s %10lld %14.1f %14.1f %10.2f\n", r->name, r->names, r->worker,
			r->swap, r->mqps);
	}
}

static _Noreturn void become(const char *path, char *const *words, const char *dir, int out)
{
	if (dup2(out, STDOUT_FILENO) >= 0 && setenv("RUNTIME_DIRECTORY", dir, 1) == 0)
		(void)execv(path, words);
	(void)fprintf(stderr, "burst53 bench: %s: %s\n", path, strerror(errno));
	_exit(EXIT_NO_EXEC);
}

// Runs the program to its end, with a folder for what DPDK leaves; its wait status, or -errno.
static int measure(struct bench *b, const char *path, const char *dir)
{
	int ends[2], status = 0;
	char *line = NULL;
	size_t room = 0;

	if (pipe2(ends, O_CLOEXEC) != 0)
		return -errno;
	pid_t pid = fork();
	if (pid == 0)
		become(path, b->words, dir, ends[1]);
	(void)close(ends[1]);
	FILE *in = pid < 0 ? NULL : fdopen(ends[0], "r");
	while (in != NULL && getline(&line, &room, in) > 0) {
		if (line[0] != '{')
			continue; // libraries talk, too
		if (b->is_json)
			(void)fputs(line, stdout);
		else
			take_line(b, line);
	}
	free(line);
	if (in != NULL)
		(void)fclose(in); // only read
	else
		(void)close(ends[0]);
	return pid < 0 || waitpid(pid, &status, 0) < 0 ? -errno : status;
}

static int measure_in_folder(struct bench *b, const char *path)
{
	static struct run_dir dir = {.path = "/tmp/burst53-bench.XXXXXX"}; // large

	if (mkdtemp(dir.path) == NULL)
		return -errno;
	int status = measure(b, path, dir.path);
	run_dir_clean_dpdk(&dir);
	(void)rmdir(dir.path); // what somebody else put there stays
	return status;
}

int command_bench(int argc, char **argv)
{
	static char no_huge[] = "--no-huge", memory[] = "--memory", queries[] = "--queries",
		    few[] = "131072", repeats[] = "--repeats", three[] = "3",
		    name[] = "burst53-bench";
	static struct bench b = {.memory = "1024"};
	static struct child program = {.name = "bench"}; // large

	add_word(&b, name);
	add_word(&b, queries); // what is given later holds
	add_word(&b, few);
	add_word(&b, repeats);
	add_word(&b, three);
	int code = parse(argc, argv, &b);
	if (code != EXIT_OK)
		return code < 0 ? EXIT_OK : code;
	if (b.is_no_huge || free_hugepages_mb() < b.memory_mb)
		add_word(&b, no_huge);
	add_word(&b, memory);
	char *size = strdup(b.memory);
	add_word(&b, size);
	if (size == NULL || child_find(&program) != 0) {
		(void)fprintf(stderr,
			"burst53 bench: there is no program burst53-bench beside burst53 or in "
			"%s\n",
			B53_LIBEXECDIR);
		free(size);
		return EXIT_FAILED;
	}
	int status = measure_in_folder(&b, program.path);
	free(size);
	if (status < 0)
		(void)fprintf(stderr, "burst53 bench: %s\n", strerror(-status));
	if (status > 0 && WIFEXITED(status) && WEXITSTATUS(status) == EXIT_USAGE)
		return usage_error("bench", NULL, NULL); // it said why
	if (status == 0 && !b.is_json)
		print_table(&b);
	return status == 0 ? EXIT_OK : EXIT_FAILED;
}
