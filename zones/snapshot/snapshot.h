// SPDX-License-Identifier: Apache-2.0
// A snapshot: a base image and at most one overlay over it, read together. The look-ups here are
// plain (interpolation over the image's own name table); dataplane/index gives the same results
// from rte_hash, and a test asks both for every name.
#pragma once

#include "zones/image/image.h"
#include "zones/wire/query.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct snapshot {
	const struct image *base; // borrowed, NULL when nothing was published yet
	const struct image *overlay; // borrowed, NULL for none
};

// What is looked up: a normalised name in a view, and which underscores were taken off.
struct name_key {
	const uint8_t *norm; // borrowed
	uint8_t size_bytes;
	uint8_t underscores;
	uint16_t view;
};

// What a look-up gives; name is NULL when there is no such name. name and its sets live in img.
struct found {
	const struct image *img;
	const struct image_name *name;
};

// Where a query was sent to.
struct server_address {
	uint8_t family; // 4 or 6
	uint8_t bytes[16];
	uint16_t port;
};

// The image whose policy counts: the newest.
static inline const struct image *snapshot_top(const struct snapshot *s)
{
	return s->overlay != NULL ? s->overlay : s->base;
}

// An overlay may only stand on the base it names.
bool snapshot_is_pair(const struct image *base, const struct image *overlay);

// Looks the name up: overlay first (a tombstone hides the base's name), then base.
void snapshot_find(const struct snapshot *s, const struct name_key *key, struct found *out);

// Among the entries of one image that have the key's normalised name, starting at index `first`,
// the one that accepts the key; NULL for none. Shared by both look-ups.
const struct image_name *snapshot_match(
	const struct image *img, uint32_t first, const struct name_key *key);

// The most specific listener of an address and port, or NULL: nothing is served there.
const struct image_listener *snapshot_find_listener(
	const struct image *top, const struct server_address *to);

// The rule with the longest zone that holds the query's name, or NULL.
const struct image_rule *snapshot_find_rule(
	const struct image *top, const struct image_listener *listener, const struct query *q);
