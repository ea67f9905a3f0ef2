// SPDX-License-Identifier: Apache-2.0
// From an upstream's bytes to an entry. Everything in the message is a stranger's word: names are
// taken apart and put together again, and what the question did not ask for is left out.
#include "slowpath/message/entry.h"

#include "slowpath/message/chain.h"
#include "slowpath/message/compress.h"
#include "zones/wire/message.h"

#include <stdlib.h>
#include <string.h>

// Names inside rdata, which upstreams may compress (RFC 1035, RFC 3597 4). Letters: a digit is so
// many bytes, s a character string, N a name that may be compressed again, n one that may not, r
// the rest.
static const char *rdata_layout(uint16_t type)
{
	switch (type) {
	case RR_TYPE_NS:
	case RR_TYPE_CNAME:
	case RR_TYPE_PTR:
	case 3: // MD
	case 4: // MF
	case 7: // MB
	case 8: // MG
	case 9: // MR
		return "N";
	case RR_TYPE_SOA:
		return "NN992";
	case 14: // MINFO
		return "NN";
	case RR_TYPE_MX:
		return "2N";
	case RR_TYPE_DNAME:
		return "n";
	case 17: // RP
		return "nn";
	case 18: // AFSDB
	case 21: // RT
	case 36: // KX
		return "2n";
	case 26: // PX
		return "2nn";
	case RR_TYPE_SRV:
		return "6n";
	case RR_TYPE_NAPTR:
		return "4sssn";
	default:
		return "r";
	}
}

struct reader {
	const struct ask *ask;
	struct rdbuf in;
	struct chain *chain;
	struct wrbuf out;
	struct compress names;
	struct entry_rr *rrs;
	size_t n_rrs;
	size_t first_rr; // position in out of the first record
};

// Appends one character string.
static void copy_string(struct reader *rd, size_t end)
{
	uint8_t len = rdbuf_u8(&rd->in);
	const uint8_t *p = rd->in.pos + len > end ? NULL : rdbuf_take(&rd->in, len);

	wrbuf_u8(&rd->out, len);
	if (p == NULL)
		rd->in.bad = true;
	else
		wrbuf_bytes(&rd->out, p, len);
}

static void copy_bytes(struct reader *rd, size_t n, size_t end)
{
	const uint8_t *p = rd->in.pos + n > end ? NULL : rdbuf_take(&rd->in, n);

	if (p == NULL)
		rd->in.bad = true;
	else
		wrbuf_bytes(&rd->out, p, n);
}

static void copy_name(struct reader *rd, size_t end, bool may_compress)
{
	struct dname name;

	message_name(&rd->in, end, &name);
	if (rd->in.bad)
		return;
	if (may_compress)
		compress_name(&rd->names, name.wire);
	else
		wrbuf_bytes(&rd->out, name.wire, name.size_bytes);
}

static void copy_rdata(struct reader *rd, const struct message_rr *rr)
{
	size_t behind = rd->in.pos;
	size_t end = rr->rdata_pos + rr->rdata_size;
	size_t size_at = rd->out.pos;

	rd->in.pos = rr->rdata_pos;
	wrbuf_u16(&rd->out, 0);
	for (const char *l = rdata_layout(rr->type); *l != 0 && !rd->in.bad; l++) {
		if (*l == 'N' || *l == 'n')
			copy_name(rd, end, *l == 'N');
		else if (*l == 's')
			copy_string(rd, end);
		else
			copy_bytes(rd, *l == 'r' ? end - rd->in.pos : (size_t)(*l - '0'), end);
	}
	if (rd->in.pos != end) // names and strings must fill the record exactly (proto:N4)
		rd->in.bad = true;
	rd->in.pos = behind;
	if (!rd->out.full)
		be16_put(rd->out.base + size_at, (uint16_t)(rd->out.pos - size_at - 2));
}

