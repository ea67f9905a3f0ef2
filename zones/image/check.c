// SPDX-License-Identifier: Apache-2.0
// Validates an image, part by part, without side effects. What passes here is followed blindly by
// the fast path, so every check is on the safe side: an image that our builder cannot have made is
// refused even where it would do no harm.
#include "zones/image/check_section.h"
#include "zones/image/image.h"
#include "zones/image/policy.h"

#include "zones/base/be.h"
#include "zones/wire/dname.h"

#include <errno.h>
#include <stdbool.h>
#include <string.h>

static bool is_inside(uint64_t off, uint64_t n, uint64_t size)
{
	return off <= size && n <= size - off;
}

static enum image_refusal check_header(const uint8_t *bytes, size_t size_bytes)
{
	const struct image_header *h = (const void *)bytes;

	if (size_bytes < sizeof(*h))
		return IMAGE_REFUSED_SHORT;
	if (memcmp(h->magic, IMAGE_MAGIC, sizeof(h->magic)) != 0)
		return IMAGE_REFUSED_MAGIC;
	if (h->version != IMAGE_VERSION)
		return IMAGE_REFUSED_VERSION;
	if (h->total_bytes != size_bytes)
		return IMAGE_REFUSED_TOTAL;
	if (h->hash != image_hash(bytes, size_bytes))
		return IMAGE_REFUSED_HASH;
	if (h->kind != IMAGE_BASE && h->kind != IMAGE_OVERLAY)
		return IMAGE_REFUSED_KIND;
	if (h->kind == IMAGE_BASE && (h->base_generation != 0 || h->base_hash != 0))
		return IMAGE_REFUSED_KIND;
	return IMAGE_REFUSED_OK;
}

// Parts follow each other without gaps but for alignment, and fill the image.
static enum image_refusal check_extents(const struct image_header *h)
{
	const uint64_t mask = IMAGE_ALIGN_BYTES - 1;
	uint64_t pos = (sizeof(*h) + mask) & ~mask;

	for (int i = 0; i < IMAGE_PARTS; i++) {
		if (h->part[i].offset != pos || h->part[i].bytes > UINT32_MAX)
			return IMAGE_REFUSED_EXTENT;
		pos += (h->part[i].bytes + mask) & ~mask;
		if (pos > h->total_bytes)
			return IMAGE_REFUSED_EXTENT;
	}
	return pos == h->total_bytes ? IMAGE_REFUSED_OK : IMAGE_REFUSED_EXTENT;
}

// The number of entries of a part, or IMAGE_NONE when it is not whole.
static uint32_t entries(const struct image_header *h, enum image_part part, size_t entry_bytes)
{
	uint64_t bytes = h->part[part].bytes;

	return bytes % entry_bytes != 0 ? IMAGE_NONE : (uint32_t)(bytes / entry_bytes);
}

static enum image_refusal view_parts(const uint8_t *bytes, size_t size_bytes, struct image *img)
{
	const struct image_header *h = (const void *)bytes;

	*img = (struct image){
		.bytes = bytes,
		.size_bytes = size_bytes,
		.header = h,
		.servers = (const void *)(bytes + h->part[IMAGE_SERVERS].offset),
		.listeners = (const void *)(bytes + h->part[IMAGE_LISTENERS].offset),
		.rules = (const void *)(bytes + h->part[IMAGE_RULES].offset),
		.steps = (const void *)(bytes + h->part[IMAGE_STEPS].offset),
		.names = (const void *)(bytes + h->part[IMAGE_NAMES].offset),
		.sets = (const void *)(bytes + h->part[IMAGE_SETS].offset),
		.text = bytes + h->part[IMAGE_BYTES].offset,
		.sections = bytes + h->part[IMAGE_SECTIONS].offset,
		.policy = bytes + h->part[IMAGE_POLICY].offset,
		.policy_bytes = h->part[IMAGE_POLICY].bytes,
		.n_servers = entries(h, IMAGE_SERVERS, sizeof(struct image_server)),
		.n_listeners = entries(h, IMAGE_LISTENERS, sizeof(struct image_listener)),
		.n_rules = entries(h, IMAGE_RULES, sizeof(struct image_rule)),
		.n_steps = entries(h, IMAGE_STEPS, sizeof(struct image_step)),
		.n_names = entries(h, IMAGE_NAMES, sizeof(struct image_name)),
		.n_sets = entries(h, IMAGE_SETS, sizeof(struct image_set)),
	};
	if (img->n_servers == IMAGE_NONE || img->n_listeners == IMAGE_NONE ||
		img->n_rules == IMAGE_NONE || img->n_steps == IMAGE_NONE ||
		img->n_names == IMAGE_NONE || img->n_sets == IMAGE_NONE)
		return IMAGE_REFUSED_PART_SIZE;
	return IMAGE_REFUSED_OK;
}

