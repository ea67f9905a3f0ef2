// SPDX-License-Identifier: Apache-2.0
// Down through the steps of the block's rule for the question's name, up through the directives
// that were passed. A loop, so that nothing depends on how deep a Corefile is.
#include "slowpath/outside/task.h"

static const struct image *top_of(const struct task *t)
{
	return snapshot_top(&t->server->root->snapshot);
}

// The rules of the whole block, or NULL: the policy is another by now.
static const struct image_listener *find_block(const struct task *t, const struct image *top)
{
	if (top == NULL || top->policy_hash != t->policy_hash)
		return NULL;
	for (uint32_t i = 0; i < top->n_listeners; i++) {
		const struct image_listener *l = &top->listeners[i];
		if (l->family != IMAGE_FAMILY_BLOCK || l->n_rules == 0)
			continue;
		const struct image_rule *rule = &top->rules[l->first_rule];
		if (rule->n_steps > 0 &&
			step_chain(&top->steps[rule->first_step]) == t->chain_number)
			return l;
	}
	return NULL;
}

static bool is_for_type(const struct image_step *step, uint16_t type)
{
	if (step->kind == STEP_SERVFAIL)
		return !(step->flags & STEP_PASSES_PTR) || type != RR_TYPE_PTR;
	return step->kind != STEP_PUNT || step->view == 0 || step->view == type ||
		type == RR_TYPE_ANY;
}

// The next step for the question, or NULL.
static const struct image_step *find_step(const struct task *t, const struct image_rule **rule)
{
	const struct image *top = top_of(t);
	const struct image_listener *block = find_block(t, top);
	struct query q;

	if (block == NULL)
		return NULL;
	task_query(t, &q);
	*rule = snapshot_find_rule(top, block, &q);
	for (uint16_t i = 0; *rule != NULL && i < (*rule)->n_steps; i++) {
		const struct image_step *step = &top->steps[(*rule)->first_step + i];
		if (step_ordinal(step) >= t->next && is_for_type(step, t->job.question.type))
			return step;
	}
	return NULL;
}

static struct task_frame *top_frame(struct task *t)
{
	return &t->frames[t->n_frames - 1];
}

static void pop(struct task *t)
{
	const struct task_frame *f = top_frame(t);

	t->job.question = f->frame.saved;
	t->job.n_options = f->n_options;
	t->n_frames--;
}

// What the topmost directive has decided.
static void obey(struct task *t, enum plugin_verdict verdict)
{
	switch (verdict) {
	case PLUGIN_NEXT:
		t->move = TASK_DOWN;
		break;
	case PLUGIN_ANSWER:
		pop(t);
		t->move = TASK_UP;
		break;
	case PLUGIN_RESOLVE:
		task_resolve(t, &t->job.target, TASK_RESOLVED);
		break;
	case PLUGIN_AGAIN:
		t->next = top_frame(t)->op->ordinal + 1u;
		t->move = TASK_DOWN;
		if (++t->n_again <= TASK_AGAIN_MAX)
			break;
		pop(t);
		task_fail(t, RCODE_SERVFAIL);
		break;
	case PLUGIN_DROP:
		t->move = TASK_DROPPED;
		break;
	}
}

// Neither data nor upstreams are for other classes (quirk 14), but where a rule has made one of IN:
// then they are for it as in CoreDNS.
static bool is_other_class(const struct task *t)
{
	return t->job.question.class != RR_CLASS_IN && t->query.qclass != RR_CLASS_IN;
}

static void refuse_class(struct task *t)
{
	task_fail(t, RCODE_REFUSED);
	t->job.response.ede = EDE_NOT_SUPPORTED;
}

static void enter(struct task *t, const struct image_step *step)
{
	const struct plan_op *op = chain_op(t->chain, step_ordinal(step));

	if (op != NULL && op->kind == POLICY_FORWARD && is_other_class(t)) {
		refuse_class(t);
		return;
	}
	if (op != NULL && op->kind == POLICY_FORWARD) {
		task_forward(t, step);
		return;
	}
	t->plugin = serve_plugin(t->server, step);
	if (op == NULL || op->plugin == NULL || op->is_broken || t->n_frames == t->chain->n) {
		task_fail(t, RCODE_SERVFAIL); // k8s:2.12 row 26; the log says why
		return;
	}
	struct task_frame *f = &t->frames[t->n_frames++];
	*f = (struct task_frame){
		.frame = {.state = op->state, .data = op->data, .saved = t->job.question},
		.op = op,
		.n_options = t->job.n_options};
	obey(t, op->plugin->ask == NULL ? PLUGIN_NEXT : op->plugin->ask(&t->job, &f->frame));
}

