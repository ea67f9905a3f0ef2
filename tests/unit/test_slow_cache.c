// SPDX-License-Identifier: Apache-2.0
// Tests of the cache: what is kept, how long, and what goes first.
#include "slowpath/cache/cache.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

static const struct policy_name root = {(const uint8_t *)""};
static const uint8_t key[16] = "any key will do";

static struct policy_cache policy_make(void)
{
	return (struct policy_cache){.zones = {&root, 1},
		.success = {1600, 3600, 5},
		.denial = {1600, 1800, 5},
		.prefetch_window_ms = 60000,
		.prefetch_percent = 10,
		.servfail_ms = 5000};
}

static struct ask ask_for(const char *text)
{
	struct ask a = {.type = RR_TYPE_A, .is_rd = true};

	assert_int_equal(dname_parse(text, &a.name), 0);
	return a;
}

// An entry with one address record.
static struct entry *entry_make(const struct ask *a, enum entry_kind kind, uint32_t ttl_s)
{
	uint8_t msg[600] = {0};
	struct wrbuf w = wrbuf_of(msg, sizeof(msg));

	wrbuf_u32(&w, 0x12348180);
	wrbuf_u32(&w, 0x00010001);
	wrbuf_u32(&w, 0);
	wrbuf_bytes(&w, a->name.wire, a->name.size_bytes);
	wrbuf_u32(&w, 0x00010001);
	wrbuf_u16(&w, 0xc00c);
	wrbuf_u32(&w, 0x00010001);
	wrbuf_u32(&w, ttl_s);
	wrbuf_u16(&w, 4);
	wrbuf_u32(&w, 0x01020304);
	struct entry *e = entry_read(a, msg, w.pos);
	assert_non_null(e);
	e->kind = (uint8_t)kind;
	return e;
}

static void put(struct cache *c, const char *name, struct entry *e, uint64_t now_ms)
{
	struct ask a = ask_for(name);

	cache_clamp(c, e);
	cache_put(c, ask_hash(&a, key), &a, e, now_ms);
	entry_drop(e);
}

static void put_ttl(struct cache *c, const char *name, uint32_t ttl_s, uint64_t now_ms)
{
	struct ask a = ask_for(name);

	put(c, name, entry_make(&a, ENTRY_SUCCESS, ttl_s), now_ms);
}

static struct cache_found get(struct cache *c, const char *name, uint64_t now_ms)
{
	struct ask a = ask_for(name);
	struct cache_found f = cache_get(c, ask_hash(&a, key), &a, now_ms);

	entry_drop(f.entry); // the tests look at the rest only
	return f;
}

static void an_answer_lives_as_long_as_its_ttl_says(void **state)
{
	static const struct {
		uint32_t ttl_s, lives_s;
	} cases[] = {{0, 5}, {3, 5}, {60, 60}, {90000, 3600}};
	struct policy_cache p = policy_make();
	struct cache *c = cache_new(&p, NULL);

	(void)state;
	for (size_t i = 0; i < 4; i++) {
		put_ttl(c, "a.example.", cases[i].ttl_s, 1000);
		uint64_t end_ms = 1000 + cases[i].lives_s * 1000;
		assert_int_equal(get(c, "a.example.", end_ms - 1).state, CACHE_FRESH);
		assert_int_equal(get(c, "a.example.", end_ms - 1).age_s, cases[i].lives_s - 1);
		assert_int_equal(get(c, "a.example.", end_ms).state, CACHE_MISS);
	}
	cache_free(c);
}

static void questions_that_differ_in_a_flag_do_not_meet(void **state)
{
	struct policy_cache p = policy_make();
	struct cache *c = cache_new(&p, NULL);
	struct ask a = ask_for("a.example.");
	struct ask other[4] = {a, a, a, a};

	(void)state; // proto:F9
	put_ttl(c, "a.example.", 60, 0);
	other[0].is_do = true;
	other[1].is_cd = true;
	other[2].is_rd = false;
	other[3].type = RR_TYPE_AAAA;
	for (int i = 0; i < 4; i++) {
		struct cache_found f = cache_get(c, ask_hash(&other[i], key), &other[i], 1);
		assert_int_equal(f.state, CACHE_MISS);
	}
	cache_free(c);
}

static void failures_are_kept_for_moments_and_oddities_not_at_all(void **state)
{
	struct policy_cache p = policy_make();
	struct cache *c = cache_new(&p, NULL);
	struct ask a = ask_for("a.example.");

	(void)state;
	put(c, "a.example.", entry_make(&a, ENTRY_UNCACHEABLE, 60), 0);
	assert_int_equal(get(c, "a.example.", 1).state, CACHE_MISS);
	put(c, "a.example.", entry_error(RCODE_SERVFAIL, EDE_NONE), 0);
	assert_int_equal(get(c, "a.example.", 999).state, CACHE_FRESH);
	assert_int_equal(get(c, "a.example.", 1000).state, CACHE_MISS);
	p.servfail_ms = 0;
	put(c, "b.example.", entry_error(RCODE_SERVFAIL, EDE_NONE), 0);
	assert_int_equal(get(c, "b.example.", 1).state, CACHE_MISS);
	cache_free(c);
}

