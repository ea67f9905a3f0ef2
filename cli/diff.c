// SPDX-License-Identifier: Apache-2.0
// `burst53 diff A B`: what changed between two snapshots, as zone-file lines with - and + in front.
#include "cli/command.h"

#include "cli/diff_sets.h"
#include "cli/source.h"
#include "cli/usage.h"

#include "zones/wire/rr.h"

#include <getopt.h>
#include <jansson.h>
#include <stdio.h>
#include <string.h>

static const char help[] =
	"usage: burst53 diff A B [OPTION]...\n"
	"Prints what B answers otherwise than A: lines of a zone file, gone with -, new with +.\n"
	"Each is an image file, a state directory, a dump (file or folder, with --conf), or "
	"`live`\n"
	"for the running instance. Serials of SOA records are not compared.\n\n"
	"  --conf F         Corefile for dumps; a second one is for B\n"
	"  --run-dir D      of the running instance (default /run/burst53)\n"
	"  --json\n"
	"  --help\n\n"
	"Exit code 0 when both answer the same, 1 when not, 2 when they cannot be compared.\n";

struct diff_options {
	const char *words[2], *conf[2], *run_dir;
	bool is_json;
};

struct report {
	const struct diff_options *options;
	const struct source *sources;
	size_t counts[4]; // sets (names without records count once) by enum diff_kind
	json_t *changes; // NULL: text is printed at once
};

static const char *const kinds[] = {[DIFF_GONE] = "gone",
	[DIFF_ADDED] = "added",
	[DIFF_CHANGED] = "changed",
	[DIFF_POLICY] = "policy"};

static unsigned long long generation_of(const struct source *s)
{
	return (unsigned long long)snapshot_top(&s->snapshot)->header->generation;
}

static void print_head(const struct report *r)
{
	for (unsigned i = 0; i < 2; i++)
		(void)printf("%s %s generation %llu\n", i == 0 ? "---" : "+++",
			r->options->words[i], generation_of(&r->sources[i]));
}

static void print_lines(char sign, const struct diff_lines *lines)
{
	for (size_t i = 0; i < lines->n; i++)
		(void)printf("%c%s\n", sign, lines->items[i]);
}

static void print_change(const struct diff_change *c)
{
	char name[DNAME_TEXT_MAX_BYTES];

	print_lines('-', &c->removed);
	print_lines('+', &c->added);
	if (c->type == 0 && c->kind != DIFF_POLICY)
		(void)printf("%c; %s without records\n", c->kind == DIFF_GONE ? '-' : '+',
			dname_print(c->name->wire, name, sizeof(name)));
}

static json_t *lines_json(const struct diff_lines *lines)
{
	json_t *list = json_array();

	for (size_t i = 0; i < lines->n; i++)
		(void)json_array_append_new(list, json_string(lines->items[i])); // short: shows
	return list;
}

static int add_change(json_t *changes, const struct diff_change *c)
{
	char name[DNAME_TEXT_MAX_BYTES], type[16];
	json_t *o = json_object();
	int rc = json_object_set_new(o, "what", json_string(kinds[c->kind]));

	if (c->name != NULL)
		rc |= json_object_set_new(
			o, "name", json_string(dname_print(c->name->wire, name, sizeof(name))));
	if (c->type != 0)
		rc |= json_object_set_new(
			o, "type", json_string(rr_type_print(c->type, type, sizeof(type))));
	rc |= json_object_set_new(o, "removed", lines_json(&c->removed));
	rc |= json_object_set_new(o, "added", lines_json(&c->added));
	return rc | json_array_append_new(changes, o);
}

static int on_change(void *user, const struct diff_change *c)
{
	struct report *r = user;
	bool is_first = r->counts[0] + r->counts[1] + r->counts[2] + r->counts[3] == 0;

	r->counts[c->kind]++;
	if (r->changes != NULL)
		return add_change(r->changes, c);
	if (is_first)
		print_head(r);
	print_change(c);
	return ferror(stdout) != 0 ? -1 : 0;
}

