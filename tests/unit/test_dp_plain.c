// SPDX-License-Identifier: Apache-2.0
// Plain queries are answered and counted as all others are: the same frames go through a worker
// that knows the plain way, and through one whose two indexes share no secret, which shuts it.
#include "dataplane/worker/worker.h"

#include "tests/unit/eal_fixture.h"
#include "tests/unit/worker_fixture.h"

#include "zones/entry/entry.h"
#include "zones/link/punt.h"

#include <rte_malloc.h>
#include <rte_mbuf.h>
#include <rte_ring.h>

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include <cmocka.h>

enum {
	BURSTS = 6000,
	CACHED = 64, // entries
	RRS_MAX = 5,
	RR_BYTES_MAX = 40,
	AGE_MS = 3000, // of entries, when they are put in
};

static const char *const outside_names[] = {"example.com", "www.example.com", "_x.example.com",
	"a.b.c.d.e.f.g.h.example.net", "1-2-3-4.ns.pod.example.org", "com", "x.clusterxlocal", "."};

static const char *outside_name(void)
{
	return outside_names[(size_t)rand() % (sizeof(outside_names) / sizeof(outside_names[0]))];
}

static void name_choose(struct dname *name)
{
	const struct image *img = &b.image.image;
	const struct image_name *n = &img->names[(size_t)rand() % img->n_names];
	static const char *const others[] = {"nope.ns.svc.cluster.local", "cluster.local", ".",
		"x.clusterxlocal", "example.com", "1-2-3-4.ns.pod.cluster.local", "local",
		"9.9.9.10.in-addr.arpa", "_x._y.ns.svc.cluster.local", "a.b.c.d.e.f.cluster.local",
		"x\\007cluster.local", "pod.cluster.local", "ns.pod.cluster.local", "_"};

	name->size_bytes = n->name_size;
	memcpy(name->wire, image_name_wire(img, n), n->name_size);
	if (rand() % 4 == 0)
		*name = image_fixture_name(
			others[(size_t)rand() % (sizeof(others) / sizeof(others[0]))]);
	if (rand() % 2 == 0)
		*name = image_fixture_name(outside_name());
	if (rand() % 8 == 0)
		(void)dname_prepend(name, "_xy", 1 + (size_t)rand() % 3);
	while (rand() % 16 == 0)
		(void)dname_prepend(name, "a-long-label-of-many-characters", 31);
	for (size_t i = 0; rand() % 2 && i < name->size_bytes; i++) {
		if (name->wire[i] >= 'a' && name->wire[i] <= 'z' && rand() % 3 == 0)
			name->wire[i] -= 0x20;
	}
}

static size_t opt_write(uint8_t *p)
{
	static const uint16_t sizes[] = {0, 512, 600, 1232, 4096};
	static const uint8_t nsid[4] = {0, EDNS_NSID, 0, 0};

	memset(p, 0, DNS_OPT_BYTES);
	p[2] = RR_TYPE_OPT;
	be16_put(p + 3, sizes[rand() % 5]);
	p[6] = rand() % 16 == 0;
	p[7] = rand() % 4 == 0 ? 0x80 : 0;
	if (rand() % 8 != 0)
		return DNS_OPT_BYTES;
	p[10] = sizeof(nsid);
	memcpy(p + DNS_OPT_BYTES, nsid, sizeof(nsid));
	return DNS_OPT_BYTES + sizeof(nsid);
}

