// SPDX-License-Identifier: Apache-2.0
// Collects policy and names in an arena. Sorting, layout and writing are in build_write.c.
#include "zones/image/build_private.h"

#include "zones/base/array.h"
#include "zones/image/image.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

struct image_build *image_build_new(const struct image_build_id *id)
{
	struct image_build *b = calloc(1, sizeof(*b));

	if (b != NULL)
		b->id = *id;
	return b;
}

void image_build_free(struct image_build *b)
{
	if (b == NULL)
		return;
	arena_fini(&b->arena);
	free(b->servers);
	free(b->listeners);
	free(b->rules);
	free(b->steps);
	free(b->soas);
	free(b->names);
	free(b->sets);
	free(b->text);
	free(b->order);
	free(b);
}

static int fail(struct image_build *b, int code)
{
	if (b->failed == 0)
		b->failed = code;
	return b->failed;
}

// Room for one more element in a growing array of the builder.
#define ROOM(b, items, n, cap) build_room((b), (void **)&(items), (n), &(cap), sizeof((items)[0]))

static bool build_room(
	struct image_build *b, void **items, size_t n, size_t *cap, size_t elem_bytes)
{
	void *grown = array_grow(*items, cap, n + 1, elem_bytes);

	if (grown == NULL) {
		(void)fail(b, -ENOMEM); // reported by image_build_seal
		return false;
	}
	*items = grown;
	return true;
}

uint32_t build_text(struct image_build *b, const void *bytes, size_t n)
{
	void *grown = array_grow(b->text, &b->text_cap, b->text_bytes + n + 1, 1);

	if (grown == NULL || b->text_bytes + n > UINT32_MAX) {
		(void)fail(b, -ENOMEM); // reported by image_build_seal
		return 0;
	}
	b->text = grown;
	uint32_t off = (uint32_t)b->text_bytes;
	memcpy(b->text + off, bytes, n);
	b->text_bytes += n;
	return off;
}

int image_build_server(struct image_build *b, const char *label, uint16_t udp_max_bytes)
{
	if (b->failed != 0 || !ROOM(b, b->servers, b->n_servers, b->servers_cap))
		return b->failed;
	size_t len = strlen(label);
	if (len > UINT16_MAX)
		return fail(b, -EINVAL);
	b->servers[b->n_servers++] = (struct image_server){
		.label_off = build_text(b, label, len),
		.label_size = (uint16_t)len,
		.udp_max_bytes = udp_max_bytes,
	};
	return b->failed;
}

int image_build_nsid(struct image_build *b, const char *text)
{
	size_t len = strlen(text);

	if (b->failed != 0)
		return b->failed;
	if (b->n_servers == 0 || len > UINT8_MAX)
		return fail(b, -EINVAL);
	struct image_server *s = &b->servers[b->n_servers - 1];
	s->nsid_off = build_text(b, text, len);
	s->nsid_size = (uint8_t)len;
	return b->failed;
}

static int build_step(struct image_build *b, const struct image_build_step *s, const uint8_t *zone)
{
	if (!ROOM(b, b->steps, b->n_steps, b->steps_cap))
		return b->failed;
	const uint8_t *own = s->zone != NULL ? s->zone : zone;
	size_t size = dname_size(own, DNS_NAME_MAX_BYTES);
	size_t len = s->plugin == NULL ? 0 : strlen(s->plugin);
	if (size == 0 || len > UINT16_MAX || s->kind == 0 || s->kind > STEP_KIND_MAX)
		return fail(b, -EINVAL);
	if (s->soa != IMAGE_NONE && s->soa >= b->n_soas)
		return fail(b, -EINVAL);
	b->steps[b->n_steps++] = (struct image_step){
		.kind = s->kind,
		.flags = s->flags,
		.view = s->view,
		.soa_section = s->soa, // becomes an offset when sections are laid out
		.plugin_off = len == 0 ? 0 : build_text(b, s->plugin, len),
		.plugin_size = (uint16_t)len,
		.line = s->line,
		.pod_ttl_s = s->pod_ttl_s,
		.zone_size = (uint8_t)size,
		.zone_labels = (uint8_t)dname_labels(own),
		.policy = s->policy,
	};
	return b->failed;
}

static int build_rule(struct image_build *b, const struct image_build_rule *r)
{
	size_t size = dname_size(r->zone, DNS_NAME_MAX_BYTES);
	const char *metric = r->metric_zone != NULL ? r->metric_zone : "";
	size_t len = strlen(metric);

	if (size == 0 || len > UINT16_MAX || r->n_steps > UINT16_MAX || r->server >= b->n_servers)
		return fail(b, -EINVAL);
	if (!ROOM(b, b->rules, b->n_rules, b->rules_cap))
		return b->failed;
	struct image_rule rule = {
		.zone_off = build_text(b, r->zone, size),
		.first_step = (uint32_t)b->n_steps,
		.n_steps = (uint16_t)r->n_steps,
		.server = r->server,
		.zone_size = (uint8_t)size,
		.zone_labels = (uint8_t)dname_labels(r->zone),
		.flags = r->flags,
		.metric_zone = len == 0 ? 0 : build_text(b, metric, len),
		.metric_zone_size = (uint16_t)len,
	};
	for (size_t i = 0; i < r->n_steps; i++) {
		int rc = build_step(b, &r->steps[i], r->zone);
		if (rc != 0)
			return rc;
	}
	b->rules[b->n_rules++] = rule;
	return b->failed;
}

