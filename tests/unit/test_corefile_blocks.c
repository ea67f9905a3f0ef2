// SPDX-License-Identifier: Apache-2.0
// Tests of imports, snippets, environment and the tree of blocks: text -> tree, or an error with
// its place.
#include "zones/corefile/blocks.h"

#include "zones/base/array.h"

#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cmocka.h>

static void put(char *out, size_t size, const char *text)
{
	size_t len = strlen(out);

	(void)snprintf(out + len, size - len, "%s", text);
}

// keys{name,arg,arg{property,arg;};}
static void print_node(char *out, size_t size, const struct node *n)
{
	put(out, size, n->name->text);
	for (size_t i = 0; i < n->n_args; i++) {
		put(out, size, ",");
		put(out, size, n->args[i].text);
	}
	if (n->open != NULL)
		put(out, size, "{");
	for (const struct node *k = n->first; k != NULL; k = k->next) {
		put(out, size, k->name->text);
		for (size_t i = 0; i < k->n_args; i++) {
			put(out, size, ",");
			put(out, size, k->args[i].text);
		}
		put(out, size, k->open != NULL ? "{..};" : ";");
	}
	put(out, size, n->open != NULL ? "};" : ";");
}

static void print_tree(char *out, size_t size, const struct block *b)
{
	out[0] = '\0';
	for (; b != NULL; b = b->next) {
		for (size_t i = 0; i < b->n_keys; i++) {
			put(out, size, i == 0 ? "" : "+");
			put(out, size, b->keys[i].text);
		}
		put(out, size, "{");
		for (const struct node *n = b->first; n != NULL; n = n->next)
			print_node(out, size, n);
		put(out, size, "}");
	}
}

static int parse(const char *text, const char *directory, char *out, size_t size, struct err *e)
{
	struct arena a = {0};
	struct expanded x = {0};
	struct block *b = NULL;
	int rc = expand_text(&a, "Corefile", directory, text, &x, e);

	if (rc == 0)
		rc = blocks_parse(&a, &x, &b, e);
	if (rc == 0)
		print_tree(out, size, b);
	arena_fini(&a);
	return rc;
}

static void texts_become_trees(void **state)
{
	static const struct {
		const char *text;
		const char *tree;
	} cases[] = {
		{"", ""}, {".:53", ".:53{}"}, {".:53 {\n}", ".:53{}"}, {".:53\n{\n}", ".:53{}"},
		{".:53 {\nlog\nerrors\n}", ".:53{log;errors;}"}, {".:53 { log\n}", ".:53{log;}"},
		{".:53\nlog\nerrors stdout\n", ".:53{log;errors,stdout;}"},
		{"a b c {\n}", "a+b+c{}"}, {"a, b,\nc {\n}", "a+b+c{}"},
		{"a {\n}\nb {\nlog\n}", "a{}b{log;}"},
		{". {\nhealth {\nlameduck 5s\n}\nready\n}", ".{health{lameduck,5s;};ready;}"},
		{". {\nhealth { lameduck 5s\n}\n}", ".{health{lameduck,5s;};}"},
		{". {\nlog { }\n}", ".{log{};}"}, {". {\nx {\ny {\nz\n}\n}\n}", ".{x{y{..};};}"},
		{"(s) {\nlog\n}\n. {\nimport s\n}", ".{log;}"},
		{"(s) {\nlog\n}\n. {\nerrors\nimport s\nloop\n}", ".{errors;log;loop;}"},
		{"(s) {\nttl 5\n}\n. {\nk {\nimport s\n}\n}", ".{k{ttl,5;};}"},
		{"(a) {\nlog\n}\n(b) {\nimport a\nloop\n}\n. {\nimport b\nimport a\n}",
			".{log;loop;log;}"},
		{"(s) { log\n}\n. {\nimport s\n}", ".{log;}"},
		{"({$B53_ZONE}) {\nlog\n}\n. {\nimport a.test\n}", ".{log;}"},
		{"({$B53_ZONE}) {\nlog\n}\n. {\nimport {$B53_ZONE}\n}", ".{log;}"},
		{"(s) {\n}\n. {\nimport s\nlog\n}", ".{log;}"},
		{". {\nlog import x\n}", ".{log,import,x;}"}, // not at the start of a line
		{"{$B53_ZONE}:{$B53_PORT} {\n{%B53_DIR%} {$B53_UNSET}x{$B53_ZONE}y\n}",
			"a.test:5353{log,xa.testy;}"},
		{". {\nlog {$} {%%} {$B53\n}", ".{log,{$},{%%},{$B53;}"},
		{". {\nlog {$B53_BLANKS}\n}", ".{log,a b;}"}, // one word even with blanks
		{". {\nlog {$B53_BRACE}\n}", ".{log,};}"}, // no structure from outside
	};
	char tree[512];

	(void)state;
	assert_int_equal(setenv("B53_ZONE", "a.test", 1), 0);
	assert_int_equal(setenv("B53_PORT", "5353", 1), 0);
	assert_int_equal(setenv("B53_DIR", "log", 1), 0);
	assert_int_equal(setenv("B53_BLANKS", "a b", 1), 0);
	assert_int_equal(setenv("B53_BRACE", "}", 1), 0);
	for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
		struct err e = {0};
		assert_int_equal(parse(cases[i].text, ".", tree, sizeof(tree), &e), 0);
		assert_string_equal(tree, cases[i].tree);
	}
}

