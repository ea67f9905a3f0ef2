// SPDX-License-Identifier: Apache-2.0
// Walks the steps of a rule until one answers. Everything that depends on names and data was
// decided when the image was built; what is left is hit, no such type, no such name.
#include "zones/answer/answer.h"

#include "zones/answer/pod.h"
#include "zones/answer/quick.h"
#include "zones/answer/reply.h"

#include <string.h>

// The key of a step's look-up. Pod names are not in the image: their namespace is.
static bool step_key(const struct query *q, const struct image_step *step, struct name_key *key)
{
	bool is_pod = (step->flags & STEP_PODS_INSECURE) && pod_is_question(q, step->zone_labels);

	if (is_pod) {
		size_t off = q->label_off[1];
		*key = (struct name_key){
			q->name + off, (uint8_t)(q->qname_size - off), 0, step->view};
	} else {
		*key = (struct name_key){q->norm, q->norm_size, q->underscores, step->view};
	}
	return is_pod;
}

// Questions of other classes are errors (quirk 14) but where the block has a directive for them.
static void plan_class(
	const struct image_listener *listener, const struct query *q, struct answer_plan *plan)
{
	if (plan->verdict != QUERY_ERROR || !q->has_question || q->qclass == RR_CLASS_IN ||
		q->rcode != RCODE_REFUSED)
		return;
	const struct image_rule *rule = snapshot_find_rule(plan->top, listener, q);
	if (rule != NULL && (rule->flags & RULE_CLASSES) && rule->n_steps > 0)
		plan->rule = rule;
}

void answer_plan(const struct snapshot *s, const struct image_listener *listener,
	const struct query *q, enum query_verdict v, struct answer_plan *plan)
{
	plan->verdict = v;
	plan->top = snapshot_top(s);
	plan->rule = NULL;
	plan->needs_find = false;
	plan->is_pod = false;
	if (plan->top == NULL || listener == NULL)
		return;
	if (v != QUERY_OK) {
		plan_class(listener, q, plan);
		return;
	}
	plan->rule = snapshot_find_rule(plan->top, listener, q);
	if (plan->rule == NULL || plan->rule->n_steps == 0)
		return;
	const struct image_step *step = &plan->top->steps[plan->rule->first_step];
	if (step->kind != STEP_LOOKUP && step->kind != STEP_STATIC)
		return;
	plan->needs_find = true;
	plan->is_pod = step_key(q, step, &plan->key);
}

// Everything the functions below share about one query.
struct walk {
	const struct answer_plan *plan;
	const struct image_step *step;
	struct found found;
	bool is_pod;
	struct reply reply;
};

enum step_result { STEP_ANSWERED, STEP_NEXT, STEP_PUNTED };

static void negative(struct walk *w, enum rcode rcode)
{
	const struct image_step *step = w->step;

	w->reply.rcode = (uint16_t)rcode;
	w->reply.flags |= HEADER_AA;
	if (step->kind != STEP_LOOKUP)
		return; // k8s:2.13 hosts: no SOA
	if (step->soa_section != IMAGE_NONE)
		reply_soa(&w->reply, image_section_at(w->plan->top, step->soa_section),
			step->zone_size);
}

static enum step_result miss(struct walk *w)
{
	if (w->step->kind == STEP_STATIC)
		return STEP_NEXT;
	if (w->step->flags & STEP_UNSYNCED) { // proto:S11, quirk 21: before any fallthrough
		reply_explain(&w->reply, EDE_NOT_READY);
		negative(w, RCODE_SERVFAIL);
		return STEP_ANSWERED;
	}
	if (w->step->flags & STEP_FALLTHROUGH)
		return STEP_NEXT;
	negative(w, RCODE_NXDOMAIN);
	return STEP_ANSWERED;
}

// The name exists, the type does not: NODATA, but for the names that CoreDNS looks up by type.
static enum step_result no_such_type(struct walk *w)
{
	uint8_t flags = w->found.name->flags;
	uint16_t qtype = w->reply.q->qtype;

