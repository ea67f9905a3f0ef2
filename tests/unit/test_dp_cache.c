// SPDX-License-Identifier: Apache-2.0
// The workers' cache of outside answers: what is served when, what is refused, what a flood leaves.
#include "dataplane/cache/cache.h"

#include "tests/unit/eal_fixture.h"
#include "zones/base/name_hash.h"
#include "zones/link/punt.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <string.h>

#include <cmocka.h>
#include <rte_malloc.h>

enum { ENTRIES = 64, POLICY = 3, HASH = 77, NOW_MS = 1000000, LIFE_MS = 30000 };

struct bench {
	struct rte_rcu_qsbr *qsbr;
	struct outside_cache_counters counters;
	struct outside_cache *cache;
};

// A message with one A record in its entry.
enum { RR_BYTES = 16, ENTRY_BYTES = sizeof(struct entry) + sizeof(struct entry_rr) + RR_BYTES };

struct message {
	struct punt_cache_msg head;
	_Alignas(struct entry) uint8_t entry[ENTRY_BYTES];
};

enum { MESSAGE_BYTES = offsetof(struct message, entry) + ENTRY_BYTES };

static struct entry *entry_of(struct message *m)
{
	return (struct entry *)m->entry;
}

static void bench_make(struct bench *b, uint64_t max_bytes)
{
	(void)eal_fixture_start();
	memset(b, 0, sizeof(*b));
	b->qsbr = rte_zmalloc("qsbr", rte_rcu_qsbr_get_memsize(1), RTE_CACHE_LINE_SIZE);
	assert_non_null(b->qsbr);
	assert_int_equal(rte_rcu_qsbr_init(b->qsbr, 1), 0);
	assert_int_equal(rte_rcu_qsbr_thread_register(b->qsbr, 0), 0);
	rte_rcu_qsbr_thread_online(b->qsbr, 0);
	b->cache = outside_cache_new(&(struct outside_cache_options){.qsbr = b->qsbr,
		.n_readers = 1,
		.max_entries = ENTRIES,
		.max_bytes = max_bytes,
		.counters = &b->counters});
	assert_non_null(b->cache);
}

static void bench_free(struct bench *b)
{
	rte_rcu_qsbr_thread_offline(b->qsbr, 0);
	outside_cache_free(b->cache);
	rte_free(b->qsbr);
}

static void message_make(struct message *m, unsigned number, unsigned address)
{
	const uint8_t rr[RR_BYTES] = {
		0xc0, 12, 0, 1, 0, 1, 0, 0, 0, 0, 0, 4, 198, 18, 0, (uint8_t)address};
	struct entry *e = entry_of(m);

	*m = (struct message){.head = {.magic = PUNT_CACHE_MAGIC,
				      .type = RR_TYPE_A,
				      .policy = POLICY,
				      .flags = PUNT_CACHE_RD,
				      .policy_hash = HASH,
				      .born_ms = NOW_MS,
				      .expires_ms = NOW_MS + LIFE_MS}};
	e->kind = ENTRY_SUCCESS;
	e->ede = EDE_NONE;
	e->n_an = 1;
	e->rr_bytes = RR_BYTES;
	e->rrs[0] = (struct entry_rr){.ttl_s = 30, .end = RR_BYTES, .ttl_at = 6};
	memcpy(m->entry + sizeof(*e) + sizeof(e->rrs[0]), rr, sizeof(rr));
	m->head.name[0] = 4;
	for (unsigned i = 0; i < 4; i++)
		m->head.name[1 + i] = (uint8_t)('a' + (number >> (4 * i) & 15));
	m->head.name_size = 6;
	e->qname_size = 6;
	m->head.entry_size = ENTRY_BYTES;
}

static void put(struct bench *b, const struct message *m)
{
	outside_cache_put(b->cache, m, MESSAGE_BYTES, NOW_MS);
}

// What is served for a question like the message's.
static void find_hit(struct bench *b, const struct message *m, uint64_t policy_hash,
	uint64_t now_ms, struct cache_hit *out)
{
	const uint8_t *secret = outside_cache_secret(b->cache)->name;
	const struct cache_question q = {.name = m->head.name,
		.hash = name_hash(secret, m->head.name, m->head.name_size),
		.name_size = m->head.name_size,
		.flags = m->head.flags,
		.type = m->head.type,
		.policy = m->head.policy};

	outside_cache_find(b->cache, &(struct cache_reader){0, policy_hash, now_ms}, &q, 1, out);
}

