// SPDX-License-Identifier: Apache-2.0
// Beginning and end of a task: what it keeps of the query, and the reply that it gives.
#include "slowpath/outside/task.h"

#include <stdlib.h>
#include <string.h>

static const char *copy_text(struct arena *a, const struct image *top, uint32_t off, uint16_t size)
{
	char *text = arena_alloc(a, size + 1u);

	if (text != NULL)
		memcpy(text, top->text + off, size);
	return text == NULL ? "" : text;
}

static void keep_query(struct task *t, const struct outside *o)
{
	const struct query *q = o->query;

	t->query = *q;
	query_normalise(&t->query); // it points into itself
	t->query.rcode = RCODE_NOERROR; // what its class was refused with
	t->query.ede = EDE_NONE;
	t->question_bytes = (uint16_t)query_question_end(q);
	memcpy(t->question, o->request->msg, t->question_bytes);
	t->job.query = &t->query;
	t->job.spelled = t->question + DNS_HEADER_BYTES;
	t->job.question =
		(struct question){.type = q->qtype, .class = q->qclass, .flags = q->flags};
	t->job.question.name.size_bytes = q->qname_size;
	memcpy(t->job.question.name.wire, q->name, q->qname_size);
}

static void keep_request(struct task *t, const struct outside *o)
{
	const struct request *r = o->request;

	t->request = *r;
	t->request.msg = NULL;
	t->request.origin = NULL;
	if (r->n_asked == NULL)
		t->request.n_asked = &t->n_asked;
	t->origin = *r->origin;
	t->env = *o->env;
	t->env.find = NULL;
	t->env.find_ctx = NULL;
	if (t->env.nsid_size != 0)
		t->env.nsid = arena_copy(&t->job.arena, o->env->nsid, o->env->nsid_size);
	if (t->env.nsid == NULL)
		t->env.nsid_size = 0; // memory is short, or there is none
	t->job.transport = r->transport;
	t->job.from = (struct plugin_peer){.family = r->from.family, .port = r->from.port};
	memcpy(t->job.from.address, r->from.bytes, sizeof(t->job.from.address));
	t->job.to = (struct plugin_peer){.family = r->to.family, .port = r->to.port};
	memcpy(t->job.to.address, r->to.bytes, sizeof(t->job.to.address));
}

static void keep_rule(struct task *t, const struct outside *o)
{
	const struct image *top = o->image;
	const struct image_rule *rule = o->rule;
	const struct image_server *server = &top->servers[rule->server];

	t->policy_hash = top->policy_hash;
	t->rule_flags = rule->flags;
	t->block = o->block;
	t->tap_wish = o->tap_wish;
	t->zone = arena_copy(&t->job.arena, top->text + rule->zone_off, rule->zone_size);
	t->udp_max_bytes = server->udp_max_bytes;
	t->job.metric_server = copy_text(&t->job.arena, top, server->label_off, server->label_size);
	t->job.metric_zone =
		copy_text(&t->job.arena, top, rule->metric_zone, rule->metric_zone_size);
}

struct task *task_new(struct server *s, const struct outside *o)
{
	struct plan *plan = (struct plan *)s->root->plan; // its first member
	const struct plan_chain *chain = plan_chain_at(plan, step_chain(o->step));

	if (chain == NULL || o->rule == NULL)
		return NULL;
	struct task *t = calloc(1, sizeof(*t) + chain->n * sizeof(t->frames[0]));
	if (t == NULL)
		return NULL;
	holder_hold(&plan->holder);
	t->server = s;
	t->plan = plan;
	t->chain = chain;
	t->chain_number = step_chain(o->step);
	t->next = o->query->qclass == RR_CLASS_IN ? step_ordinal(o->step) : 0;
	t->move = TASK_DOWN;
	keep_query(t, o);
	keep_request(t, o);
	keep_rule(t, o);
	t->job.counters = s->rules;
	return t;
}

void task_free(struct task *t)
{
	arena_fini(&t->job.arena);
	holder_drop(&t->plan->holder);
	free(t);
}

static bool is_address(const struct response_rr *rr)
{
	return rr->type == RR_TYPE_A || rr->type == RR_TYPE_AAAA;
}

// loadbalance: the addresses change places among themselves (quirk 18).
static void rotate(struct response_rrs *answer, uint16_t id)
{
	struct response_rr *items = answer->items;
	size_t first = 0;

	while (first < answer->n && !is_address(&items[first]))
		first++;
	size_t n = 0;
	while (first + n < answer->n && is_address(&items[first + n]))
		n++;
	for (size_t left = n < 2 ? 0 : id % n; left > 0; left--) {
		struct response_rr rr = items[first];
		memmove(&items[first], &items[first + 1], (n - 1) * sizeof(rr));
		items[first + n - 1] = rr;
	}
}

// What `loadbalance` and `minimal` do, wherever the reply comes from.
static void finish(const struct task *t, struct response *r)
{
	if (r->rcode != RCODE_NOERROR)
		return;
	if (t->rule_flags & RULE_ROTATE)
		rotate(&r->part[RESPONSE_ANSWER], t->query.id);
	bool is_denial = r->part[RESPONSE_ANSWER].n == 0 && r->part[RESPONSE_AUTHORITY].n > 0;
	if ((t->rule_flags & RULE_MINIMAL) && !is_denial) {
		r->part[RESPONSE_AUTHORITY].n = 0;
		r->part[RESPONSE_ADDITIONAL].n = 0;
	}
}

void task_write(const struct task *t, struct wrbuf *w)
{
	struct response r = t->job.response;

	memcpy(w->base, t->question, t->question_bytes);
	finish(t, &r);
	response_write(&r, &t->query, &t->env, t->udp_max_bytes, w);
	if (r.rd == RESPONSE_RD_AS_ASKED || w->pos < DNS_HEADER_BYTES)
		return;
	uint16_t flags = be16_get(w->base + 2) & (uint16_t)~HEADER_RD;
	be16_put(w->base + 2, flags | (r.rd == RESPONSE_RD_SET ? HEADER_RD : 0));
}
