// SPDX-License-Identifier: Apache-2.0
// A Corefile that is kept as text is read again as it was, or it is not kept.
#include "control/kept.h"

#include "zones/base/array.h"

#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cmocka.h>

static char folder[] = "/tmp/burst53-kept-XXXXXX";

static int parse(const char *text, struct config *out)
{
	const struct config_options options = {.skip_file_checks = true, .all_errors = true};
	struct err err = {0};

	return config_parse_text("Corefile", text, &options, out, &err);
}

static void write_file(const char *path, const char *text)
{
	FILE *f = fopen(path, "w");

	assert_non_null(f);
	assert_true(fputs(text, f) >= 0);
	assert_int_equal(fclose(f), 0);
}

static void what_is_kept_is_read_as_it_was(void **state)
{
	static const char *const cases[] = {
		".:53 {\n whoami\n}\n",
		"a.test\nb.test {\n}\n",
		"a.test, b.test:1053,\nc.test {\n whoami # no\n}\n",
		"a.test\nwhoami\nlog\n",
		"(s) {\n log . \"{remote} \\\"x\\\" # \\d y\"\n}\n. {\n import s\n}\n",
		". {\n forward . {$B53_KEPT} {\n  max_concurrent 5\n }\n}\n",
		". {\n template ANY ANY {\n match \"^a[.]\\(b\\)$\"\n rcode NXDOMAIN\n }\n}\n",
		". {\n log . \"a\nb\t{\"\n}\n",
		". {\n nsid \"\"\n}\n",
		"\xef\xbb\xbf.:53 {\r\n whoami\r\n}\r\n",
	};

	(void)state;
	assert_int_equal(setenv("B53_KEPT", "192.0.2.1", 1), 0);
	for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
		struct config c = {0}, again = {0};
		struct err err = {0};
		struct stat st;
		char path[PATH_MAX];
		(void)parse(cases[i], &c); // only its words are looked at
		int rc = kept_write(folder, KEPT_TAKEN, &c);
		if (rc != 0 || !kept_find(folder, KEPT_TAKEN, path))
			fail_msg("%s: %d", cases[i], rc);
		assert_int_equal(stat(path, &st), 0);
		assert_int_equal(st.st_mode & 0777, 0600);
		const struct config_options options = {
			.skip_file_checks = true, .all_errors = true};
		(void)config_parse_file(path, &options, &again, &err); // as above
		if (again.hash != c.hash)
			fail_msg("%s: is another one", cases[i]);
		config_free(&again);
		config_free(&c);
	}
}

static void what_cannot_be_written_is_not_kept(void **state)
{
	struct config c = {0};
	char path[PATH_MAX];

	(void)state;
	assert_int_equal(setenv("B53_KEPT", "a{$HOME}", 1), 0);
	assert_int_equal(parse(".:53 {\n}\n", &c), 0);
	assert_int_equal(kept_write(folder, KEPT_TAKEN, &c), 0);
	assert_true(kept_find(folder, KEPT_TAKEN, path));
	config_free(&c);
	assert_int_equal(parse(". {\n nsid {$B53_KEPT}\n}\n", &c), 0);
	assert_int_equal(kept_write(folder, KEPT_TAKEN, &c), -EINVAL);
	assert_false(kept_find(folder, KEPT_TAKEN, path));
	config_free(&c);
}

static void half_a_file_is_none(void **state)
{
	struct config c = {0};
	char path[PATH_MAX];

	(void)state;
	assert_int_equal(parse(".:53 {\n}\n", &c), 0);
	assert_false(kept_find(folder, KEPT_BOUND, path));
	assert_int_equal(kept_write(folder, KEPT_BOUND, &c), 0);
	assert_true(kept_find(folder, KEPT_BOUND, path));
	write_file(path, ".:53 {\n}\n");
	assert_false(kept_find(folder, KEPT_BOUND, path));
	write_file(path, "");
	assert_false(kept_find(folder, KEPT_BOUND, path));
	config_free(&c);
	assert_int_equal(unlink(path), 0);
}

static int make_folder(void **state)
{
	(void)state;
	return mkdtemp(folder) == NULL ? -1 : 0;
}

static int remove_folder(void **state)
{
	char path[PATH_MAX];

	(void)state;
	(void)snprintf(path, sizeof(path), "%s/corefile.taken", folder);
	(void)unlink(path);
	return rmdir(folder);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(what_is_kept_is_read_as_it_was),
		cmocka_unit_test(what_cannot_be_written_is_not_kept),
		cmocka_unit_test(half_a_file_is_none),
	};

	return cmocka_run_group_tests(tests, make_folder, remove_folder);
}
