// SPDX-License-Identifier: Apache-2.0
// Replies as records, from messages and back.
#include "slowpath/message/response.h"

#include "slowpath/message/compress.h"
#include "zones/answer/reply.h"
#include "zones/base/rdbuf.h"
#include "zones/wire/dname.h"
#include "zones/wire/message.h"

#include <errno.h>
#include <string.h>

enum { LIST_MIN = 8, SOA_NUMBERS_BYTES = 20, RDATA_NAMES_MAX = 2 };

// Where names stand in the rdata of a type: bytes in front of the first, how many, bytes behind.
struct shape {
	uint16_t type;
	uint8_t front, n_names, back;
	bool may_compress; // RFC 3597 4
};

static const struct shape shapes[] = {
	{RR_TYPE_NS, 0, 1, 0, true},
	{RR_TYPE_CNAME, 0, 1, 0, true},
	{RR_TYPE_PTR, 0, 1, 0, true},
	{RR_TYPE_DNAME, 0, 1, 0, false},
	{RR_TYPE_MX, 2, 1, 0, true},
	{RR_TYPE_SRV, 6, 1, 0, false},
	{RR_TYPE_SOA, 0, 2, SOA_NUMBERS_BYTES, true},
};

static const struct shape *shape_of(uint16_t type)
{
	for (size_t i = 0; i < sizeof(shapes) / sizeof(shapes[0]); i++) {
		if (shapes[i].type == type)
			return &shapes[i];
	}
	return NULL;
}

void response_init(struct response *r, uint16_t rcode, uint16_t flags)
{
	*r = (struct response){.rcode = rcode, .flags = flags, .ede = EDE_NONE};
}

int response_add(
	struct arena *a, struct response *r, enum response_part part, const struct response_rr *rr)
{
	struct response_rrs *list = &r->part[part];

	if (list->n == list->cap) {
		size_t cap = list->cap == 0 ? LIST_MIN : list->cap * 2;
		struct response_rr *items = arena_alloc(a, cap * sizeof(*items));
		if (items == NULL)
			return -ENOMEM;
		if (list->n > 0)
			memcpy(items, list->items, list->n * sizeof(*items));
		list->items = items;
		list->cap = cap;
	}
	list->items[list->n++] = *rr;
	return 0;
}

// The rdata with its names in full, or -EINVAL, -ENOMEM.
static int read_rdata(struct arena *a, const struct rdbuf *msg, const struct message_rr *in,
	struct response_rr *out)
{
	const struct shape *shape = shape_of(in->type);
	size_t end = in->rdata_pos + in->rdata_size;
	uint8_t full[2 + 6 + SOA_NUMBERS_BYTES + RDATA_NAMES_MAX * DNS_NAME_MAX_BYTES];
	struct wrbuf w = wrbuf_of(full, sizeof(full));
	struct rdbuf r = *msg;
	struct dname name;

	out->rdata_size = in->rdata_size;
	if (shape == NULL || in->rdata_size == 0) {
		out->rdata = arena_copy(a, msg->base + in->rdata_pos, in->rdata_size);
		return out->rdata == NULL ? -ENOMEM : 0;
	}
	r.pos = in->rdata_pos;
	if (in->rdata_size < shape->front)
		return -EINVAL;
	wrbuf_bytes(&w, r.base + r.pos, shape->front);
	r.pos += shape->front;
	for (unsigned i = 0; i < shape->n_names && !r.bad; i++) {
		message_name(&r, end, &name);
		if (!r.bad)
			wrbuf_bytes(&w, name.wire, name.size_bytes);
	}
	if (r.bad || r.pos + shape->back != end)
		return -EINVAL;
	wrbuf_bytes(&w, r.base + r.pos, shape->back);
	out->rdata = arena_copy(a, full, w.pos);
	out->rdata_size = (uint16_t)w.pos;
	return out->rdata == NULL ? -ENOMEM : 0;
}

// What OPT says of the reply: the upper bits of its rcode, and why it failed (RFC 8914).
static void read_opt(const struct rdbuf *msg, const struct message_rr *in, struct response *out)
{
	struct rdbuf r = rdbuf_of(msg->base + in->rdata_pos, in->rdata_size);

	out->rcode |= (uint16_t)(in->ttl_s >> 24 << 4);
	for (unsigned i = 0; i < QUERY_OPTIONS_MAX && rdbuf_left(&r) >= 4; i++) {
		uint16_t code = rdbuf_u16(&r);
		uint16_t size = rdbuf_u16(&r);
		const uint8_t *data = rdbuf_take(&r, size);
		if (data == NULL)
			return;
		if (code == EDNS_EDE && size >= 2 && be16_get(data) <= INT8_MAX)
			out->ede = be16_get(data);
	}
}

static int read_rr(struct arena *a, struct rdbuf *r, struct response *out, enum response_part part)
{
	struct message_rr in;
	struct response_rr rr = {0};

	message_rr(r, &in);
	if (r->bad)
		return -EINVAL;
	if (in.type == RR_TYPE_OPT) {
		read_opt(r, &in, out);
		return 0;
	}
	rr.type = in.type;
	rr.class = in.class;
	rr.ttl_s = in.ttl_s;
	rr.owner = arena_copy(a, in.owner.wire, in.owner.size_bytes);
	if (rr.owner == NULL)
		return -ENOMEM;
	int rc = read_rdata(a, r, &in, &rr);
	return rc == 0 ? response_add(a, out, part, &rr) : rc;
}

