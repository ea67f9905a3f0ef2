// SPDX-License-Identifier: Apache-2.0
// Runs store, synthesis and layers with each allocation failing in turn: the failure is reported,
// nothing crashes, nothing leaks (ASan), and what worked before still works.
#include "tests/unit/objects_fixture.h"

#include "control/layers.h"
#include "control/publish/sealed.h"
#include "zones/base/array.h"

#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

// The linker sends our calls here (--wrap).
void *__real_malloc(size_t n);
void *__real_calloc(size_t n, size_t size);
void *__real_realloc(void *p, size_t n);
void *__wrap_malloc(size_t n);
void *__wrap_calloc(size_t n, size_t size);
void *__wrap_realloc(void *p, size_t n);

static size_t countdown; // the allocation that fails; 0: none
static bool failed;

static bool must_fail(void)
{
	if (countdown == 0 || --countdown != 0)
		return false;
	failed = true;
	return true;
}

void *__wrap_malloc(size_t n)
{
	return must_fail() ? NULL : __real_malloc(n);
}

void *__wrap_calloc(size_t n, size_t size)
{
	return must_fail() ? NULL : __real_calloc(n, size);
}

void *__wrap_realloc(void *p, size_t n)
{
	return must_fail() ? NULL : __real_realloc(p, n);
}

// Calls body with the first, the second ... allocation failing until none does.
static void with_each_failure(void (*body)(void *user), void *user)
{
	size_t n = 0;

	do {
		failed = false;
		countdown = ++n;
		body(user);
		countdown = 0;
	} while (failed && n < 100000);
	assert_true(n > 2);
}

static const char world[] =
	"namespace ns\nservice ns/web ips=10.0.0.1 ports=http/tcp/80,dns/udp/53\n"
	"service ns/hl headless\nservice ns/x to=hl.ns.svc.cluster.local\n"
	"slice ns/hl-1 of=hl ports=p/tcp/1 ep=10.1.0.1;host=a;zone=z ep=10.1.0.2\n"
	"slice ns/hl-2 of=hl ports=p/tcp/1 ep=10.1.0.1;host=a ep=10.1.0.3 ep=10.1.0.4\n"
	"slice ns/o-1 of=o ep=10.1.0.1\nslice ns/q-1 of=q ep=10.1.0.1\n"
	"slice ns/r-1 of=r ep=10.1.0.1\nslice ns/t-1 of=t ep=10.1.0.1\npod ns/p ip=10.1.0.9\n";

static void put_all(void *user)
{
	struct store *s = store_new(NULL, NULL);
	static const char *const lines[] = {"namespace ns", "service ns/a ips=10.0.0.1 rv=1",
		"slice ns/a of=a ep=10.0.0.2 rv=2", "pod ns/p ip=10.0.0.3 rv=3",
		"service ns/a ips=10.0.0.4 rv=4"};

	(void)user;
	if (s == NULL)
		return;
	for (size_t i = 0; i < ARRAY_LEN(lines); i++) {
		size_t keep = countdown;
		countdown = 0; // the fixture's own memory is not the question
		struct object_meta *o = objects_parse(lines[i]);
		countdown = keep;
		if (store_put(s, OBJECT_LIVE, o) != 0)
			assert_true(failed);
	}
	store_free(s);
}

static void a_store_that_is_short_of_memory_stays_whole(void **state)
{
	(void)state;
	with_each_failure(put_all, NULL);
}

static void relist(void *user)
{
	struct store *s = user;
	size_t before = store_count(s, OBJECT_SERVICE);

	store_begin(s, OBJECT_SERVICE);
	for (int i = 0; i < 3; i++) {
		static const char *const lines[] = {"service ns/web ips=10.0.0.1 rv=77",
			"service ns/new ips=10.0.0.9 rv=78", "service ns/hl headless rv=79"};
		size_t keep = countdown;
		countdown = 0;
		struct object_meta *o = objects_parse(lines[i]);
		countdown = keep;
		if (store_put(s, OBJECT_NEXT, o) != 0)
			assert_true(failed);
	}
	int rc = failed ? -ENOMEM : 0;
	countdown = 0; // taking it over is not the question here
	assert_int_equal(store_synced(s, OBJECT_SERVICE), rc);
	if (rc != 0)
		assert_int_equal(store_count(s, OBJECT_SERVICE), before);
}