static void go_down(struct task *t)
{
	const struct image_rule *rule = NULL;
	const struct image_step *step = find_step(t, &rule);

	if (step == NULL) {
		task_fail(t, RCODE_SERVFAIL); // no plugin answers (k8s:2.12 row 26)
		return;
	}
	t->next = step_ordinal(step) + 1u;
	if (step->kind != STEP_PUNT && is_other_class(t)) {
		refuse_class(t);
		return;
	}
	switch ((enum step_kind)step->kind) {
	case STEP_LOOKUP:
	case STEP_STATIC:
		task_data_step(t, rule, step);
		break;
	case STEP_PUNT:
		enter(t, step);
		break;
	case STEP_REFUSE:
		task_fail(t, RCODE_REFUSED);
		break;
	case STEP_SERVFAIL:
		task_fail(t, RCODE_SERVFAIL);
		break;
	}
}

static void go_up(struct task *t)
{
	if (t->n_frames == 0) {
		t->move = TASK_DONE;
		return;
	}
	struct task_frame *f = top_frame(t);
	const struct plugin *p = f->op->plugin;
	obey(t, p->reply == NULL ? PLUGIN_ANSWER : p->reply(&t->job, &f->frame));
}

static void go_on_resolved(struct task *t)
{
	struct task_frame *f = top_frame(t);
	const struct plugin *p = f->op->plugin;

	obey(t, p->resolved == NULL ? PLUGIN_ANSWER : p->resolved(&t->job, &f->frame));
}

// Until it is over, or waits.
static void run(struct task *t)
{
	t->job.find_ctx = &t->server->root->snapshot;
	t->job.find = task_find;
	while (t->move < TASK_DONE) {
		switch (t->move) {
		case TASK_DOWN:
			go_down(t);
			break;
		case TASK_UP:
			go_up(t);
			break;
		case TASK_RESOLVED:
			go_on_resolved(t);
			break;
		case TASK_ALIAS:
			task_join_alias(t);
			break;
		case TASK_DONE:
		case TASK_DROPPED:
		case TASK_WAITING:
			return;
		}
	}
}

// Goes on with what has come, and replies when that was the last.
static void go_on(struct task *t)
{
	static _Thread_local uint8_t out[DNS_MSG_MAX_BYTES];
	struct wrbuf w = wrbuf_of(out, sizeof(out));

	if (t->server->root == NULL) // the process stops
		t->move = TASK_DROPPED;
	run(t);
	if (t->move == TASK_WAITING)
		return;
	t->origin.tally.plugin = t->plugin;
	if (t->move == TASK_DONE) {
		task_write(t, &w);
		t->origin.reply(&t->origin, out, w.pos);
	} else {
		t->origin.drop(&t->origin);
	}
	task_free(t);
}

static void on_reply(struct origin *o, const uint8_t *msg, size_t size_bytes)
{
	struct task *t = o->ctx;

	task_take(t, msg, size_bytes);
	task_judge(t, o->tally.is_failed);
	go_on(t);
}

static void on_drop(struct origin *o)
{
	struct task *t = o->ctx;

	task_take(t, NULL, 0);
	go_on(t);
}

struct origin task_origin(struct task *t)
{
	return (struct origin){.reply = on_reply, .drop = on_drop, .ctx = t};
}

enum serve_verdict task_answer(struct server *s, const struct outside *o, struct wrbuf *w)
{
	struct task *t = task_new(s, o);

	if (t == NULL) {
		serve_error(o->query, o->env, RCODE_SERVFAIL, EDE_OTHER, w);
		return SERVE_REPLY;
	}
	run(t);
	if (t->move == TASK_WAITING)
		return SERVE_LATER;
	enum serve_verdict verdict = SERVE_DROP;
	if (t->move == TASK_DONE) {
		o->tally->plugin = t->plugin;
		task_write(t, w);
		verdict = SERVE_REPLY;
	}
	task_free(t);
	return verdict;
}
