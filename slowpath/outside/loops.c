// SPDX-License-Identifier: Apache-2.0
// A look once a second: a new plan brings chains that were never probed. CoreDNS asks itself over
// the network and counts how often the name passes by; here the question begins behind the server,
// so that one return is enough.
#include "slowpath/outside/loops.h"

#include "slowpath/base/log.h"
#include "slowpath/base/random.h"

#include <inttypes.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>

enum {
	LOOK_MS = 1000,
	TRIES_MAX = 30, // without any answer, as CoreDNS; once a second
	AGAIN_MS = 10000, // while there is a loop
};

struct probe_wait {
	struct waiter w; // first
	struct plan_chain *chain;
	struct group *group;
};

// `<number>.<mark>.<zone>`. False: the zone has no room for it.
static bool probe_name(const struct plan_loop *l, uint64_t number, struct dname *out)
{
	char text[24];
	int n = snprintf(text, sizeof(text), "%" PRIu64, l->mark); // 20 digits at most

	out->size_bytes = (uint8_t)dname_size(l->zone, DNS_NAME_MAX_BYTES);
	memcpy(out->wire, l->zone, out->size_bytes);
	if (dname_prepend(out, text, (size_t)n) != 0)
		return false;
	n = snprintf(text, sizeof(text), "%" PRIu64, number);
	return dname_prepend(out, text, (size_t)n) == 0;
}

static void log_found(const struct plan_chain *c, const struct group *g)
{
	char zone[DNAME_TEXT_MAX_BYTES];

	log_line(LOG_ERROR, "loop", "questions to upstreams come back: they get SERVFAIL",
		"zone=%s upstream=%s upstreams=%u", dname_print(c->loop->zone, zone, sizeof(zone)),
		g->list[0].text, g->n);
}

static void log_gone(const struct plan_chain *c)
{
	char zone[DNAME_TEXT_MAX_BYTES];

	log_line(LOG_INFO, "loop", "questions to upstreams do not come back any more", "zone=%s",
		dname_print(c->loop->zone, zone, sizeof(zone)));
}

static void set_looping(struct group *g, bool is_looping)
{
	if (atomic_exchange(&g->is_looping, is_looping) == is_looping || g->counters == NULL)
		return;
	counter_share(&g->counters->looping, is_looping ? 1 : UINT64_MAX);
	if (is_looping)
		counter_share(&g->counters->loops_found, 1);
}

bool loops_saw(const struct plan_chain *chain, const struct query *q)
{
	bool may_be = q->qtype == RR_TYPE_HINFO && chain->loop != NULL;
	uint64_t number = may_be ? atomic_load(&chain->loop->number) : 0;
	struct dname name;
	size_t at = 0;

	if (number == 0 || !probe_name(chain->loop, number, &name) ||
		!dname_is_equal(q->name, name.wire))
		return false;
	struct group *g = chain_group(chain, &name, &at);
	if (g == NULL)
		return false;
	if (!atomic_load(&g->is_looping))
		log_found(chain, g);
	set_looping(g, true);
	atomic_store(&chain->loop->came_back, true);
	return true;
}

// What has come of a probe decides when the next one is due.
static void judge(struct probe_wait *p, bool is_answer, uint64_t now_ms)
{
	struct plan_loop *l = p->chain->loop;

	l->is_asking = false;
	if (atomic_load(&l->came_back)) {
		l->due_ms = now_ms + AGAIN_MS;
		return;
	}
	bool was_looping = atomic_load(&p->group->is_looping);
	if (!is_answer && (was_looping || ++l->n_tries < TRIES_MAX)) {
		l->due_ms = now_ms + (was_looping ? AGAIN_MS : LOOK_MS);
		return;
	}
	l->due_ms = UINT64_MAX; // a new plan asks again
	if (was_looping)
		log_gone(p->chain);
	set_looping(p->group, false);
}

static void on_done(struct waiter *w)
{
	struct probe_wait *p = (struct probe_wait *)w; // the first member

	if (w->entry != NULL)
		judge(p, w->entry->kind != ENTRY_FAILURE, w->home->now_ms);
	entry_drop(w->entry);
	holder_drop(&w->plan->holder);
	free(p);
}

static void probe(struct loops *l, struct plan *plan, struct plan_chain *c)
{
	struct probe_wait *p = calloc(1, sizeof(*p));
	uint64_t number;
	size_t at = 0;

	if (p == NULL)
		return; // the next look tries again
	random_bytes(&number, sizeof(number));
	number |= 1;
	p->w.ask.type = RR_TYPE_HINFO;
	p->w.ask.is_rd = true;
	p->chain = c;
	p->group = probe_name(c->loop, number, &p->w.ask.name) ? chain_group(c, &p->w.ask.name, &at)
							       : NULL;
	if (p->group == NULL) {
		c->loop->due_ms = UINT64_MAX; // nothing is forwarded
		free(p);
		return;
	}
	p->w.home = l->o.loop;
	p->w.done = on_done;
	p->w.plan = plan;
	p->w.chain = c;
	p->w.hash = ask_hash(&p->w.ask, plan->hash_key);
	p->w.fetcher = l->o.fetchers[(p->w.hash >> 32) % l->o.n_threads];
	atomic_store(&c->loop->came_back, false);
	atomic_store(&c->loop->number, number);
	c->loop->is_asking = true;
	if (plan->counters != NULL)
		counter_share(&plan->counters->loop_probes, 1);
	holder_hold(&plan->holder);
	fetch(&p->w);
}

static void on_timer(struct timer *t)
{
	struct loops *l = (struct loops *)((char *)t - offsetof(struct loops, timer));
	const struct root *root = l->o.server->root;
	struct plan *plan = root == NULL ? NULL : (struct plan *)root->plan; // its first member

	for (size_t i = 0; plan != NULL && i < plan->policy.n; i++) {
		struct plan_chain *c = &plan->chains[i];
		if (c->loop != NULL && !c->loop->is_asking && c->loop->due_ms <= l->o.loop->now_ms)
			probe(l, plan, c);
	}
	loop_timer(l->o.loop, &l->timer, LOOK_MS);
}

void loops_start(struct loops *l, const struct loops_options *o)
{
	l->o = *o;
	l->timer.fn = on_timer;
	loop_timer(o->loop, &l->timer, 0);
}
