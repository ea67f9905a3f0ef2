// SPDX-License-Identifier: Apache-2.0
// Reads a query. The order of the checks is the order in which a reply depends on them: length and
// QR before anything is answered, opcode before the body is read (proto:H5), then counts,
// question, additional records.
#include "zones/wire/query.h"

#include "zones/base/rdbuf.h"
#include "zones/wire/dname.h"

#include <string.h>

static enum query_verdict error(struct query *q, enum rcode rcode, enum ede ede)
{
	q->rcode = (uint16_t)rcode;
	q->ede = (int8_t)ede;
	return QUERY_ERROR;
}

enum { BLOCK_BYTES = 16 };

// The compiler makes vector instructions of this where there are any, and bytes elsewhere.
typedef uint8_t block __attribute__((vector_size(BLOCK_BYTES)));

static inline void block_lower(const uint8_t *in, uint8_t *out, block *changed)
{
	block v;

	memcpy(&v, in, sizeof(v));
	block bit = (block)((v - 'A') < 26) & 0x20;
	*changed |= bit;
	v |= bit;
	memcpy(out, &v, sizeof(v));
}

// Copies a name in lower case into q->name. Length octets are below 'A' and stay as they are. The
// last block overlaps the one before it, so that no byte outside the name is looked at.
static inline void name_lower(struct query *q, const uint8_t *wire, size_t size_bytes)
{
	block changed = {0};
	uint64_t halves[2];

	if (size_bytes < BLOCK_BYTES) {
		for (size_t i = 0; i < size_bytes; i++) {
			q->name[i] = dname_lower_byte(wire[i]);
			changed[0] |= q->name[i] ^ wire[i];
		}
	} else {
		for (size_t i = 0; i < size_bytes - BLOCK_BYTES; i += BLOCK_BYTES)
			block_lower(wire + i, q->name + i, &changed);
		size_t last = size_bytes - BLOCK_BYTES;
		block_lower(wire + last, q->name + last, &changed);
	}
	memcpy(halves, &changed, sizeof(halves));
	q->has_upper = (halves[0] | halves[1]) != 0;
	q->qname_size = (uint8_t)size_bytes;
}

// Finds the labels of the name at wire, of which left bytes are there. Size of the name, 0:
// malformed.
static inline size_t labels_read(const uint8_t *wire, size_t left, struct query *q)
{
	unsigned limit = left < DNS_NAME_MAX_BYTES ? (unsigned)left : DNS_NAME_MAX_BYTES;
	unsigned pos = 0, len = 0;
	uint8_t *off = q->label_off; // at most 127 and the root: each label takes two bytes of 255

	do {
		if (pos >= limit)
			return 0; // proto:N1
		len = wire[pos];
		*off++ = (uint8_t)pos;
		pos += 1 + len;
	} while (len - 1 < DNS_LABEL_MAX_BYTES);
	q->nlabels = (uint8_t)(off - q->label_off - 1);
	return len == 0 ? pos : 0; // proto:N2, N3
}

// Copies the name without the underscores that lead its first two labels.
__attribute__((noinline)) static void underscores_drop(struct query *q, uint8_t us)
{
	size_t in = 0;
	size_t out = 0;

	for (uint8_t i = 0; i < 2 && i < q->nlabels; i++) {
		uint8_t len = q->name[in];
		uint8_t skip = (us >> i) & 1u;
		q->norm_buf[out++] = (uint8_t)(len - skip);
		memcpy(q->norm_buf + out, q->name + in + 1 + skip, (size_t)len - skip);
		out += (size_t)len - skip;
		in += 1u + len;
	}
	memcpy(q->norm_buf + out, q->name + in, q->qname_size - in);
	q->norm = q->norm_buf;
	q->norm_size = (uint8_t)(out + q->qname_size - in);
}

// A label of one underscore keeps it.
static inline bool has_underscore(const struct query *q, unsigned i)
{
	const uint8_t *label = q->name + q->label_off[i];

	return i < q->nlabels && label[0] > 1 && label[1] == '_';
}

static inline void normalise(struct query *q)
{
	uint8_t us = (uint8_t)(has_underscore(q, 0) | has_underscore(q, 1) << 1);

	q->underscores = us;
	q->norm = q->name;
	q->norm_size = q->qname_size;
	if (us != 0)
		underscores_drop(q, us);
}

void query_normalise(struct query *q)
{
	normalise(q);
}

