// SPDX-License-Identifier: Apache-2.0
// Tests of control/store: indexes, relists that yield exact differences, walks under change.
#include "tests/unit/objects_fixture.h"

#include "zones/base/array.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

// Changes that were told, as text: "+name", "-name", "*name".
static char told[65536];

static void on_change(void *user, const struct object_meta *old, const struct object_meta *new)
{
	(void)user;
	char sign = old == NULL ? '+' : new == NULL ? '-' : '*';
	size_t len = strlen(told);

	(void)snprintf(
		told + len, sizeof(told) - len, "%c%s ", sign, new != NULL ? new->name : old->name);
}

static struct store *store_make(const char *objects)
{
	struct store *s = store_new(on_change, NULL);

	assert_non_null(s);
	told[0] = '\0';
	objects_put(s, OBJECT_LIVE, objects);
	return s;
}

static void relist(struct store *s, enum object_kind kind, const char *objects)
{
	told[0] = '\0';
	store_begin(s, kind);
	objects_put(s, OBJECT_NEXT, objects);
	assert_int_equal(store_synced(s, kind), 0);
}

static void only_what_shows_in_dns_is_told(void **state)
{
	struct store *s = store_make("service ns/a ips=10.0.0.1 ports=http/tcp/80 rv=1");

	(void)state;
	assert_string_equal(told, "+a ");
	objects_put(s, OBJECT_LIVE, "service ns/a ips=10.0.0.1 ports=http/tcp/80 rv=2");
	assert_string_equal(told, "+a ");
	objects_put(s, OBJECT_LIVE, "service ns/a ips=10.0.0.1 ports=http/tcp/81 rv=3");
	assert_string_equal(told, "+a *a ");
	assert_int_equal(store_del(s, OBJECT_LIVE, OBJECT_SERVICE, "ns", "a"), 0);
	assert_int_equal(store_del(s, OBJECT_LIVE, OBJECT_SERVICE, "ns", "a"), 0);
	assert_string_equal(told, "+a *a -a ");
	assert_int_equal(store_count(s, OBJECT_SERVICE), 0);
	store_free(s);
}

static void slices_are_found_by_service_in_the_order_of_their_names(void **state)
{
	struct store *s =
		store_make("slice ns/c of=web ep=10.0.0.3\nslice ns/a of=web ep=10.0.0.1\n"
			   "slice ns/b of=web ep=10.0.0.2\nslice other/x of=web");

	(void)state;
	const struct store_group *g = store_slices(s, OBJECT_SLICE, "ns", "web");
	assert_non_null(g);
	assert_int_equal(g->n, 3);
	assert_string_equal(g->slices[0]->meta.name, "a");
	assert_string_equal(g->slices[2]->meta.name, "c");
	assert_int_equal(store_endpoints(s), 3);
	objects_put(s, OBJECT_LIVE, "slice ns/b of=moved ep=10.0.0.2");
	g = store_slices(s, OBJECT_SLICE, "ns", "web");
	assert_int_equal(g->n, 2);
	assert_non_null(store_slices(s, OBJECT_SLICE, "ns", "moved"));
	assert_int_equal(store_del(s, OBJECT_LIVE, OBJECT_SLICE, "ns", "b"), 0);
	assert_null(store_slices(s, OBJECT_SLICE, "ns", "moved"));
	assert_null(store_slices(s, OBJECT_IMPORT_SLICE, "ns", "web"));
	store_free(s);
}

static size_t refs(const struct store *s, const char *text)
{
	struct object_address a;
	size_t n;

	assert_true(object_address_parse(text, &a));
	(void)store_refs(s, &a, &n);
	return n;
}

