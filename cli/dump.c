// SPDX-License-Identifier: Apache-2.0
// `burst53 dump`: a snapshot as zone-file text, one record a line, in DNSSEC's order of names.
#include "cli/command.h"

#include "cli/listing.h"
#include "cli/source.h"
#include "cli/usage.h"

#include "zones/wire/rr.h"

#include <getopt.h>
#include <stdbool.h>
#include <stdio.h>

static const char help[] =
	"usage: burst53 dump [OPTION]...\n"
	"Prints the running snapshot, or what a saved cluster gives, as zone-file text.\n\n"
	"  --dump F         from a saved cluster, together with --conf\n"
	"  --conf F         Corefile for --dump\n"
	"  --run-dir D      of the running instance (default /run/burst53)\n"
	"  --help\n";

static void print_line(void *user, const char *line)
{
	(void)user;
	(void)puts(line);
}

static int print_all(const struct source *src)
{
	const struct snapshot *s = &src->snapshot;
	struct listing l;

	if (listing_open(s, &l) != 0)
		return EXIT_FAILED;
	(void)printf("; generation %llu, %zu names\n",
		(unsigned long long)snapshot_top(s)->header->generation, l.n);
	for (size_t i = 0; i < l.n; i++) {
		const struct listing_name *name = &l.names[i];
		// Under an alias every type answers the CNAME again.
		bool is_alias = image_find_set(name->img, name->in, RR_TYPE_CNAME) != NULL;
		for (unsigned k = 0; k < name->in->n_sets; k++) {
			uint16_t type = name->img->sets[name->in->first_set + k].type;
			if (!is_alias || type == RR_TYPE_CNAME)
				listing_records(&l, name, type, print_line, NULL);
		}
	}
	listing_close(&l);
	return ferror(stdout) == 0 ? EXIT_OK : EXIT_FAILED;
}

int command_dump(int argc, char **argv)
{
	static const struct option longs[] = {{"dump", required_argument, NULL, 'd'},
		{"conf", required_argument, NULL, 'c'}, {"run-dir", required_argument, NULL, 'r'},
		{"help", no_argument, NULL, 'h'}, {0}};
	const char *dump = NULL, *conf = NULL, *run_dir = "/run/burst53";
	struct source s = {0};
	struct err err = {0};
	int key;

	optind = 0;
	while ((key = getopt_long(argc, argv, "", longs, NULL)) != -1) {
		if (key == 'h') {
			(void)fputs(help, stdout);
			return EXIT_OK;
		}
		const char **slot = key == 'd' ? &dump : key == 'c' ? &conf : &run_dir;
		if (key == '?')
			return usage_error("dump", NULL, NULL);
		*slot = optarg;
	}
	if (optind < argc)
		return usage_error("dump", "unexpected word: ", argv[optind]);
	if ((dump == NULL) != (conf == NULL))
		return usage_error("dump", "--dump and --conf go together", "");
	int rc = dump != NULL ? source_from_dump(dump, conf, &s, &err)
			      : source_from_running(run_dir, &s, &err);
	int code = rc == 0 ? print_all(&s) : EXIT_FAILED;
	if (rc != 0)
		(void)fprintf(stderr, "burst53 dump: %s\n", err.text);
	source_close(&s);
	return code;
}
