// SPDX-License-Identifier: Apache-2.0
// Plain look-ups over the sorted name table of an image, and the choice of listener and rule.
#include "zones/snapshot/snapshot.h"

#include "zones/base/bytes.h"

#include <string.h>

bool snapshot_is_pair(const struct image *base, const struct image *overlay)
{
	return base->header->kind == IMAGE_BASE && overlay->header->kind == IMAGE_OVERLAY &&
		overlay->header->base_generation == base->header->generation &&
		overlay->header->base_hash == base->header->hash;
}

// Orders an entry against (view, hash): below, equal, above.
static int entry_compare(const struct image_name *n, uint16_t view, uint32_t hash)
{
	if (n->view != view)
		return n->view < view ? -1 : 1;
	return n->hash == hash ? 0 : (n->hash < hash ? -1 : 1);
}

// First index in [lo, hi) that is not below (view, hash).
static uint32_t lower_bound(
	const struct image *img, uint32_t lo, uint32_t hi, uint16_t view, uint32_t hash)
{
	while (lo < hi) {
		uint32_t mid = lo + (hi - lo) / 2;
		if (entry_compare(&img->names[mid], view, hash) < 0)
			lo = mid + 1;
		else
			hi = mid;
	}
	return lo;
}

// Hashes are spread evenly, so with one view the place is known within a few hundred entries:
// gallop outwards from the guess, then search what is left. Any table order stays correct, only
// slower.
static uint32_t find_first(const struct image *img, uint16_t view, uint32_t hash)
{
	uint32_t n = img->n_names;
	uint32_t lo = (uint32_t)(((uint64_t)hash * n) >> 32);
	uint32_t hi = lo;
	uint32_t step = 16;

	if (n == 0 || img->names[0].view != img->names[n - 1].view)
		return lower_bound(img, 0, n, view, hash);
	while (lo > 0 && entry_compare(&img->names[lo], view, hash) >= 0) {
		lo = lo > step ? lo - step : 0;
		step *= 2;
	}
	step = 16;
	while (hi < n && entry_compare(&img->names[hi], view, hash) < 0) {
		hi = n - hi > step ? hi + step : n;
		step *= 2;
	}
	return lower_bound(img, lo, hi, view, hash);
}

static bool is_same_name(
	const struct image *img, const struct image_name *n, const struct name_key *key)
{
	return n->view == key->view && n->name_size == key->size_bytes &&
		bytes_are_equal(image_name_wire(img, n), key->norm, key->size_bytes);
}

const struct image_name *snapshot_match(
	const struct image *img, uint32_t first, const struct name_key *key)
{
	for (uint32_t i = first; i < img->n_names && is_same_name(img, &img->names[i], key); i++) {
		if ((img->names[i].us_mask >> key->underscores) & 1u)
			return &img->names[i];
	}
	return NULL;
}

static const struct image_name *image_find(const struct image *img, const struct name_key *key)
{
	uint32_t hash = image_name_hash(key->norm, key->size_bytes);
	uint32_t i = find_first(img, key->view, hash);

	// Different names may share the 32-bit hash.
	while (i < img->n_names && entry_compare(&img->names[i], key->view, hash) == 0) {
		if (is_same_name(img, &img->names[i], key))
			return snapshot_match(img, i, key);
		i++;
	}
	return NULL;
}

void snapshot_find(const struct snapshot *s, const struct name_key *key, struct found *out)
{
	const struct image *layers[] = {s->overlay, s->base};

	*out = (struct found){0};
	for (int i = 0; i < 2; i++) {
		if (layers[i] == NULL)
			continue;
		const struct image_name *name = image_find(layers[i], key);
		if (name == NULL)
			continue;
		if (!(name->flags & NAME_TOMBSTONE))
			*out = (struct found){layers[i], name};
		return;
	}
}

// How well a listener fits: 0 not at all, 1 any address, 2 this address.
static int listener_fit(const struct image_listener *l, const struct server_address *to)
{
	if (l->port != to->port)
		return 0;
	if (l->family == 0)
		return 1;
	size_t n = l->family == 4 ? 4 : 16;
	return l->family == to->family && memcmp(l->address, to->bytes, n) == 0 ? 2 : 0;
}

const struct image_listener *snapshot_find_listener(
	const struct image *top, const struct server_address *to)
{
	const struct image_listener *best = NULL;
	int fit = 0;

	for (uint32_t i = 0; i < top->n_listeners && fit < 2; i++) {
		int f = listener_fit(&top->listeners[i], to);
		if (f > fit) {
			fit = f;
			best = &top->listeners[i];
		}
	}
	return best;
}

// True when the zone ends the query's name at a label boundary (proto: label-wise, CVE-2026-33489).
static bool is_in_zone(const struct query *q, const struct image_rule *r, const uint8_t *zone)
{
	if (r->zone_labels > q->nlabels)
		return false;
	size_t off = q->label_off[q->nlabels - r->zone_labels];
	return (size_t)q->qname_size - off == r->zone_size &&
		bytes_are_equal(q->name + off, zone, r->zone_size);
}

const struct image_rule *snapshot_find_rule(
	const struct image *top, const struct image_listener *listener, const struct query *q)
{
	const struct image_rule *rules = top->rules + listener->first_rule;

	for (uint32_t i = 0; i < listener->n_rules; i++) {
		if (is_in_zone(q, &rules[i], top->text + rules[i].zone_off))
			return &rules[i];
	}
	return NULL;
}