static size_t message_make(uint8_t *msg)
{
	static const uint16_t types[] = {RR_TYPE_A, RR_TYPE_A, RR_TYPE_A, RR_TYPE_AAAA, RR_TYPE_SRV,
		RR_TYPE_PTR, RR_TYPE_SOA, RR_TYPE_TXT, RR_TYPE_ANY, 0, RR_TYPE_OPT, RR_TYPE_CNAME};
	struct dname name;

	name_choose(&name);
	memset(msg, 0, DNS_HEADER_BYTES);
	be16_put(msg, (uint16_t)rand());
	msg[2] = (uint8_t)(rand() % 2);
	msg[3] = rand() % 4 ? 0 : 0x10;
	msg[5] = 1;
	memcpy(msg + 12, name.wire, name.size_bytes);
	size_t pos = 12u + name.size_bytes;
	be16_put(msg + pos, types[(size_t)rand() % (sizeof(types) / sizeof(types[0]))]);
	be16_put(msg + pos + 2, rand() % 16 ? RR_CLASS_IN : RR_CLASS_CH);
	pos += 4;
	msg[11] = rand() % 3 != 0;
	if (msg[11])
		pos += opt_write(msg + pos);
	if (rand() % 16 == 0)
		msg[(size_t)rand() % pos] ^= (uint8_t)(1 << rand() % 8);
	if (rand() % 16 == 0)
		pos -= (size_t)rand() % pos;
	return rand() % 32 ? pos : pos + 1 + (size_t)rand() % 3;
}

// What the slow path sends of an answer from outside.
struct message {
	struct punt_cache_msg head;
	_Alignas(struct entry) uint8_t
		entry[sizeof(struct entry) + RRS_MAX * (sizeof(struct entry_rr) + RR_BYTES_MAX)];
};

static void records_make(struct entry *e)
{
	size_t n = (size_t)e->n_an + e->n_ns;
	uint8_t *bytes = (uint8_t *)(e->rrs + n);

	for (size_t i = 0; i < n; i++) {
		uint16_t start = (uint16_t)(i == 0 ? 0 : e->rrs[i - 1].end);
		uint16_t size = (uint16_t)(12 + (size_t)rand() % (RR_BYTES_MAX - 11));
		e->rrs[i] = (struct entry_rr){.ttl_s = (uint32_t)rand() % 60,
			.end = (uint16_t)(start + size),
			.ttl_at = (uint16_t)(start + 6)};
		for (size_t k = start; k < e->rrs[i].end; k++)
			bytes[k] = (uint8_t)rand();
		e->rr_bytes = e->rrs[i].end;
	}
}

static void entry_make(struct entry *e, uint8_t qname_size)
{
	static const uint16_t rcodes[] = {
		RCODE_NOERROR, RCODE_NOERROR, RCODE_NXDOMAIN, RCODE_SERVFAIL};

	*e = (struct entry){.rcode = rcodes[rand() % 4],
		.kind = (uint8_t)(rand() % ENTRY_UNCACHEABLE),
		.qname_size = qname_size,
		.ede = rand() % 8 ? EDE_NONE : EDE_NOT_READY,
		.has_aa = rand() % 8 == 0,
		.has_ra = rand() % 8 != 0,
		.has_ad = rand() % 2,
		.is_truncated = rand() % 16 == 0,
		.keeps_authority = rand() % 4 == 0,
		.n_an = (uint16_t)(rand() % 4),
		.n_ns = (uint16_t)(rand() % 2)};
	e->first_rotated = e->n_an > 1 ? (uint16_t)(rand() % 2) : 0;
	e->n_rotated = (uint16_t)(e->n_an - e->first_rotated);
	records_make(e);
}

// The policy of the fixture's step that punts.
static uint32_t punt_policy(void)
{
	const struct image *img = &b.image.image;

	for (unsigned i = 0; i < img->n_steps; i++) {
		if (img->steps[i].kind == STEP_PUNT)
			return img->steps[i].policy;
	}
	return 0;
}

static void cache_fill(uint64_t now_ms)
{
	static const uint16_t types[] = {RR_TYPE_A, RR_TYPE_AAAA, RR_TYPE_SRV};
	struct message m;

	for (unsigned i = 0; i < CACHED; i++) {
		struct dname name = image_fixture_name(outside_name());
		struct entry *e = (struct entry *)m.entry;
		entry_make(e, name.size_bytes);
		m.head = (struct punt_cache_msg){.magic = PUNT_CACHE_MAGIC,
			.entry_size = (uint16_t)entry_size(e),
			.type = types[rand() % 3],
			.policy = punt_policy(),
			.flags = (uint8_t)(rand() % 8),
			.name_size = name.size_bytes,
			.policy_hash = b.image.image.policy_hash,
			.born_ms = now_ms - AGE_MS,
			.expires_ms = now_ms + 3600000};
		memcpy(m.head.name, name.wire, name.size_bytes);
		outside_cache_put(b.worker.cache, &m, sizeof(m.head) + entry_size(e), now_ms);
	}
}