static uint64_t text_size(const struct image *img)
{
	return img->header->part[IMAGE_BYTES].bytes;
}

// Texts end up in metrics and messages: printable ASCII only.
static enum image_refusal check_text(const struct image *img, uint32_t off, uint16_t size)
{
	if (!is_inside(off, size, text_size(img)))
		return IMAGE_REFUSED_TEXT;
	for (uint16_t i = 0; i < size; i++) {
		uint8_t c = img->text[off + i];
		if (c < ' ' || c > '~')
			return IMAGE_REFUSED_TEXT;
	}
	return IMAGE_REFUSED_OK;
}

static bool is_lower_name(const struct image *img, uint32_t off, uint8_t size)
{
	const uint8_t *wire = img->text + off;

	if (!is_inside(off, size, text_size(img)) || dname_size(wire, size) != size)
		return false;
	for (uint8_t i = 0; i < size; i++) {
		if (dname_lower_byte(wire[i]) != wire[i])
			return false;
	}
	return true;
}

static enum image_refusal check_servers(const struct image *img)
{
	for (uint32_t i = 0; i < img->n_servers; i++) {
		const struct image_server *s = &img->servers[i];
		if (s->udp_max_bytes < DNS_UDP_MIN_BYTES || s->udp_max_bytes > 4096)
			return IMAGE_REFUSED_SERVER;
		if ((s->reserved[0] | s->reserved[1] | s->reserved[2]) != 0)
			return IMAGE_REFUSED_RESERVED;
		enum image_refusal r = check_text(img, s->label_off, s->label_size);
		if (r == IMAGE_REFUSED_OK)
			r = check_text(img, s->nsid_off, s->nsid_size);
		if (r != IMAGE_REFUSED_OK)
			return r;
	}
	return IMAGE_REFUSED_OK;
}

static enum image_refusal check_listeners(const struct image *img)
{
	for (uint32_t i = 0; i < img->n_listeners; i++) {
		const struct image_listener *l = &img->listeners[i];
		if ((l->family != 0 && l->family != 4 && l->family != 6 &&
			    l->family != IMAGE_FAMILY_BLOCK) ||
			l->port == 0 || !is_inside(l->first_rule, l->n_rules, img->n_rules))
			return IMAGE_REFUSED_LISTENER;
		if (l->reserved2 != 0 || l->reserved[0] != 0 || l->reserved[1] != 0 ||
			l->reserved[2] != 0)
			return IMAGE_REFUSED_RESERVED;
		for (uint32_t k = 1; k < l->n_rules; k++) {
			const struct image_rule *rule = &img->rules[l->first_rule + k];
			if (rule[0].zone_size > rule[-1].zone_size)
				return IMAGE_REFUSED_RULE_ORDER;
		}
	}
	return IMAGE_REFUSED_OK;
}

// A SOA section has one record and three pointers to the zone.
static bool is_soa_section(const struct image *img, uint32_t off)
{
	if (check_section(img, off, NULL) != IMAGE_REFUSED_OK)
		return false;
	const struct image_section *s = image_section_at(img, off);
	const uint8_t *rr = image_section_rrs(s);
	return s->n_an == 1 && s->n_ar == 0 && s->n_zone == 3 && be16_get(rr + 2) == RR_TYPE_SOA;
}

