// SPDX-License-Identifier: Apache-2.0
// A flood of random names through the workers' cache beside names that are asked all the time
// (rel:P8). Prints what it counted. 5,000,000 names with B53_LONG=1.
#include "dataplane/cache/cache.h"

#include "tests/unit/eal_fixture.h"
#include "zones/base/name_hash.h"
#include "zones/link/punt.h"

#include <malloc.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>
#include <rte_malloc.h>

enum {
	MAX_ENTRIES = 1 << 14,
	MAX_BYTES = 8 << 20,
	HOT = 1000,
	HOT_EACH = 5,
	BURST = 32,
	RR_BYTES = 16,
	RECORDS_MAX = 40,
	HASH = 77,
	NOW_MS = 1000000,
	NAME_BYTES = 18, // one label of 16
};

struct message {
	struct punt_cache_msg head;
	_Alignas(struct entry) uint8_t
		entry[sizeof(struct entry) + RECORDS_MAX * (sizeof(struct entry_rr) + RR_BYTES)];
};

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

static void name_make(uint8_t name[NAME_BYTES + 1], const char *kind, uint64_t number)
{
	name[0] = 16;
	(void)snprintf((char *)name + 1, NAME_BYTES, "%s%013llx", kind,
		(unsigned long long)(number >> 12));
}

// Stores an answer of so many records for the name.
static void put(struct outside_cache *c, const uint8_t *name, unsigned n_records)
{
	static struct message m;
	struct entry *e = (struct entry *)m.entry;

	m.head = (struct punt_cache_msg){.magic = PUNT_CACHE_MAGIC,
		.type = RR_TYPE_A,
		.flags = PUNT_CACHE_RD,
		.policy_hash = HASH,
		.name_size = NAME_BYTES,
		.born_ms = NOW_MS,
		.expires_ms = NOW_MS + 30000};
	memcpy(m.head.name, name, NAME_BYTES);
	memset(e, 0, sizeof(*e));
	e->kind = ENTRY_SUCCESS;
	e->ede = EDE_NONE;
	e->qname_size = NAME_BYTES;
	e->n_an = (uint16_t)n_records;
	e->rr_bytes = n_records * RR_BYTES;
	for (unsigned i = 0; i < n_records; i++)
		e->rrs[i] = (struct entry_rr){.ttl_s = 30,
			.end = (uint16_t)((i + 1) * RR_BYTES),
			.ttl_at = (uint16_t)(i * RR_BYTES + 6)};
	m.head.entry_size = (uint16_t)entry_size(e);
	outside_cache_put(c, &m, sizeof(m.head) + m.head.entry_size, NOW_MS);
}

static bool is_found(struct outside_cache *c, const uint8_t *name)
{
	const struct cache_reader reader = {0, HASH, NOW_MS};
	const struct cache_question q = {.name = name,
		.hash = name_hash(outside_cache_secret(c)->name, name, NAME_BYTES),
		.name_size = NAME_BYTES,
		.flags = PUNT_CACHE_RD,
		.type = RR_TYPE_A};
	struct cache_hit hit;

	outside_cache_find(c, &reader, &q, 1, &hit);
	return hit.entry != NULL;
}

// As a worker that punts what it does not find; whether it was there.
static bool ask_once(struct outside_cache *c, const uint8_t *name)
{
	if (is_found(c, name))
		return true;
	put(c, name, 1 + (unsigned)(random_next() % RECORDS_MAX));
	return false;
}

static unsigned hot_hits(struct outside_cache *c)
{
	uint8_t name[NAME_BYTES + 1];
	unsigned n = 0;

	for (uint64_t i = 0; i < HOT; i++) {
		name_make(name, "hot", i << 12);
		n += ask_once(c, name);
	}
	return n;
}

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

struct flood {
	unsigned hot_asked, hot_hit;
	size_t most_bytes; // of the heap, over what it was at first
};

static void flood_run(struct outside_cache *c, struct rte_rcu_qsbr *qsbr, unsigned n, size_t before,
	struct flood *out)
{
	uint8_t name[NAME_BYTES + 1];

	for (unsigned i = 0; i < n; i++) {
		name_make(name, "add", random_next());
		(void)ask_once(c, name);
		if (i % HOT_EACH == 0) {
			name_make(name, "hot", (uint64_t)(i / HOT_EACH % HOT) << 12);
			out->hot_hit += ask_once(c, name);
			out->hot_asked++;
		}
		if (i % BURST == 0)
			rte_rcu_qsbr_quiescent(qsbr, 0);
		size_t now = i % 1024 == 0 ? heap_bytes() - before : 0;
		out->most_bytes = now > out->most_bytes ? now : out->most_bytes;
	}
}

static struct rte_rcu_qsbr *reader_start(void)
{
	struct rte_rcu_qsbr *qsbr =
		rte_zmalloc("qsbr", rte_rcu_qsbr_get_memsize(1), RTE_CACHE_LINE_SIZE);

	assert_non_null(qsbr);
	assert_int_equal(rte_rcu_qsbr_init(qsbr, 1), 0);
	assert_int_equal(rte_rcu_qsbr_thread_register(qsbr, 0), 0);
	rte_rcu_qsbr_thread_online(qsbr, 0);
	return qsbr;
}

static void memory_stays_within_five_percent_and_the_hot_set_is_hit(void **state)
{
	struct outside_cache_counters counters;
	struct flood f = {0};
	unsigned n = flood_size();

	(void)state;
	(void)eal_fixture_start();
	memset(&counters, 0, sizeof(counters));
	struct rte_rcu_qsbr *qsbr = reader_start();
	size_t before = heap_bytes();
	struct outside_cache *c = outside_cache_new(&(struct outside_cache_options){.qsbr = qsbr,
		.n_readers = 1,
		.max_entries = MAX_ENTRIES,
		.max_bytes = MAX_BYTES,
		.counters = &counters});
	assert_non_null(c);
	(void)hot_hits(c);
	assert_int_equal(hot_hits(c), HOT);
	flood_run(c, qsbr, n, before, &f);
	unsigned after = hot_hits(c);
	unsigned long long counted = counter_get(&counters.bytes);
	printf("%u random names: heap %zu of %u bytes (%.1f %%), counted %llu; entries %llu; "
	       "refused "
	       "%llu; hot set hit %u of %u during the flood, %u of %u after it\n",
		n, f.most_bytes, MAX_BYTES, 100.0 * (double)f.most_bytes / MAX_BYTES, counted,
		(unsigned long long)counter_get(&counters.entries),
		(unsigned long long)counter_get(&counters.refused), f.hot_hit, f.hot_asked, after,
		HOT);
	assert_in_range(counted, MAX_BYTES / 10 * 9, MAX_BYTES); // the bound was reached
	if (is_heap_counted())
		assert_in_range(f.most_bytes, MAX_BYTES / 10 * 9, MAX_BYTES + MAX_BYTES / 20);
	assert_int_equal(counter_get(&counters.refused), 0);
	assert_true(f.hot_hit * 100ull >= f.hot_asked * 95ull);
	assert_true(after >= HOT / 100 * 95);
	rte_rcu_qsbr_thread_offline(qsbr, 0);
	outside_cache_free(c);
	rte_free(qsbr);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(memory_stays_within_five_percent_and_the_hot_set_is_hit),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