static void addresses_know_their_services_and_endpoints(void **state)
{
	struct store *s = store_make("service ns/a ips=10.0.0.1,fd00::1\n"
				     "slice ns/a1 of=a ep=10.0.0.1 ep=10.0.0.1,10.0.0.2\n"
				     "slice ns/b1 of=b ep=10.0.0.1");

	(void)state;
	assert_int_equal(refs(s, "10.0.0.1"), 4);
	assert_int_equal(refs(s, "10.0.0.2"), 1);
	assert_int_equal(refs(s, "fd00::1"), 1);
	objects_put(s, OBJECT_LIVE, "slice ns/a1 of=a ep=10.0.0.2");
	assert_int_equal(refs(s, "10.0.0.1"), 2);
	assert_int_equal(store_del(s, OBJECT_LIVE, OBJECT_SLICE, "ns", "a1"), 0);
	assert_int_equal(refs(s, "10.0.0.2"), 0);
	store_free(s);
}

static void pods_are_counted_by_namespace_and_address(void **state)
{
	struct store *s =
		store_make("pod ns/a ip=10.0.0.1\npod ns/b ip=10.0.0.1\npod other/c ip=10.0.0.1");
	struct object_address a;

	(void)state;
	assert_true(object_address_parse("10.0.0.1", &a));
	assert_int_equal(store_pods(s, "ns", "", &a), 2);
	assert_int_equal(store_del(s, OBJECT_LIVE, OBJECT_POD, "ns", "a"), 0);
	assert_int_equal(store_pods(s, "ns", "", &a), 1);
	assert_int_equal(store_del(s, OBJECT_LIVE, OBJECT_POD, "ns", "b"), 0);
	assert_int_equal(store_pods(s, "ns", "", &a), 0);
	objects_put(s, OBJECT_LIVE, "pod ns/a ip=10.0.0.1 to=--ffff-a00-1");
	assert_int_equal(store_pods(s, "ns", "", &a), 0);
	assert_int_equal(store_pods(s, "ns", "--ffff-a00-1", &a), 1);
	objects_put(s, OBJECT_LIVE, "pod ns/a ip=10.0.0.1"); // spelled in another way now
	assert_int_equal(store_pods(s, "ns", "", &a), 1);
	assert_int_equal(store_pods(s, "ns", "--ffff-a00-1", &a), 0);
	store_free(s);
}

static void a_relist_tells_the_exact_differences(void **state)
{
	struct store *s = store_make("service ns/same ips=10.0.0.1 rv=1\nservice ns/changed "
				     "ips=10.0.0.2 rv=2\nservice ns/gone ips=10.0.0.3 rv=3\n"
				     "service ns/touched ips=10.0.0.4 rv=4\nnamespace ns");
	struct object_diff d;

	(void)state;
	told[0] = '\0';
	store_begin(s, OBJECT_SERVICE);
	objects_put(s, OBJECT_NEXT,
		"service ns/same ips=10.0.0.1 rv=1\nservice ns/changed ips=10.0.1.2 rv=12\n"
		"service ns/new ips=10.0.0.5 rv=13\nservice ns/touched ips=10.0.0.4 rv=14");
	store_diff(s, OBJECT_SERVICE, UINT64_MAX, &d);
	assert_int_equal(d.n_live, 4);
	assert_int_equal(d.n_next, 4);
	assert_int_equal(d.added, 1);
	assert_int_equal(d.removed, 1);
	assert_int_equal(d.changed, 2);
	store_diff(s, OBJECT_SERVICE, 12, &d);
	assert_int_equal(d.added, 0);
	assert_int_equal(d.changed, 1);
	assert_string_equal(told, "");
	assert_int_equal(store_synced(s, OBJECT_SERVICE), 0);
	assert_non_null(strstr(told, "-gone "));
	assert_non_null(strstr(told, "*changed "));
	assert_non_null(strstr(told, "+new "));
	assert_int_equal(strlen(told), strlen("-gone *changed +new "));
	assert_int_equal(store_count(s, OBJECT_SERVICE), 4);
	assert_int_equal(store_service(s, "ns", "touched")->meta.resource_version, 14);
	assert_int_equal(store_count(s, OBJECT_NAMESPACE), 1);
	store_free(s);
}