// The size of the zone that is left of a rule's zone when only `labels` labels are kept.
static size_t suffix_size(const struct image *img, const struct image_rule *rule, uint8_t labels)
{
	const uint8_t *wire = img->text + rule->zone_off;
	size_t size = rule->zone_size;

	for (unsigned n = rule->zone_labels; n > labels; n--) {
		size -= 1u + *wire;
		wire += 1u + *wire;
	}
	return size;
}

static enum image_refusal check_step(
	const struct image *img, const struct image_rule *rule, const struct image_step *step)
{
	const unsigned known = STEP_FALLTHROUGH | STEP_UNSYNCED | STEP_PODS_INSECURE | STEP_ZONAL |
		STEP_FALLS_BY_TYPE | STEP_PASSES_PTR;

	if (step->kind == 0 || step->kind > STEP_KIND_MAX || (step->flags & ~known) != 0)
		return IMAGE_REFUSED_STEP;
	// The quick ways do not look for it in Kubernetes zones.
	if ((step->flags & STEP_FALLS_BY_TYPE) && step->kind != STEP_STATIC)
		return IMAGE_REFUSED_STEP;
	if ((step->flags & STEP_PASSES_PTR) && step->kind != STEP_SERVFAIL)
		return IMAGE_REFUSED_STEP;
	if (step->zone_labels > rule->zone_labels ||
		suffix_size(img, rule, step->zone_labels) != step->zone_size)
		return IMAGE_REFUSED_STEP;
	if (step_chain(step) > img->n_chains || (step->policy != 0 && step_chain(step) == 0))
		return IMAGE_REFUSED_STEP;
	if (step->kind == STEP_LOOKUP && step->soa_section == IMAGE_NONE)
		return IMAGE_REFUSED_SOA;
	if (step->soa_section != IMAGE_NONE && !is_soa_section(img, step->soa_section))
		return IMAGE_REFUSED_SOA;
	return check_text(img, step->plugin_off, step->plugin_size);
}

static enum image_refusal check_rule(const struct image *img, const struct image_rule *rule)
{
	const unsigned taps = RULE_TAP | RULE_TAP_FULL;
	const unsigned known = RULE_ROTATE | RULE_MINIMAL | RULE_LOG_MASK | RULE_CLASSES | taps;

	if (!is_lower_name(img, rule->zone_off, rule->zone_size) ||
		dname_labels(img->text + rule->zone_off) != rule->zone_labels ||
		!is_inside(rule->first_step, rule->n_steps, img->n_steps) ||
		rule->server >= img->n_servers || (rule->flags & ~known) != 0 ||
		(rule->flags & taps) == RULE_TAP_FULL)
		return IMAGE_REFUSED_RULE;
	if (rule->reserved != 0)
		return IMAGE_REFUSED_RESERVED;
	for (uint16_t i = 0; i < rule->n_steps; i++) {
		enum image_refusal r = check_step(img, rule, &img->steps[rule->first_step + i]);
		if (r != IMAGE_REFUSED_OK)
			return r;
	}
	return check_text(img, rule->metric_zone, rule->metric_zone_size);
}

static enum image_refusal check_rules(const struct image *img)
{
	for (uint32_t i = 0; i < img->n_rules; i++) {
		enum image_refusal r = check_rule(img, &img->rules[i]);
		if (r != IMAGE_REFUSED_OK)
			return r;
	}
	return IMAGE_REFUSED_OK;
}

static enum image_refusal check_sets(const struct image *img, const struct image_name *n)
{
	const struct image_set *sets = img->sets + n->first_set;

	if (!is_inside(n->first_set, n->n_sets, img->n_sets))
		return IMAGE_REFUSED_NAME_SETS;
	for (uint8_t i = 0; i < n->n_sets; i++) {
		if ((sets[i].flags & ~(unsigned)SET_PUNT) != 0 ||
			(i > 0 && sets[i].type <= sets[i - 1].type))
			return IMAGE_REFUSED_SET;
		enum image_refusal r = check_section(img, sets[i].section, n);
		if (r != IMAGE_REFUSED_OK)
			return r;
	}
	return IMAGE_REFUSED_OK;
}