	if ((flags & NAME_STRICT) && (qtype != RR_TYPE_SOA || w->step->kind == STEP_STATIC))
		return miss(w);
	bool is_unsupported = qtype != RR_TYPE_A && qtype != RR_TYPE_AAAA && qtype != RR_TYPE_PTR;
	if ((w->step->flags & STEP_FALLS_BY_TYPE) && is_unsupported)
		return miss(w);
	if ((flags & NAME_NO_PTR) && qtype == RR_TYPE_PTR)
		return miss(w);
	negative(w, RCODE_NOERROR);
	return STEP_ANSWERED;
}

static enum step_result hit(struct walk *w)
{
	const struct found *f = &w->found;
	const struct image_set *set = image_find_set(f->img, f->name, w->reply.q->qtype);

	w->reply.rcode = RCODE_NOERROR;
	if (set == NULL)
		return no_such_type(w);
	if ((set->flags & SET_PUNT) && !w->reply.env->takes_aliases)
		return STEP_PUNTED;
	w->reply.flags |= HEADER_AA;
	w->reply.is_minimal = (w->plan->rule->flags & RULE_MINIMAL) != 0;
	reply_section(&w->reply, image_section_at(f->img, set->section),
		(w->plan->rule->flags & RULE_ROTATE) ? REPLY_ROTATED : REPLY_IN_ORDER,
		w->step->zone_size);
	return STEP_ANSWERED;
}

// k8s:2.6, quirks 7 and 8: A or AAAA of the spelled address, NODATA for all other types.
static enum step_result pod_hit(struct walk *w)
{
	const struct query *q = w->reply.q;
	uint8_t addr[16];
	unsigned family = 0;

	if (w->found.name->flags & NAME_POD_NS)
		family = pod_address(q->name + 1, q->name[0], addr);
	if (family == 0)
		return miss(w);
	w->reply.rcode = RCODE_NOERROR;
	if (q->qtype != (family == 4 ? RR_TYPE_A : RR_TYPE_AAAA)) {
		negative(w, RCODE_NOERROR);
		return STEP_ANSWERED;
	}
	w->reply.flags |= HEADER_AA;
	reply_address(&w->reply, q->qtype, addr, w->step->pod_ttl_s);
	return STEP_ANSWERED;
}

// Names `<zone label...>.pin._zone.svc.ns.svc.Z`: the entry of `pin._zone...` answers for every
// zone that has no entry of its own (k8s:2.9).
static bool find_zonal(struct walk *w)
{
	static const uint8_t zone_label[] = "\5_zone";
	const struct query *q = w->reply.q;
	unsigned base = w->step->zone_labels + 4u; // _zone.svc.ns.svc in front of the zone

	if (!(w->step->flags & STEP_ZONAL) || w->reply.env->find == NULL ||
		q->nlabels < w->step->zone_labels + ANSWER_ZONAL_LABELS)
		return false;
	unsigned at = q->nlabels - base;
	if (memcmp(q->name + q->label_off[at], zone_label, sizeof(zone_label) - 1) != 0)
		return false;
	struct query below;
	query_make(&below, q->name + q->label_off[at - 1], q->qtype);
	struct name_key key = {below.norm, below.norm_size, below.underscores, w->step->view};
	w->reply.env->find(w->reply.env->find_ctx, &key, &w->found);
	return w->found.name != NULL && (w->found.name->flags & NAME_WILDCARD);
}

// `pods verified` has the names of pods with dashes; CoreDNS puts colons for them before it looks,
// so each of an IPv6 address may stand as a colon in the question.
static bool find_with_colons(struct walk *w)
{
	const struct query *q = w->reply.q;
	uint8_t name[DNS_NAME_MAX_BYTES];
	uint8_t len = q->name[0];

	if (!pod_is_question(q, w->step->zone_labels) || w->reply.env->find == NULL || w->is_pod ||
		memchr(q->name + 1, ':', len) == NULL || pod_is_dotted(q->name + 1, len))
		return false;
	memcpy(name, q->name, q->qname_size);
	for (uint8_t i = 1; i <= len; i++) {
		if (name[i] == ':')
			name[i] = '-';
	}
	if (pod_is_dotted(name + 1, len)) // no IPv6 address
		return false;
	struct query dashed;
	query_make(&dashed, name, q->qtype);
	struct name_key key = {dashed.norm, dashed.norm_size, dashed.underscores, w->step->view};
	w->reply.env->find(w->reply.env->find_ctx, &key, &w->found);
	return w->found.name != NULL;
}

