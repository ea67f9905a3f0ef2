// SPDX-License-Identifier: Apache-2.0
// Chooses upstreams one after the other as CoreDNS does (k8s:2.13 forward), within 5 s and so many
// attempts; the answer goes into the cache and to all who wait.
#include "slowpath/forward/fetch.h"

#include "slowpath/base/log.h"
#include "slowpath/base/random.h"
#include "slowpath/forward/exchange.h"
#include "slowpath/forward/probe.h"
#include "slowpath/forward/stream.h"

#include <stddef.h>
#include <stdlib.h>
#include <string.h>

enum {
	BUCKETS = 1024,
	TOTAL_MS = 5000, // k8s:2.13
	TOTAL_DOWN_MS = 1500, // when every upstream is known to be down (rel:P7)
	CASE_FAILS_MAX = 3, // then an upstream gets lower case
};

struct fetch {
	struct exchange x; // first
	struct timer timer;
	struct fetcher *fetcher;
	struct fetch *next; // in the bucket
	struct fetch **pprev;
	struct plan *plan; // held
	const struct plan_chain *chain;
	struct ask ask;
	struct ask_options options;
	uint64_t hash;
	bool is_tcp;
	struct waiter *waiters;
	struct waiter **last;
	size_t op; // the forward at work
	struct group *group;
	uint8_t order[POLICY_UPSTREAMS_MAX];
	unsigned at; // in order
	unsigned n_tries, max_tries;
	uint64_t end_ms;
	bool must_stream; // TCP after a wrong ID or a truncated answer
	bool try_stream; // this attempt over TCP: replies over UDP are malformed
	bool has_tried_stream; // once is enough (proto:A4)
	bool is_streaming; // the attempt under way
	struct entry *fresh; // from take_answer to on_done
	struct entry *best; // an answer that was not good enough, for want of a better one
	uint8_t reason; // why it failed, for `errors`: enum qlog_reason
};

struct fetcher {
	struct loop *loop;
	struct stream_pool *pool;
	struct probes *probes;
	struct fetch_limits limits;
	unsigned n_fetches;
	struct fetch *buckets[BUCKETS];
};

struct fetcher *fetcher_new(struct loop *loop, const struct fetch_limits *limits)
{
	struct fetcher *f = calloc(1, sizeof(*f));

	if (f == NULL)
		return NULL;
	f->loop = loop;
	f->limits = *limits;
	f->pool = stream_pool_new(loop, limits->max_fetches / 2);
	f->probes = f->pool == NULL ? NULL : probes_new(loop, f->pool);
	if (f->probes == NULL) {
		fetcher_free(f);
		return NULL;
	}
	return f;
}

static void call_done(struct mail *m)
{
	struct waiter *w = (struct waiter *)m; // the first member

	w->done(w);
}

// Gives the entry (NULL for none) to one waiter, on its own thread.
static void hand_over(const struct fetcher *f, struct waiter *w, struct entry *e)
{
	w->entry = e == NULL ? NULL : entry_hold(e);
	w->mail.fn = call_done;
	if (w->home == f->loop)
		w->done(w);
	else
		loop_post(w->home, &w->mail);
}

static void fetch_free(struct fetch *t)
{
	exchange_cancel(&t->x);
	loop_timer_stop(t->fetcher->loop, &t->timer);
	*t->pprev = t->next;
	if (t->next != NULL)
		t->next->pprev = t->pprev;
	t->fetcher->n_fetches--;
	entry_drop(t->best);
	holder_drop(&t->plan->holder);
	free(t);
}

// Ends the fetch with an entry, which is taken; NULL: nobody gets an answer.
static void finish(struct fetch *t, struct entry *e)
{
	struct cache *cache = chain_cache(t->chain, &t->ask.name);
	const struct fetcher *f = t->fetcher;
	struct waiter *w = t->waiters;

	if (e != NULL && cache != NULL) {
		cache_clamp(cache, e);
		cache_put(cache, t->hash, &t->ask, e, f->loop->now_ms);
	}
	fetch_free(t); // waiters may ask again at once
	while (w != NULL) {
		struct waiter *next = w->next;
		hand_over(f, w, e);
		w = next;
	}
	entry_drop(e);
}

