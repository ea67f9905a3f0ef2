// SPDX-License-Identifier: Apache-2.0
// The order of a snapshot's names, and what diff tells of two snapshots.
#include "tests/unit/image_fixture.h"

#include "cli/diff_sets.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

static void make(struct image_fixture *f, unsigned n_services, uint64_t generation)
{
	const struct image_fixture_spec spec = {
		.n_services = n_services, .n_endpoints = 3, .generation = generation};

	image_fixture_make(f, &spec);
}

// All that diff tells, as one text.
struct told {
	char text[65536];
	size_t len;
	size_t n;
	int stop_after;
};

static void add_text(struct told *t, const char *before, const char *text)
{
	t->len += (size_t)snprintf(
		t->text + t->len, sizeof(t->text) - t->len, "%s%s\n", before, text);
	assert_true(t->len < sizeof(t->text));
}

static int on_change(void *user, const struct diff_change *c)
{
	struct told *t = user;
	char name[DNAME_TEXT_MAX_BYTES];

	t->n++;
	for (size_t i = 0; i < c->removed.n; i++)
		add_text(t, "-", c->removed.items[i]);
	for (size_t i = 0; i < c->added.n; i++)
		add_text(t, "+", c->added.items[i]);
	if (c->type == 0 && c->name != NULL)
		add_text(t, c->kind == DIFF_GONE ? "-;" : "+;",
			dname_print(c->name->wire, name, sizeof(name)));
	return t->stop_after > 0 && t->n >= (size_t)t->stop_after ? -7 : 0;
}

static struct told *tell(const struct snapshot *a, const struct snapshot *b)
{
	static struct told t;

	memset(&t, 0, sizeof(t));
	assert_int_equal(diff_snapshots(a, b, on_change, &t), 0);
	return &t;
}

static void same_data_differ_in_nothing_whatever_the_serial(void **state)
{
	struct image_fixture a, b;

	(void)state;
	make(&a, 20, 1);
	make(&b, 20, 101); // the same addresses: they follow from generation % 100
	const struct snapshot sa = {.base = &a.image}, sb = {.base = &b.image};
	assert_int_not_equal(a.image.header->serial, b.image.header->serial);
	assert_string_equal(tell(&sa, &sb)->text, "");
	assert_string_equal(tell(&sa, &sa)->text, "");
	image_fixture_free(&a);
	image_fixture_free(&b);
}

static void a_service_more_is_told_with_all_its_names(void **state)
{
	struct image_fixture a, b;

	(void)state;
	make(&a, 3, 1);
	make(&b, 4, 1);
	const struct snapshot sa = {.base = &a.image}, sb = {.base = &b.image};
	assert_string_equal(tell(&sa, &sb)->text,
		"+3.0.97.10.in-addr.arpa. 30 IN PTR svc3.ns.svc.cluster.local.\n"
		"+svc3.ns.svc.cluster.local. 30 IN A 10.97.0.3\n"
		"+svc3.ns.svc.cluster.local. 30 IN SRV 0 100 80 svc3.ns.svc.cluster.local.\n"
		"+_http._tcp.svc3.ns.svc.cluster.local. 30 IN A 10.97.0.3\n"
		"+_http._tcp.svc3.ns.svc.cluster.local. 30 IN SRV 0 100 80 "
		"svc3.ns.svc.cluster.local.\n");
	assert_int_equal(tell(&sb, &sa)->n, 5);
	assert_int_equal(tell(&sb, &sa)->text[0], '-');
	image_fixture_free(&a);
	image_fixture_free(&b);
}