// The clock of workers.
static uint64_t now_ms(void)
{
	struct timespec t;

	(void)clock_gettime(CLOCK_MONOTONIC_COARSE, &t);
	return (uint64_t)t.tv_sec * 1000 + (uint64_t)t.tv_nsec / 1000000;
}

// Sides that a burst is put through: counters of their own, the same frames.
struct side {
	struct root root;
	struct worker_counters counters;
	struct scope_counters scopes[SCOPES_MAX];
	struct rte_mbuf *frames[PORT_BURST], *tx[PORT_BURST];
	uint16_t n_tx;
	unsigned n_punts;
};

static struct side sides[2]; // with the plain way, without

static void side_run(struct side *s, uint16_t n)
{
	struct rte_mbuf *m = NULL;

	b.worker.counters = &s->counters;
	b.worker.scopes = s->scopes;
	s->n_tx = worker_burst(&b.worker, &s->root, s->frames, n, s->tx);
	for (s->n_punts = 0; rte_ring_dequeue(b.worker.lane.queries, (void **)&m) == 0;
		s->n_punts++)
		rte_pktmbuf_free(m);
}

// Replies of a burst leave in no certain order.
static const struct rte_mbuf *reply_find(const struct side *s, const struct rte_mbuf *like)
{
	size_t size = rte_pktmbuf_data_len(like);

	for (uint16_t i = 0; i < s->n_tx; i++) {
		if (rte_pktmbuf_data_len(s->tx[i]) == size &&
			memcmp(rte_pktmbuf_mtod(s->tx[i], const void *),
				rte_pktmbuf_mtod(like, const void *), size) == 0)
			return s->tx[i];
	}
	return NULL;
}

// is_one_second: both sides saw the same age of what is cached.
static void sides_compare(bool is_one_second)
{
	assert_int_equal(sides[0].n_tx, sides[1].n_tx);
	assert_int_equal(sides[0].n_punts, sides[1].n_punts);
	for (uint16_t i = 0; is_one_second && i < sides[0].n_tx; i++) {
		const uint8_t *bytes = rte_pktmbuf_mtod(sides[0].tx[i], const uint8_t *);
		assert_non_null(reply_find(&sides[1], sides[0].tx[i]));
		assert_true(b.port.trust != 0 ||
			frame_fixture_is_right(bytes, rte_pktmbuf_data_len(sides[0].tx[i])));
	}
	for (unsigned i = 0; i < 2; i++)
		rte_pktmbuf_free_bulk(sides[i].tx, sides[i].n_tx);
	assert_memory_equal(&sides[0].counters, &sides[1].counters, sizeof(sides[0].counters));
	assert_memory_equal(sides[0].scopes, sides[1].scopes, sizeof(sides[0].scopes));
}

static void burst_make(uint16_t n)
{
	struct frame_fixture fx;
	uint8_t msg[400];

	for (uint16_t i = 0; i < n; i++) {
		size_t size = message_make(msg);
		frame_fixture_udp(&fx,
			&(struct frame_fixture_spec){.family = rand() % 4 ? 4 : 6,
				.vlan = rand() % 8 ? 0 : 5,
				.client_port = rand() % 8 ? 0 : 53,
				.payload = msg,
				.payload_bytes = size});
		if (rand() % 32 == 0) {
			fx.bytes[fx.l4 + 3] = 54; // another port
			frame_fixture_sum(&fx);
		}
		for (unsigned s = 0; s < 2; s++)
			sides[s].frames[i] = eal_fixture_mbuf(fx.bytes, fx.size_bytes);
	}
}