static int print_json(struct report *r)
{
	json_t *doc = json_object();
	int rc = 0;

	for (unsigned i = 0; i < 2; i++)
		rc |= json_object_set_new(doc, i == 0 ? "a" : "b",
			json_pack("{s:s, s:I}", "source", r->options->words[i], "generation",
				(json_int_t)generation_of(&r->sources[i])));
	for (unsigned i = 0; i < 4; i++)
		rc |= json_object_set_new(doc, kinds[i], json_integer((json_int_t)r->counts[i]));
	rc |= json_object_set(doc, "changes", r->changes);
	if (rc == 0)
		rc = json_dumpf(doc, stdout, JSON_INDENT(2) | JSON_PRESERVE_ORDER);
	(void)putchar('\n');
	json_decref(doc);
	return rc;
}

static int report(const struct diff_options *o, const struct source sources[2])
{
	struct report r = {.options = o, .sources = sources};

	if (o->is_json)
		r.changes = json_array();
	int rc = diff_snapshots(&sources[0].snapshot, &sources[1].snapshot, on_change, &r);
	size_t n = r.counts[0] + r.counts[1] + r.counts[2] + r.counts[3];
	if (rc == 0 && r.changes != NULL)
		rc = print_json(&r);
	else if (rc == 0 && n > 0)
		(void)printf("; %zu sets gone, %zu added, %zu changed%s\n", r.counts[DIFF_GONE],
			r.counts[DIFF_ADDED], r.counts[DIFF_CHANGED],
			r.counts[DIFF_POLICY] > 0 ? ", and the rules of the Corefile" : "");
	json_decref(r.changes);
	if (rc != 0)
		(void)fprintf(stderr, "burst53 diff: out of memory or output\n");
	return rc != 0 ? EXIT_USAGE : n > 0 ? EXIT_FAILED : EXIT_OK;
}

// EXIT_OK, EXIT_USAGE, or -1 after --help.
static int parse(int argc, char **argv, struct diff_options *o)
{
	static const struct option longs[] = {{"conf", required_argument, NULL, 'c'},
		{"run-dir", required_argument, NULL, 'r'}, {"json", no_argument, NULL, 'j'},
		{"help", no_argument, NULL, 'h'}, {0}};
	int key;

	*o = (struct diff_options){.run_dir = "/run/burst53"};
	optind = 0;
	while ((key = getopt_long(argc, argv, "", longs, NULL)) != -1) {
		if (key == 'h') {
			(void)fputs(help, stdout);
			return -1;
		}
		if (key == '?')
			return usage_error("diff", NULL, NULL);
		if (key == 'c')
			o->conf[o->conf[0] != NULL] = optarg;
		else if (key == 'r')
			o->run_dir = optarg;
		else
			o->is_json = true;
	}
	if (argc - optind != 2)
		return usage_error("diff", "give two snapshots", "");
	o->words[0] = argv[optind];
	o->words[1] = argv[optind + 1];
	if (o->conf[1] == NULL)
		o->conf[1] = o->conf[0];
	return EXIT_OK;
}

int command_diff(int argc, char **argv)
{
	struct diff_options o;
	struct source sources[2] = {0};
	struct err err = {0};
	int code = parse(argc, argv, &o), rc = 0;

	if (code != EXIT_OK)
		return code < 0 ? EXIT_OK : code;
	for (unsigned i = 0; i < 2 && rc == 0; i++) {
		const struct source_word word = {
			.word = o.words[i], .conf = o.conf[i], .run_dir = o.run_dir};
		rc = source_from_word(&word, &sources[i], &err);
	}
	if (rc != 0) {
		(void)fprintf(stderr, "burst53 diff: %s\n", err.text);
		code = EXIT_USAGE; // as diff(1) does
	} else {
		code = report(&o, sources);
	}
	source_close(&sources[0]);
	source_close(&sources[1]);
	return code;
}
