// SPDX-License-Identifier: Apache-2.0
// From a plain query to its reply. Whatever is not plain is left alone, for the stages that know
// every case.
#include "dataplane/worker/plain.h"

#include "dataplane/net/quick.h"
#include "dataplane/worker/burst.h"
#include "dataplane/worker/plain_reply.h"

#include <rte_prefetch.h>

enum {
	LABELS_BAD = 255,
	SECTION_BYTES = sizeof(struct image_section) + 15, // with one address
};

// Two halves of a block, as the hash takes them.
union block {
	uint8_t bytes __attribute__((vector_size(BYTES_BLOCK)));
	bytes_block halves;
};

// Ones where a block's first n bytes are, for n of 1 to 16 at 16 - n.
static const uint8_t keep_table[2 * BYTES_BLOCK] = {0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff,
	0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff};

static inline union block block_lower(const uint8_t *p)
{
	union block v = {.halves = bytes_block_at(p)};

	v.bytes |= (__typeof__(v.bytes))((v.bytes - 'A') < 26) & 0x20;
	return v;
}

static inline uint64_t block_put(
	uint8_t *name, size_t at, bytes_block v, uint64_t sum, const uint8_t *secret)
{
	const uint64_t halves[2] = {v[0], v[1]};

	memcpy(name + at, &v, sizeof(v));
	return name_hash_block(sum, secret, at, halves);
}

// The name in lower case, and what its blocks add up to, in one pass. Reads up to 15 bytes behind
// the name.
static inline uint64_t name_take(
	struct plain_query *p, const uint8_t *wire, size_t size_bytes, const uint8_t *secret)
{
	uint64_t sum = 0;
	size_t at = 0;

	for (; at + BYTES_BLOCK < size_bytes; at += BYTES_BLOCK)
		sum = block_put(p->name, at, block_lower(wire + at).halves, sum, secret);
	bytes_block keep = bytes_block_at(keep_table + BYTES_BLOCK - (size_bytes - at));
	return block_put(p->name, at, block_lower(wire + at).halves & keep, sum, secret);
}

// How many labels fill the size_bytes bytes in front of a zone; LABELS_BAD: they do not.
static inline unsigned labels_count(const uint8_t *wire, unsigned size_bytes)
{
	unsigned n = 0, pos = 0;

	while (pos < size_bytes) {
		unsigned len = wire[pos];
		if (len - 1 >= DNS_LABEL_MAX_BYTES)
			return LABELS_BAD;
		pos += len + 1;
		n++;
	}
	return pos == size_bytes ? n : LABELS_BAD;
}

// OPT at the end of a message: of version 0, without options.
static inline bool opt_take(struct plain_query *p, const uint8_t *opt)
{
	// Root and type in front, the version in the seventh byte.
	const uint64_t mask = UINT64_C(0x00ff000000ffffff);
	const uint64_t wanted = (uint64_t)RR_TYPE_OPT << 16;
	uint64_t head = bytes_word_at(opt);

	p->udp_bytes = be16_get(opt + 3);
	p->is_do = (opt[7] & 0x80) != 0;
	return (head & mask) == wanted && be16_get(opt + 9) == 0;
}

// Header and question, but for the name: its size, 0 when the message is no plain query.
static inline size_t message_take(struct plain_query *p, const uint8_t *dns, size_t size_bytes)
{
	const uint16_t unusual = HEADER_QR | HEADER_OPCODE | HEADER_RCODE;
	const size_t around = DNS_HEADER_BYTES + 4; // the name
	uint64_t counts = __builtin_bswap64(bytes_word_at(dns + 4));
	const uint64_t one_question = UINT64_C(1) << 48;

	p->flags = be16_get(dns + 2);
	p->udp_bytes = 0;
	p->is_do = false;
	p->has_opt = counts == one_question + 1;
	if ((p->flags & unusual) != 0 || (counts & ~UINT64_C(1)) != one_question)
		return 0;
	size_bytes -= p->has_opt ? DNS_OPT_BYTES : 0;
	if (size_bytes - around - 1 >= PLAIN_NAME_MAX_BYTES ||
		(p->has_opt && !opt_take(p, dns + size_bytes)))
		return 0;
	uint32_t tail = be32_get(dns + size_bytes - 4);
	p->type = (uint16_t)(tail >> 16);
	if ((tail & 0xffff) != RR_CLASS_IN || p->type - 1u >= RR_TYPE_OPT - 1u)
		return 0;
	return size_bytes - around;
}