static void copy_rr(struct reader *rd, const struct message_rr *rr)
{
	struct entry_rr *e = &rd->rrs[rd->n_rrs];

	compress_name(&rd->names, rr->owner.wire);
	wrbuf_u16(&rd->out, rr->type);
	wrbuf_u16(&rd->out, rr->class);
	e->ttl_at = (uint16_t)(rd->out.pos - rd->first_rr);
	e->ttl_s = rr->ttl_s > INT32_MAX ? 0 : rr->ttl_s; // RFC 2181 8
	wrbuf_u32(&rd->out, e->ttl_s);
	copy_rdata(rd, rr);
	e->end = (uint16_t)(rd->out.pos - rd->first_rr);
	rd->n_rrs++;
}

// Upstreams may give records of class IN for any other.
static bool is_class(const struct reader *rd, const struct message_rr *rr)
{
	return rr->class == RR_CLASS_IN || rr->class == ask_wire_class(rd->ask);
}

static bool wants_answer(const struct reader *rd, const struct message_rr *rr)
{
	uint16_t qtype = rd->ask->type;

	if (!is_class(rd, rr))
		return false;
	if (rr->type == RR_TYPE_DNAME || (rr->type == RR_TYPE_RRSIG && rd->ask->is_do))
		return chain_is_below(rd->chain, &rr->owner);
	return (rr->type == qtype || rr->type == RR_TYPE_CNAME || qtype == RR_TYPE_ANY) &&
		chain_has(rd->chain, rr->owner.wire);
}

// The zone's own records above the names that were asked for; proofs only for who wants them.
static bool wants_authority(const struct reader *rd, const struct message_rr *rr)
{
	switch (rr->type) {
	case RR_TYPE_SOA:
	case RR_TYPE_NS:
		return is_class(rd, rr) && chain_is_below(rd->chain, &rr->owner);
	case RR_TYPE_RRSIG:
	case RR_TYPE_NSEC:
	case RR_TYPE_NSEC3:
	case RR_TYPE_DS:
		return is_class(rd, rr) && rd->ask->is_do;
	default:
		return false;
	}
}

static void follow(struct reader *rd, const struct dname *first, unsigned ancount)
{
	if (rd->ask->type == RR_TYPE_CNAME || rd->ask->type == RR_TYPE_ANY)
		chain_begin(rd->chain, first); // the alias itself was asked for
	else
		chain_follow(rd->chain, first, &rd->in, ancount);
}

typedef bool wants_fn(const struct reader *rd, const struct message_rr *rr);

// Copies what is wanted of n records; returns how many.
static uint16_t copy_section(struct reader *rd, unsigned n, wants_fn *wants)
{
	struct message_rr rr;
	size_t before = rd->n_rrs;

	for (unsigned i = 0; i < n && !rd->in.bad && !rd->out.full; i++) {
		message_rr(&rd->in, &rr);
		rd->in.bad |= rr.type == RR_TYPE_OPT; // RFC 6891 6.1.1
		if (!rd->in.bad && wants(rd, &rr) && rd->n_rrs < ENTRY_RRS_MAX)
			copy_rr(rd, &rr);
	}
	return (uint16_t)(rd->n_rrs - before);
}

// Whether options fill the record exactly (RFC 6891 6.1.2).
static bool are_options_whole(const struct reader *rd, const struct message_rr *opt)
{
	struct rdbuf in = rd->in;
	size_t end = opt->rdata_pos + opt->rdata_size;

	in.pos = opt->rdata_pos;
	while (in.pos < end && !in.bad) {
		(void)rdbuf_u16(&in); // code
		(void)rdbuf_take(&in, rdbuf_u16(&in));
	}
	return !in.bad && in.pos == end;
}

// Nothing of the last section is kept, but it must be whole, with one OPT at most (RFC 6891 6.1.1).
// Returns the upper bits of the rcode.
static uint16_t read_additional(struct reader *rd, unsigned n)
{
	struct message_rr rr;
	uint16_t rcode_bits = 0;
	bool has_opt = false;

	for (unsigned i = 0; i < n && !rd->in.bad; i++) {
		message_rr(&rd->in, &rr);
		if (rd->in.bad || rr.type != RR_TYPE_OPT)
			continue;
		if (has_opt || rr.owner.size_bytes != 1 || !are_options_whole(rd, &rr))
			rd->in.bad = true;
		has_opt = true;
		rcode_bits = (uint16_t)(rr.ttl_s >> 24 << 4);
	}
	return rcode_bits;
}