void fetcher_free(struct fetcher *f)
{
	if (f == NULL)
		return;
	for (size_t i = 0; i < BUCKETS; i++) {
		while (f->buckets[i] != NULL)
			finish(f->buckets[i], NULL);
	}
	probes_free(f->probes);
	stream_pool_free(f->pool);
	free(f);
}

// For `errors`.
static void log_failure(const struct fetch *t)
{
	const struct upstream *u = t->x.upstream;
	const struct qlog_failure f = {.name = t->ask.name.wire,
		.name_size = (uint8_t)t->ask.name.size_bytes,
		.reason = t->reason,
		.flags = t->is_streaming ? QLOG_RECORD_TCP : 0,
		.type = t->ask.type,
		.class = RR_CLASS_IN,
		.rcode = RCODE_SERVFAIL,
		.now_ticks = t->fetcher->loop->now_ms * 1000000,
		.upstream = u == NULL ? "" : u->text};

	if (t->fetcher->limits.log != NULL)
		qlog_fail(t->fetcher->limits.log, &f);
}

static void give_up(struct fetch *t)
{
	struct entry *e = t->best;
	enum ede ede = t->x.got_garbage ? EDE_INVALID_DATA : EDE_NO_REACHABLE_AUTHORITY;

	t->best = NULL;
	if (e == NULL)
		log_failure(t);
	if (e == NULL)
		e = entry_error(RCODE_SERVFAIL, t->group == NULL ? EDE_OTHER : ede);
	finish(t, e);
}

// The next upstream to try, NULL for none (k8s:2.13 all down).
static struct upstream *choose(struct fetch *t)
{
	struct group *g = t->group;

	for (unsigned i = 0; i < g->n; i++) {
		struct upstream *u = &g->list[t->order[t->at++ % g->n]];
		if (!upstream_is_down(g, u))
			return u;
	}
	if (g->counters != NULL)
		counter_share(&g->counters->all_broken, 1);
	if (g->policy->failfast_all_unhealthy)
		return NULL;
	uint64_t soon_ms = t->fetcher->loop->now_ms + TOTAL_DOWN_MS;
	if (t->n_tries == 0 && soon_ms < t->end_ms)
		t->end_ms = soon_ms;
	return &g->list[random_below(g->n)];
}

static bool wants_stream(const struct fetch *t, const struct upstream *u)
{
	const struct policy_forward *p = t->group->policy;

	return u->is_tls || p->force_tcp || t->must_stream || t->try_stream ||
		(t->is_tcp && !p->prefer_udp);
}

// proto:F6, for those that keep the case.
static bool wants_mixed_case(const struct fetch *t, const struct upstream *u)
{
	return t->fetcher->limits.mixes_case &&
		atomic_load_explicit(&u->case_fails, memory_order_relaxed) < CASE_FAILS_MAX;
}

// Starts one attempt at the chosen upstream. False: it failed at once.
static bool start(struct fetch *t)
{
	struct loop *loop = t->fetcher->loop;
	uint64_t limit_ms = t->group->policy->read_timeout_ms;

	if (loop->now_ms >= t->end_ms)
		return false;
	uint64_t left_ms = t->end_ms - loop->now_ms;
	t->is_streaming = wants_stream(t, t->x.upstream);
	t->x.mixes_case = !t->is_streaming && wants_mixed_case(t, t->x.upstream);
	if ((t->is_streaming ? exchange_stream(&t->x) : exchange_udp(&t->x)) != 0)
		return false;
	loop_timer(loop, &t->timer, limit_ms < left_ms ? limit_ms : left_ms);
	return true;
}

static void note_failure(struct fetch *t)
{
	probe_start(t->fetcher->probes, t->group, t->x.upstream, &t->plan->is_retired);
}

static void next_attempt(struct fetch *t)
{
	while (t->n_tries < t->max_tries && t->fetcher->loop->now_ms < t->end_ms) {
		struct upstream *u = choose(t);
		if (u == NULL)
			break;
		t->n_tries++;
		t->x.upstream = u;
		t->x.edns = ASK_WITH_EDNS;
		t->try_stream = false;
		if (start(t))
			return;
		t->reason = QLOG_UNREACHABLE;
		note_failure(t);
	}
	give_up(t);
}

