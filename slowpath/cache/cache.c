// SPDX-License-Identifier: Apache-2.0
// Each shard has two halves, success and denial, as CoreDNS has two caches. A half is a hash table
// whose items are in one of two queues (S3-FIFO, Yang et al. 2023): new ones in a small one; what
// was hit there moves to the main one, the rest goes and leaves its hash behind as a ghost. Who
// comes back while its ghost is there enters the main queue at once. The main queue gives items
// that were hit another round. So names asked once pass through a tenth of the memory.
#include "slowpath/cache/cache.h"

#include "zones/wire/dname.h"

#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum {
	SMALL_SHARE = 10, // the small queue gets one part in so many
	HITS_MAX = 3,
	ITEM_OVERHEAD_BYTES = 32, // of two allocations
	FAILURE_MAX_MS = 300 * 1000, // RFC 9520 3.2
	REFRESH_MS = 5000, // one refresh at a time: it has ended by then
};

// Numbers of struct cache_counters.
enum half_kind { HALF_SUCCESS = OUTSIDE_SUCCESS, HALF_DENIAL = OUTSIDE_DENIAL, HALVES };

struct queue;

struct item {
	struct item *chain; // next in the bucket
	struct item *next, *prev; // in the queue
	struct queue *queue;
	uint64_t hash;
	struct ask ask;
	struct entry *entry;
	uint64_t stored_ms, expires_ms;
	uint64_t recheck_ms; // no refresh before
	uint64_t last_hit_ms;
	uint32_t n_hits; // without a long pause, for prefetch
	uint8_t hits; // for the queues
};

// Oldest first, around a sentinel.
struct queue {
	struct item *first, *last;
	size_t bytes, n;
};

struct half {
	struct item **buckets;
	size_t n_buckets; // a power of two
	struct queue small, main;
	uint64_t *ghosts; // as many as buckets, each in the place of its hash
	size_t max_items, max_bytes;
	enum half_kind kind;
	struct cache_counters *counters; // of the cache
};

struct shard {
	_Alignas(64) pthread_mutex_t lock;
	struct half halves[HALVES];
};

struct cache {
	const struct policy_cache *policy;
	struct cache_counters *counters; // shared with others of the same label, or own
	struct cache_counters own;
	struct shard shards[CACHE_SHARDS];
};

static size_t item_bytes(const struct item *i)
{
	const struct entry *e = i->entry;

	return sizeof(*i) + sizeof(*e) + (size_t)(e->n_an + e->n_ns) * sizeof(e->rrs[0]) +
		e->rr_bytes + ITEM_OVERHEAD_BYTES;
}

static void queue_add(struct queue *q, struct item *i)
{
	i->queue = q;
	i->next = NULL;
	i->prev = q->last;
	if (q->last != NULL)
		q->last->next = i;
	else
		q->first = i;
	q->last = i;
	q->bytes += item_bytes(i);
	q->n++;
}

static void queue_del(struct item *i)
{
	struct queue *q = i->queue;

	if (i->prev != NULL)
		i->prev->next = i->next;
	else
		q->first = i->next;
	if (i->next != NULL)
		i->next->prev = i->prev;
	else
		q->last = i->prev;
	q->bytes -= item_bytes(i);
	q->n--;
}

static struct item **bucket(struct half *h, uint64_t hash)
{
	return &h->buckets[(hash >> 8) & (h->n_buckets - 1)]; // the low bits chose the shard
}

static struct item *half_find(struct half *h, uint64_t hash, const struct ask *a)
{
	struct item *i = *bucket(h, hash);

	while (i != NULL && (i->hash != hash || !ask_is_equal(&i->ask, a)))
		i = i->chain;
	return i;
}

static uint64_t *ghost(struct half *h, uint64_t hash)
{
	return &h->ghosts[(hash >> 8) & (h->n_buckets - 1)];
}

static void item_free(struct half *h, struct item *i)
{
	struct item **link = bucket(h, i->hash);

	while (*link != i)
		link = &(*link)->chain;
	*link = i->chain;
	queue_del(i);
	entry_drop(i->entry);
	free(i);
	counter_share(&h->counters->entries[h->kind], (uint64_t)-1);
}

static bool is_over(const struct half *h)
{
	return h->small.n + h->main.n > h->max_items ||
		h->small.bytes + h->main.bytes > h->max_bytes;
}

