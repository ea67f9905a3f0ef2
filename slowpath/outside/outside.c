// SPDX-License-Identifier: Apache-2.0
// Cache, then forward. A hit is answered at once; anything else waits for a fetch.
#include "slowpath/outside/outside.h"

#include "slowpath/base/log.h"
#include "slowpath/forward/inside.h"
#include "slowpath/outside/chase.h"
#include "slowpath/outside/forward.h"
#include "slowpath/outside/loops.h"
#include "slowpath/outside/pending.h"
#include "slowpath/outside/task.h"

#include <stddef.h>
#include <stdlib.h>
#include <string.h>

struct outside_thread {
	struct outside_options o;
	unsigned n_pending;
};

struct outside_thread *outside_new(const struct outside_options *o)
{
	struct outside_thread *t = calloc(1, sizeof(*t));

	if (t != NULL)
		t->o = *o;
	return t;
}

void outside_free(struct outside_thread *t)
{
	free(t);
}

// What one question needs on its way through the chain.
struct way {
	struct outside_thread *thread;
	struct server *server;
	const struct outside *o;
	struct wrbuf *w;
	struct plan *plan;
	const struct plan_chain *chain;
	struct ask ask;
	uint64_t hash;
	struct cache *cache; // NULL: none for the name
	struct entry_view view;
};

static enum serve_verdict error(const struct way *y, enum rcode rcode, enum ede ede)
{
	y->o->tally->is_failed = true;
	serve_error(y->o->query, y->o->env, rcode, ede, y->w);
	return SERVE_REPLY;
}

static struct entry_view stale_view(
	const struct entry_view *view, const struct entry *e, uint32_t ttl_s)
{
	struct entry_view v = *view;

	v.is_cached = true;
	v.fixed_ttl_s = ttl_s; // DESIGN 9, 30
	v.ede = e->kind == ENTRY_NXDOMAIN ? EDE_STALE_NXDOMAIN : EDE_STALE_ANSWER;
	return v;
}

static void on_answer(struct waiter *waiter)
{
	struct pending *p = (struct pending *)waiter; // the first member
	const struct entry *e = waiter->entry;

	p->thread->n_pending--;
	loop_timer_stop(waiter->home, &p->patience);
	p->origin.tally.is_failed = e != NULL && entry_is_ours(e);
	if (p->origin.reply == NULL || p->is_answered) {
		pending_free(p);
		return;
	}
	if (e == NULL) {
		p->origin.drop(&p->origin);
	} else if (e->kind == ENTRY_FAILURE && p->stale.entry != NULL) {
		p->origin.tally.is_failed = false;
		struct entry_view view = stale_view(&p->view, p->stale.entry, p->stale_ttl_s);
		pending_reply(p, p->stale.entry, &view);
	} else {
		pending_reply(p, e, &p->view);
	}
	pending_free(p);
}

// serve_stale verify TIMEOUT: the upstream has had its time.
static void on_patience(struct timer *t)
{
	struct pending *p = (struct pending *)((char *)t - offsetof(struct pending, patience));
	struct entry_view view = stale_view(&p->view, p->stale.entry, p->stale_ttl_s);

	pending_reply(p, p->stale.entry, &view); // freed when the fetch ends
}

// Hands the question to the thread that it belongs to.
static void send_off(const struct way *y, struct pending *p)
{
	struct outside_thread *t = y->thread;

	p->thread = t;
	p->w.home = t->o.loop;
	p->w.done = on_answer;
	p->w.fetcher = t->o.fetchers[(y->hash >> 32) % t->o.n_threads];
	p->w.plan = y->plan;
	p->w.chain = y->chain;
	p->w.ask = y->ask;
	p->w.hash = y->hash;
	p->w.is_tcp = y->o->request->transport == TRANSPORT_TCP;
	holder_hold(&y->plan->holder);
	t->n_pending++;
	fetch(&p->w);
}

// Whether a zone of this server lies below the name: then the name exists (RFC 8020 2).
static bool is_above_zones(const struct image *top, const struct dname *name)
{
	for (uint32_t i = 0; i < top->n_rules; i++) {
		const struct image_rule *rule = &top->rules[i];
		if (rule->zone_size > name->size_bytes &&
			dname_is_within(top->text + rule->zone_off, name->wire))
			return true;
	}
	return false;
}

// The answer to what is not forwarded (proto:L1-L3), in the cache from now on; NULL for everything
// else.
static struct entry *keep_inside(const struct way *y, const struct group *g)
{
	static const uint8_t root[1];
	unsigned kinds = y->thread->o.keep_inside;
	const struct outside *o = y->o;
	const uint8_t *zone = o->zone == NULL ? root : o->zone;
	const uint8_t *from = g->policy->from.wire == NULL ? root : g->policy->from.wire;

