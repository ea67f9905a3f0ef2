// SPDX-License-Identifier: Apache-2.0
// Fills cards.
#include "dataplane/index/card.h"

// The number of some bytes among the endings, CARD_ENDINGS_MAX when there is no room for more.
static uint32_t ending_find(struct card_endings *e, const uint8_t *bytes)
{
	for (uint32_t i = e->n; i > 0; i--) {
		if (memcmp(e->bytes[i - 1], bytes, CARD_ENDING_BYTES) == 0)
			return i - 1;
	}
	if (e->n == CARD_ENDINGS_MAX)
		return CARD_ENDINGS_MAX;
	memcpy(e->bytes[e->n], bytes, CARD_ENDING_BYTES);
	return e->n++;
}

void card_name(struct index_card *c, struct card_endings *e, const uint8_t *name, size_t size_bytes)
{
	uint32_t ending = 0;

	if (size_bytes > CARD_TEXT_BYTES + CARD_ENDING_BYTES)
		return;
	if (size_bytes > CARD_TEXT_BYTES)
		ending = ending_find(e, name + size_bytes - CARD_ENDING_BYTES);
	if (ending == CARD_ENDINGS_MAX)
		return;
	c->name_size = (uint8_t)size_bytes;
	c->ending = (uint8_t)ending;
	memcpy(c->text, name, size_bytes < CARD_TEXT_BYTES ? size_bytes : CARD_TEXT_BYTES);
}

// One address record and nothing else, which nothing of the question moves.
static bool is_address(const struct image_section *s)
{
	struct index_card c = {0};
	const uint8_t *rr = image_section_rrs(s);
	uint8_t record[CARD_ADDRESS_BYTES];

	if (s->n_an != 1 || s->an_bytes != CARD_ADDRESS_BYTES || s->ar_bytes != 0 ||
		((unsigned)s->n_ptr | s->n_tail | s->n_zone) != 0)
		return false;
	memcpy(&c.ttl, rr + 6, sizeof(c.ttl));
	memcpy(c.address, rr + 12, sizeof(c.address));
	card_write_address(&c, record);
	return memcmp(record, rr, sizeof(record)) == 0;
}

void card_sets(struct index_card *c, const struct image *img, const struct image_name *n)
{
	const struct image_set *sets = &img->sets[n->first_set];

	for (unsigned k = 0; k < n->n_sets; k++) {
		c->types |= card_type_bit(sets[k].type);
		if (c->type != 0 || sets[k].flags != 0 || sets[k].type > UINT8_MAX)
			continue;
		c->type = (uint8_t)sets[k].type;
		c->section = sets[k].section;
	}
	const struct image_section *s = image_section_at(img, c->section);
	if (c->type != RR_TYPE_A || !is_address(s))
		return;
	c->has_address = true;
	memcpy(&c->ttl, image_section_rrs(s) + 6, sizeof(c->ttl));
	memcpy(c->address, image_section_rrs(s) + 12, sizeof(c->address));
}
