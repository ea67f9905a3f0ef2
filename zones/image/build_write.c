// SPDX-License-Identifier: Apache-2.0
// Brings what was collected into the one order that the same input always has, lays it out, and
// writes the bytes.
#include "zones/image/build_private.h"

#include "zones/image/image.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

static int bytes_compare(const struct section_blob *a, const struct section_blob *b)
{
	if (a->size_bytes != b->size_bytes)
		return a->size_bytes < b->size_bytes ? -1 : 1;
	return memcmp(a->bytes, b->bytes, a->size_bytes);
}

// Between two entries of one identity: any order that depends on the contents only.
static int content_compare(
	const struct image_build *b, const struct build_name *x, const struct build_name *y)
{
	if (x->n_sets != y->n_sets)
		return (int)y->n_sets - (int)x->n_sets;
	for (unsigned i = 0; i < x->n_sets; i++) {
		int c = bytes_compare(&b->sets[x->first_set + i].section.blob,
			&b->sets[y->first_set + i].section.blob);
		if (c != 0)
			return c;
	}
	return (int)x->flags - (int)y->flags;
}

static int identity_compare(const struct build_name *x, const struct build_name *y)
{
	if (x->view != y->view)
		return x->view < y->view ? -1 : 1;
	if (x->hash != y->hash)
		return x->hash < y->hash ? -1 : 1;
	int c = memcmp(x->wire, y->wire, x->size < y->size ? x->size : y->size);
	if (c != 0 || x->size != y->size)
		return c != 0 ? c : (int)x->size - (int)y->size;
	return (int)x->us_mask - (int)y->us_mask;
}

static int order_compare(const void *a, const void *b, void *arg)
{
	const struct image_build *build = arg;
	const struct build_name *x = &build->names[*(const uint32_t *)a];
	const struct build_name *y = &build->names[*(const uint32_t *)b];
	int c = identity_compare(x, y);

	return c != 0 ? c : content_compare(build, x, y);
}

// Sorts the names and drops all but the first of each identity.
static int order_names(struct image_build *b)
{
	b->order = malloc((b->n_names + 1) * sizeof(b->order[0]));
	if (b->order == NULL)
		return -ENOMEM;
	for (size_t i = 0; i < b->n_names; i++)
		b->order[i] = (uint32_t)i;
	qsort_r(b->order, b->n_names, sizeof(b->order[0]), order_compare, b);
	for (size_t i = 0; i < b->n_names; i++) {
		const struct build_name *name = &b->names[b->order[i]];
		if (b->n_order > 0 &&
			identity_compare(&b->names[b->order[b->n_order - 1]], name) == 0) {
			b->n_duplicates++;
			continue;
		}
		b->order[b->n_order++] = b->order[i];
	}
	return 0;
}

static void place(struct image_build *b, struct build_section *s)
{
	s->offset = (uint32_t)b->section_bytes;
	b->section_bytes += s->blob.size_bytes;
}

// An alias of an alias answers with the sections of the first; chains are followed to their end.
static const struct build_name *name_source(const struct image_build *b, const struct build_name *n)
{
	while (n->alias_of != IMAGE_NONE)
		n = &b->names[n->alias_of]; // alias_of is always an earlier index
	return n;
}

static void mark_used(const struct image_build *b, const struct build_name *n, uint8_t *used)
{
	used[name_source(b, n) - b->names] = 1;
}

// Sections in the order of the names that own them. A dropped duplicate keeps its sections when a
// name that made it is its alias.
static int place_sections(struct image_build *b)
{
	uint8_t *used = calloc(b->n_names + 1, 1);

	if (used == NULL)
		return -ENOMEM;
	for (size_t i = 0; i < b->n_soas; i++)
		place(b, &b->soas[i]);
	for (size_t i = 0; i < b->n_order; i++)
		mark_used(b, &b->names[b->order[i]], used);
	for (size_t i = 0; i < b->n_order; i++) {
		const struct build_name *src = name_source(b, &b->names[b->order[i]]);
		b->n_out_sets += src->n_sets;
		b->name_bytes += b->names[b->order[i]].size;
		if (used[src - b->names] != 1)
			continue;
		used[src - b->names] = 2;
		for (unsigned k = 0; k < src->n_sets; k++)
			place(b, &b->sets[src->first_set + k].section);
	}
	free(used);
	return 0;
}

static size_t aligned(size_t n)
{
	return (n + IMAGE_ALIGN_BYTES - 1) & ~(size_t)(IMAGE_ALIGN_BYTES - 1);
}

static void part_sizes(const struct image_build *b, size_t bytes[IMAGE_PARTS])
{
	bytes[IMAGE_SERVERS] = b->n_servers * sizeof(struct image_server);
	bytes[IMAGE_LISTENERS] = b->n_listeners * sizeof(struct image_listener);
	bytes[IMAGE_RULES] = b->n_rules * sizeof(struct image_rule);
	bytes[IMAGE_STEPS] = b->n_steps * sizeof(struct image_step);
	bytes[IMAGE_NAMES] = b->n_order * sizeof(struct image_name);
	bytes[IMAGE_SETS] = b->n_out_sets * sizeof(struct image_set);
	bytes[IMAGE_BYTES] = b->text_bytes + b->name_bytes;
	bytes[IMAGE_SECTIONS] = b->section_bytes;
	bytes[IMAGE_POLICY] = b->policy_bytes;
}

