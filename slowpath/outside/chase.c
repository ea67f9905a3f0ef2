// SPDX-License-Identifier: Apache-2.0
// Asks ourselves for the target, as CoreDNS does: the whole server answers, with its cache. What
// fails there leaves the alias alone in the answer.
#include "slowpath/outside/chase.h"

#include "slowpath/outside/pending.h"
#include "zones/wire/message.h"

#include <stdlib.h>
#include <string.h>

struct chase {
	struct pending *pending; // the client's query
	struct ask ask; // what the client asked
	size_t alias_bytes;
	uint8_t alias[]; // our answer so far: a whole message
};

static void chase_free(struct chase *c)
{
	pending_free(c->pending);
	free(c);
}

static void complete(struct chase *c, const uint8_t *msg, size_t size_bytes)
{
	struct pending *p = c->pending;
	struct entry *e = entry_join(&c->ask, c->alias, c->alias_bytes, msg, size_bytes);

	if (e == NULL)
		e = entry_error(RCODE_SERVFAIL, EDE_OTHER);
	if (e != NULL)
		pending_reply(p, e, &p->view);
	else
		p->origin.drop(&p->origin); // memory is short
	entry_drop(e);
	chase_free(c);
}

static void origin_reply(struct origin *o, const uint8_t *msg, size_t size_bytes)
{
	complete(o->ctx, msg, size_bytes);
}

static void origin_drop(struct origin *o)
{
	struct chase *c = o->ctx;

	c->pending->origin.drop(&c->pending->origin);
	chase_free(c);
}

// The alias records as a message, however large. 0 when there are none.
static size_t write_alias(const struct server *s, const struct outside *o, struct wrbuf *w)
{
	struct answer_env env = {.transport = TRANSPORT_TCP, .takes_aliases = true};
	const struct answer_call call = {
		.snapshot = &s->root->snapshot,
		.to = &o->request->to,
		.msg = o->request->msg,
		.size_bytes = o->request->size_bytes,
	};
	struct query q;
	enum query_verdict v;
	struct answer_result result;

	// A reply without CNAME shows in find_target.
	(void)answer_query(&call, &env, &q, &v, w, &result);
	return w->full ? 0 : w->pos;
}

// The target of the last CNAME in the answer section. False: there is none.
static bool find_target(
	const uint8_t *msg, size_t size_bytes, size_t question_end, struct dname *out)
{
	struct rdbuf r = rdbuf_of(msg, size_bytes);
	unsigned n = be16_get(msg + 6);
	bool found = false;
	struct message_rr rr;

	r.pos = question_end;
	for (unsigned i = 0; i < n && !r.bad; i++) {
		message_rr(&r, &rr);
		if (r.bad || rr.type != RR_TYPE_CNAME)
			continue;
		struct rdbuf name = r;
		name.pos = rr.rdata_pos;
		message_name(&name, rr.rdata_pos + rr.rdata_size, out);
		found = !name.bad;
	}
	return found;
}

static struct chase *chase_new(const struct outside *o, const uint8_t *alias, size_t alias_bytes)
{
	const struct query *q = o->query;
	struct entry_view view = {
		.fixed_ttl_s = -1, .udp_max_bytes = DNS_UDP_MAX_BYTES, .ede = EDE_NONE};
	struct chase *c = calloc(1, sizeof(*c) + alias_bytes);

	if (c == NULL)
		return NULL;
	if (o->rule != NULL)
		view.udp_max_bytes = o->image->servers[o->rule->server].udp_max_bytes;
	c->pending = pending_new(o, &view);
	if (c->pending == NULL) {
		free(c);
		return NULL;
	}
	ask_make(q, &c->ask);
	c->pending->w.ask = c->ask;
	c->alias_bytes = alias_bytes;
	memcpy(c->alias, alias, alias_bytes);
	return c;
}

// Asks for the target; the reply comes now, later or never.
static enum serve_verdict ask_target(struct server *s, const struct outside *o, struct chase *c,
	const struct dname *target, struct wrbuf *w)
{
	const struct origin origin = {.reply = origin_reply, .drop = origin_drop, .ctx = c};
	uint8_t query[ASK_MAX_BYTES];
	struct ask ask = c->ask;

	ask.name = *target;
	const struct request r = {
		.transport = o->request->transport,
		.to = o->request->to,
		.from = o->request->from,
		.msg = query,
		.size_bytes = ask_write(&ask, o->query->id, ASK_WITH_EDNS, query),
		.udp_max_bytes = o->request->udp_max_bytes,
		.generation = o->request->generation,
		.origin = &origin,
		.is_own = true,
		.keeps_aliases = true,
		.depth = (uint8_t)(o->request->depth + 1),
	};
	return serve_query(s, &r, w);
}

enum serve_verdict chase_alias(struct server *s, const struct outside *o, struct wrbuf *w)
{
	static _Thread_local uint8_t alias[DNS_MSG_MAX_BYTES], rest[DNS_MSG_MAX_BYTES];
	struct wrbuf alias_out = wrbuf_of(alias, sizeof(alias));
	struct wrbuf rest_out = wrbuf_of(rest, sizeof(rest));
	struct dname target;

	size_t n = o->request->keeps_aliases ? 0 : write_alias(s, o, &alias_out);
	struct chase *c = NULL;
	if (n > 0 && find_target(alias, n, query_question_end(o->query), &target))
		c = chase_new(o, alias, n);
	if (c == NULL) {
		serve_error(o->query, o->env, RCODE_SERVFAIL, EDE_NONE, w);
		return SERVE_REPLY;
	}
	enum serve_verdict verdict = ask_target(s, o, c, &target, &rest_out);
	if (verdict == SERVE_LATER)
		return verdict;
	size_t rest_bytes = verdict == SERVE_REPLY ? rest_out.pos : 0;
	struct entry *e = entry_join(&c->ask, alias, n, rest, rest_bytes);
	if (e != NULL)
		entry_write(e, o->query, o->env, &c->pending->view, w);
	else
		serve_error(o->query, o->env, RCODE_SERVFAIL, EDE_OTHER, w);
	entry_drop(e);
	chase_free(c);
	return SERVE_REPLY;
}