// One of the first two labels may have an underscore to be dropped.
static inline bool has_underscore(const uint8_t *wire)
{
	const uint8_t *second = wire + 1 + wire[0];

	return wire[1] == '_' || second[1] == '_';
}

// The label in front of the zone may be `pod`.
static inline bool is_pod(const uint8_t *zone)
{
	return (quick_load32(zone - 4) & 0xdfdfdfff) == (3 | 'P' << 8 | 'O' << 16 | 'D' << 24);
}

// Of the rules that end the name, the first, as far as its zone's last bytes tell. Reads up to 16
// bytes in front of the name, which the headers are.
static inline const struct root_rule *rule_find(const struct root *root,
	const struct image_listener *l, const uint8_t *wire, size_t size_bytes)
{
	bytes_block last = block_lower(wire + size_bytes - BYTES_BLOCK).halves;
	const struct root_rule *end = root->rules + ROOT_RULES_MAX;
	const struct root_rule *r = root->rules + l->first_rule;

	for (uint32_t left = l->n_rules; left != 0 && r < end; left--, r++) {
		bytes_block diff = (last ^ bytes_block_at(r->tail)) & bytes_block_at(r->mask);
		if ((diff[0] | diff[1]) == 0)
			return r->zone_size > size_bytes ? NULL : r;
	}
	return NULL;
}

// What the name is hashed with: for the index, or for the cache. NULL: the query is not plain.
static inline const uint8_t *secret_for(
	const struct burst *b, const struct root_rule *r, const uint8_t *wire, size_t size_bytes)
{
	if (r->punt != NULL)
		return b->cache_secret == NULL ? NULL : b->cache_secret->name;
	return r->step == NULL || has_underscore(wire) || is_pod(wire + size_bytes - r->zone_size)
		? NULL
		: b->secret->bytes;
}

// networks_have for IPv4, of which nearly all clients are.
static inline bool is_inside4(const struct networks *n, const uint8_t *client)
{
	uint64_t high = (uint64_t)be32_get(client) << 32;

	for (const struct network *v = n->v4, *end = v + n->n4; v < end; v++) {
		if ((high & v->high_mask) == v->high)
			return true;
	}
	return false;
}

static inline bool has_limit(const struct worker *w, const struct frame *f)
{
	const struct worker_limits *l = w->limits;

	if (l->outside != OUTSIDE_LIMIT)
		return false;
	return f->family == 4 ? !is_inside4(&l->networks, frame_client(f))
			      : !networks_have(&l->networks, 6, frame_client(f));
}

static inline void request_count(
	const struct burst *b, const struct plain_query *p, const struct frame *f)
{
	struct scope_counters *c = &b->scopes[p->scope];
	size_t size = frame_dns_bytes(f);

	counter_add(&c->udp.types[f->family == 6][counters_type(p->type)], 1);
	counter_add(&c->udp.request_bytes[counters_size_bucket(size)], 1);
	counter_add(&c->udp.request_bytes_sum, size);
	if (p->is_do)
		counter_add(&c->do_bits, 1);
}

// Whether frame i, sent to a listener, is the plain query at p, whose name's blocks then add up to
// *sum.
static inline bool plain_take(const struct worker *w, const struct burst *b,
	const struct image_listener *l, const struct frame *f, struct plain_query *p, uint64_t *sum)
{
	const uint8_t *dns = frame_dns(f);
	const uint8_t *wire = dns + DNS_HEADER_BYTES;

	if ((size_t)f->room_bytes < (size_t)f->l4 + UDP_BYTES + PLAIN_ROOM_BYTES)
		return false;
	size_t size = message_take(p, dns, frame_dns_bytes(f));
	if (size == 0)
		return false;
	const struct root_rule *r = rule_find(b->root, l, wire, size);
	const uint8_t *secret = r == NULL ? NULL : secret_for(b, r, wire, size);
	if (secret == NULL || has_limit(w, f))
		return false;
	// The zone's labels are right, being the zone's, and begin where the others end.
	unsigned labels = labels_count(wire, (unsigned)(size - r->zone_size));
	if (labels == LABELS_BAD)
		return false;
	*sum = name_take(p, wire, size, secret);
	p->labels = (uint8_t)labels;
	p->rule = r;
	p->key = (struct name_key){p->name, (uint8_t)size, 0, r->view};
	return r->zone_size <= BYTES_BLOCK ||
		bytes_are_equal(p->name + size - r->zone_size, r->zone, r->zone_size);
}

// The listener of a frame's target; b->to remembers the last one.
static inline const struct image_listener *listener_find(struct burst *b, const struct frame *f)
{
	struct burst_target *t = &b->to;

	if (t->port != f->server_port || t->address != f->address) {
		t->address = f->address;
		t->port = f->server_port;
		t->listener = root_listener(b->root, t->address, t->port, &t->is_served);
	}
	return t->listener;
}