static void an_abandoned_relist_changes_nothing(void **state)
{
	struct store *s = store_make("service ns/a ips=10.0.0.1 rv=1");

	(void)state;
	told[0] = '\0';
	store_begin(s, OBJECT_SERVICE);
	objects_put(s, OBJECT_NEXT, "service ns/b ips=10.0.0.2 rv=2");
	store_abandoned(s, OBJECT_SERVICE);
	assert_string_equal(told, "");
	assert_int_equal(store_count(s, OBJECT_SERVICE), 1);
	// What was put behind it is not kept for the next one.
	relist(s, OBJECT_SERVICE, "service ns/a ips=10.0.0.1 rv=1");
	assert_string_equal(told, "");
	store_free(s);
}

static void equal_versions_with_other_contents_are_a_change(void **state)
{
	struct store *s = store_make("service ns/a ips=10.0.0.1 rv=7");

	(void)state;
	relist(s, OBJECT_SERVICE, "service ns/a ips=10.0.0.2 rv=7");
	assert_string_equal(told, "*a ");
	store_free(s);
}

static void events_during_a_relist_do_not_get_lost(void **state)
{
	struct store *s =
		store_make("service ns/a ips=10.0.0.1 rv=1\nservice ns/b ips=10.0.0.2 rv=2\n"
			   "service ns/c ips=10.0.0.3 rv=3");

	(void)state;
	store_begin(s, OBJECT_SERVICE);
	objects_put(s, OBJECT_NEXT,
		"service ns/a ips=10.0.0.1 rv=1\nservice ns/b ips=10.0.0.2 rv=2\n"
		"service ns/c ips=10.0.0.3 rv=3");
	// LIVE goes ahead alone: NEXT still has the old version of a, and b and c.
	objects_put(s, OBJECT_LIVE, "service ns/a ips=10.0.9.1 rv=9");
	assert_int_equal(store_del(s, OBJECT_LIVE, OBJECT_SERVICE, "ns", "b"), 0);
	assert_int_equal(store_del(s, OBJECT_NEXT, OBJECT_SERVICE, "ns", "c"), 0);
	told[0] = '\0';
	assert_int_equal(store_synced(s, OBJECT_SERVICE), 0);
	assert_non_null(strstr(told, "*a "));
	assert_non_null(strstr(told, "+b "));
	assert_non_null(strstr(told, "-c "));
	assert_int_equal(store_service(s, "ns", "a")->meta.resource_version, 1);
	store_free(s);
}

static void kept_objects_survive_a_relist(void **state)
{
	struct store *s =
		store_make("service ns/a ips=10.0.0.1 rv=1\nservice ns/b ips=10.0.0.2 rv=2");

	(void)state;
	told[0] = '\0';
	store_begin(s, OBJECT_SERVICE);
	assert_int_equal(store_keep(s, OBJECT_SERVICE, "ns", "a"), 0);
	assert_int_equal(store_keep(s, OBJECT_SERVICE, "ns", "unknown"), 0);
	assert_int_equal(store_synced(s, OBJECT_SERVICE), 0);
	assert_string_equal(told, "-b ");
	store_free(s);
}

static void a_walk_sees_what_is_there_all_the_time_once(void **state)
{
	struct store *s = store_new(NULL, NULL);
	bool seen[200] = {false};
	struct store_walked w;
	char line[64];

	(void)state;
	for (int i = 0; i < 200; i++) {
		(void)snprintf(line, sizeof(line), "service ns/s%d", i);
		objects_put(s, OBJECT_LIVE, line);
	}
	store_rewind(s, STORE_WALK_SERVICES);
	for (int step = 0; store_step(s, STORE_WALK_SERVICES, &w); step++) {
		int i = (int)strtol(w.object->name + 1, NULL, 10);
		assert_false(i < 200 && seen[i]);
		if (i < 200)
			seen[i] = true;
		// Every third object goes, behind and in front of the walk; new ones come.
		(void)snprintf(line, sizeof(line), "s%d", step * 3);
		assert_int_equal(store_del(s, OBJECT_LIVE, OBJECT_SERVICE, "ns", line), 0);
		if (step < 100) {
			(void)snprintf(line, sizeof(line), "service ns/s%d", 1000 + step);
			objects_put(s, OBJECT_LIVE, line);
		}
	}
	for (int i = 0; i < 200; i++)
		assert_true(seen[i] || i % 3 == 0);
	store_free(s);
}