// The last byte of the address that is served for a question like the message's, -1 for none.
static int find(struct bench *b, const struct message *m, uint64_t policy_hash, uint64_t now_ms)
{
	struct cache_hit hit;

	find_hit(b, m, policy_hash, now_ms, &hit);
	if (hit.entry == NULL)
		return -1;
	assert_int_equal(hit.age_s, (now_ms - NOW_MS) / 1000);
	return entry_bytes(hit.entry)[15];
}

static void an_answer_is_served_until_it_expires_and_to_its_question_only(void **state)
{
	struct bench b;
	struct message m, other;
	(void)state;

	bench_make(&b, 1 << 20);
	message_make(&m, 1, 10);
	assert_int_equal(find(&b, &m, HASH, NOW_MS), -1);
	put(&b, &m);
	assert_int_equal(find(&b, &m, HASH, NOW_MS), 10);
	assert_int_equal(find(&b, &m, HASH, NOW_MS + LIFE_MS - 1), 10);
	assert_int_equal(find(&b, &m, HASH, NOW_MS + LIFE_MS), -1);
	assert_int_equal(find(&b, &m, HASH + 1, NOW_MS), -1); // another Corefile
	message_make(&other, 2, 10);
	assert_int_equal(find(&b, &other, HASH, NOW_MS), -1);
	other = m;
	other.head.type = RR_TYPE_AAAA;
	assert_int_equal(find(&b, &other, HASH, NOW_MS), -1);
	other = m;
	other.head.flags |= PUNT_CACHE_DO;
	assert_int_equal(find(&b, &other, HASH, NOW_MS), -1);
	other = m;
	other.head.policy++;
	assert_int_equal(find(&b, &other, HASH, NOW_MS), -1);
	bench_free(&b);
}

static void authority_that_is_not_kept_is_not_served(void **state)
{
	static const struct {
		enum entry_kind kind;
		bool keeps_authority;
		unsigned n_ns;
	} cases[] = {{ENTRY_SUCCESS, false, 0}, {ENTRY_SUCCESS, true, 1}, {ENTRY_NODATA, false, 1}};
	struct bench b;
	struct message m;
	(void)state;

	bench_make(&b, 1 << 20);
	for (unsigned i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		struct cache_hit hit;
		message_make(&m, i, 10);
		entry_of(&m)->kind = (uint8_t)cases[i].kind;
		entry_of(&m)->keeps_authority = cases[i].keeps_authority;
		entry_of(&m)->n_an = 0;
		entry_of(&m)->n_ns = 1;
		put(&b, &m);
		find_hit(&b, &m, HASH, NOW_MS, &hit);
		assert_non_null(hit.entry);
		assert_int_equal(hit.entry->n_ns, cases[i].n_ns);
		assert_int_equal(hit.entry->rr_bytes, cases[i].n_ns * RR_BYTES);
	}
	bench_free(&b);
}

static void a_newer_answer_takes_the_place_of_the_old_one(void **state)
{
	struct bench b;
	struct message m;
	(void)state;

	bench_make(&b, 1 << 20);
	for (unsigned i = 0; i < 1000; i++) { // more often than there are slots
		message_make(&m, 1, i & 0xff);
		put(&b, &m);
		assert_int_equal(find(&b, &m, HASH, NOW_MS), i & 0xff);
		rte_rcu_qsbr_quiescent(b.qsbr, 0);
	}
	assert_int_equal(counter_get(&b.counters.entries), 1);
	assert_int_equal(counter_get(&b.counters.stored), 1000);
	assert_int_equal(counter_get(&b.counters.refused), 0);
	bench_free(&b);
}

