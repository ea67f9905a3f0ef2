// SPDX-License-Identifier: Apache-2.0
// Asks the snapshot; what that does not answer goes to the module for names outside.
#include "slowpath/serve/serve.h"

#include <string.h>
#include <time.h>

enum { DIRECTIVE_BYTES = 32, LINE_BYTES = 6 };

bool serve_is_bad_port(uint16_t port)
{
	switch (port) {
	case 0:
	case 7: // echo
	case 13: // daytime
	case 17: // quote of the day
	case 19: // character generator
	case 37: // time
		return true;
	default:
		return false;
	}
}

bool serve_is_stranger(const struct server *s, const struct client *c)
{
	return s->networks != NULL && !networks_have(s->networks, c->family, c->bytes);
}

bool serve_is_error_loop(uint16_t port, const uint8_t *reply)
{
	unsigned rcode = reply[3] & HEADER_RCODE;

	return port == 53 && rcode != RCODE_NOERROR && rcode != RCODE_NXDOMAIN;
}

void serve_error(const struct query *q, const struct answer_env *env, enum rcode rcode,
	enum ede ede, struct wrbuf *w)
{
	struct answer_plan plan = {.verdict = QUERY_ERROR};
	struct answer_result result;
	struct query error = *q;

	error.rcode = (uint16_t)rcode;
	error.ede = (int8_t)ede;
	// Without a rule an error is written as it stands in the query; it cannot be a punt.
	(void)answer_write(&plan, NULL, &error, env, w, &result);
}

// DESIGN 3: while the workers serve a newer snapshot than this process has, an answer from the old
// one could contradict theirs.
static bool is_behind(const struct server *s, const struct request *r)
{
	uint64_t newest = r->generation;

	if (s->counters != NULL && newest == 0)
		newest = counter_get(&s->counters->dataplane.generation);
	return newest > s->root->generation;
}

static void copy_text(char *out, size_t out_bytes, const uint8_t *text, size_t size_bytes)
{
	size_t n = size_bytes < out_bytes ? size_bytes : out_bytes - 1;

	memcpy(out, text, n);
	out[n] = 0;
}

// Every query comes here: no printf.
static const char *print_line(uint16_t line, char out[LINE_BYTES])
{
	size_t at = LINE_BYTES - 1;
	unsigned left = line;

	out[at] = 0;
	do {
		out[--at] = (char)('0' + left % 10);
		left /= 10;
	} while (left != 0);
	return out + at;
}

// Also what a worker has handed over: it counts by plugin only.
static void count_punt(const struct server *s, const struct request *r, const struct outside *o)
{
	char zone[SCOPE_ZONE_BYTES], directive[DIRECTIVE_BYTES], line[LINE_BYTES];
	const struct image *top = o->image;

	if (s->rules == NULL || r->is_own || o->rule == NULL || o->step == NULL)
		return;
	copy_text(zone, sizeof(zone), top->text + o->rule->metric_zone, o->rule->metric_zone_size);
	copy_text(directive, sizeof(directive), top->text + o->step->plugin_off,
		o->step->plugin_size);
	const char *const values[] = {zone, directive, print_line(o->step->line, line)};
	rule_count(s->rules, RULE_PUNTS, values, 3);
}

// An answer that comes later takes the tally along with the origin.
static enum serve_verdict punted(
	struct server *s, const struct request *r, struct outside *o, struct wrbuf *w)
{
	struct origin origin = *r->origin;
	struct request with_tally = *r;
	enum serve_verdict verdict = SERVE_REPLY;

	count_punt(s, r, o);
	origin.tally = *o->tally;
	with_tally.origin = &origin;
	o->request = &with_tally;
	if (s->outside != NULL)
		verdict = s->outside(s, o, w);
	else
		serve_error(o->query, o->env, RCODE_SERVFAIL, EDE_NONE, w); // k8s:2.12 row 26
	o->request = r; // nobody may keep the address of ours
	if (verdict == SERVE_REPLY)
		tally_message(o->tally, w->base, w->pos);
	return verdict;
}