void query_make(struct query *q, const uint8_t *name, uint16_t qtype)
{
	uint8_t n = 0;
	size_t pos = 0;

	q->id = 0;
	q->flags = HEADER_RD;
	q->qtype = qtype;
	q->qclass = RR_CLASS_IN;
	q->rcode = RCODE_NOERROR;
	q->ede = EDE_NONE;
	q->has_question = true;
	q->edns = (struct query_edns){0};
	for (; name[pos] != 0; pos += 1u + name[pos])
		q->label_off[n++] = (uint8_t)pos;
	q->label_off[n] = (uint8_t)pos;
	q->nlabels = n;
	name_lower(q, name, pos + 1);
	query_normalise(q);
}

// One EDNS option. False: malformed (proto:C1, E10).
static bool option_read(
	struct query_edns *e, uint16_t code, struct rdbuf data, enum transport transport)
{
	size_t n = data.size_bytes;

	switch (code) {
	case EDNS_COOKIE:
		if (e->cookie_size != 0) // proto:E8: the first one counts
			return true;
		if (n != 8 && (n < 16 || n > QUERY_COOKIE_MAX_BYTES))
			return false; // RFC 7873 5.2.2
		memcpy(e->cookie, data.base, n);
		e->cookie_size = (uint8_t)n;
		return true;
	case EDNS_NSID:
		if (n == 0) // proto:E15
			e->has_nsid = true;
		return true;
	case EDNS_KEEPALIVE:
		if (transport == TRANSPORT_UDP)
			return true; // RFC 7828 3.2.1: ignored on UDP
		e->has_keepalive = true;
		return n == 0; // RFC 7828 3.2.1: a query's option is empty
	default:
		return true; // RFC 6891 6.1.2: unknown options are ignored
	}
}

static bool options_read(struct query_edns *e, struct rdbuf rdata, enum transport transport)
{
	for (unsigned n = 0; rdbuf_left(&rdata) > 0; n++) {
		uint16_t code = rdbuf_u16(&rdata);
		uint16_t len = rdbuf_u16(&rdata);
		const uint8_t *data = rdbuf_take(&rdata, len);

		if (rdata.bad || n == QUERY_OPTIONS_MAX) // proto:E7
			return false;
		if (!option_read(e, code, rdbuf_of(data, len), transport))
			return false;
	}
	return true;
}

// Reads the OPT record behind its owner and type (RFC 6891 6.1.3). False: malformed.
static bool opt_read(struct rdbuf *r, struct query *q, enum transport transport)
{
	struct query_edns *e = &q->edns;

	e->udp_bytes = rdbuf_u16(r);
	(void)rdbuf_u8(r); // extended RCODE: means nothing in a query
	e->version = rdbuf_u8(r);
	e->is_do = (rdbuf_u16(r) & 0x8000) != 0;
	uint16_t len = rdbuf_u16(r);
	const uint8_t *rdata = rdbuf_take(r, len);
	if (r->bad || !options_read(e, rdbuf_of(rdata, len), transport)) {
		e->cookie_size = 0;
		return false;
	}
	e->present = true;
	return true;
}

// What the additional records were.
struct additional {
	bool has_opt, has_tsig;
};

// The additional section that nearly all queries with EDNS have: one OPT without options.
static bool plain_opt_read(struct rdbuf *r, struct query *q)
{
	static const uint8_t head[3] = {0, 0, RR_TYPE_OPT};
	const uint8_t *p = r->base + r->pos;

	if (rdbuf_left(r) != DNS_OPT_BYTES || memcmp(p, head, 3) != 0 || be16_get(p + 9) != 0)
		return false;
	q->edns.udp_bytes = be16_get(p + 3);
	q->edns.version = p[6];
	q->edns.is_do = (p[7] & 0x80) != 0;
	q->edns.present = true;
	r->pos += DNS_OPT_BYTES;
	return true;
}

// Reads arcount additional records: at most one OPT and one TSIG or SIG(0) (proto:H9).
__attribute__((noinline)) static bool additional_read(struct rdbuf *r, struct query *q,
	unsigned arcount, enum transport transport, struct additional *seen)
{
	for (unsigned i = 0; i < arcount; i++) {
		size_t owner = dname_size(r->base + r->pos, rdbuf_left(r));
		if (owner == 0 || rdbuf_take(r, owner) == NULL || seen->has_tsig)
			return false; // RFC 8945 5.1: TSIG is the last record
		uint16_t type = rdbuf_u16(r);
		if (type == RR_TYPE_OPT) {
			if (seen->has_opt || owner != 1) // proto:E2, E3
				return false;
			seen->has_opt = true;
			if (!opt_read(r, q, transport))
				return false;
			continue;
		}
		if (type != RR_TYPE_TSIG && type != 24) // 24: SIG(0), RFC 2931
			return false;
		seen->has_tsig = type == RR_TYPE_TSIG;
		(void)rdbuf_u16(r);
		(void)rdbuf_u32(r);
		(void)rdbuf_take(r, rdbuf_u16(r));
	}
	return !r->bad;
}