// What the first rule's step, its server and the port say.
static void policy_change(void)
{
	static const uint8_t flags[] = {STEP_PODS_INSECURE, STEP_PODS_INSECURE | STEP_ZONAL,
		STEP_UNSYNCED, STEP_FALLTHROUGH, 0};
	struct root_addresses addresses = {.n = 2};
	// The fixture's bytes are the test's own.
	uint8_t *bytes = b.image.bytes;
	const struct image_header *h = b.image.image.header;
	struct image_step *steps = (void *)(bytes + h->part[IMAGE_STEPS].offset);
	struct image_rule *rules = (void *)(bytes + h->part[IMAGE_RULES].offset);

	for (unsigned i = 0; i < b.image.image.n_steps; i++)
		steps[i].flags = flags[(size_t)rand() % sizeof(flags)];
	for (unsigned i = 0; i < b.image.image.n_rules; i++) {
		rules[i].flags ^= rand() % 2 ? RULE_ROTATE : 0;
		rules[i].flags ^= rand() % 2 ? RULE_MINIMAL : 0;
	}
	b.port.mtu = rand() % 4 ? 1500 : 600;
	b.port.trust = rand() % 4 ? 0 : FRAME_FILL_UDP;
	for (unsigned i = 0; i < 2; i++) {
		addresses.list[i].family = b.host.addresses[i].family;
		memcpy(addresses.list[i].bytes, b.host.addresses[i].bytes, 16);
	}
	for (unsigned i = 0; i < 2; i++) {
		struct root *r = &sides[i].root;
		struct index_pair pair = r->index;
		assert_int_equal(root_init(r, &b.root.snapshot, &addresses), 0);
		r->index = pair;
		r->scopes = b.root.scopes;
	}
}

static struct rte_rcu_qsbr *cache_make(void)
{
	static struct outside_cache_counters counters;
	struct rte_rcu_qsbr *qsbr =
		rte_zmalloc("qsbr", rte_rcu_qsbr_get_memsize(1), RTE_CACHE_LINE_SIZE);

	assert_non_null(qsbr);
	assert_int_equal(rte_rcu_qsbr_init(qsbr, 1), 0);
	b.worker.cache = outside_cache_new(&(struct outside_cache_options){.qsbr = qsbr,
		.n_readers = 1,
		.max_entries = 256,
		.max_bytes = 1 << 20,
		.counters = &counters});
	assert_non_null(b.worker.cache);
	return qsbr;
}

static void all_ways_give_the_same(void **state)
{
	struct index_secret secret;
	struct index *other = NULL;
	uint64_t replies[3] = {0, 0, 0};

	(void)state;
	srand(53);
	memset(sides, 0, sizeof(sides));
	struct rte_rcu_qsbr *qsbr = cache_make();
	assert_int_equal(index_secret_renew(&secret), 0);
	assert_int_equal(index_build(&b.image.image, &secret, &other), 0);
	sides[0].root.index = (struct index_pair){.base = b.index};
	sides[1].root.index = (struct index_pair){.base = b.index, .overlay = other};
	assert_non_null(index_secret_of(&sides[0].root.index));
	assert_null(index_secret_of(&sides[1].root.index));
	for (unsigned i = 0; i < BURSTS; i++) {
		uint16_t n = (uint16_t)(1 + rand() % PORT_BURST);
		if (i % 16 == 0) {
			policy_change();
			cache_fill(now_ms() / 1000 * 1000);
		}
		burst_make(n);
		uint64_t second = now_ms() / 1000;
		side_run(&sides[0], n);
		side_run(&sides[1], n);
		replies[0] += sides[0].n_tx;
		sides_compare(now_ms() / 1000 == second);
	}
	replies[1] = counter_get(
		&sides[0].scopes[1].responses[SCOPE_PLUGIN_KUBERNETES][SCOPE_RCODE_NOERROR]);
	for (unsigned i = 0; i < SCOPE_RCODE_COUNT; i++)
		replies[2] += counter_get(&sides[0].scopes[1].responses[SCOPE_PLUGIN_CACHE][i]);
	print_message("%llu replies, %llu NOERROR, %llu cached\n", (unsigned long long)replies[0],
		(unsigned long long)replies[1], (unsigned long long)replies[2]);
	assert_true(replies[0] > BURSTS * 5);
	assert_true(replies[1] > BURSTS);
	assert_true(replies[2] > BURSTS);
	outside_cache_free(b.worker.cache);
	rte_free(qsbr);
	index_free(other);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(
			all_ways_give_the_same, bench_setup, bench_teardown),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