// Takes one step towards less memory: an item goes, moves up, or gets another round.
static void evict_step(struct half *h)
{
	bool from_small = h->small.bytes > h->max_bytes / SMALL_SHARE ||
		h->small.n > h->max_items / SMALL_SHARE || h->main.first == NULL;
	struct item *i = from_small ? h->small.first : h->main.first;

	if (i->hits == 0) {
		if (from_small)
			*ghost(h, i->hash) = i->hash;
		item_free(h, i);
		counter_share(&h->counters->evictions[h->kind], 1);
		return;
	}
	queue_del(i);
	i->hits = from_small ? 0 : (uint8_t)(i->hits - 1);
	queue_add(&h->main, i);
}

static void evict(struct half *h)
{
	// Each step frees an item or uses up one of at most HITS_MAX rounds of one.
	while (is_over(h) && h->small.n + h->main.n > 0)
		evict_step(h);
}

static enum half_kind half_of(const struct entry *e)
{
	bool has_answer = e->kind == ENTRY_UNCACHEABLE && e->n_an > 0;

	return e->kind == ENTRY_SUCCESS || has_answer ? HALF_SUCCESS : HALF_DENIAL;
}

static const struct policy_cache_kind *kind_of(const struct cache *c, const struct entry *e)
{
	return half_of(e) == HALF_SUCCESS ? &c->policy->success : &c->policy->denial;
}

const struct policy_cache *cache_policy(const struct cache *c)
{
	return c->policy;
}

void cache_clamp(const struct cache *c, struct entry *e)
{
	const struct policy_cache_kind *k = kind_of(c, e);

	if (e->kind != ENTRY_FAILURE) // what is not kept, too: its TTLs are what the others' are
		entry_clamp(e, k->min_ttl_s, k->ttl_s);
}

static bool is_in(const struct policy_names *zones, const struct dname *name)
{
	for (size_t i = 0; i < zones->n; i++) {
		if (dname_is_within(name->wire, zones->items[i].wire))
			return true;
	}
	return false;
}

bool cache_takes(const struct cache *c, const struct dname *name)
{
	return is_in(&c->policy->zones, name);
}

// How long an entry is kept, 0 for not at all.
static uint64_t lifetime_ms(const struct cache *c, const struct ask *a, const struct entry *e)
{
	const struct policy_cache *p = c->policy;
	const struct policy_names *disabled =
		half_of(e) == HALF_SUCCESS ? &p->no_success : &p->no_denial;

	if (e->kind == ENTRY_UNCACHEABLE || is_in(disabled, &a->name))
		return 0;
	uint64_t life_ms = (uint64_t)e->lifetime_s * 1000;
	if (e->kind != ENTRY_FAILURE)
		return life_ms;
	uint64_t most_ms = p->servfail_ms < FAILURE_MAX_MS ? p->servfail_ms : FAILURE_MAX_MS;
	return life_ms > 0 && life_ms < most_ms ? life_ms : most_ms;
}

// While an answer is served stale, a failure does not take its place; nor, as serve_stale_policy
// may say, a denial that of a positive one.
static bool protects_stale(
	const struct cache *c, const struct item *old, const struct entry *e, uint64_t now_ms)
{
	if (old == NULL || now_ms >= old->expires_ms + c->policy->stale_ms)
		return false;
	if (e->kind == ENTRY_FAILURE)
		return old->entry->kind != ENTRY_FAILURE;
	return c->policy->stale_prefer_positive && half_of(old->entry) == HALF_SUCCESS &&
		half_of(e) == HALF_DENIAL;
}

static void half_put(struct half *h, uint64_t hash, const struct ask *a, struct entry *e,
	const uint64_t times[2])
{
	struct item *i = half_find(h, hash, a);

	if (i == NULL) {
		i = calloc(1, sizeof(*i));
		if (i == NULL)
			return; // not cached
		i->hash = hash;
		i->ask = *a;
		i->chain = *bucket(h, hash);
		*bucket(h, hash) = i;
		i->queue = *ghost(h, hash) == hash ? &h->main : &h->small;
		counter_share(&h->counters->entries[h->kind], 1);
	} else {
		queue_del(i); // its place in the queues is earned by the name, not by the answer
		entry_drop(i->entry);
	}
	i->entry = entry_hold(e);
	i->stored_ms = times[0];
	i->expires_ms = times[1];
	i->recheck_ms = 0;
	i->n_hits = 0;
	queue_add(i->queue, i);
	evict(h);
}