static void mistakes_are_shown_where_they_are(void **state)
{
	static const struct {
		const char *text;
		unsigned line, column;
		const char *says;
	} cases[] = {
		{". {\nlog", 1, 3, "never closed"},
		{". {\nhealth {\nlameduck 5s\n}", 1, 3, "never closed"},
		{". {\nhealth {\nlameduck 5s", 2, 8, "never closed"},
		{". {\nlog }", 2, 5, "line of its own"},
		{". {\nhealth {\nlameduck 5s }\n}", 3, 13, "line of its own"},
		{". {\nhealth {\n} ready\n}", 3, 3, "new line"},
		{". {\nhealth\n{\n}\n}", 3, 1, "line of the word"},
		{". {\n}\n}", 3, 1, "no {"},
		{".\nlog\n}", 3, 1, "no {"},
		{"{\n}", 1, 1, "begins with its zones"},
		{"a,\n{\n}", 2, 1, "follow the comma"},
		{". {\nlog\n}}", 3, 1, "each }"},
		{". {\nhealth {\nlameduck 5s\n}}", 4, 1, "each }"},
		{". {\n}\n}}\n", 3, 1, "each }"},
		{"a {\n}\n{$B53_UNSET:.:53} {\n}", 3, 1, "{$B53_UNSET:.:53} is empty"},
		{"a, , b {\n}", 1, 4, "zone is missing"},
		{"\"\" {\n}", 1, 1, "zone is missing"},
		{". {\nimport\n}", 2, 1, "import needs"},
		{". {\nimport a b\n}", 2, 10, "one name only"},
		{". {\nimport nowhere.conf\n}", 2, 8, "cannot import"},
		{". {\nimport /\n}", 2, 8, "directory"},
		{". {\nimport a*b*c\n}", 2, 8, "one * or ?"},
		{". {\nimport [ab]\n}", 2, 8, "one * or ?"},
		{"(a) {\nlog\n}\n(a) {\nlog\n}\n", 4, 1, "defined twice"},
		{"(a) {\nlog\n", 1, 1, "never closed"},
		{"(a) {\nimport a\n}\n. {\nimport a\n}", 2, 1, "import itself"},
		{". {\na {\nb {\nc {\nd {\ne {\nf {\ng {\nh {\ni {\n}\n}\n}\n}\n}\n}\n}\n}\n}\n}",
			10, 1, "nested deeper"},
	};
	char tree[512];

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
		struct err e = {0};
		assert_int_equal(parse(cases[i].text, ".", tree, sizeof(tree), &e), -EINVAL);
		if (strstr(e.text, cases[i].says) == NULL || e.line != cases[i].line ||
			e.column != cases[i].column)
			fail_msg("case %zu: %u:%u: %s", i, e.line, e.column, e.text);
	}
}