// What an rcode that only EDNS can carry comes to here: a version that the upstream does not know
// (RFC 6891 6.1.3), or something about cookies and signatures that clients have no part in.
static uint16_t rcode_of(uint16_t flags, uint16_t upper_bits)
{
	uint16_t rcode = flags & HEADER_RCODE;

	if (upper_bits == 0)
		return rcode;
	return (rcode | upper_bits) == RCODE_BADVERS ? RCODE_NOTIMP : RCODE_SERVFAIL;
}

// The records from `first` on may change places when they have one owner, one type and no name
// that another record's pointers need.
static void find_rotated(const struct reader *rd, uint16_t n_an, struct entry *e)
{
	const uint8_t *bytes = rd->out.base + rd->first_rr;
	size_t first = n_an;

	while (first > 0) {
		size_t i = first - 1;
		size_t start = i == 0 ? 0 : rd->rrs[i - 1].end;
		uint16_t type = be16_get(bytes + start + 2);
		if (rd->rrs[i].ttl_at - start != 6 || bytes[start] < 0xc0 ||
			(type != RR_TYPE_A && type != RR_TYPE_AAAA) ||
			memcmp(bytes + start, bytes + rd->rrs[n_an - 1].ttl_at - 6, 4) != 0)
			break;
		first = i;
	}
	e->first_rotated = (uint16_t)first;
	e->n_rotated = (uint16_t)(n_an - first);
}

static bool has_type(const struct reader *rd, size_t from, size_t to, uint16_t type)
{
	const uint8_t *bytes = rd->out.base + rd->first_rr;

	for (size_t i = from; i < to; i++) {
		if (be16_get(bytes + rd->rrs[i].ttl_at - 4) == type)
			return true;
	}
	return false;
}

// Aliases that end where there is no such type are a denial, too (RFC 2308 2.2).
static bool is_denial(const struct reader *rd, const struct entry *e)
{
	uint16_t type = rd->ask->type;

	return e->n_an == 0 || (type != RR_TYPE_ANY && !has_type(rd, 0, e->n_an, type));
}

// k8s:2.13 cache: what is kept, and as what.
static enum entry_kind kind_of(const struct reader *rd, const struct entry *e)
{
	bool has_soa = has_type(rd, e->n_an, rd->n_rrs, RR_TYPE_SOA);

	if (e->is_truncated)
		return ENTRY_UNCACHEABLE;
	switch (e->rcode) {
	case RCODE_NOERROR:
		if (is_denial(rd, e) && !has_soa)
			return ENTRY_UNCACHEABLE;
		return e->n_an > 0 ? ENTRY_SUCCESS : ENTRY_NODATA;
	case RCODE_NXDOMAIN:
		return has_soa ? ENTRY_NXDOMAIN : ENTRY_UNCACHEABLE;
	case RCODE_SERVFAIL:
	case RCODE_NOTIMP:
		return ENTRY_FAILURE;
	default:
		return ENTRY_UNCACHEABLE;
	}
}

static struct entry *entry_make(
	const struct reader *rd, uint16_t flags, uint16_t n_an, uint16_t n_ns)
{
	size_t rr_bytes = rd->out.pos - rd->first_rr;
	struct entry *e = calloc(1, sizeof(*e) + rd->n_rrs * sizeof(e->rrs[0]) + rr_bytes);

	if (e == NULL)
		return NULL;
	atomic_init(&e->users, 1);
	e->rcode = flags & HEADER_RCODE;
	e->qname_size = rd->ask->name.size_bytes;
	e->ede = EDE_NONE;
	e->has_ra = (flags & HEADER_RA) != 0;
	e->has_ad = (flags & HEADER_AD) != 0;
	e->is_truncated = (flags & HEADER_TC) != 0;
	e->keeps_authority = rd->ask->is_do;
	e->n_an = n_an;
	e->n_ns = n_ns;
	e->rr_bytes = (uint32_t)rr_bytes;
	e->kind = (uint8_t)kind_of(rd, e);
	if (n_an > 1)
		find_rotated(rd, n_an, e);
	memcpy(e->rrs, rd->rrs, rd->n_rrs * sizeof(e->rrs[0]));
	memcpy(e->rrs + rd->n_rrs, rd->out.base + rd->first_rr, rr_bytes);
	entry_clamp(e, 0, INT32_MAX);
	return e;
}