static int rule_compare(const void *a, const void *b)
{
	const struct image_build_rule *const *x = a;
	const struct image_build_rule *const *y = b;
	size_t xs = dname_size((*x)->zone, DNS_NAME_MAX_BYTES);
	size_t ys = dname_size((*y)->zone, DNS_NAME_MAX_BYTES);

	if (xs != ys)
		return xs > ys ? -1 : 1;
	return memcmp((*x)->zone, (*y)->zone, xs);
}

int image_build_listener(struct image_build *b, const struct image_listener *where,
	const struct image_build_rule *rules, size_t n_rules)
{
	if (b->failed != 0 || !ROOM(b, b->listeners, b->n_listeners, b->listeners_cap))
		return b->failed;
	const struct image_build_rule **order =
		arena_alloc(&b->arena, (n_rules + 1) * sizeof(*order));
	if (order == NULL)
		return fail(b, -ENOMEM);
	for (size_t i = 0; i < n_rules; i++)
		order[i] = &rules[i];
	qsort(order, n_rules, sizeof(*order), rule_compare);
	struct image_listener l = *where;
	l.first_rule = (uint32_t)b->n_rules;
	l.n_rules = (uint32_t)n_rules;
	for (size_t i = 0; i < n_rules; i++) {
		if (build_rule(b, order[i]) != 0)
			return b->failed;
	}
	b->listeners[b->n_listeners++] = l;
	return b->failed;
}

int image_build_soa(struct image_build *b, const struct dname *zone, uint32_t ttl_s,
	const struct record_soa *soa, uint32_t *id)
{
	(void)zone; // the section names the zone by a pointer into the question
	*id = IMAGE_NONE;
	if (b->failed != 0 || !ROOM(b, b->soas, b->n_soas, b->soas_cap))
		return b->failed;
	struct section_blob blob = section_encode_soa(&b->arena, ttl_s, soa);
	if (blob.bytes == NULL)
		return fail(b, -ENOMEM);
	*id = (uint32_t)b->n_soas;
	b->soas[b->n_soas++] = (struct build_section){.blob = blob};
	return b->failed;
}

int image_build_policy(struct image_build *b, const uint8_t *bytes, size_t size_bytes)
{
	if (b->failed != 0)
		return b->failed;
	b->policy = arena_copy(&b->arena, bytes, size_bytes);
	if (b->policy == NULL)
		return fail(b, -ENOMEM);
	b->policy_bytes = size_bytes;
	return 0;
}

// Takes leading underscores off the first two labels, as query_normalise does.
static uint8_t name_normalise(struct dname *name)
{
	uint8_t us = 0;
	size_t pos = 0;

	for (unsigned i = 0; i < 2 && name->wire[pos] != 0; i++) {
		uint8_t len = name->wire[pos];
		if (len > 1 && name->wire[pos + 1] == '_') {
			us |= (uint8_t)(1u << i);
			name->wire[pos] = --len;
			memmove(name->wire + pos + 1, name->wire + pos + 2,
				name->size_bytes - pos - 2u);
			name->size_bytes--;
		}
		pos += 1u + len;
	}
	return us;
}

static int build_sets(struct image_build *b, const struct image_build_name *n)
{
	for (size_t i = 0; i < n->n_sets; i++) {
		if (!ROOM(b, b->sets, b->n_sets, b->sets_cap))
			return b->failed;
		struct section_blob blob = section_encode(&b->arena, &n->sets[i], n->wire);
		if (blob.bytes == NULL) { // too large to encode: the name stays, without this set
			b->n_dropped_sets++;
			continue;
		}
		b->sets[b->n_sets++] = (struct build_set){
			.section = {.blob = blob},
			.type = n->sets[i].type,
			.flags = n->sets[i].flags,
		};
	}
	return 0;
}

static int set_compare(const void *a, const void *b)
{
	return (int)((const struct build_set *)a)->type - (int)((const struct build_set *)b)->type;
}

int image_build_name(struct image_build *b, const struct image_build_name *n, uint32_t *id)
{
	struct dname norm = {0};

	if (b->failed != 0 || !ROOM(b, b->names, b->n_names, b->names_cap))
		return b->failed;
	size_t size = dname_size(n->wire, DNS_NAME_MAX_BYTES);
	if (size == 0 || n->n_sets > UINT8_MAX ||
		(n->alias_of != IMAGE_NONE && (n->alias_of >= b->n_names || n->n_sets != 0)))
		return fail(b, -EINVAL);
	memcpy(norm.wire, n->wire, size);
	norm.size_bytes = (uint8_t)size;
	uint8_t us = name_normalise(&norm);
	uint8_t *wire = arena_copy(&b->arena, norm.wire, norm.size_bytes);
	if (wire == NULL)
		return fail(b, -ENOMEM);
	struct build_name out = {
		.wire = wire,
		.hash = image_name_hash(wire, norm.size_bytes),
		.first_set = (uint32_t)b->n_sets,
		.alias_of = n->alias_of,
		.view = n->view,
		.size = norm.size_bytes,
		.us_mask = n->us_mask == RECORD_US_EXACT ? (uint8_t)(1u << us) : n->us_mask,
		.flags = n->flags,
	};
	if (build_sets(b, n) != 0)
		return b->failed;
	out.n_sets = (uint8_t)(b->n_sets - out.first_set);
	if (out.n_sets > 1)
		qsort(b->sets + out.first_set, out.n_sets, sizeof(b->sets[0]), set_compare);
	if (id != NULL)
		*id = (uint32_t)b->n_names;
	b->names[b->n_names++] = out;
	return b->failed;
}

size_t image_build_dropped_sets(const struct image_build *b)
{
	return b->n_dropped_sets;
}

size_t image_build_duplicates(const struct image_build *b)
{
	return b->n_duplicates;
}