static void a_list_that_lost_objects_is_not_taken(void **state)
{
	struct store *s = store_new(NULL, NULL);
	size_t n = 0;

	(void)state;
	objects_put(s, OBJECT_LIVE, world);
	do {
		failed = false;
		countdown = ++n;
		relist(s);
		countdown = 0;
	} while (failed && n < 8);
	store_free(s);
}

struct emission {
	struct synth y;
	struct config config;
	struct store *store;
	size_t names;
};

static int take_name(void *user, const struct synth_name *name, uint32_t *id)
{
	(void)name;
	*id = 0;
	(*(size_t *)user)++;
	return 0;
}

static void emit_all(void *user)
{
	struct emission *e = user;
	size_t n = 0;
	const struct synth_sink sink = {&n, take_name};
	struct object_address shared;
	const struct synth_unit units[] = {
		{.kind = UNIT_APEX, .ns = "", .name = ""},
		{.kind = UNIT_SERVICE, .ns = "ns", .name = "web"},
		{.kind = UNIT_SERVICE, .ns = "ns", .name = "hl"},
		{.kind = UNIT_SERVICE, .ns = "ns", .name = "x"},
		{.kind = UNIT_REVERSE, .ns = "", .name = ""},
	};

	assert_true(object_address_parse("10.1.0.1", &shared));
	for (size_t i = 0; i < ARRAY_LEN(units); i++) {
		struct synth_unit u = units[i];
		if (u.kind == UNIT_REVERSE)
			u.addr = shared;
		int rc = synth_emit(&e->y, &u, &sink, NULL);
		assert_int_equal(rc, rc != 0 ? -ENOMEM : 0);
		assert_true(rc == 0 || failed);
	}
	if (!failed)
		assert_int_equal(n, e->names);
}

static void synthesis_reports_short_memory(void **state)
{
	struct emission e = {.store = store_new(NULL, NULL)};
	struct object_address a;

	(void)state;
	objects_put(e.store, OBJECT_LIVE, world);
	assert_int_equal(synth_init(&e.y, e.store, objects_config(&e.config, NULL, "zonal")), 0);
	assert_true(object_address_parse("10.1.0.1", &a));
	synth_add_local(&e.y, &a);
	const struct synth_sink sink = {&e.names, take_name};
	const struct synth_unit units[] = {{.kind = UNIT_APEX, .ns = "", .name = ""},
		{.kind = UNIT_SERVICE, .ns = "ns", .name = "web"},
		{.kind = UNIT_SERVICE, .ns = "ns", .name = "hl"},
		{.kind = UNIT_SERVICE, .ns = "ns", .name = "x"}};
	for (size_t i = 0; i < ARRAY_LEN(units); i++)
		assert_int_equal(synth_emit(&e.y, &units[i], &sink, NULL), 0);
	e.names++; // the shared address' reverse name
	with_each_failure(emit_all, &e);
	synth_fini(&e.y);
	config_free(&e.config);
	store_free(e.store);
}

static void policy_all(void *user)
{
	const struct config *c = user;
	const struct image_build_id id = {.kind = IMAGE_BASE, .generation = 1, .serial = 1};
	const struct policy_view views[] = {
		{.config = c->servers[0].kubernetes, .is_synced = true}};
	struct err e = {0};
	struct sealed sealed = {.fd = -1};
	const struct hosts hosts[1] = {{0}};
	struct policy *p = policy_new(c, hosts, &e);
	struct image_build *b = image_build_new(&id);

	if (p == NULL || b == NULL || policy_write(p, b, views) != 0)
		assert_true(failed);
	if (b != NULL && sealed_make(b, &sealed, &e) != 0)
		assert_true(failed);
	sealed_close(&sealed);
	policy_free(p);
}

static void policies_report_short_memory(void **state)
{
	struct config c;

	(void)state;
	(void)objects_config(&c, NULL, "pods insecure\n fallthrough in-addr.arpa");
	with_each_failure(policy_all, &c);
	config_free(&c);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_store_that_is_short_of_memory_stays_whole),
		cmocka_unit_test(a_list_that_lost_objects_is_not_taken),
		cmocka_unit_test(synthesis_reports_short_memory),
		cmocka_unit_test(policies_report_short_memory),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
