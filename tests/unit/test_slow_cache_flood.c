// SPDX-License-Identifier: Apache-2.0
// A flood of random names that are asked once each, beside names that are asked all the time
// (proto:F10, rel:P8). Prints what it counted. 5,000,000 names with B53_LONG=1.
#include "slowpath/cache/cache.h"

#include <malloc.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

enum { CAPACITY = 9984, HOT = 1000, HOT_EACH = 5, RECORDS_MAX = 24, MSG_MAX_BYTES = 4096 };

static const struct policy_name root = {(const uint8_t *)""};
static const uint8_t key[16] = "any key will do";
static uint64_t random_state = 88172645463325252u;

// xorshift64: the same names in each run.
static uint64_t random_next(void)
{
	random_state ^= random_state << 13;
	random_state ^= random_state >> 7;
	random_state ^= random_state << 17;
	return random_state;
}

static unsigned flood_size(void)
{
	const char *is_long = getenv("B53_LONG");

	return is_long != NULL && strcmp(is_long, "1") == 0 ? 5000000 : 200000;
}

static struct ask ask_for(const char *text)
{
	struct ask a = {.type = RR_TYPE_A, .is_rd = true};

	assert_int_equal(dname_parse(text, &a.name), 0);
	return a;
}

// An answer of so many records of 16 to 100 bytes.
static struct entry *entry_make(const struct ask *a, unsigned n_records)
{
	uint8_t msg[MSG_MAX_BYTES] = {0x12, 0x34, 0x81, 0x80, 0, 1, 0, (uint8_t)n_records};
	struct wrbuf w = wrbuf_of(msg, sizeof(msg));

	(void)wrbuf_claim(&w, 12);
	wrbuf_bytes(&w, a->name.wire, a->name.size_bytes);
	wrbuf_u32(&w, 0x00010001);
	for (unsigned i = 0; i < n_records; i++) {
		uint16_t size = (uint16_t)(4 + random_next() % 85);
		wrbuf_u16(&w, 0xc00c);
		wrbuf_u32(&w, 0x00010001);
		wrbuf_u32(&w, 3600);
		wrbuf_u16(&w, size);
		(void)wrbuf_claim(&w, size);
	}
	struct entry *e = entry_read(a, msg, w.pos);
	assert_non_null(e);
	return e;
}

// Asks as the slow path does: what is not there is fetched and kept. Whether it was there.
static bool ask_once(struct cache *c, const char *name, enum entry_kind kind)
{
	struct ask a = ask_for(name);
	uint64_t hash = ask_hash(&a, key);
	struct cache_found f = cache_get(c, hash, &a, 1);

	entry_drop(f.entry);
	if (f.state != CACHE_MISS)
		return true;
	struct entry *e = entry_make(&a, 1 + (unsigned)(random_next() % RECORDS_MAX));
	e->kind = (uint8_t)kind;
	cache_clamp(c, e);
	cache_put(c, hash, &a, e, 1);
	entry_drop(e);
	return false;
}

static unsigned hot_hits(struct cache *c)
{
	char name[64];
	unsigned n = 0;

	for (unsigned i = 0; i < HOT; i++) {
		(void)snprintf(name, sizeof(name), "hot%u.example.", i);
		n += ask_once(c, name, ENTRY_SUCCESS);
	}
	return n;
}

struct flood {
	unsigned hot_asked, hot_hit;
	size_t most_bytes; // of the heap, over what it was at first
};

static size_t heap_bytes(void)
{
	struct mallinfo2 m = mallinfo2();

	return m.uordblks + m.hblkhd;
}

// A sanitizer's allocator does not tell.
static bool is_heap_counted(void)
{
	size_t before = heap_bytes();
	void *volatile p = malloc(1 << 20);
	bool is_counted = heap_bytes() >= before + (1 << 20);

	free(p);
	return is_counted;
}

// Names that nobody asks again, half of which do not exist; one question in HOT_EACH is for a hot
// name.
static void flood_run(struct cache *c, unsigned n, size_t before, struct flood *out)
{
	char name[64];

	for (unsigned i = 0; i < n; i++) {
		(void)snprintf(
			name, sizeof(name), "%016llx.example.", (unsigned long long)random_next());
		(void)ask_once(c, name, i & 1 ? ENTRY_SUCCESS : ENTRY_NXDOMAIN);
		if (i % HOT_EACH == 0) {
			(void)snprintf(name, sizeof(name), "hot%u.example.", i / HOT_EACH % HOT);
			out->hot_hit += ask_once(c, name, ENTRY_SUCCESS);
			out->hot_asked++;
		}
		size_t now = i % 1024 == 0 ? heap_bytes() - before : 0;
		out->most_bytes = now > out->most_bytes ? now : out->most_bytes;
	}
}

static void memory_stays_within_five_percent_and_the_hot_set_is_hit(void **state)
{
	const struct policy_cache p = {.zones = {&root, 1},
		.success = {CAPACITY, 3600, 5},
		.denial = {CAPACITY, 1800, 5},
		.servfail_ms = 5000};
	const size_t bound = (size_t)2 * CAPACITY * CACHE_ENTRY_BYTES;
	size_t before = heap_bytes();
	struct cache *c = cache_new(&p, NULL);
	struct flood f = {0};
	struct cache_stats s;
	unsigned n = flood_size();

	(void)state;
	assert_non_null(c);
	(void)hot_hits(c);
	assert_int_equal(hot_hits(c), HOT);
	flood_run(c, n, before, &f);
	cache_stats(c, &s);
	unsigned after = hot_hits(c);
	printf("%u random names: heap %zu of %zu bytes (%.1f %%), counted %llu; entries %llu + "
	       "%llu; "
	       "hot set hit %u of %u during the flood, %u of %u after it\n",
		n, f.most_bytes, bound, 100.0 * (double)f.most_bytes / (double)bound,
		(unsigned long long)s.bytes[0] + s.bytes[1], (unsigned long long)s.entries[0],
		(unsigned long long)s.entries[1], f.hot_hit, f.hot_asked, after, HOT);
	assert_true(s.bytes[0] + s.bytes[1] <= bound);
	assert_true(s.bytes[0] + s.bytes[1] >= bound / 10 * 9); // the bound was reached
	if (is_heap_counted())
		assert_in_range(f.most_bytes, bound / 10 * 9, bound + bound / 20);
	assert_true(f.hot_hit * 100ull >= f.hot_asked * 95ull);
	assert_true(after >= HOT / 100 * 95);
	cache_free(c);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(memory_stays_within_five_percent_and_the_hot_set_is_hit),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