static inline void plain_move(struct plain_query *to, const struct plain_query *p)
{
	*to = *p;
	to->key.norm = to->name;
}

// Not inlined: what it needs would be spilled by the stage around it. Queries for names outside
// fill the array from its end; each is read in at the place of its predecessor's kind.
__attribute__((noinline)) void burst_plain(const struct worker *w, struct burst *b)
{
	struct plain_query *in = b->plain, *out = b->plain + PORT_BURST, *p = in;
	struct index_key *key = b->index_keys;
	unsigned kept = 0, n_queries = b->n_queries;

	for (unsigned i = 0; i < n_queries; i++) {
		uint8_t frame = b->queries[i].frame;
		const struct frame *f = &b->frames[frame];
		const struct image_listener *l = listener_find(b, f);
		uint64_t sum = 0;

		p->frame = frame;
		if (l == NULL || !plain_take(w, b, l, f, p, &sum)) {
			b->queries[kept++].frame = frame;
			continue;
		}
		p->scope = b->root->scopes.rules[p->rule->index];
		request_count(b, p, f);
		if (p->rule->punt != NULL) {
			if (p != --out)
				plain_move(out, p);
			b->cache_sums[out - b->plain] = sum;
			p = out - 1;
			continue;
		}
		*key++ = index_key_from(b->secret, sum, p->key.view);
		if (p != in)
			plain_move(in, p);
		p = ++in;
	}
	b->n_plain = (unsigned)(in - b->plain);
	b->n_plain_outside = (unsigned)(b->plain + PORT_BURST - out);
	for (unsigned i = 0; i < b->n_plain; i++)
		b->keys[i] = &b->plain[i].key;
	b->n_keys = b->n_plain; // those of the others come behind
	b->n_queries = kept;
}

// The card does not say.
__attribute__((noinline)) static void set_find(struct plain_query *p, const struct found *found)
{
	const struct image_set *set = image_find_set(found->img, found->name, p->type);

	if (set == NULL)
		return;
	p->section = image_section_at(found->img, set->section);
	p->is_punted = (set->flags & SET_PUNT) != 0;
}

static inline bool has_address(const struct plain_query *p, const struct index_card *card)
{
	return card != NULL && card->has_address && p->type == RR_TYPE_A;
}

void burst_plain_prefetch(struct burst *b)
{
	for (unsigned i = 0; i < b->n_plain; i++) {
		struct plain_query *p = &b->plain[i];
		const struct index_hit *hit = &b->hits[i];
		const struct index_card *card = hit->card;

		p->section = NULL;
		p->is_punted = false;
		if (has_address(p, card))
			continue;
		if (card != NULL && card->type == p->type)
			p->section = image_section_at(hit->found.img, card->section);
		else if (card != NULL ? (card->types & card_type_bit(p->type)) != 0
				      : hit->found.name != NULL)
			set_find(p, &hit->found);
		if (p->section == NULL)
			continue;
		rte_prefetch0(p->section);
		rte_prefetch0((const uint8_t *)p->section + SECTION_BYTES); // often the same line
	}
}

// What stands behind the question: a section, or else an address or a denial.
struct piece {
	const struct image_section
		*section; // NULL: the card's address with n_an, the rule's denial
	size_t size_bytes;
	size_t start_bytes; // of the first record to send: rotation
	uint16_t rcode;
	uint16_t n_an, n_ns, n_ar;
};

static inline bool take_denial(const struct root_rule *r, enum rcode rcode, struct piece *out)
{
	*out = (struct piece){
		.size_bytes = r->denial.size_bytes, .rcode = (uint16_t)rcode, .n_ns = 1};
	return r->denial.rrs != NULL;
}

static inline bool take_set(const struct plain_query *p, const uint8_t *dns, struct piece *out)
{
	const struct image_section *s = p->section;
	uint32_t fixes = (uint32_t)s->n_ptr | s->n_tail | s->n_zone;

	if (p->is_punted || (s->n_ar != 0 && p->rule->is_minimal))
		return false;
	*out = (struct piece){.section = s,
		.size_bytes = s->an_bytes + (size_t)s->ar_bytes,
		.rcode = RCODE_NOERROR,
		.n_an = s->n_an,
		.n_ar = s->n_ar};
	if (p->rule->is_rotated && s->n_an > 1 && s->stride != 0) { // quirk 18
		out->start_bytes = be16_get(dns) % s->n_an * (size_t)s->stride;
		return fixes == 0;
	}
	return fixes == 0 ||
		(s->n_zone == 0 && (s->n_ptr == 0 || p->key.size_bytes == s->qname_size) &&
			memcmp(dns + DNS_HEADER_BYTES, p->name, p->key.size_bytes) == 0);
}