static void only_the_records_that_changed_of_a_set_are_told(void **state)
{
	struct image_fixture a, b;

	(void)state;
	const struct image_fixture_spec three = {
		.n_services = 1, .n_endpoints = 3, .generation = 1};
	const struct image_fixture_spec two = {.n_services = 1, .n_endpoints = 2, .generation = 1};
	image_fixture_make(&a, &three);
	image_fixture_make(&b, &two);
	const struct snapshot sa = {.base = &a.image}, sb = {.base = &b.image};
	assert_string_equal(tell(&sa, &sb)->text,
		"-hl.ns.svc.cluster.local. 30 IN A 10.147.0.2\n"
		"-hl.ns.svc.cluster.local. 30 IN SRV 0 1 8080 h2.hl.ns.svc.cluster.local.\n"
		"-h2.hl.ns.svc.cluster.local. 30 IN A 10.147.0.2\n");
	image_fixture_free(&a);
	image_fixture_free(&b);
}

static void an_overlay_hides_what_it_replaces_and_what_is_gone(void **state)
{
	struct image_fixture a, over;

	(void)state;
	make(&a, 5, 1);
	const struct image_fixture_spec spec = {.n_services = 5, .generation = 2, .base = &a.image};
	image_fixture_make(&over, &spec);
	const struct snapshot sa = {.base = &a.image},
			      sb = {.base = &a.image, .overlay = &over.image};
	const char *text = tell(&sa, &sb)->text;
	assert_non_null(strstr(text, "-svc0.ns.svc.cluster.local. 30 IN A 10.97.0.0\n"));
	assert_null(strstr(text, "+svc0.ns.svc"));
	assert_non_null(strstr(text,
		"-svc2.ns.svc.cluster.local. 30 IN A 10.97.0.2\n"
		"+svc2.ns.svc.cluster.local. 30 IN A 10.98.0.2\n"));
	assert_null(strstr(text, "svc1.ns"));
	image_fixture_free(&over);
	image_fixture_free(&a);
}

static void the_caller_can_stop_the_walk(void **state)
{
	struct image_fixture a, b;
	static struct told t;

	(void)state;
	make(&a, 10, 1);
	make(&b, 10, 2);
	const struct snapshot sa = {.base = &a.image}, sb = {.base = &b.image};
	t = (struct told){.stop_after = 2};
	assert_int_equal(diff_snapshots(&sa, &sb, on_change, &t), -7);
	assert_int_equal(t.n, 2);
	image_fixture_free(&a);
	image_fixture_free(&b);
}

static void nothing_published_has_no_names(void **state)
{
	struct image_fixture a;

	(void)state;
	make(&a, 1, 1);
	const struct snapshot none = {0}, sa = {.base = &a.image};
	struct told *t = tell(&none, &sa);
	assert_non_null(strstr(t->text,
		"+; listen *#53 zone cluster.local. rotate | line 2 "
		"kubernetes: answers pods ttl 30\n"));
	assert_non_null(strstr(t->text, "+; directives of the slow path, digest "));
	assert_non_null(strstr(t->text, "+;svc.cluster.local.\n"));
	assert_string_equal(tell(&none, &none)->text, "");
	image_fixture_free(&a);
}

static void names_are_sorted_as_rfc_4034_says(void **state)
{
	struct image_fixture a;
	struct listing l;

	(void)state;
	make(&a, 12, 1);
	const struct snapshot s = {.base = &a.image};
	assert_int_equal(listing_open(&s, &l), 0);
	assert_int_equal(l.n, a.image.n_names);
	for (size_t i = 1; i < l.n; i++)
		assert_true(listing_compare(&l.names[i - 1], &l.names[i]) < 0);
	listing_close(&l);
	image_fixture_free(&a);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(same_data_differ_in_nothing_whatever_the_serial),
		cmocka_unit_test(a_service_more_is_told_with_all_its_names),
		cmocka_unit_test(only_the_records_that_changed_of_a_set_are_told),
		cmocka_unit_test(an_overlay_hides_what_it_replaces_and_what_is_gone),
		cmocka_unit_test(the_caller_can_stop_the_walk),
		cmocka_unit_test(nothing_published_has_no_names),
		cmocka_unit_test(names_are_sorted_as_rfc_4034_says),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
