// SPDX-License-Identifier: Apache-2.0
// One question per interval to an upstream in trouble; any answer to it means that it lives.
#include "slowpath/forward/probe.h"

#include "slowpath/base/log.h"
#include "slowpath/forward/exchange.h"

#include <stddef.h>
#include <stdlib.h>
#include <string.h>

enum { CHECK_TIMEOUT_MS = 1000 };

struct probe {
	struct exchange x; // first
	struct timer timer;
	struct probes *probes;
	struct probe *next;
	struct probe **pprev;
	struct ask ask;
	atomic_bool *is_retired;
	bool is_asking;
};

struct probes {
	struct loop *loop;
	struct stream_pool *pool;
	struct probe *first;
};

struct probes *probes_new(struct loop *loop, struct stream_pool *pool)
{
	struct probes *p = calloc(1, sizeof(*p));

	if (p != NULL)
		*p = (struct probes){.loop = loop, .pool = pool};
	return p;
}

static void probe_end(struct probe *p)
{
	exchange_cancel(&p->x);
	loop_timer_stop(p->probes->loop, &p->timer);
	*p->pprev = p->next;
	if (p->next != NULL)
		p->next->pprev = p->pprev;
	atomic_store(&p->x.upstream->is_probed, false);
	holder_drop(p->x.group->holder);
	free(p);
}

void probes_free(struct probes *p)
{
	if (p == NULL)
		return;
	while (p->first != NULL)
		probe_end(p->first);
	free(p);
}

static void failed(struct probe *p)
{
	const struct policy_forward *policy = p->x.group->policy;
	struct upstream *u = p->x.upstream;
	uint32_t fails = atomic_fetch_add(&u->fails, 1) + 1;

	if (u->counters != NULL)
		counter_share(&u->counters->failed_checks, 1);
	if (fails == policy->max_fails + 1)
		log_line(LOG_WARN, "forward", "upstream is down", "upstream=%s", u->text);
	p->is_asking = false;
	loop_timer(p->probes->loop, &p->timer, policy->health_check_ms);
}

static void on_done(
	struct exchange *x, enum exchange_result result, const uint8_t *msg, size_t size_bytes)
{
	struct probe *p = (struct probe *)x; // the first member

	(void)msg;
	(void)size_bytes;
	if (result != EXCHANGE_ANSWER) {
		failed(p);
		return;
	}
	if (upstream_is_down(x->group, x->upstream))
		log_line(LOG_INFO, "forward", "upstream is back", "upstream=%s", x->upstream->text);
	atomic_store(&x->upstream->fails, 0);
	probe_end(p);
}

static void check(struct probe *p)
{
	bool is_stream = p->x.upstream->is_tls;

	if (atomic_load(p->is_retired)) {
		probe_end(p);
		return;
	}
	p->is_asking = true;
	if ((is_stream ? exchange_stream(&p->x) : exchange_udp(&p->x)) != 0)
		failed(p);
	else
		loop_timer(p->probes->loop, &p->timer, CHECK_TIMEOUT_MS);
}

static void on_timer(struct timer *t)
{
	struct probe *p = (struct probe *)((char *)t - offsetof(struct probe, timer));

	if (!p->is_asking) {
		check(p);
		return;
	}
	exchange_cancel(&p->x);
	failed(p);
}

void probe_start(
	struct probes *probes, struct group *g, struct upstream *u, atomic_bool *is_retired)
{
	const struct policy_forward *policy = g->policy;
	const uint8_t *domain = policy->health_check_domain.wire;

	if (policy->max_fails == 0 || atomic_exchange(&u->is_probed, true))
		return;
	struct probe *p = calloc(1, sizeof(*p));
	if (p == NULL) {
		atomic_store(&u->is_probed, false); // the next failure tries again
		return;
	}
	p->probes = probes;
	p->is_retired = is_retired;
	p->timer.fn = on_timer;
	p->ask.name.size_bytes = (uint8_t)dname_size(domain, DNS_NAME_MAX_BYTES);
	memcpy(p->ask.name.wire, domain, p->ask.name.size_bytes);
	p->ask.type = RR_TYPE_NS;
	p->ask.is_rd = !policy->health_check_no_rec;
	p->x = (struct exchange){.loop = probes->loop,
		.pool = probes->pool,
		.group = g,
		.upstream = u,
		.ask = &p->ask,
		.edns = ASK_WITHOUT_EDNS,
		.is_check = true,
		.done = on_done};
	holder_hold(g->holder);
	p->next = probes->first;
	p->pprev = &probes->first;
	if (p->next != NULL)
		p->next->pprev = &p->next;
	probes->first = p;
	loop_timer(probes->loop, &p->timer, 0); // not inside the caller's own work
}