// What stands behind the question (zones/answer: hit, no_such_type, miss).
static inline bool take(const struct plain_query *p, const struct index_hit *hit,
	const uint8_t *dns, struct piece *out)
{
	const struct root_rule *r = p->rule;

	if (hit->found.name == NULL) {
		bool may_be_zonal =
			(r->step->flags & STEP_ZONAL) != 0 && p->labels >= ANSWER_ZONAL_LABELS;
		return !may_be_zonal && !r->is_open && take_denial(r, RCODE_NXDOMAIN, out);
	}
	if ((hit->card != NULL ? hit->card->flags : hit->found.name->flags) != 0)
		return false;
	if (has_address(p, hit->card)) {
		*out = (struct piece){.size_bytes = CARD_ADDRESS_BYTES, .n_an = 1};
		return true;
	}
	if (p->section == NULL)
		return take_denial(r, RCODE_NOERROR, out);
	return take_set(p, dns, out);
}

// Points n places of what was written to the zone, whose name ends the question's.
static inline void zone_point(uint8_t *out, const uint32_t *fixes, size_t n,
	const struct plain_query *p, unsigned zone_size)
{
	unsigned zone_at = DNS_HEADER_BYTES + (unsigned)p->key.size_bytes - zone_size;

	for (const uint32_t *end = fixes + n; fixes < end; fixes++)
		be16_put(out + *fixes, (uint16_t)(0xc000u | zone_at));
}

static inline void write_denial(uint8_t *out, const struct plain_query *p)
{
	const struct root_denial *d = &p->rule->denial;

	bytes_copy(out, d->rrs, d->size_bytes);
	zone_point(out, d->fixes, d->n_fixes, p, d->zone_size);
}

static inline void write_section(
	uint8_t *out, const struct plain_query *p, const struct piece *piece)
{
	const struct image_section *s = piece->section;
	const uint8_t *rrs = image_section_rrs(s);
	size_t first = piece->size_bytes - piece->start_bytes;

	bytes_copy(out, rrs + piece->start_bytes, first);
	if (piece->start_bytes != 0)
		bytes_copy(out + first, rrs, piece->start_bytes);
	if (s->n_zone == 0)
		return;
	const uint32_t *fix = image_section_fixes(s) + s->n_ptr + s->n_tail;
	unsigned n = 0;
	while (n < s->n_zone && fix[n] + 2 <= piece->size_bytes)
		n++;
	zone_point(out, fix, n, p, p->rule->step->zone_size);
}

// The reply to a plain query; or false, with nothing written.
static inline bool plain_answer(
	struct burst *b, const struct plain_query *p, const struct index_hit *hit)
{
	struct frame *f = &b->frames[p->frame];
	uint8_t *dns = frame_dns(f);
	struct piece piece;

	if (!take(p, hit, dns, &piece))
		return false;
	size_t pos = DNS_HEADER_BYTES + 4u + p->key.size_bytes;
	size_t end = pos + piece.size_bytes + (p->has_opt ? DNS_OPT_BYTES : 0);
	if (!plain_fits(b, p, f, end))
		return false;
	if (piece.section != NULL)
		write_section(dns + pos, p, &piece);
	else if (piece.n_an != 0)
		card_write_address(hit->card, dns + pos);
	else
		write_denial(dns + pos, p);
	if (p->has_opt)
		plain_write_opt(dns + pos + piece.size_bytes, p->is_do);
	plain_write_header(dns, p, HEADER_AA | (unsigned)piece.rcode,
		(const uint16_t[]){piece.n_an, piece.n_ns, piece.n_ar});
	enum scope_plugin plugin = (enum scope_plugin)b->root->scopes.steps[p->rule->step_index];
	burst_count(b, p->scope, plugin, piece.rcode, end);
	burst_finish(b, p->frame, end);
	return true;
}

__attribute__((noinline)) void burst_plain_answers(struct burst *b)
{
	const struct plain_query *p = b->plain;
	const struct index_hit *hit = b->hits;
	unsigned n_tx = b->n_tx;

	for (const struct plain_query *end = p + b->n_plain; p < end; p++, hit++) {
		if (!plain_answer(b, p, hit))
			burst_unplain(b, (unsigned)(p - b->plain));
	}
	counter_add(&b->counters->replies_udp, b->n_tx - n_tx);
}
