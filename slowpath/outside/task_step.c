// SPDX-License-Identifier: Apache-2.0
// What a task asks: the snapshot, cache and upstreams, and this server itself.
#include "slowpath/outside/task.h"

#include "slowpath/outside/forward.h"

#include <stdlib.h>
#include <string.h>

// Whole replies, however large: they are taken apart, and cut to the client's size at the end.
static _Thread_local uint8_t whole[DNS_MSG_MAX_BYTES];

void task_fail(struct task *t, enum rcode rcode)
{
	response_init(&t->job.response, (uint16_t)rcode, 0);
	t->job.response.author = RESPONSE_FAILED;
	t->move = TASK_UP;
}

void task_take(struct task *t, const uint8_t *msg, size_t size_bytes)
{
	struct job *j = &t->job;

	if (msg == NULL || response_read(&j->arena, msg, size_bytes, &j->response) != 0)
		response_init(&j->response, RCODE_SERVFAIL, 0);
	t->move = t->then;
}

void task_judge(struct task *t, bool is_failed)
{
	// What a question of our own gets, the server has written.
	if (is_failed && t->then == TASK_UP)
		t->job.response.author = RESPONSE_FAILED;
}

void task_query(const struct task *t, struct query *q)
{
	const struct question *question = &t->job.question;

	query_make(q, question->name.wire, question->type);
	q->qclass = question->class;
	q->id = t->query.id; // rotation
	q->flags = question->flags | HEADER_AD; // who asked matters at the end
	q->edns.present = t->query.edns.present;
	q->edns.is_do = t->query.edns.is_do;
	q->edns.udp_bytes = DNS_UDP_MAX_BYTES;
}

// Header and question of a made query, in front of its reply.
static struct wrbuf begin_reply(const struct query *q, uint8_t *out)
{
	struct wrbuf w = wrbuf_of(out, DNS_MSG_MAX_BYTES);

	memset(out, 0, DNS_HEADER_BYTES);
	be16_put(out, q->id);
	be16_put(out + 2, q->flags);
	be16_put(out + 4, 1);
	memcpy(out + DNS_HEADER_BYTES, q->name, q->qname_size);
	be16_put(out + DNS_HEADER_BYTES + q->qname_size, q->qtype);
	be16_put(out + DNS_HEADER_BYTES + q->qname_size + 2, q->qclass);
	w.pos = query_question_end(q);
	return w;
}

static void find_in_snapshot(const void *ctx, const struct name_key *key, struct found *out)
{
	snapshot_find(ctx, key, out);
}

// The target of the last CNAME, which is what has to be resolved. False: there is none.
static bool find_target(const struct response *r, struct question *out)
{
	const struct response_rrs *answer = &r->part[RESPONSE_ANSWER];

	for (size_t i = answer->n; i > 0; i--) {
		const struct response_rr *rr = &answer->items[i - 1];
		if (rr->type != RR_TYPE_CNAME)
			continue;
		out->name.size_bytes = (uint8_t)dname_size(rr->rdata, rr->rdata_size);
		memcpy(out->name.wire, rr->rdata, out->name.size_bytes);
		dname_lower(&out->name);
		return true;
	}
	return false;
}

// The alias is in the job; its target is asked for (k8s:2.5).
static void complete_alias(struct task *t)
{
	struct question target = t->job.question;

	if (t->request.keeps_aliases || !find_target(&t->job.response, &target)) {
		task_fail(t, RCODE_SERVFAIL); // as chase.c
		return;
	}
	t->alias = t->job.response;
	task_resolve(t, &target, TASK_ALIAS);
}

void task_join_alias(struct task *t)
{
	const struct response rest = t->job.response;
	const struct response_rrs *answer = &rest.part[RESPONSE_ANSWER];
	int rc = 0;

	t->job.response = t->alias;
	t->job.response.flags |= rest.flags & HEADER_TC;
	t->move = TASK_UP;
	for (size_t i = 0; rest.rcode == RCODE_NOERROR && i < answer->n && rc == 0; i++)
		rc = response_add(
			&t->job.arena, &t->job.response, RESPONSE_ANSWER, &answer->items[i]);
	if (rc != 0)
		task_fail(t, RCODE_SERVFAIL);
}