void cache_put(
	struct cache *c, uint64_t hash, const struct ask *a, struct entry *e, uint64_t now_ms)
{
	struct shard *s = &c->shards[hash % CACHE_SHARDS];
	uint64_t life_ms = lifetime_ms(c, a, e);
	const uint64_t times[2] = {now_ms, now_ms + life_ms};
	enum half_kind kind = half_of(e);

	pthread_mutex_lock(&s->lock);
	struct item *other = half_find(&s->halves[1 - kind], hash, a);
	struct item *same = half_find(&s->halves[kind], hash, a);
	struct item *old = other != NULL ? other : same;
	if (protects_stale(c, old, e, now_ms)) {
		old->recheck_ms = now_ms + c->policy->stale_recheck_ms;
	} else if (life_ms > 0) {
		if (other != NULL)
			item_free(&s->halves[1 - kind], other);
		half_put(&s->halves[kind], hash, a, e, times);
	}
	pthread_mutex_unlock(&s->lock);
}

// k8s:2.13 prefetch: often asked, without a pause, and soon over.
static bool wants_prefetch(const struct cache *c, struct item *i, uint64_t now_ms)
{
	const struct policy_cache *p = c->policy;
	uint64_t life_ms = i->expires_ms - i->stored_ms;

	if (p->prefetch == 0)
		return false;
	i->n_hits = now_ms - i->last_hit_ms > p->prefetch_window_ms ? 1 : i->n_hits + 1;
	i->last_hit_ms = now_ms;
	if (now_ms < i->recheck_ms || i->n_hits < p->prefetch ||
		(i->expires_ms - now_ms) * 100 >= life_ms * p->prefetch_percent)
		return false;
	i->recheck_ms = now_ms + REFRESH_MS;
	return true;
}

static void hit_fresh(const struct cache *c, struct item *i, uint64_t now_ms, struct cache_found *f)
{
	f->state = CACHE_FRESH;
	f->age_s = c->policy->keep_ttl ? 0 : (uint32_t)((now_ms - i->stored_ms) / 1000);
	f->wants_refresh = wants_prefetch(c, i, now_ms);
	if (f->wants_refresh)
		counter_share(&c->counters->prefetches, 1);
}

static void hit_stale(const struct cache *c, struct item *i, uint64_t now_ms, struct cache_found *f)
{
	f->state = CACHE_STALE;
	f->wants_refresh = now_ms >= i->recheck_ms;
	if (f->wants_refresh)
		i->recheck_ms = now_ms + REFRESH_MS;
	counter_share(&c->counters->stale, 1);
}

static void item_get(const struct cache *c, struct item *i, uint64_t now_ms, struct cache_found *f)
{
	if (now_ms < i->expires_ms)
		hit_fresh(c, i, now_ms, f);
	else if (i->entry->kind != ENTRY_FAILURE && now_ms < i->expires_ms + c->policy->stale_ms)
		hit_stale(c, i, now_ms, f);
	else
		return;
	if (i->hits < HITS_MAX)
		i->hits++;
	counter_share(&c->counters->hits[half_of(i->entry)], 1);
	f->entry = entry_hold(i->entry);
}

struct cache_found cache_get(struct cache *c, uint64_t hash, const struct ask *a, uint64_t now_ms)
{
	struct shard *s = &c->shards[hash % CACHE_SHARDS];
	struct cache_found f = {.state = CACHE_MISS};

	pthread_mutex_lock(&s->lock);
	for (int kind = 0; kind < HALVES && f.state == CACHE_MISS; kind++) {
		struct item *i = half_find(&s->halves[kind], hash, a);
		if (i != NULL)
			item_get(c, i, now_ms, &f);
	}
	pthread_mutex_unlock(&s->lock);
	if (f.state == CACHE_MISS)
		counter_share(&c->counters->misses, 1);
	return f;
}

struct cache_found cache_peek(struct cache *c, uint64_t hash, const struct ask *a, uint64_t now_ms)
{
	struct shard *s = &c->shards[hash % CACHE_SHARDS];
	struct cache_found f = {.state = CACHE_MISS};

	pthread_mutex_lock(&s->lock);
	for (int kind = 0; kind < HALVES && f.state == CACHE_MISS; kind++) {
		struct item *i = half_find(&s->halves[kind], hash, a);
		if (i == NULL || now_ms >= i->expires_ms)
			continue;
		f.state = CACHE_FRESH;
		f.entry = entry_hold(i->entry);
	}
	pthread_mutex_unlock(&s->lock);
	return f;
}

