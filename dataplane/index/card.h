// SPDX-License-Identifier: Apache-2.0
// What a look-up has to know of a name, in one cache line: beyond some ten thousand names it is the
// number of lines that a query costs. What is not here stands in the image.
#pragma once

#include "zones/image/image.h"
#include "zones/wire/rr.h"

#include <stdint.h>

enum { CARD_TEXT_BYTES = 48 };

struct index_card {
	uint32_t name; // index of the first entry of this name
	uint32_t section; // of the set of `type`
	uint16_t view;
	uint8_t name_size; // 0: too long for text
	uint8_t us_mask, flags; // of the entry
	uint8_t types; // bits of the types that it has sets of (card_type_bit)
	uint16_t type; // its first set's without flags, 0 for none
	uint8_t text[CARD_TEXT_BYTES];
};

_Static_assert(sizeof(struct index_card) == 64, "a card is a line");

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