// A random sequence of everything, with a plain table of what must be there.
static void random_changes_and_relists_end_in_the_same_state(void **state)
{
	enum { NAMES = 24, STEPS = 20000 };
	unsigned live[NAMES] = {0};
	unsigned next[NAMES] = {0};
	bool is_listing = false;
	struct store *s = store_new(NULL, NULL);
	char line[96];

	(void)state;
	srandom(5);
	for (unsigned step = 1; step < STEPS; step++) {
		unsigned i = (unsigned)random() % NAMES;
		unsigned what = (unsigned)random() % 20;
		// Versions come again: NEXT often holds what LIVE has.
		unsigned rv = what % 2 == 0 && live[i] != 0 ? live[i] : step;
		(void)snprintf(line, sizeof(line), "slice ns/s%u of=w%u rv=%u ep=10.0.%u.%u", i,
			rv % 3, rv, rv >> 8 & 255, rv & 255);
		if (what < 5) {
			objects_put(s, OBJECT_LIVE, line);
			live[i] = rv;
		} else if (what < 7) {
			(void)snprintf(line, sizeof(line), "s%u", i);
			assert_int_equal(store_del(s, OBJECT_LIVE, OBJECT_SLICE, "ns", line), 0);
			live[i] = 0;
		} else if (!is_listing) {
			store_begin(s, OBJECT_SLICE);
			memset(next, 0, sizeof(next));
			is_listing = true;
		} else if (what < 16) {
			objects_put(s, OBJECT_NEXT, line);
			next[i] = rv;
		} else if (what < 18) {
			(void)snprintf(line, sizeof(line), "s%u", i);
			assert_int_equal(store_del(s, OBJECT_NEXT, OBJECT_SLICE, "ns", line), 0);
			next[i] = 0;
		} else if (random() % 8 == 0) {
			assert_int_equal(store_synced(s, OBJECT_SLICE), 0);
			memcpy(live, next, sizeof(live));
			is_listing = false;
		}
		size_t n = 0;
		size_t groups = 0;
		for (unsigned k = 0; k < NAMES; k++)
			n += live[k] != 0;
		assert_int_equal(store_count(s, OBJECT_SLICE), n);
		assert_int_equal(store_endpoints(s), n);
		for (unsigned k = 0; k < 3; k++) {
			(void)snprintf(line, sizeof(line), "w%u", k);
			const struct store_group *g = store_slices(s, OBJECT_SLICE, "ns", line);
			groups += g == NULL ? 0 : g->n;
		}
		assert_int_equal(groups, n);
		if (live[i] != 0) {
			(void)snprintf(line, sizeof(line), "10.0.%u.%u", live[i] >> 8 & 255,
				live[i] & 255);
			assert_true(refs(s, line) > 0);
		}
	}
	store_free(s);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(only_what_shows_in_dns_is_told),
		cmocka_unit_test(slices_are_found_by_service_in_the_order_of_their_names),
		cmocka_unit_test(addresses_know_their_services_and_endpoints),
		cmocka_unit_test(pods_are_counted_by_namespace_and_address),
		cmocka_unit_test(a_relist_tells_the_exact_differences),
		cmocka_unit_test(an_abandoned_relist_changes_nothing),
		cmocka_unit_test(equal_versions_with_other_contents_are_a_change),
		cmocka_unit_test(events_during_a_relist_do_not_get_lost),
		cmocka_unit_test(kept_objects_survive_a_relist),
		cmocka_unit_test(a_walk_sees_what_is_there_all_the_time_once),
		cmocka_unit_test(random_changes_and_relists_end_in_the_same_state),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
