// SPDX-License-Identifier: Apache-2.0
// What a look-up has to know of a name, in one cache line together with its key in the table:
// beyond some ten thousand names it is the number of lines that a query costs. An address of a
// service is there itself; other answers stand in the image.
#pragma once

#include "zones/base/bytes.h"
#include "zones/image/image.h"
#include "zones/wire/rr.h"

#include <stdbool.h>
#include <stdint.h>
#include <string.h>

enum {
	CARD_TEXT_BYTES = 28,
	CARD_ENDING_BYTES = 19, // `.svc.cluster.local.`
	CARD_ENDINGS_MAX = 256,
	CARD_ADDRESS_BYTES = 16, // of the record
};

struct index_card {
	uint64_t key; // the hash of view and name
	uint32_t name; // index of the first entry of this name
	union {
		uint32_t section; // of the set of `type`
		uint32_t ttl; // as in the record, when has_address
	};
	uint8_t address[4];
	uint16_t view;
	uint8_t type; // its first set's without flags; 0: there is none below 256
	uint8_t name_size; // 0: it does not stand here
	uint8_t us_mask : 4; // of the entry
	bool has_address : 1; // the set of type A is one record, owned by the question's name
	uint8_t flags; // of the entry
	uint8_t types; // bits of the types that it has sets of (card_type_bit)
	uint8_t ending; // of a name longer than text: number of what it ends with
	uint8_t text[CARD_TEXT_BYTES]; // how it begins
};

_Static_assert(sizeof(struct index_card) == 56, "a card and the word in front of it are a line");

// The ends of long names: nearly all of a cluster end the same way.
struct card_endings {
	uint32_t n;
	uint8_t bytes[CARD_ENDINGS_MAX][CARD_ENDING_BYTES];
};

// Types that names in clusters have; all others share the last bit.
static inline uint8_t card_type_bit(uint16_t type)
{
	static const uint8_t bits[RR_TYPE_SRV + 1] = {[RR_TYPE_A] = 1,
		[RR_TYPE_AAAA] = 2,
		[RR_TYPE_SRV] = 4,
		[RR_TYPE_PTR] = 8,
		[RR_TYPE_TXT] = 16,
		[RR_TYPE_CNAME] = 32,
		[RR_TYPE_SOA] = 64};
	uint8_t bit = type <= RR_TYPE_SRV ? bits[type] : 0;

	return bit == 0 ? 128 : bit;
}

// The address record of a card that has one: all else of it is the same everywhere.
static inline void card_write_address(const struct index_card *c, uint8_t out[CARD_ADDRESS_BYTES])
{
	static const uint8_t head[8] = {0xc0, 12, 0, RR_TYPE_A, 0, RR_CLASS_IN};

	memcpy(out, head, sizeof(head));
	memcpy(out + 6, &c->ttl, sizeof(c->ttl));
	out[10] = 0;
	out[11] = sizeof(c->address);
	memcpy(out + 12, c->address, sizeof(c->address));
}

// Whether the name of a card that has its name_size is this one.
static inline bool card_is_of(
	const struct index_card *c, const struct card_endings *e, const uint8_t *name)
{
	size_t size = c->name_size;

	if (size <= CARD_TEXT_BYTES)
		return bytes_are_equal(c->text, name, size);
	return bytes_are_equal(
		       e->bytes[c->ending], name + size - CARD_ENDING_BYTES, CARD_ENDING_BYTES) &&
		bytes_are_equal(c->text, name, CARD_TEXT_BYTES);
}

// Puts a name into a card; where it has no room, the card goes without.
void card_name(
	struct index_card *c, struct card_endings *e, const uint8_t *name, size_t size_bytes);
// The sets of a name, and the address where there is one.
void card_sets(struct index_card *c, const struct image *img, const struct image_name *n);
