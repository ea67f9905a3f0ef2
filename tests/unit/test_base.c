// SPDX-License-Identifier: Apache-2.0
// Tests of zones/base: cursors stay inside their bytes, the arena aligns, the first error wins.
#include "zones/base/arena.h"
#include "zones/base/array.h"
#include "zones/base/err.h"
#include "zones/base/rdbuf.h"
#include "zones/base/widths.h"
#include "zones/base/wrbuf.h"

#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

static void reading_past_the_end_sticks(void **state)
{
	const uint8_t bytes[] = {1, 2, 3};
	struct rdbuf r = rdbuf_of(bytes, sizeof(bytes));

	(void)state;
	assert_int_equal(rdbuf_u16(&r), 0x0102);
	assert_int_equal(rdbuf_u16(&r), 0);
	assert_true(r.bad);
	assert_int_equal(rdbuf_u8(&r), 0);
}

static void writing_past_the_end_writes_nothing(void **state)
{
	uint8_t bytes[4] = {9, 9, 9, 9};
	struct wrbuf w = wrbuf_of(bytes, 3);

	(void)state;
	wrbuf_u16(&w, 0x0102);
	wrbuf_u16(&w, 0x0304);
	assert_true(w.full);
	assert_int_equal(bytes[2], 9);
	wrbuf_u8(&w, 7);
	assert_int_equal(bytes[2], 9);
	assert_int_equal(w.pos, 2);
}

static void the_arena_hands_out_zeroed_aligned_memory(void **state)
{
	struct arena a = {0};

	(void)state;
	for (size_t i = 1; i < 3000; i += 37) {
		uint8_t *p = arena_alloc(&a, i);
		assert_non_null(p);
		assert_int_equal((uintptr_t)p % 16, 0);
		for (size_t k = 0; k < i; k++)
			assert_int_equal(p[k], 0);
		memset(p, 0xff, i);
	}
	assert_null(arena_alloc(&a, SIZE_MAX - 3));
	arena_fini(&a);
	assert_int_equal(a.used_bytes, 0);
}

static void the_first_error_wins(void **state)
{
	struct err e = {0};
	char buf[256];

	(void)state;
	assert_int_equal(
		err_set_at(&e, -EINVAL, "Corefile", (unsigned[]){3, 7}, "bad %s", "word"), -EINVAL);
	assert_int_equal(err_set(&e, -ENOENT, "later"), -ENOENT);
	assert_int_equal(e.code, -EINVAL);
	assert_string_equal(err_print(&e, buf, sizeof(buf)), "Corefile:3:7: bad word");
}

static void an_array_grows_by_doubling(void **state)
{
	size_t cap = 0;
	int *items = array_grow(NULL, &cap, 1, sizeof(*items));

	(void)state;
	assert_int_equal(cap, 16);
	items = array_grow(items, &cap, 33, sizeof(*items));
	assert_int_equal(cap, 64);
	assert_null(array_grow(items, &cap, SIZE_MAX, sizeof(*items)));
	free(items);
}

static void prefix_lengths_are_taken_or_refused_with_a_reason(void **state)
{
	static const struct {
		unsigned family, n;
		const char *text, *message;
	} rows[] = {
		{4, 1, "32:1", NULL},
		{4, 3, "32:1,24:32,1:65535", NULL},
		{6, 8, "128:1,64:2,56:3,48:3,40:5,32:6,24:7,16:8", NULL},
		{6, 0, "128:1,64:2,56:3,48:4,40:5,32:6,24:7,16:8,8:9", "more than 8"},
		{4, 0, "", "no list"},
		{4, 0, "32", "no list"},
		{4, 0, "32:", "no list"},
		{4, 0, "32:1,", "no list"},
		{4, 0, "32:1;24:2", "no list"},
		{4, 0, "33:1", "lengths from 1 to 32"},
		{6, 0, "129:1", "lengths from 1 to 128"},
		{4, 0, "0:1", "no list"},
		{4, 0, "-1:1", "no list"},
		{4, 0, "32:0", "no list"},
		{4, 0, "32:65536", "no list"},
		{4, 0, "32:99999999999999999999", "no list"},
		{4, 0, "24:1,32:1", "longest prefix first"},
		{4, 0, "24:1,24:1", "longest prefix first"},
		{4, 0, "32:2,24:1", "must not have less"},
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		struct widths w;
		struct err e = {0};
		int rc = widths_parse(rows[i].text, rows[i].family, &w, &e);
		assert_int_equal(rc, rows[i].message == NULL ? 0 : -EINVAL);
		if (rc == 0)
			assert_int_equal(w.n, rows[i].n);
		else if (strstr(e.text, rows[i].message) == NULL)
			fail_msg("%s: %s", rows[i].text, e.text);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(reading_past_the_end_sticks),
		cmocka_unit_test(writing_past_the_end_writes_nothing),
		cmocka_unit_test(the_arena_hands_out_zeroed_aligned_memory),
		cmocka_unit_test(the_first_error_wins),
		cmocka_unit_test(an_array_grows_by_doubling),
		cmocka_unit_test(prefix_lengths_are_taken_or_refused_with_a_reason),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
