// SPDX-License-Identifier: Apache-2.0
// Asks the snapshot; what that does not answer goes to the module for names outside.
#include "slowpath/serve/serve.h"

#include <string.h>

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

static enum serve_verdict punted(struct server *s, const struct outside *o, struct wrbuf *w)
{
	if (s->outside != NULL)
		return s->outside(s, o, w);
	serve_error(o->query, o->env, RCODE_SERVFAIL, EDE_NONE, w); // k8s:2.12 row 26
	return SERVE_REPLY;
}

enum serve_verdict serve_query(struct server *s, const struct request *r, struct wrbuf *w)
{
	static const struct snapshot nothing;

	if (s->root == NULL)
		return SERVE_DROP; // the process stops
	struct answer_env env = {
		.transport = r->transport,
		.udp_max_bytes = r->udp_max_bytes,
		.keepalive_100ms = r->transport == TRANSPORT_TCP ? SERVE_IDLE_S * 10 : 0,
	};
	struct answer_call call = {
		.snapshot = is_behind(s, r) ? &nothing : &s->root->snapshot,
		.to = &r->to,
		.msg = r->msg,
		.size_bytes = r->size_bytes,
	};
	struct query q;
	enum query_verdict v;
	struct answer_result result;
	enum answer_verdict verdict = answer_query(&call, &env, &q, &v, w, &result);

	if (v == QUERY_DROP_SHORT || v == QUERY_DROP_RESPONSE)
		return SERVE_DROP; // proto:H1, H2
	if (verdict == ANSWER_REPLY)
		return w->full ? SERVE_DROP : SERVE_REPLY;
	struct outside o = {
		.request = r,
		.query = &q,
		.env = &env,
		.image = snapshot_top(&s->root->snapshot),
		.rule = result.rule,
		.step = result.step,
	};
	return punted(s, &o, w);
}