static void what_is_used_outlives_a_flood_of_names(void **state)
{
	struct bench b;
	struct message hot, m;
	(void)state;

	bench_make(&b, 1 << 20);
	message_make(&hot, 60000, 7);
	put(&b, &hot);
	for (unsigned i = 0; i < 5000; i++) {
		message_make(&m, i, 1);
		put(&b, &m);
		assert_int_equal(find(&b, &hot, HASH, NOW_MS), 7);
		rte_rcu_qsbr_quiescent(b.qsbr, 0);
	}
	assert_true(counter_get(&b.counters.entries) <= ENTRIES);
	assert_int_equal(counter_get(&b.counters.refused), 0);
	bench_free(&b);
}

static void memory_stays_within_its_bound(void **state)
{
	struct bench b;
	struct message m;
	(void)state;

	bench_make(&b, 4096);
	for (unsigned i = 0; i < 500; i++) {
		message_make(&m, i, 1);
		put(&b, &m);
		rte_rcu_qsbr_quiescent(b.qsbr, 0);
		assert_true(counter_get(&b.counters.bytes) <= 4096);
	}
	assert_true(counter_get(&b.counters.entries) > 4);
	bench_free(&b);
}

static void a_worker_that_never_rests_stalls_nobody(void **state)
{
	struct bench b;
	struct message m;
	(void)state;

	bench_make(&b, 1 << 20);
	for (unsigned i = 0; i < 2000; i++) { // no quiescent state in between
		message_make(&m, i, 1);
		put(&b, &m);
	}
	assert_true(counter_get(&b.counters.refused) > 0);
	rte_rcu_qsbr_quiescent(b.qsbr, 0);
	message_make(&m, 50000, 9);
	put(&b, &m);
	assert_int_equal(find(&b, &m, HASH, NOW_MS), 9);
	bench_free(&b);
}

static void damage_magic(struct message *m)
{
	m->head.magic++;
}
static void damage_size(struct message *m)
{
	m->head.entry_size--;
}
static void damage_name(struct message *m)
{
	m->head.name_size = 0;
}
static void damage_flags(struct message *m)
{
	m->head.flags = 8;
}
static void damage_life(struct message *m)
{
	m->head.expires_ms = m->head.born_ms - 1;
}
static void damage_qname(struct message *m)
{
	entry_of(m)->qname_size++;
}
static void damage_count(struct message *m)
{
	entry_of(m)->n_ns = 5000;
}
static void damage_end(struct message *m)
{
	entry_of(m)->rrs[0].end = 17;
}
static void damage_ttl_at(struct message *m)
{
	entry_of(m)->rrs[0].ttl_at = 13;
}
static void damage_rotation(struct message *m)
{
	entry_of(m)->n_rotated = 2;
}
static void damage_bool(struct message *m)
{
	memset(&entry_of(m)->has_ra, 2, 1);
}
static void damage_kind(struct message *m)
{
	entry_of(m)->kind = ENTRY_UNCACHEABLE + 1;
}

static void malformed_messages_are_refused(void **state)
{
	static void (*const damages[])(struct message *) = {damage_magic, damage_size, damage_name,
		damage_flags, damage_life, damage_qname, damage_count, damage_end, damage_ttl_at,
		damage_rotation, damage_bool, damage_kind};
	const unsigned n = sizeof(damages) / sizeof(damages[0]);
	struct bench b;
	struct message m;
	(void)state;

	bench_make(&b, 1 << 20);
	for (unsigned i = 0; i < n; i++) {
		message_make(&m, i, 1);
		damages[i](&m);
		put(&b, &m);
		assert_int_equal(counter_get(&b.counters.refused), i + 1);
	}
	for (size_t size = 0; size < MESSAGE_BYTES; size++) {
		message_make(&m, 1, 1);
		outside_cache_put(b.cache, &m, size, NOW_MS);
	}
	assert_int_equal(counter_get(&b.counters.refused), n + MESSAGE_BYTES);
	assert_int_equal(counter_get(&b.counters.entries), 0);
	bench_free(&b);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(an_answer_is_served_until_it_expires_and_to_its_question_only),
		cmocka_unit_test(authority_that_is_not_kept_is_not_served),
		cmocka_unit_test(a_newer_answer_takes_the_place_of_the_old_one),
		cmocka_unit_test(what_is_used_outlives_a_flood_of_names),
		cmocka_unit_test(memory_stays_within_its_bound),
		cmocka_unit_test(a_worker_that_never_rests_stalls_nobody),
		cmocka_unit_test(malformed_messages_are_refused),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
