// SPDX-License-Identifier: Apache-2.0
// `loadbalance weighted` and `prefer`: the order of the records of a reply.
#include "tests/unit/plugin_fixture.h"

#include "slowpath/plugin/plugins.h"
#include "slowpath/plugin/weights.h"
#include "zones/base/array.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static const struct play_reply world[] = {
	{"w.test.", RR_TYPE_A, RCODE_NOERROR, 0,
		{"w.test. 5 IN A 192.0.2.1", "w.test. 5 IN A 192.0.2.2",
			"x.test. 5 IN CNAME w.test."}},
	{"mixed.test.", RR_TYPE_ANY, RCODE_NOERROR, 0,
		{"m.test. 5 IN TXT \"t\"", "m.test. 5 IN AAAA 2001:db8::1",
			"m.test. 5 IN MX 1 m.test.", "m.test. 5 IN A 192.0.2.9"}},
};

static const char *ask(const struct policy_loadbalance *b, const char *name, uint16_t type)
{
	static struct play p;

	p = (struct play){.ops = {{&plugin_loadbalance, b}},
		.n = 1,
		.world = world,
		.n_world = ARRAY_LEN(world),
		.type = type};
	return play(&p, name);
}

static void write_file(const char *path, const char *text)
{
	FILE *f = fopen(path, "we");

	assert_non_null(f);
	assert_true(fputs(text, f) >= 0);
	assert_int_equal(fclose(f), 0);
}

static void make_file(char *path, const char *text)
{
	int fd = mkstemp(path);

	assert_true(fd >= 0);
	assert_int_equal(close(fd), 0);
	write_file(path, text);
}

static void addresses_come_first_as_often_as_they_weigh(void **state)
{
	static const char second[] = "NOERROR | x.test. 5 IN CNAME w.test. | w.test. 5 IN A "
				     "192.0.2.2 | w.test. 5 IN A 192.0.2.1";
	char path[] = "/tmp/b53-weights-XXXXXX";
	unsigned n = 0;
	(void)state;

	make_file(path, "# weights\nw.test\n192.0.2.1 1\n 192.0.2.2 9\n");
	const struct policy_loadbalance b = {
		.is_weighted = true, .weight_file = path, .reload_ms = 1000};
	for (unsigned i = 0; i < 1000; i++)
		n += strcmp(ask(&b, "w.test.", RR_TYPE_A), second) == 0;
	assert_int_equal(unlink(path), 0);
	assert_in_range(n, 850, 950); // 900 expected, a deviation is 9.5
}

static void networks_are_preferred_in_their_order(void **state)
{
	static const struct policy_cidr nets[] = {{4, 32, {192, 0, 2, 2}}, {4, 24, {192, 0, 2, 0}}};
	static const struct policy_loadbalance b = {
		.prefer = {nets, ARRAY_LEN(nets)}, .weight_file = ""};
	(void)state;

	assert_string_equal(ask(&b, "w.test.", RR_TYPE_A),
		"NOERROR | x.test. 5 IN CNAME w.test. | w.test. 5 IN A 192.0.2.2 | w.test. 5 IN A "
		"192.0.2.1");
	assert_string_equal(ask(&b, "mixed.test.", RR_TYPE_ANY),
		"NOERROR | m.test. 5 IN A 192.0.2.9 | m.test. 5 IN AAAA 2001:db8::1 | m.test. 5 IN "
		"MX 1 m.test. | m.test. 5 IN TXT \"t\"");
}

static void weights_with_mistakes_are_told_with_their_line(void **state)
{
	static const struct {
		const char *text;
		unsigned line; // 0: it is fine
	} cases[] = {
		{"", 0},
		{"a.test\n", 0},
		{"a.test\n192.0.2.1 1\n2001:db8::1 255\n", 0},
		{"192.0.2.1 1\n", 1},
		{"a.test\n192.0.2.1\n", 2},
		{"a.test\n192.0.2.1 0\n", 2},
		{"a.test\n192.0.2.1 256\n", 2},
		{"a.test\n192.0.2.1 +1\n", 2},
		{"a.test\n\n#x\n192.0.2 1\n", 4},
		{"a.test\n192.0.2.1 1 1\n", 2},
		{"a..test\n", 1},
	};
	(void)state;

	for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
		struct weights w;
		struct err err = {0};
		char want[16];
		char *text = strdup(cases[i].text);
		assert_non_null(text);
		int rc = weights_parse(&w, text, &err);
		weights_fini(&w);
		free(text);
		(void)snprintf(want, sizeof(want), "line %u ", cases[i].line); // fits
		if ((rc != 0) != (cases[i].line != 0) ||
			(rc != 0 && strncmp(err.text, want, strlen(want)) != 0))
			fail_msg("case %zu: %d \"%s\"", i, rc, err.text);
	}
}

static void a_file_that_appears_or_changes_is_taken(void **state)
{
	char path[] = "/tmp/b53-weights-XXXXXX";
	struct err err = {0};
	void *made = NULL;
	(void)state;

	make_file(path, "w.test\n192.0.2.1 1\n");
	assert_int_equal(unlink(path), 0);
	struct policy_loadbalance b = {.is_weighted = true, .weight_file = path};
	assert_false(plugin_loadbalance.prepare(&b, &made, &err)); // nobody would look again
	b.reload_ms = 1000;
	assert_true(plugin_loadbalance.prepare(&b, &made, &err));
	assert_false(plugin_loadbalance.is_outdated(&b, made));
	write_file(path, "w.test\n192.0.2.1 wrong\n");
	assert_false(plugin_loadbalance.is_outdated(&b, made));
	write_file(path, "w.test\n192.0.2.1 2\n");
	assert_true(plugin_loadbalance.is_outdated(&b, made));
	plugin_loadbalance.release(made);
	assert_int_equal(unlink(path), 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(addresses_come_first_as_often_as_they_weigh),
		cmocka_unit_test(networks_are_preferred_in_their_order),
		cmocka_unit_test(weights_with_mistakes_are_told_with_their_line),
		cmocka_unit_test(a_file_that_appears_or_changes_is_taken),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