// Goes to the first forward for the name at or behind t->op. False: there is none.
static bool enter_group(struct fetch *t)
{
	struct group *g = chain_group(t->chain, &t->ask.name, &t->op);

	if (g == NULL)
		return false;
	t->group = g;
	t->x.group = g;
	t->at = 0;
	t->n_tries = 0;
	t->max_tries =
		g->policy->max_connect_attempts != 0 ? g->policy->max_connect_attempts : 2 * g->n;
	t->end_ms = t->fetcher->loop->now_ms + TOTAL_MS;
	t->must_stream = false;
	t->x.got_garbage = false;
	group_order(g, t->order);
	return true;
}

// Keeps the entry, which is taken, as the answer if nothing better comes.
static void keep_best(struct fetch *t, struct entry *e)
{
	entry_drop(t->best);
	t->best = e;
}

// An answer to the question has come; the entry is taken.
static void answered(struct fetch *t, struct entry *e)
{
	// Each upstream is asked once (k8s:2.13 failover).
	if (group_fails_over(t->group, e->rcode) && t->at < t->group->n) {
		keep_best(t, e);
		next_attempt(t);
		return;
	}
	if (group_wants_next(t->group, e->rcode, e->n_an > 0)) {
		size_t op = t->op++;
		if (enter_group(t)) {
			keep_best(t, e);
			next_attempt(t);
			return;
		}
		t->op = op;
	}
	finish(t, e);
}

// Asks the same upstream again in another way.
static void again(struct fetch *t)
{
	if (start(t))
		return;
	note_failure(t);
	next_attempt(t);
}

// RFC 6891 7: an upstream that does not know EDNS.
static bool refuses_edns(const struct fetch *t, const struct entry *e)
{
	return t->x.edns == ASK_WITH_EDNS &&
		(e->rcode == RCODE_FORMERR || e->rcode == RCODE_NOTIMP);
}

// Whether the upstream kept the case of what it was sent.
static void note_case(const struct exchange *x, enum exchange_result result)
{
	struct upstream *u = x->upstream;

	if (result == EXCHANGE_WRONG_CASE) {
		uint32_t before =
			atomic_fetch_add_explicit(&u->case_fails, 1, memory_order_relaxed);
		if (before + 1 == CASE_FAILS_MAX)
			log_line(LOG_WARN, "forward", "upstream does not keep the case of names",
				"upstream=%s", u->text);
	} else if (x->mixes_case && result == EXCHANGE_ANSWER) {
		atomic_store_explicit(&u->case_fails, 0, memory_order_relaxed);
	}
}

// Whether the same upstream is to be asked over TCP now. Says nothing about its health.
static bool asks_for_stream(struct fetch *t, enum exchange_result result)
{
	bool is_forged = result == EXCHANGE_WRONG_ID || result == EXCHANGE_WRONG_CASE;

	t->must_stream |= is_forged; // proto:F5
	t->try_stream = result == EXCHANGE_MALFORMED && !t->has_tried_stream;
	t->has_tried_stream |= t->try_stream;
	return is_forged || t->try_stream;
}

static bool take_answer(struct exchange *x, const uint8_t *msg, size_t size_bytes)
{
	struct fetch *t = (struct fetch *)x; // the first member

	t->fresh = entry_read(&t->ask, msg, size_bytes);
	return t->fresh != NULL;
}

static void on_done(
	struct exchange *x, enum exchange_result result, const uint8_t *msg, size_t size_bytes)
{
	struct fetch *t = (struct fetch *)x; // the first member
	struct entry *e = t->fresh;