static int name_compare(
	const struct image *img, const struct image_name *x, const struct image_name *y)
{
	if (x->view != y->view)
		return x->view < y->view ? -1 : 1;
	if (x->hash != y->hash)
		return x->hash < y->hash ? -1 : 1;
	uint8_t common = x->name_size < y->name_size ? x->name_size : y->name_size;
	int c = memcmp(img->text + x->name_off, img->text + y->name_off, common);
	if (c != 0 || x->name_size != y->name_size)
		return c != 0 ? c : (int)x->name_size - (int)y->name_size;
	return (int)x->us_mask - (int)y->us_mask;
}

static enum image_refusal check_name(const struct image *img, const struct image_name *n)
{
	const unsigned reasons = NAME_FOR_ADDRESS | NAME_UNREADY;
	const unsigned known =
		NAME_TOMBSTONE | NAME_POD_NS | NAME_WILDCARD | NAME_STRICT | NAME_NO_PTR | reasons;
	bool is_gone = (n->flags & NAME_TOMBSTONE) != 0;
	bool has_reason = (n->flags & reasons) != 0;

	if (!is_lower_name(img, n->name_off, n->name_size))
		return IMAGE_REFUSED_NAME;
	if (n->hash != image_name_hash(img->text + n->name_off, n->name_size))
		return IMAGE_REFUSED_NAME_HASH;
	if ((n->flags & ~known) != 0 || n->us_mask == 0 || n->us_mask > 0xf)
		return IMAGE_REFUSED_NAME_FLAGS;
	if (is_gone && n->n_sets != 0)
		return IMAGE_REFUSED_NAME_FLAGS;
	if (is_gone ? img->header->kind != IMAGE_OVERLAY && !has_reason : has_reason)
		return IMAGE_REFUSED_NAME_FLAGS;
	return n->reserved != 0 ? IMAGE_REFUSED_RESERVED : check_sets(img, n);
}

static enum image_refusal check_names(const struct image *img)
{
	for (uint32_t i = 0; i < img->n_names; i++) {
		enum image_refusal r = check_name(img, &img->names[i]);
		if (r != IMAGE_REFUSED_OK)
			return r;
		if (i > 0 && name_compare(img, &img->names[i - 1], &img->names[i]) >= 0)
			return IMAGE_REFUSED_NAME_ORDER;
	}
	return IMAGE_REFUSED_OK;
}

// Decoding is the check. n_chains is what steps may name.
static enum image_refusal check_policy(struct image *img)
{
	struct arena arena = {0};
	struct policy_set policy;
	int rc = policy_decode(img->policy, img->policy_bytes, &arena, &policy, NULL);

	img->n_chains = (uint32_t)policy.n;
	img->policy_hash = image_policy_hash(img);
	arena_fini(&arena);
	return rc == 0 ? IMAGE_REFUSED_OK : IMAGE_REFUSED_POLICY;
}

static enum image_refusal check_all(const void *bytes, size_t size_bytes, struct image *img)
{
	enum image_refusal (*const parts[])(const struct image *) = {
		check_servers, check_listeners, check_rules, check_names};
	enum image_refusal r = check_header(bytes, size_bytes);

	if (r == IMAGE_REFUSED_OK)
		r = check_extents(bytes);
	if (r == IMAGE_REFUSED_OK)
		r = view_parts(bytes, size_bytes, img);
	if (r == IMAGE_REFUSED_OK)
		r = check_policy(img);
	for (size_t i = 0; r == IMAGE_REFUSED_OK && i < sizeof(parts) / sizeof(parts[0]); i++)
		r = parts[i](img);
	return r;
}

enum image_refusal image_check(
	const void *bytes, size_t size_bytes, struct image *out, struct err *err)
{
	struct image img = {0};
	enum image_refusal r = check_all(bytes, size_bytes, &img);

	if (r == IMAGE_REFUSED_OK)
		*out = img;
	else
		(void)err_set(
			err, -EINVAL, "image refused: %s", image_refusal_text(r)); // r says it
	return r;
}