// Types that are no data and get no look-up (proto:T3, T4, T6).
__attribute__((noinline)) static enum query_verdict type_check(struct query *q)
{
	switch (q->qtype) {
	case RR_TYPE_AXFR:
	case RR_TYPE_IXFR:
		return error(q, RCODE_REFUSED, EDE_NONE); // k8s:2.12 row 24
	case RR_TYPE_NXNAME:
		return error(q, RCODE_FORMERR, EDE_INVALID_QUERY_TYPE); // RFC 9824 3.5
	case 0:
	case RR_TYPE_OPT:
	case RR_TYPE_TKEY:
	case RR_TYPE_TSIG:
	case RR_TYPE_MAILA:
	case RR_TYPE_MAILB:
		return error(q, RCODE_FORMERR, EDE_NONE);
	default:
		return QUERY_OK;
	}
}

// Judges a query whose every byte was read.
static inline enum query_verdict query_judge(struct query *q, const struct additional *seen)
{
	if (q->edns.present && q->edns.version != 0)
		return error(q, RCODE_BADVERS, EDE_NONE); // proto:E4
	if (seen->has_tsig)
		return error(q, RCODE_NOTAUTH, EDE_NONE); // proto:T8: no key is configured
	if (!q->has_question) {
		if (q->edns.cookie_size != 0)
			return QUERY_COOKIE_ONLY; // RFC 7873 5.4
		return error(q, RCODE_FORMERR, EDE_NONE);
	}
	if (q->qclass != RR_CLASS_IN)
		return error(q, RCODE_REFUSED, EDE_NOT_SUPPORTED); // proto:T7, quirk 14
	if (q->qtype - 1u < RR_TYPE_OPT - 1u) // nearly all that are asked
		return QUERY_OK;
	return type_check(q);
}

static void query_reset(struct query *q)
{
	q->rcode = RCODE_NOERROR;
	q->ede = EDE_NONE;
	q->has_question = false;
	q->has_upper = false;
	q->qname_size = 0;
	q->nlabels = 0;
	q->qtype = 0;
	q->qclass = 0;
	q->edns.present = false;
	q->edns.is_do = false;
	q->edns.has_nsid = false;
	q->edns.has_keepalive = false;
	q->edns.version = 0;
	q->edns.cookie_size = 0;
}

// Reads the question at r. False: malformed.
static inline bool question_read(struct rdbuf *r, struct query *q)
{
	size_t left = rdbuf_left(r);
	const uint8_t *wire = r->base + r->pos;
	size_t size = labels_read(wire, left, q);

	if (size == 0 || left < size + 4)
		return false;
	q->qtype = be16_get(wire + size);
	q->qclass = be16_get(wire + size + 2);
	q->has_question = true;
	r->pos += size + 4;
	name_lower(q, wire, size);
	normalise(q);
	return true;
}

enum query_verdict query_parse(
	const uint8_t *msg, size_t size_bytes, enum transport transport, struct query *q)
{
	struct additional seen = {0};
	struct rdbuf r = rdbuf_of(msg, size_bytes);

	if (size_bytes < DNS_HEADER_BYTES)
		return QUERY_DROP_SHORT;
	q->id = be16_get(msg);
	q->flags = be16_get(msg + 2);
	if (q->flags & HEADER_QR)
		return QUERY_DROP_RESPONSE;
	query_reset(q);
	if (q->flags & HEADER_OPCODE)
		return error(q, RCODE_NOTIMP, EDE_NONE); // proto:H3, H4
	uint16_t qdcount = be16_get(msg + 4);
	uint32_t others = be32_get(msg + 6); // ANCOUNT, NSCOUNT
	uint16_t arcount = be16_get(msg + 10);
	r.pos = DNS_HEADER_BYTES;
	if (qdcount > 1) // proto:H6
		return error(q, RCODE_FORMERR, EDE_NONE);
	if (qdcount == 1 && !question_read(&r, q))
		return error(q, RCODE_FORMERR, EDE_NONE);
	// proto:H8, H9, H10: nothing but a question and at most two additional records.
	if (others != 0 || arcount > 2 || (q->flags & HEADER_RCODE) != 0)
		return error(q, RCODE_FORMERR, EDE_NONE);
	bool is_read = arcount == 0 || (arcount == 1 && plain_opt_read(&r, q));
	if (!is_read && !additional_read(&r, q, arcount, transport, &seen))
		return error(q, RCODE_FORMERR, EDE_NONE);
	if (rdbuf_left(&r) != 0) // proto:H17
		return error(q, RCODE_FORMERR, EDE_NONE);
	return query_judge(q, &seen);
}