	(void)msg; // take_answer has read it
	(void)size_bytes;
	t->fresh = NULL;
	loop_timer_stop(t->fetcher->loop, &t->timer);
	note_case(x, result);
	if (asks_for_stream(t, result)) {
		again(t);
		return;
	}
	if (e == NULL) {
		t->reason = result == EXCHANGE_REFUSED ? QLOG_CERTIFICATE
			: x->got_garbage               ? QLOG_MALFORMED
						       : QLOG_UNREACHABLE;
		note_failure(t);
		next_attempt(t);
		return;
	}
	if (e->ede == EDE_INVALID_DATA) {
		t->reason = QLOG_MALFORMED;
		log_failure(t);
	}
	bool is_cut = e->is_truncated && t->group->policy->prefer_udp && !t->is_streaming;
	if (!is_cut && !refuses_edns(t, e)) {
		answered(t, e);
		return;
	}
	t->must_stream |= is_cut; // k8s:2.13 prefer_udp
	t->x.edns = is_cut ? t->x.edns : ASK_WITHOUT_EDNS;
	keep_best(t, e);
	again(t);
}

static void on_timer(struct timer *timer)
{
	struct fetch *t = (struct fetch *)((char *)timer - offsetof(struct fetch, timer));

	exchange_cancel(&t->x);
	t->reason = t->x.got_garbage ? QLOG_MALFORMED : QLOG_TIMED_OUT;
	note_failure(t);
	next_attempt(t);
}

static struct fetch **bucket_of(struct fetcher *f, uint64_t hash)
{
	return &f->buckets[(hash >> 16) % BUCKETS];
}

static struct fetch *find(struct fetcher *f, const struct waiter *w)
{
	struct fetch *t = *bucket_of(f, w->hash);

	while (t != NULL &&
		(t->hash != w->hash || t->chain != w->chain || t->is_tcp != w->is_tcp ||
			!ask_is_equal(&t->ask, &w->ask)))
		t = t->next;
	return t;
}

static struct fetch *fetch_new(struct fetcher *f, const struct waiter *w)
{
	struct fetch *t = calloc(1, sizeof(*t));

	if (t == NULL)
		return NULL;
	t->fetcher = f;
	t->plan = w->plan;
	t->chain = w->chain;
	t->ask = w->ask;
	t->hash = w->hash;
	t->is_tcp = w->is_tcp;
	t->last = &t->waiters;
	t->timer.fn = on_timer;
	t->x = (struct exchange){.loop = f->loop,
		.pool = f->pool,
		.ask = &t->ask,
		.tap = f->limits.tap,
		.about = w->about,
		.accept = take_answer,
		.done = on_done};
	if (w->options != NULL) {
		t->options = *w->options;
		t->x.options = &t->options;
	}
	holder_hold(&t->plan->holder);
	t->pprev = bucket_of(f, w->hash);
	t->next = *t->pprev;
	*t->pprev = t;
	if (t->next != NULL)
		t->next->pprev = &t->next;
	f->n_fetches++;
	return t;
}

static void refuse(const struct fetcher *f, struct waiter *w)
{
	struct entry *e = entry_error(RCODE_SERVFAIL, EDE_OTHER);

	hand_over(f, w, e);
	entry_drop(e);
}

// The answer may have come while the question was on its way to this thread.
static bool is_cached(const struct fetcher *f, struct waiter *w)
{
	struct cache *cache = w->is_refresh ? NULL : chain_cache(w->chain, &w->ask.name);
	struct cache_found found = {.state = CACHE_MISS};

	if (cache != NULL)
		found = cache_peek(cache, w->hash, &w->ask, f->loop->now_ms);
	if (found.state == CACHE_FRESH)
		hand_over(f, w, found.entry);
	entry_drop(found.entry);
	return found.state == CACHE_FRESH;
}

static void on_waiter(struct mail *m)
{
	struct waiter *w = (struct waiter *)m; // the first member
	struct fetcher *f = w->fetcher;
	struct fetch *t = find(f, w);
	bool is_new = t == NULL;

	w->next = NULL;
	if (is_new && is_cached(f, w))
		return;
	if (is_new && f->n_fetches < f->limits.max_fetches)
		t = fetch_new(f, w);
	if (t == NULL) {
		refuse(f, w);
		return;
	}
	*t->last = w;
	t->last = &w->next;
	if (!is_new)
		return;
	if (enter_group(t))
		next_attempt(t);
	else
		give_up(t);
}

void fetch(struct waiter *w)
{
	w->mail.fn = on_waiter;
	loop_post(w->fetcher->loop, &w->mail);
}
