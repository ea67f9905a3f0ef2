// SPDX-License-Identifier: Apache-2.0
// Remembering a query and answering it later.
#include "slowpath/outside/pending.h"

#include <stdlib.h>
#include <string.h>

void ask_make(const struct query *q, struct ask *a)
{
	a->name.size_bytes = q->qname_size;
	memcpy(a->name.wire, q->name, q->qname_size);
	a->type = q->qtype;
	a->class = q->qclass == RR_CLASS_IN ? 0 : q->qclass;
	a->is_do = q->edns.present && q->edns.is_do;
	a->is_cd = (q->flags & HEADER_CD) != 0;
	a->is_rd = (q->flags & HEADER_RD) != 0;
	a->options = 0;
}

static struct tell_about about(const struct outside *o)
{
	const struct request *r = o->request;
	struct tell_about a = {.client_port = r->from.port,
		.server_port = r->to.port,
		.block = o->block,
		.family = r->to.family,
		.wish = o->tap_wish};

	memcpy(a.client, r->from.bytes, sizeof(a.client));
	memcpy(a.server, r->to.bytes, sizeof(a.server));
	return a;
}

struct pending *pending_new(const struct outside *o, const struct entry_view *view)
{
	const struct query *q = o->query;
	struct pending *p = calloc(1, sizeof(*p));

	if (p == NULL)
		return NULL;
	p->origin = *o->request->origin;
	p->id = q->id;
	p->flags = q->flags;
	p->edns = q->edns;
	p->env = *o->env;
	p->env.find = NULL;
	p->env.find_ctx = NULL;
	if (p->env.nsid_size != 0)
		memcpy(p->nsid, o->env->nsid, p->env.nsid_size);
	p->env.nsid = p->nsid;
	p->view = *view;
	p->w.about = about(o);
	if (o->options != NULL) {
		p->options = *o->options;
		p->w.options = &p->options;
	}
	p->question_bytes = (uint16_t)query_question_end(q);
	memcpy(p->question, o->request->msg, p->question_bytes);
	return p;
}

void pending_reply(struct pending *p, const struct entry *e, const struct entry_view *view)
{
	static _Thread_local uint8_t out[DNS_MSG_MAX_BYTES];
	struct wrbuf w = wrbuf_of(out, sizeof(out));
	struct query q = {
		.id = p->id,
		.flags = p->flags,
		.qtype = p->w.ask.type,
		.qclass = RR_CLASS_IN,
		.ede = EDE_NONE,
		.has_question = true,
		.qname_size = p->w.ask.name.size_bytes,
		.edns = p->edns,
	};

	memcpy(out, p->question, p->question_bytes);
	entry_write(e, &q, &p->env, view, &w);
	p->is_answered = true;
	p->origin.reply(&p->origin, out, w.pos);
}

void pending_free(struct pending *p)
{
	if (p->counted != NULL)
		atomic_fetch_sub_explicit(&p->counted->n_queries, 1, memory_order_relaxed);
	holder_drop(p->w.plan == NULL ? NULL : &p->w.plan->holder);
	entry_drop(p->w.entry);
	entry_drop(p->stale.entry);
	free(p);
}