// Begins the entry's message with the header and question of msg.
static void begin(struct reader *rd)
{
	rd->in.pos = DNS_HEADER_BYTES + rd->ask->name.size_bytes + 4u;
	wrbuf_bytes(&rd->out, rd->in.base, rd->in.pos);
	rd->first_rr = rd->out.pos;
	compress_init(&rd->names, &rd->out);
	compress_learn(&rd->names, rd->ask->name.wire, DNS_HEADER_BYTES);
}

static struct entry *read_message(struct reader *rd)
{
	const uint8_t *msg = rd->in.base;
	uint16_t flags = be16_get(msg + 2);
	unsigned ancount = be16_get(msg + 6);

	begin(rd);
	follow(rd, &rd->ask->name, ancount);
	uint16_t n_an = copy_section(rd, ancount, wants_answer);
	uint16_t n_ns = copy_section(rd, be16_get(msg + 8), wants_authority);
	uint16_t rcode_bits = read_additional(rd, be16_get(msg + 10));
	// A message that was cut is taken as far as it goes (RFC 2181 9).
	if (rd->out.full || (rd->in.bad && !(flags & HEADER_TC)))
		return NULL;
	if (rd->in.bad) {
		rd->n_rrs = 0;
		rd->out.pos = rd->first_rr;
		n_an = 0;
		n_ns = 0;
	}
	if (rd->chain->is_too_long)
		return entry_error(RCODE_SERVFAIL, EDE_INVALID_DATA);
	flags = (uint16_t)((flags & ~HEADER_RCODE) | rcode_of(flags, rcode_bits));
	return entry_make(rd, flags, n_an, n_ns);
}

// The work memory is large, and used by one call at a time on each thread.
static struct reader reader_make(const struct ask *a, const uint8_t *msg, size_t size_bytes)
{
	static _Thread_local uint8_t out[DNS_MSG_MAX_BYTES];
	static _Thread_local struct entry_rr rrs[ENTRY_RRS_MAX + 1];
	static _Thread_local struct chain chain;

	return (struct reader){
		.ask = a,
		.in = rdbuf_of(msg, size_bytes),
		.out = wrbuf_of(out, sizeof(out)),
		.rrs = rrs,
		.chain = &chain,
	};
}

struct entry *entry_read(const struct ask *a, const uint8_t *msg, size_t size_bytes)
{
	struct reader rd = reader_make(a, msg, size_bytes);

	return read_message(&rd);
}

// Appends the answers of a message of ours to its question. Returns how many.
static uint16_t join_rest(struct reader *rd, const uint8_t *msg, size_t size_bytes)
{
	struct dname name;
	unsigned ancount = be16_get(msg + 6);

	rd->in = rdbuf_of(msg, size_bytes);
	rd->in.pos = DNS_HEADER_BYTES;
	message_name(&rd->in, size_bytes, &name);
	(void)rdbuf_u32(&rd->in); // type and class
	if (rd->in.bad)
		return 0;
	dname_lower(&name);
	follow(rd, &name, ancount);
	return copy_section(rd, ancount, wants_answer);
}

struct entry *entry_join(const struct ask *a, const uint8_t *alias, size_t alias_bytes,
	const uint8_t *rest, size_t rest_bytes)
{
	struct reader rd = reader_make(a, alias, alias_bytes);
	uint16_t flags = 0;
	unsigned ancount = be16_get(alias + 6);

	begin(&rd);
	follow(&rd, &a->name, ancount);
	uint16_t n_an = copy_section(&rd, ancount, wants_answer);
	if (rest_bytes >= DNS_HEADER_BYTES && (rest[3] & HEADER_RCODE) == RCODE_NOERROR) {
		flags = be16_get(rest + 2) & HEADER_TC;
		n_an = (uint16_t)(n_an + join_rest(&rd, rest, rest_bytes));
	}
	bool is_lost = rd.in.bad || rd.out.full || rd.chain->is_too_long;
	struct entry *e = is_lost ? NULL : entry_make(&rd, flags, n_an, 0);
	if (e != NULL)
		e->has_aa = true;
	return e;
}