	if (o->rule != NULL)
		zone = o->image->text + o->rule->zone_off;
	struct entry *e = kinds == 0 ? NULL : inside_answer(kinds, &y->ask, zone, from);
	if (e != NULL && e->kind == ENTRY_NXDOMAIN && is_above_zones(o->image, &y->ask.name)) {
		e->rcode = RCODE_NOERROR;
		e->kind = ENTRY_NODATA;
	}
	if (e != NULL && y->cache != NULL) {
		cache_clamp(y->cache, e);
		cache_put(y->cache, y->hash, &y->ask, e, y->thread->o.loop->now_ms);
	}
	return e;
}

// Whether the question needs no upstream to be answered anew.
static bool stays_inside(const struct way *y)
{
	size_t at = 0;
	const struct group *g = chain_group(y->chain, &y->ask.name, &at);
	struct entry *e = g == NULL ? NULL : keep_inside(y, g);
	bool is_kept = e != NULL;

	entry_drop(e);
	return is_kept;
}

// Fetches anew what is still answered from the cache.
static void refresh(const struct way *y)
{
	if (stays_inside(y) || y->thread->n_pending >= y->thread->o.max_pending)
		return;
	struct pending *p = pending_new(y->o, &y->view);
	if (p == NULL)
		return; // the next hit tries again
	p->origin.reply = NULL;
	p->w.is_refresh = true;
	send_off(y, p);
}

// k8s:2.13 max_concurrent: excess queries are refused.
static bool is_too_much(const struct group *g)
{
	static struct log_limit limit;
	uint32_t max = g->policy->max_concurrent;
	uint64_t held;

	if (max == 0 || atomic_load_explicit(&g->n_queries, memory_order_relaxed) < max)
		return false;
	if (g->counters != NULL)
		counter_share(&g->counters->rejected, 1);
	if (log_limit_take(&limit, 10000, &held))
		log_line(LOG_WARN, "forward", "more queries at once than max_concurrent",
			"max_concurrent=%u held=%llu", max, (unsigned long long)held);
	return true;
}

static enum serve_verdict forward(const struct way *y, struct cache_found *stale)
{
	size_t at = 0;
	struct group *g = chain_group(y->chain, &y->ask.name, &at);

	if (g == NULL) // no plugin takes it, or the one that would cannot; the log says why
		return error(y, RCODE_SERVFAIL,
			chain_is_broken(y->chain, &y->ask.name) ? EDE_NO_REACHABLE_AUTHORITY
								: EDE_NONE);
	struct entry *kept = keep_inside(y, g);
	if (kept != NULL) {
		entry_write(kept, y->o->query, y->o->env, &y->view, y->w);
		entry_drop(kept);
		return SERVE_REPLY;
	}
	if (atomic_load_explicit(&g->is_looping, memory_order_relaxed))
		return error(y, RCODE_SERVFAIL, EDE_NO_REACHABLE_AUTHORITY);
	if (is_too_much(g))
		return error(y, RCODE_REFUSED, EDE_NONE);
	struct pending *p = y->thread->n_pending < y->thread->o.max_pending
		? pending_new(y->o, &y->view)
		: NULL;
	if (p == NULL)
		return error(y, RCODE_SERVFAIL, EDE_OTHER);
	if (g->policy->max_concurrent != 0) {
		atomic_fetch_add_explicit(&g->n_queries, 1, memory_order_relaxed);
		p->counted = g;
	}
	p->patience.fn = on_patience;
	if (stale->entry != NULL) {
		const struct policy_cache *c = cache_policy(y->cache);
		p->stale = *stale;
		p->stale_ttl_s = c->stale_ttl_s;
		stale->entry = NULL;
		if (c->stale_timeout_ms != 0)
			loop_timer(y->thread->o.loop, &p->patience, c->stale_timeout_ms);
	}
	send_off(y, p);
	return SERVE_LATER;
}

// How long workers may give an answer themselves: in its last part a prefetch may be due, which is
// decided here.
static uint64_t shared_ms(const struct entry *e, const struct policy_cache *c)
{
	uint64_t ms = (uint64_t)e->lifetime_s * 1000;

	return c->prefetch == 0 ? ms : ms * (100 - c->prefetch_percent) / 100;
}

