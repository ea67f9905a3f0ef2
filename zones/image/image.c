// SPDX-License-Identifier: Apache-2.0
// Hashes and small look-ups of images.
#define XXH_INLINE_ALL
#include "zones/image/image.h"

#include <xxhash.h>

#include <stddef.h>
#include <string.h>

// The layout that format.h promises.
_Static_assert(sizeof(struct image_header) == 64 + 16 * IMAGE_PARTS, "image header layout");
_Static_assert(sizeof(struct image_server) == 16, "image server layout");
_Static_assert(sizeof(struct image_listener) == 32, "image listener layout");
_Static_assert(sizeof(struct image_rule) == 24, "image rule layout");
_Static_assert(sizeof(struct image_step) == 24, "image step layout");
_Static_assert(sizeof(struct image_name) == 20, "image name layout");
_Static_assert(sizeof(struct image_set) == 8, "image set layout");
_Static_assert(sizeof(struct image_section) == 24, "image section layout");

#define IMAGE_REFUSAL_TEXT(name, text) [IMAGE_REFUSED_##name] = (text),
static const char *const refusal_texts[] = {IMAGE_REFUSALS(IMAGE_REFUSAL_TEXT)};
#undef IMAGE_REFUSAL_TEXT

const char *image_refusal_text(enum image_refusal refusal)
{
	return refusal_texts[refusal];
}

// The header is hashed with its hash field zero, then the rest, chained by the seed.
uint64_t image_hash(const void *bytes, size_t size_bytes)
{
	struct image_header header;
	const uint8_t *p = bytes;

	memcpy(&header, p, sizeof(header));
	header.hash = 0;
	uint64_t seed = XXH3_64bits(&header, sizeof(header));
	return XXH3_64bits_withSeed(p + sizeof(header), size_bytes - sizeof(header), seed);
}

uint64_t image_policy_hash(const struct image *img)
{
	return XXH3_64bits(img->policy, img->policy_bytes);
}

uint32_t image_name_hash(const uint8_t *norm, size_t size_bytes)
{
	return (uint32_t)(XXH3_64bits(norm, size_bytes) >> 32);
}

const struct image_set *image_find_set(
	const struct image *img, const struct image_name *name, uint16_t type)
{
	const struct image_set *set = img->sets + name->first_set;

	for (unsigned i = 0; i < name->n_sets; i++) {
		if (set[i].type == type)
			return &set[i];
	}
	return NULL;
}