static int half_init(struct half *h, const struct policy_cache_kind *k)
{
	size_t n = (k->capacity + CACHE_SHARDS - 1) / CACHE_SHARDS;

	h->max_items = n == 0 ? 1 : n;
	h->max_bytes = h->max_items * CACHE_ENTRY_BYTES;
	h->n_buckets = 16;
	while (h->n_buckets < h->max_items)
		h->n_buckets *= 2;
	h->buckets = calloc(h->n_buckets, sizeof(h->buckets[0]));
	h->ghosts = calloc(h->n_buckets, sizeof(h->ghosts[0]));
	return h->buckets == NULL || h->ghosts == NULL ? -1 : 0;
}

// "cluster.local.,in-addr.arpa."; what is too long is cut.
static void label_make(const struct policy_cache *policy, struct scope_label *out)
{
	char zones[SCOPE_ZONE_BYTES] = "";
	size_t len = 0;

	for (size_t i = 0; i < policy->zones.n; i++) {
		char text[DNAME_TEXT_MAX_BYTES];
		(void)dname_print(policy->zones.items[i].wire, text, sizeof(text));
		int n = snprintf(zones + len, sizeof(zones) - len, "%s%s", i == 0 ? "" : ",", text);
		if (n < 0 || (size_t)n >= sizeof(zones) - len)
			break;
		len += (size_t)n;
	}
	const char *server = policy->server == NULL ? "" : policy->server;
	scope_label_fill(out, server, strlen(server), zones, strlen(zones));
}

static void count_in(struct cache *c, struct outside_counters *counters)
{
	struct scope_label label;

	c->counters = &c->own;
	if (counters != NULL) {
		label_make(c->policy, &label);
		c->counters = cache_counters_find(counters, &label);
	}
	for (int i = 0; i < CACHE_SHARDS; i++) {
		for (int k = 0; k < HALVES; k++) {
			c->shards[i].halves[k].kind = (enum half_kind)k;
			c->shards[i].halves[k].counters = c->counters;
		}
	}
}

struct cache *cache_new(const struct policy_cache *policy, struct outside_counters *counters)
{
	struct cache *c = aligned_alloc(64, sizeof(*c));
	bool failed = false;

	if (c == NULL)
		return NULL;
	memset(c, 0, sizeof(*c));
	c->policy = policy;
	count_in(c, counters);
	for (int i = 0; i < CACHE_SHARDS; i++) {
		struct shard *s = &c->shards[i];
		failed |= pthread_mutex_init(&s->lock, NULL) != 0;
		failed |= half_init(&s->halves[HALF_SUCCESS], &policy->success) != 0;
		failed |= half_init(&s->halves[HALF_DENIAL], &policy->denial) != 0;
	}
	if (failed) {
		cache_free(c);
		return NULL;
	}
	return c;
}

static void half_fini(struct half *h)
{
	while (h->small.first != NULL)
		item_free(h, h->small.first);
	while (h->main.first != NULL)
		item_free(h, h->main.first);
	free(h->buckets);
	free(h->ghosts);
}

void cache_free(struct cache *c)
{
	if (c == NULL)
		return;
	for (int i = 0; i < CACHE_SHARDS; i++) {
		half_fini(&c->shards[i].halves[HALF_SUCCESS]);
		half_fini(&c->shards[i].halves[HALF_DENIAL]);
		(void)pthread_mutex_destroy(&c->shards[i].lock); // nobody holds it
	}
	free(c);
}

void cache_stats(struct cache *c, struct cache_stats *out)
{
	*out = (struct cache_stats){.misses = counter_get(&c->counters->misses),
		.stale = counter_get(&c->counters->stale),
		.prefetches = counter_get(&c->counters->prefetches)};
	for (int k = 0; k < HALVES; k++) {
		out->hits[k] = counter_get(&c->counters->hits[k]);
		out->evictions[k] = counter_get(&c->counters->evictions[k]);
	}
	for (int i = 0; i < CACHE_SHARDS; i++) {
		struct shard *s = &c->shards[i];
		pthread_mutex_lock(&s->lock);
		for (int k = 0; k < HALVES; k++) {
			const struct half *h = &s->halves[k];
			out->entries[k] += h->small.n + h->main.n;
			out->bytes[k] += h->small.bytes + h->main.bytes;
		}
		pthread_mutex_unlock(&s->lock);
	}
}