// Lets the workers give an answer that was asked for again.
static void share(const struct way *y, const struct cache_found *found)
{
	const struct origin *o = y->o->request->origin;
	const struct policy_cache *c = cache_policy(y->cache);
	const struct entry *e = found->entry;
	const struct ask *a = &y->ask;
	size_t size_bytes = entry_size(e);

	if (o->share == NULL || c->keep_ttl || a->class != 0 || size_bytes > PUNT_ENTRY_MAX_BYTES ||
		e->kind > ENTRY_NODATA)
		return;
	uint64_t now_ms = y->thread->o.loop->now_ms;
	struct punt_cache_msg head = {
		.entry_size = (uint16_t)size_bytes,
		.type = a->type,
		.policy = y->o->step->policy,
		.flags = (uint8_t)((a->is_do ? PUNT_CACHE_DO : 0) | (a->is_cd ? PUNT_CACHE_CD : 0) |
			(a->is_rd ? PUNT_CACHE_RD : 0)),
		.name_size = a->name.size_bytes,
		.policy_hash = y->o->image->policy_hash,
		.born_ms = now_ms - (uint64_t)found->age_s * 1000,
	};
	head.expires_ms = head.born_ms + shared_ms(e, c);
	memcpy(head.name, a->name.wire, a->name.size_bytes);
	if (head.expires_ms > now_ms)
		o->share(o, &head, e);
}

static enum serve_verdict answer_from_cache(const struct way *y, const struct cache_found *found)
{
	struct entry_view view = y->view;

	view.is_cached = true;
	view.age_s = found->age_s;
	if (found->state == CACHE_STALE)
		view = stale_view(&view, found->entry, cache_policy(y->cache)->stale_ttl_s);
	else
		share(y, found);
	y->o->tally->plugin = SCOPE_PLUGIN_CACHE;
	y->o->tally->is_failed = entry_is_ours(found->entry);
	entry_write(found->entry, y->o->query, y->o->env, &view, y->w);
	if (found->wants_refresh)
		refresh(y);
	return SERVE_REPLY;
}

static enum serve_verdict run_chain(const struct way *y)
{
	struct cache_found found = {.state = CACHE_MISS};
	enum serve_verdict verdict;

	if (y->cache != NULL)
		found = cache_get(y->cache, y->hash, &y->ask, y->thread->o.loop->now_ms);
	bool is_answer = found.state == CACHE_FRESH ||
		(found.state == CACHE_STALE && !cache_policy(y->cache)->stale_verify);
	if (is_answer)
		verdict = answer_from_cache(y, &found);
	else
		verdict = forward(y, &found);
	entry_drop(found.entry);
	return verdict;
}

enum serve_verdict forward_answer(struct server *s, const struct outside *o, struct plan *plan,
	const struct plan_chain *chain, struct wrbuf *w)
{
	struct way y = {
		.thread = s->outside_ctx,
		.server = s,
		.o = o,
		.w = w,
		.plan = plan,
		.chain = chain,
		.view = {.fixed_ttl_s = -1, .udp_max_bytes = DNS_UDP_MAX_BYTES, .ede = EDE_NONE},
	};

	if (o->rule != NULL) {
		y.view.is_rotated = (o->rule->flags & RULE_ROTATE) != 0;
		y.view.is_minimal = (o->rule->flags & RULE_MINIMAL) != 0;
		y.view.udp_max_bytes = o->image->servers[o->rule->server].udp_max_bytes;
	}
	ask_make(o->query, &y.ask);
	if (o->options != NULL)
		y.ask.options = ask_options_mark(o->options, plan->hash_key);
	y.hash = ask_hash(&y.ask, y.plan->hash_key);
	y.cache = chain_cache(y.chain, &y.ask.name);
	return run_chain(&y);
}

enum serve_verdict outside_answer(struct server *s, const struct outside *o, struct wrbuf *w)
{
	struct plan *plan = (struct plan *)s->root->plan; // its first member
	const struct image_step *step = o->step;

	bool is_internet = o->query->qclass == RR_CLASS_IN;

	if (step != NULL && step->kind == STEP_LOOKUP && is_internet)
		return chase_alias(s, o, w);
	const struct plan_chain *chain =
		step == NULL ? NULL : plan_chain_at(plan, step_chain(step));
	const struct plan_op *op = chain == NULL ? NULL : chain_op(chain, step_ordinal(step));
	if (chain != NULL && !is_internet)
		return task_answer(s, o, w);
	if (chain != NULL && loops_saw(chain, o->query)) {
		serve_error(o->query, o->env, RCODE_SERVFAIL, EDE_NO_REACHABLE_AUTHORITY, w);
		return SERVE_REPLY;
	}
	if (op == NULL) {
		serve_error(o->query, o->env, RCODE_SERVFAIL, EDE_NONE, w); // k8s:2.12 row 26
		return SERVE_REPLY;
	}
	if (op->kind == POLICY_FORWARD)
		return forward_answer(s, o, plan, chain, w);
	return task_answer(s, o, w);
}
