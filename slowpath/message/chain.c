// SPDX-License-Identifier: Apache-2.0
// The CNAME records are looked up by a hash of their owners, so that a long answer in the worst
// order is still read once.
#include "slowpath/message/chain.h"

#include "zones/entry/entry.h"
#include "zones/wire/message.h"
#include "zones/wire/rr.h"

#include <stddef.h>

struct alias {
	uint32_t mark; // of the owner
	uint32_t pos; // in the message
};

struct aliases {
	size_t n;
	struct alias list[ENTRY_RRS_MAX];
};

// FNV-1a. Owners with the same mark cost a comparison, no more.
static uint32_t mark_of(const struct dname *name)
{
	uint32_t mark = 0x811c9dc5u;

	for (size_t i = 0; i < name->size_bytes; i++)
		mark = (mark ^ dname_lower_byte(name->wire[i])) * 0x01000193u;
	return mark;
}

static void aliases_find(struct aliases *a, struct rdbuf in, unsigned n_records)
{
	struct message_rr rr;

	a->n = 0;
	for (unsigned i = 0; i < n_records && a->n < ENTRY_RRS_MAX; i++) {
		size_t pos = in.pos;
		message_rr(&in, &rr);
		if (in.bad)
			return; // whoever reads the records says so
		if (rr.type == RR_TYPE_CNAME)
			a->list[a->n++] = (struct alias){mark_of(&rr.owner), (uint32_t)pos};
	}
}

// The target of the first CNAME of owner. False: it has none.
static bool find_target(
	const struct aliases *a, struct rdbuf in, const struct dname *owner, struct dname *target)
{
	uint32_t mark = mark_of(owner);
	struct message_rr rr;

	for (size_t i = 0; i < a->n; i++) {
		if (a->list[i].mark != mark)
			continue;
		in.pos = a->list[i].pos;
		message_rr(&in, &rr);
		if (in.bad || !dname_is_equal(rr.owner.wire, owner->wire))
			continue;
		in.pos = rr.rdata_pos;
		message_name(&in, rr.rdata_pos + rr.rdata_size, target);
		return !in.bad;
	}
	return false;
}

void chain_begin(struct chain *c, const struct dname *first)
{
	c->names[0] = *first;
	c->n = 1;
	c->is_too_long = false;
}

void chain_follow(
	struct chain *c, const struct dname *first, const struct rdbuf *in, unsigned n_records)
{
	static _Thread_local struct aliases aliases;
	struct dname target;

	chain_begin(c, first);
	aliases_find(&aliases, *in, n_records);
	while (find_target(&aliases, *in, &c->names[c->n - 1], &target) &&
		!chain_has(c, target.wire)) {
		if (c->n > CHAIN_MAX) {
			c->is_too_long = true;
			return;
		}
		c->names[c->n++] = target;
	}
}

bool chain_has(const struct chain *c, const uint8_t *owner)
{
	for (unsigned i = 0; i < c->n; i++) {
		if (dname_is_equal(c->names[i].wire, owner))
			return true;
	}
	return false;
}

// Whether the bytes are those at the end of the name: one look tells most that are not.
static bool ends_with(const struct dname *name, const struct dname *end)
{
	if (name->size_bytes < end->size_bytes)
		return false;
	const uint8_t *at = name->wire + name->size_bytes - end->size_bytes;
	for (size_t i = 0; i < end->size_bytes; i++) {
		if (dname_lower_byte(at[i]) != dname_lower_byte(end->wire[i]))
			return false;
	}
	return true;
}

bool chain_is_below(const struct chain *c, const struct dname *owner)
{
	for (unsigned i = 0; i < c->n; i++) {
		if (ends_with(&c->names[i], owner) &&
			dname_is_within(c->names[i].wire, owner->wire))
			return true;
	}
	return false;
}