void task_data_step(struct task *t, const struct image_rule *rule, const struct image_step *step)
{
	const struct snapshot *snapshot = &t->server->root->snapshot;
	struct image_rule in_order = *rule; // rotated once, at the end
	const struct answer_plan plan = {
		.verdict = QUERY_OK, .top = snapshot_top(snapshot), .rule = &in_order};
	struct answer_env env = {
		.transport = TRANSPORT_TCP, .find = find_in_snapshot, .find_ctx = snapshot};
	struct answer_result result;
	struct query q;

	in_order.flags &= (uint16_t)~RULE_ROTATE;
	task_query(t, &q);
	struct wrbuf w = begin_reply(&q, whole);
	enum answer_step_verdict v = answer_step(&plan, step, &q, &env, &w, &result);
	bool is_alias = v == ANSWER_STEP_PUNT;
	if (is_alias) {
		env.takes_aliases = true;
		w = begin_reply(&q, whole);
		v = answer_step(&plan, step, &q, &env, &w, &result);
	}
	t->move = TASK_DOWN;
	if (v == ANSWER_STEP_NEXT)
		return;
	t->plugin = serve_plugin(t->server, step);
	t->then = TASK_UP;
	task_take(t, v == ANSWER_STEP_REPLY ? whole : NULL, w.pos);
	if (is_alias)
		complete_alias(t);
}

// What rules have put there for upstreams. False: too much.
static bool take_options(const struct job *j, struct ask_options *out)
{
	bool fits = true;

	out->size_bytes = 0;
	for (size_t i = 0; i < j->n_options && fits; i++)
		fits = ask_options_add(
			out, j->options[i].code, j->options[i].data, j->options[i].size);
	return fits;
}

void task_forward(struct task *t, const struct image_step *step)
{
	const struct origin origin = task_origin(t);
	const struct answer_env env = {.transport = TRANSPORT_TCP};
	struct request r = t->request;
	struct tally tally = {.plugin = serve_plugin(t->server, step)};
	struct ask_options options;
	struct query q;

	if (!take_options(&t->job, &options)) {
		task_fail(t, RCODE_SERVFAIL);
		return;
	}
	task_query(t, &q);
	struct wrbuf w = begin_reply(&q, whole);
	r.msg = whole;
	r.size_bytes = w.pos;
	r.origin = &origin;
	const struct outside o = {.request = &r,
		.query = &q,
		.env = &env,
		.image = snapshot_top(&t->server->root->snapshot),
		.block = t->block,
		.tap_wish = t->tap_wish,
		.zone = t->zone,
		.step = step,
		.tally = &tally,
		.options = options.size_bytes == 0 ? NULL : &options};
	t->then = TASK_UP;
	enum serve_verdict v = forward_answer(t->server, &o, t->plan, t->chain, &w);
	t->plugin = tally.plugin;
	if (v == SERVE_LATER) {
		t->move = TASK_WAITING;
		return;
	}
	task_take(t, v == SERVE_REPLY ? whole : NULL, w.pos);
	task_judge(t, tally.is_failed);
}

void task_resolve(struct task *t, const struct question *what, enum task_move then)
{
	const struct origin origin = task_origin(t);
	const struct ask ask = {.name = what->name,
		.type = what->type,
		.is_do = t->query.edns.present && t->query.edns.is_do,
		.is_cd = (what->flags & HEADER_CD) != 0,
		.is_rd = true};
	uint8_t query[ASK_MAX_BYTES];
	struct request r = t->request;
	enum serve_verdict v = SERVE_DROP;

	t->then = then;
	r.is_own = true;
	r.is_punted = false;
	r.keeps_aliases |= then == TASK_ALIAS;
	r.depth++;
	r.origin = &origin;
	r.msg = query;
	r.size_bytes = ask_write(&ask, t->query.id, ASK_WITH_EDNS, query);
	// `whole` may be in use by what is asked.
	uint8_t *reply = r.depth > TASK_DEPTH_MAX || ++*r.n_asked > TASK_RESOLVE_MAX
		? NULL
		: malloc(DNS_MSG_MAX_BYTES);
	struct wrbuf w = wrbuf_of(reply, reply == NULL ? 0 : DNS_MSG_MAX_BYTES);
	if (reply != NULL)
		v = serve_query(t->server, &r, &w);
	if (v == SERVE_LATER)
		t->move = TASK_WAITING;
	else
		task_take(t, v == SERVE_REPLY ? reply : NULL, w.pos);
	free(reply);
}

bool task_find(struct job *j, uint16_t view, const struct question *what, struct response *out)
{
	const struct snapshot *snapshot = j->find_ctx;
	const struct image_rule rule = {0};
	const struct image_step step = {
		.kind = STEP_STATIC, .view = view, .soa_section = IMAGE_NONE, .zone_size = 1};
	const struct answer_plan plan = {
		.verdict = QUERY_OK, .top = snapshot_top(snapshot), .rule = &rule};
	const struct answer_env env = {.transport = TRANSPORT_TCP,
		.takes_aliases = true,
		.find = find_in_snapshot,
		.find_ctx = snapshot};
	struct answer_result result;
	struct query q;

	query_make(&q, what->name.wire, what->type);
	struct wrbuf w = begin_reply(&q, whole);
	if (plan.top == NULL ||
		answer_step(&plan, &step, &q, &env, &w, &result) != ANSWER_STEP_REPLY)
		return false;
	return response_read(&j->arena, whole, w.pos, out) == 0 && out->part[RESPONSE_ANSWER].n > 0;
}