static void a_denial_takes_the_place_of_an_answer(void **state)
{
	struct policy_cache p = policy_make();
	struct cache *c = cache_new(&p, NULL);
	struct ask a = ask_for("a.example.");
	struct cache_stats s;

	(void)state;
	put_ttl(c, "a.example.", 60, 0);
	put(c, "a.example.", entry_make(&a, ENTRY_NXDOMAIN, 60), 10);
	cache_stats(c, &s);
	assert_int_equal(s.entries[0], 0);
	assert_int_equal(s.entries[1], 1);
	cache_free(c);
}

static void disabled_zones_are_not_kept(void **state)
{
	static const struct policy_name zone = {(const uint8_t *)"\7example"};
	struct policy_cache p = policy_make();

	(void)state;
	p.no_success = (struct policy_names){&zone, 1};
	struct cache *c = cache_new(&p, NULL);
	put_ttl(c, "a.example.", 60, 0);
	put_ttl(c, "a.other.", 60, 0);
	assert_int_equal(get(c, "a.example.", 1).state, CACHE_MISS);
	assert_int_equal(get(c, "a.other.", 1).state, CACHE_FRESH);
	cache_free(c);
}

static void stale_answers_are_served_and_refreshed_once(void **state)
{
	struct policy_cache p = policy_make();

	(void)state;
	p.stale_ms = 3600000;
	struct cache *c = cache_new(&p, NULL);
	put_ttl(c, "a.example.", 10, 0);
	struct cache_found f = get(c, "a.example.", 20000);
	assert_int_equal(f.state, CACHE_STALE);
	assert_true(f.wants_refresh);
	f = get(c, "a.example.", 20001);
	assert_int_equal(f.state, CACHE_STALE);
	assert_false(f.wants_refresh);
	put(c, "a.example.", entry_error(RCODE_SERVFAIL, EDE_NONE), 21000);
	assert_int_equal(get(c, "a.example.", 21001).state, CACHE_STALE);
	assert_int_equal(get(c, "a.example.", 10000 + 3600000).state, CACHE_MISS);
	cache_free(c);
}

static void popular_answers_are_fetched_before_they_end(void **state)
{
	struct policy_cache p = policy_make();
	unsigned refreshes = 0;

	(void)state;
	p.prefetch = 3;
	struct cache *c = cache_new(&p, NULL);
	put_ttl(c, "a.example.", 100, 0);
	for (uint64_t t = 1000; t < 100000; t += 1000)
		refreshes += get(c, "a.example.", t).wants_refresh;
	// One in each span of five seconds of the last ten.
	assert_int_equal(refreshes, 2);
	put_ttl(c, "b.example.", 100, 0);
	assert_false(get(c, "b.example.", 95000).wants_refresh);
	cache_free(c);
}

static void the_hot_set_survives_a_flood_within_the_bound(void **state)
{
	struct policy_cache p = policy_make();
	struct cache *c = cache_new(&p, NULL);
	struct cache_stats s;
	char name[64];
	unsigned hot = 0;

	(void)state; // rel:P8
	for (int i = 0; i < 200000; i++) {
		(void)snprintf(name, sizeof(name), "hot%d.example.", i / 5 % 400);
		if (i % 5 == 0 && get(c, name, 1).state == CACHE_MISS)
			put_ttl(c, name, 3600, 1);
		(void)snprintf(name, sizeof(name), "once%d.example.", i);
		put_ttl(c, name, 3600, 1);
	}
	cache_stats(c, &s);
	assert_true(s.entries[0] <= 1600);
	assert_true(s.bytes[0] <= 1600 * CACHE_ENTRY_BYTES);
	for (int i = 0; i < 400; i++) {
		(void)snprintf(name, sizeof(name), "hot%d.example.", i);
		hot += get(c, name, 1).state == CACHE_FRESH;
	}
	assert_true(hot >= 380);
	cache_free(c);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(an_answer_lives_as_long_as_its_ttl_says),
		cmocka_unit_test(questions_that_differ_in_a_flag_do_not_meet),
		cmocka_unit_test(failures_are_kept_for_moments_and_oddities_not_at_all),
		cmocka_unit_test(a_denial_takes_the_place_of_an_answer),
		cmocka_unit_test(disabled_zones_are_not_kept),
		cmocka_unit_test(stale_answers_are_served_and_refreshed_once),
		cmocka_unit_test(popular_answers_are_fetched_before_they_end),
		cmocka_unit_test(the_hot_set_survives_a_flood_within_the_bound),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