static enum step_result lookup(struct walk *w)
{
	// The entry for all zones is no name of its own: `pin._zone.svc...` lacks the zone.
	if (w->found.name == NULL || (w->found.name->flags & NAME_WILDCARD))
		return find_zonal(w) || find_with_colons(w) ? hit(w) : miss(w);
	return w->is_pod ? pod_hit(w) : hit(w);
}

// Whether a punt of one type is for a question; those of all types are for each (CoreDNS plugin
// template).
static bool takes_type(const struct image_step *punt, uint16_t qtype)
{
	return punt->view == 0 || punt->view == qtype || qtype == RR_TYPE_ANY;
}

static enum step_result step_run(struct walk *w)
{
	switch ((enum step_kind)w->step->kind) {
	case STEP_LOOKUP:
	case STEP_STATIC:
		return lookup(w);
	case STEP_PUNT:
		return takes_type(w->step, w->reply.q->qtype) ? STEP_PUNTED : STEP_NEXT;
	case STEP_REFUSE:
		w->reply.rcode = RCODE_REFUSED;
		return STEP_ANSWERED;
	case STEP_SERVFAIL:
		if ((w->step->flags & STEP_PASSES_PTR) && w->reply.q->qtype == RR_TYPE_PTR)
			return STEP_NEXT;
		w->reply.rcode = RCODE_SERVFAIL; // k8s:2.12 row 26
		return STEP_ANSWERED;
	default:
		return STEP_NEXT;
	}
}

// The look-up of a step behind the first.
static void step_find(struct walk *w)
{
	struct name_key key;

	w->is_pod = step_key(w->reply.q, w->step, &key);
	w->found = (struct found){0};
	if (w->reply.env->find != NULL)
		w->reply.env->find(w->reply.env->find_ctx, &key, &w->found);
}

static enum step_result rule_run(struct walk *w, const struct found *first)
{
	const struct answer_plan *plan = w->plan;

	for (uint16_t i = 0; i < plan->rule->n_steps; i++) {
		w->step = &plan->top->steps[plan->rule->first_step + i];
		if (i == 0) {
			w->found = plan->needs_find ? *first : (struct found){0};
			w->is_pod = plan->is_pod;
		} else if (w->step->kind == STEP_LOOKUP || w->step->kind == STEP_STATIC) {
			step_find(w);
		}
		enum step_result result = step_run(w);
		if (result != STEP_NEXT)
			return result;
	}
	w->step = NULL;
	w->reply.rcode = RCODE_SERVFAIL; // no plugin answered
	return STEP_ANSWERED;
}

// The answers that need no rule.
static void answer_outside(struct walk *w)
{
	enum query_verdict v = w->plan->verdict;

	if (v == QUERY_ERROR)
		return; // query_parse decided
	if (v == QUERY_COOKIE_ONLY) {
		w->reply.rcode = RCODE_NOERROR; // RFC 7873 5.4
	} else if (w->plan->top == NULL) {
		w->reply.rcode = RCODE_SERVFAIL; // proto:S11
		reply_explain(&w->reply, EDE_NOT_READY);
	} else {
		w->reply.rcode = RCODE_REFUSED; // k8s:2.12 row 27
		reply_explain(&w->reply, EDE_NOT_AUTHORITATIVE);
	}
}

void answer_name_server(
	const struct image *top, const struct image_rule *rule, struct answer_env *env)
{
	const struct image_server *server = rule == NULL ? NULL : &top->servers[rule->server];

	env->nsid_size = server == NULL ? 0 : server->nsid_size;
	env->nsid = server == NULL ? NULL : top->text + server->nsid_off;
}