int image_build_seal(struct image_build *b, size_t *size_bytes, struct err *err)
{
	size_t bytes[IMAGE_PARTS];
	size_t total = aligned(sizeof(struct image_header));

	if (b->failed == 0)
		b->failed = order_names(b);
	if (b->failed == 0)
		b->failed = place_sections(b);
	if (b->failed != 0)
		return err_set(
			err, b->failed, "building the image failed: %s", strerror(-b->failed));
	part_sizes(b, bytes);
	for (int i = 0; i < IMAGE_PARTS; i++) {
		if (bytes[i] > UINT32_MAX)
			return err_set(err, -E2BIG, "the image's part %d is larger than 4 GiB", i);
		total += aligned(bytes[i]);
	}
	*size_bytes = total;
	return 0;
}

static void write_policy(const struct image_build *b, uint8_t *out, const struct image_header *h)
{
	struct image_server *servers = (void *)(out + h->part[IMAGE_SERVERS].offset);
	struct image_step *steps = (void *)(out + h->part[IMAGE_STEPS].offset);
	const struct image_rule *rules = b->rules;

	if (b->n_listeners > 0)
		memcpy(out + h->part[IMAGE_LISTENERS].offset, b->listeners,
			h->part[IMAGE_LISTENERS].bytes);
	if (b->n_rules > 0)
		memcpy(out + h->part[IMAGE_RULES].offset, rules, h->part[IMAGE_RULES].bytes);
	if (b->policy_bytes > 0)
		memcpy(out + h->part[IMAGE_POLICY].offset, b->policy, b->policy_bytes);
	for (size_t i = 0; i < b->n_servers; i++)
		servers[i] = b->servers[i];
	for (size_t i = 0; i < b->n_steps; i++) {
		steps[i] = b->steps[i];
		if (steps[i].soa_section != IMAGE_NONE)
			steps[i].soa_section = b->soas[steps[i].soa_section].offset;
	}
}

static void write_sets(
	const struct image_build *b, const struct build_name *src, struct image_set *sets)
{
	for (unsigned k = 0; k < src->n_sets; k++) {
		const struct build_set *s = &b->sets[src->first_set + k];
		sets[k] = (struct image_set){
			.type = s->type, .flags = s->flags, .section = s->section.offset};
	}
}

static void write_names(const struct image_build *b, uint8_t *out, const struct image_header *h)
{
	struct image_name *names = (void *)(out + h->part[IMAGE_NAMES].offset);
	struct image_set *sets = (void *)(out + h->part[IMAGE_SETS].offset);
	uint8_t *text = out + h->part[IMAGE_BYTES].offset;
	size_t pos = b->text_bytes;
	uint32_t set = 0;

	if (pos > 0)
		memcpy(text, b->text, pos);
	for (size_t i = 0; i < b->n_order; i++) {
		const struct build_name *n = &b->names[b->order[i]];
		const struct build_name *src = name_source(b, n);
		names[i] = (struct image_name){
			.hash = n->hash,
			.name_off = (uint32_t)pos,
			.first_set = set,
			.view = n->view,
			.name_size = n->size,
			.n_sets = src->n_sets,
			.us_mask = n->us_mask,
			.flags = n->flags,
		};
		memcpy(text + pos, n->wire, n->size);
		pos += n->size;
		write_sets(b, src, sets + set);
		set += src->n_sets;
	}
}

static void write_section(uint8_t *sections, const struct build_section *s)
{
	memcpy(sections + s->offset, s->blob.bytes, s->blob.size_bytes);
}

static void write_sections(const struct image_build *b, uint8_t *sections)
{
	for (size_t i = 0; i < b->n_soas; i++)
		write_section(sections, &b->soas[i]);
	for (size_t i = 0; i < b->n_order; i++) {
		const struct build_name *src = name_source(b, &b->names[b->order[i]]);
		for (unsigned k = 0; k < src->n_sets; k++)
			write_section(sections, &b->sets[src->first_set + k].section);
	}
}

void image_build_write(struct image_build *b, uint8_t *out)
{
	struct image_header *h = (void *)out;
	size_t bytes[IMAGE_PARTS];
	size_t pos = aligned(sizeof(*h));

	part_sizes(b, bytes);
	*h = (struct image_header){
		.version = IMAGE_VERSION,
		.kind = b->id.kind,
		.generation = b->id.generation,
		.base_generation = b->id.base_generation,
		.base_hash = b->id.base_hash,
		.serial = b->id.serial,
		.corefile = b->id.corefile,
	};
	memcpy(h->magic, IMAGE_MAGIC, sizeof(h->magic));
	memset(out + sizeof(*h), 0, pos - sizeof(*h));
	for (int i = 0; i < IMAGE_PARTS; i++) {
		h->part[i] = (struct image_extent){pos, bytes[i]};
		memset(out + pos + bytes[i], 0, aligned(bytes[i]) - bytes[i]);
		pos += aligned(bytes[i]);
	}
	h->total_bytes = pos;
	write_policy(b, out, h);
	write_names(b, out, h);
	write_sections(b, out + h->part[IMAGE_SECTIONS].offset);
	h->hash = image_hash(out, pos);
}