int response_read(struct arena *a, const uint8_t *msg, size_t size_bytes, struct response *out)
{
	struct rdbuf r = rdbuf_of(msg, size_bytes);
	struct dname name;
	int rc = 0;

	if (size_bytes < DNS_HEADER_BYTES)
		return -EINVAL;
	uint16_t flags = be16_get(msg + 2);
	response_init(
		out, flags & HEADER_RCODE, flags & (HEADER_AA | HEADER_TC | HEADER_RA | HEADER_AD));
	r.pos = DNS_HEADER_BYTES;
	for (unsigned i = be16_get(msg + 4); i > 0 && !r.bad; i--) {
		message_name(&r, size_bytes, &name);
		(void)rdbuf_take(&r, 4);
	}
	for (int part = 0; part < RESPONSE_PARTS; part++) {
		for (unsigned i = be16_get(msg + 6 + 2 * part); i > 0 && rc == 0 && !r.bad; i--)
			rc = read_rr(a, &r, out, (enum response_part)part);
	}
	return rc == 0 && r.bad ? -EINVAL : rc;
}

static int32_t info_code(int8_t ede)
{
	return ede < 0 ? EDE_NONE : (uint8_t)ede;
}

int response_from_entry(struct arena *a, const struct entry *e, const struct ask *ask,
	const struct entry_view *view, struct response *out)
{
	static _Thread_local uint8_t msg[DNS_MSG_MAX_BYTES];
	struct wrbuf w = wrbuf_of(msg, sizeof(msg));
	const struct answer_env env = {.transport = TRANSPORT_TCP};
	const struct query q = {
		.flags = HEADER_AD, // kept as it is; whoever writes the reply looks who asked
		.qtype = ask->type,
		.qclass = RR_CLASS_IN,
		.ede = EDE_NONE,
		.has_question = true,
		.qname_size = ask->name.size_bytes,
	};

	memset(msg, 0, DNS_HEADER_BYTES);
	memcpy(msg + DNS_HEADER_BYTES, ask->name.wire, ask->name.size_bytes);
	be16_put(msg + DNS_HEADER_BYTES + ask->name.size_bytes, ask->type);
	be16_put(msg + DNS_HEADER_BYTES + ask->name.size_bytes + 2, RR_CLASS_IN);
	entry_write(e, &q, &env, view, &w);
	int rc = response_read(a, msg, w.pos, out);
	out->rcode = e->rcode;
	out->ede = info_code(view->ede != EDE_NONE ? view->ede : e->ede);
	return rc;
}

static void write_rdata(struct compress *c, const struct response_rr *rr)
{
	const struct shape *shape = shape_of(rr->type);
	struct wrbuf *w = c->w;
	size_t pos = 0;

	if (shape == NULL || !shape->may_compress || rr->rdata_size == 0) {
		wrbuf_bytes(w, rr->rdata, rr->rdata_size);
		return;
	}
	wrbuf_bytes(w, rr->rdata, shape->front);
	pos += shape->front;
	for (unsigned i = 0; i < shape->n_names; i++) {
		compress_name(c, rr->rdata + pos);
		pos += dname_size(rr->rdata + pos, rr->rdata_size - pos);
	}
	wrbuf_bytes(w, rr->rdata + pos, rr->rdata_size - pos);
}

// Appends a record; false when there is no room for it, and nothing is left of it.
static bool write_rr(struct reply *r, struct compress *c, const struct response_rr *rr)
{
	struct wrbuf *w = r->w;
	size_t start = w->pos;

	compress_name(c, rr->owner);
	wrbuf_u16(w, rr->type);
	wrbuf_u16(w, rr->class);
	wrbuf_u32(w, rr->ttl_s);
	size_t size_at = w->pos;
	wrbuf_u16(w, 0);
	write_rdata(c, rr);
	if (w->full || w->pos + r->opt_bytes > r->limit_bytes) {
		w->pos = start;
		w->full = false;
		return false;
	}
	be16_put(w->base + size_at, (uint16_t)(w->pos - size_at - 2));
	return true;
}

// Writes a part's records and counts them. False: not all fit.
static bool write_part(
	struct reply *r, struct compress *c, const struct response_rrs *list, uint16_t *n)
{
	for (size_t i = 0; i < list->n; i++) {
		if (!write_rr(r, c, &list->items[i]))
			return false;
		(*n)++;
	}
	return true;
}

// What does not fit ends the message: names that were taken back must not be pointed to.
static void write_parts(struct reply *r, struct compress *c, const struct response *in)
{
	uint16_t *const counts[RESPONSE_PARTS] = {&r->n_an, &r->n_ns, &r->n_ar};
	int part = 0;

	while (part < RESPONSE_PARTS && write_part(r, c, &in->part[part], counts[part]))
		part++;
	bool is_needed = part == RESPONSE_ANSWER ||
		(part == RESPONSE_AUTHORITY && in->part[RESPONSE_ANSWER].n == 0);
	r->flags |= is_needed ? HEADER_TC : 0; // RFC 2181 9
}

void response_write(const struct response *r, const struct query *q, const struct answer_env *env,
	uint16_t udp_max_bytes, struct wrbuf *w)
{
	bool wants_ad = q->edns.is_do || (q->flags & HEADER_AD) != 0; // RFC 6840 5.7
	struct compress c;
	struct reply reply;

	reply_init(&reply, q, env, udp_max_bytes, w);
	reply.rcode = r->rcode;
	if (r->ede != EDE_NONE)
		reply_explain_text(
			&reply, (uint16_t)r->ede, r->ede_text == NULL ? "" : r->ede_text);
	reply.flags |= r->flags & (HEADER_AA | HEADER_TC | HEADER_RA | (wants_ad ? HEADER_AD : 0));
	compress_init(&c, w);
	compress_learn(&c, w->base + DNS_HEADER_BYTES, DNS_HEADER_BYTES);
	write_parts(&reply, &c, r);
	reply_finish(&reply);
}