uint8_t serve_plugin(const struct server *s, const struct image_step *step)
{
	const struct image *top = snapshot_top(&s->root->snapshot);

	if (s->scopes == NULL)
		return SCOPE_PLUGIN_NONE;
	return (uint8_t)scope_plugin_of(&s->root->scopes, top, step);
}

// proto:C2: whoever sends a cookie gets ours with it.
static void cookie_prepare(const struct server *s, const struct request *r, const struct query *q,
	struct answer_env *env)
{
	const struct cookie_client client = {
		.address = r->from.bytes, .family = r->from.family, .now_s = (uint32_t)time(NULL)};

	if (s->cookies == NULL || s->cookies->n == 0 || q->edns.cookie_size == 0 ||
		r->from.family == 0)
		return;
	// Nothing here depends on whether the client's was right.
	(void)cookie_answer(s->cookies, &client, &q->edns, env->cookie);
	env->cookie_size = COOKIE_FULL_BYTES;
}

static void find_in_snapshot(const void *ctx, const struct name_key *key, struct found *out)
{
	snapshot_find(ctx, key, out);
}

struct parsed {
	const struct query *q;
	enum query_verdict verdict;
};

// Answers a parsed query from the snapshot.
static enum answer_verdict answer(const struct server *s, const struct request *r,
	const struct parsed *in, struct answer_env *env, struct wrbuf *w,
	struct answer_result *result)
{
	static const struct snapshot nothing;
	const struct snapshot *snapshot = is_behind(s, r) ? &nothing : &s->root->snapshot;
	const struct image *top = snapshot_top(snapshot);
	struct found found = {0};
	struct answer_plan plan;

	if (w->base != r->msg)
		memcpy(w->base, r->msg, query_question_end(in->q));
	env->find = find_in_snapshot;
	env->find_ctx = snapshot;
	const struct image_listener *listener =
		top == NULL ? NULL : snapshot_find_listener(top, &r->to);
	answer_plan(snapshot, listener, in->q, in->verdict, &plan);
	if (in->q->edns.has_nsid)
		answer_name_server(top, plan.rule, env);
	if (plan.needs_find)
		snapshot_find(snapshot, &plan.key, &found);
	return answer_write(&plan, &found, in->q, env, w, result);
}

enum serve_verdict serve_query(struct server *s, const struct request *r, struct wrbuf *w)
{
	struct answer_env env = {
		.transport = r->transport,
		.udp_max_bytes = r->udp_max_bytes,
		.keepalive_100ms = r->keepalive_100ms,
	};
	struct answer_result result = {0};
	struct tally tally;
	struct query q;

	if (s->root == NULL)
		return SERVE_DROP; // the process stops
	tally_start(&tally, s, r);
	enum query_verdict v = query_parse(r->msg, r->size_bytes, r->transport, &q);
	if (v == QUERY_DROP_SHORT || v == QUERY_DROP_RESPONSE)
		return SERVE_DROP; // proto:H1, H2
	cookie_prepare(s, r, &q, &env);
	const struct parsed parsed = {&q, v};
	enum answer_verdict verdict = answer(s, r, &parsed, &env, w, &result);
	tally_request(&tally, s, r, &q, result.rule);
	tally.plugin = serve_plugin(s, result.step);
	if (verdict == ANSWER_REPLY && w->full)
		return SERVE_DROP;
	if (verdict == ANSWER_REPLY) {
		tally_reply(&tally, result.rcode, w->base, w->pos);
		return SERVE_REPLY;
	}
	struct outside o = {
		.query = &q,
		.env = &env,
		.image = snapshot_top(&s->root->snapshot),
		.rule = result.rule,
		.block = result.rule == NULL ? 0 : result.rule->server,
		.tap_wish = scope_tap_wish(result.rule),
		.step = result.step,
		.tally = &tally,
	};
	return punted(s, r, &o, w);
}