enum answer_verdict answer_walk(const struct answer_plan *plan, const struct found *found,
	const struct query *q, const struct answer_env *env, struct wrbuf *w,
	struct answer_result *result)
{
	struct walk walk = {.plan = plan};
	uint16_t udp_max = DNS_UDP_MAX_BYTES;

	if (plan->rule != NULL)
		udp_max = plan->top->servers[plan->rule->server].udp_max_bytes;
	reply_init(&walk.reply, q, env, udp_max, w);
	enum step_result r = STEP_ANSWERED;
	if (plan->rule == NULL) {
		answer_outside(&walk);
	} else if (plan->verdict == QUERY_OK) {
		r = rule_run(&walk, found);
	} else { // plan_class
		walk.step = &plan->top->steps[plan->rule->first_step];
		r = STEP_PUNTED;
	}
	*result = (struct answer_result){
		.rcode = walk.reply.rcode,
		.is_truncated = (walk.reply.flags & HEADER_TC) != 0,
		.rule = plan->rule,
		.step = walk.step,
		.found = walk.found,
	};
	if (r == STEP_PUNTED)
		return ANSWER_PUNT;
	reply_finish(&walk.reply);
	return ANSWER_REPLY;
}

// The step of a rule that leaves everything to the slow path, or NULL.
static inline const struct image_step *punt_of(const struct answer_plan *plan)
{
	if (plan->needs_find || plan->rule == NULL || plan->rule->n_steps == 0)
		return NULL;
	const struct image_step *step = &plan->top->steps[plan->rule->first_step];
	return step->kind == STEP_PUNT ? step : NULL;
}

enum answer_verdict answer_write(const struct answer_plan *plan, const struct found *found,
	const struct query *q, const struct answer_env *env, struct wrbuf *w,
	struct answer_result *result)
{
	const struct image_step *punt = punt_of(plan);

	if (punt != NULL) {
		*result =
			(struct answer_result){.rcode = q->rcode, .rule = plan->rule, .step = punt};
		return ANSWER_PUNT;
	}
	if (answer_quick(plan, found, q, env, w, result))
		return ANSWER_REPLY;
	return answer_walk(plan, found, q, env, w, result);
}

enum answer_step_verdict answer_step(const struct answer_plan *plan, const struct image_step *step,
	const struct query *q, const struct answer_env *env, struct wrbuf *w,
	struct answer_result *result)
{
	struct walk walk = {.plan = plan, .step = step};

	reply_init(&walk.reply, q, env, DNS_UDP_MAX_BYTES, w);
	if (step->kind == STEP_LOOKUP || step->kind == STEP_STATIC)
		step_find(&walk);
	enum step_result r = step_run(&walk);
	*result = (struct answer_result){
		.rcode = walk.reply.rcode, .rule = plan->rule, .step = step, .found = walk.found};
	if (r != STEP_ANSWERED)
		return r == STEP_PUNTED ? ANSWER_STEP_PUNT : ANSWER_STEP_NEXT;
	reply_finish(&walk.reply);
	return ANSWER_STEP_REPLY;
}

static void find_in_snapshot(const void *ctx, const struct name_key *key, struct found *out)
{
	snapshot_find(ctx, key, out);
}

enum answer_verdict answer_query(const struct answer_call *call, struct answer_env *env,
	struct query *q, enum query_verdict *v, struct wrbuf *w, struct answer_result *result)
{
	const struct snapshot *s = call->snapshot;
	const struct image *top = snapshot_top(s);
	struct answer_plan plan;
	struct found found = {0};

	*result = (struct answer_result){0};
	*v = query_parse(call->msg, call->size_bytes, env->transport, q);
	if (*v == QUERY_DROP_SHORT || *v == QUERY_DROP_RESPONSE)
		return ANSWER_REPLY;
	if (w->base != call->msg)
		memcpy(w->base, call->msg, query_question_end(q));
	env->find = find_in_snapshot;
	env->find_ctx = s;
	answer_plan(s, top == NULL ? NULL : snapshot_find_listener(top, call->to), q, *v, &plan);
	if (plan.needs_find)
		snapshot_find(s, &plan.key, &found);
	return answer_write(&plan, &found, q, env, w, result);
}