static void write_file(const char *dir, const char *name, const char *text)
{
	char path[256];

	(void)snprintf(path, sizeof(path), "%s/%s", dir, name);
	FILE *f = fopen(path, "we");
	assert_non_null(f);
	assert_true(fputs(text, f) >= 0);
	assert_int_equal(fclose(f), 0);
}

static void files_are_imported_in_the_order_of_their_names(void **state)
{
	char dir[] = "/tmp/b53-import-XXXXXX";
	char sub[64];
	char tree[512];
	struct err e = {0};

	(void)state;
	assert_non_null(mkdtemp(dir));
	(void)snprintf(sub, sizeof(sub), "%s/custom", dir);
	assert_int_equal(mkdir(sub, 0700), 0);
	write_file(sub, "b.server", "b.test {\nimport ../c.conf\n}\n");
	write_file(sub, "a.server", "a.test {\n}");
	write_file(sub, ".hidden.server", "h.test {\n}");
	write_file(dir, "c.conf", "log");
	assert_int_equal(parse(". {\nimport c.conf\n}\nimport custom/*.server\n", dir, tree,
				 sizeof(tree), &e),
		0);
	assert_string_equal(tree, ".{log;}h.test{}a.test{}b.test{log;}");
	write_file(dir, "c.conf", "log \"x\n");
	assert_int_equal(parse(". {\nimport c.conf\n}\n", dir, tree, sizeof(tree), &e), -EINVAL);
	assert_non_null(strstr(e.file, "/c.conf"));
	write_file(dir, "c.conf", "import c.conf\n");
	e = (struct err){0};
	assert_int_equal(parse(". {\nimport c.conf\n}\n", dir, tree, sizeof(tree), &e), -EINVAL);
	assert_non_null(strstr(e.text, "itself"));
	char command[128];
	(void)snprintf(command, sizeof(command), "rm -r %s", dir);
	assert_int_equal(system(command), 0);
}

static void the_hash_follows_the_tokens_and_not_the_blanks(void **state)
{
	struct arena a = {0};
	struct expanded x[3] = {0};

	(void)state;
	assert_int_equal(expand_text(&a, "f", ".", ". {\n log a\n}", &x[0], NULL), 0);
	assert_int_equal(expand_text(&a, "f", ".", ".   {\n# c\n\tlog   a\n}\n", &x[1], NULL), 0);
	assert_int_equal(expand_text(&a, "f", ".", ". {\n log\n a\n}", &x[2], NULL), 0);
	assert_true(x[0].hash == x[1].hash);
	assert_true(x[0].hash != x[2].hash);
	arena_fini(&a);
}

static void snippets_that_double_end_in_an_error(void **state)
{
	char text[4096] = "(s0) {\nlog\n}\n";
	char tree[64];
	struct err e = {0};

	(void)state;
	for (unsigned i = 1; i < 30; i++) {
		size_t len = strlen(text);
		(void)snprintf(text + len, sizeof(text) - len,
			"(s%u) {\nimport s%u\nimport s%u\n}\n", i, i - 1, i - 1);
	}
	put(text, sizeof(text), ". {\nimport s29\n}\n");
	assert_int_equal(parse(text, ".", tree, sizeof(tree), &e), -EINVAL);
	assert_non_null(strstr(e.text, "more than 10000 snippets"));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(texts_become_trees),
		cmocka_unit_test(mistakes_are_shown_where_they_are),
		cmocka_unit_test(files_are_imported_in_the_order_of_their_names),
		cmocka_unit_test(the_hash_follows_the_tokens_and_not_the_blanks),
		cmocka_unit_test(snippets_that_double_end_in_an_error),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
