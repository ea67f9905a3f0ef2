// SPDX-License-Identifier: Apache-2.0
// Splits a name at the longest zone and reads the labels in front of it from right to left.
#include "cli/subject.h"

#include "zones/base/array.h"
#include "zones/wire/query.h"

#include <ctype.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define SUBJECT_TEXT(name, text) [SUBJECT_##name] = (text),
static const char *const texts[] = {SUBJECT_SHAPES(SUBJECT_TEXT)};
#undef SUBJECT_TEXT

const char *subject_shape_text(enum subject_shape shape)
{
	return texts[shape];
}

int subject_zones_add(struct subject_zones *z, const uint8_t *wire)
{
	for (size_t i = 0; i < z->n; i++) {
		if (dname_is_equal(z->items[i].wire, wire))
			return 0;
	}
	struct dname *items = array_grow(z->items, &z->cap, z->n + 1, sizeof(*items));
	if (items == NULL)
		return -ENOMEM;
	z->items = items;
	struct dname *zone = &items[z->n++];
	zone->size_bytes = (uint8_t)dname_size(wire, DNS_NAME_MAX_BYTES);
	memcpy(zone->wire, wire, zone->size_bytes);
	dname_lower(zone);
	return 0;
}

int subject_zones_of(const struct snapshot *s, struct subject_zones *z)
{
	const struct image *img = snapshot_top(s);
	int rc = 0;

	for (uint32_t i = 0; img != NULL && i < img->n_rules; i++) {
		const struct image_rule *rule = &img->rules[i];
		for (unsigned k = 0; k < rule->n_steps && rc == 0; k++) {
			const struct image_step *step = &img->steps[rule->first_step + k];
			if (step->kind == STEP_LOOKUP) // its zone is the end of the rule's
				rc = subject_zones_add(z,
					img->text + rule->zone_off + rule->zone_size -
						step->zone_size);
		}
	}
	return rc;
}

void subject_zones_fini(struct subject_zones *z)
{
	free(z->items);
	*z = (struct subject_zones){0};
}

static const struct dname *find_zone(const struct subject_zones *zones, const uint8_t *name)
{
	const struct dname *best = NULL;

	for (size_t i = 0; i < zones->n; i++) {
		const struct dname *zone = &zones->items[i];
		if (dname_is_within(name, zone->wire) &&
			(best == NULL || zone->size_bytes > best->size_bytes))
			best = zone;
	}
	return best;
}

static const uint8_t in_addr[] = "\7in-addr\4arpa";
static const uint8_t ip6[] = "\3ip6\4arpa";

// The labels in front of the zone, lower case; number 0 is the one next to it.
struct front {
	const uint8_t *name; // borrowed
	uint8_t off[QUERY_LABELS_MAX]; // of the labels from left to right
	unsigned n;
};

static const uint8_t *label_at(const struct front *f, unsigned i)
{
	return f->name + f->off[f->n - 1 - i];
}

static bool is_label(const uint8_t *label, const char *text)
{
	return *label == strlen(text) && memcmp(label + 1, text, *label) == 0;
}

static void copy_label(const uint8_t *label, char out[SUBJECT_LABEL_BYTES])
{
	uint8_t wire[DNS_LABEL_MAX_BYTES + 2] = {0};

	memcpy(wire, label, 1u + *label);
	(void)dname_print(wire, out, SUBJECT_LABEL_BYTES);
	out[strlen(out) - 1] = 0; // the final dot
}

// `4.3.2.1.in-addr.arpa`, 32 nibbles under `ip6.arpa` (RFC 1035 3.5, RFC 3596 2.5).
static bool read_octet(const uint8_t *label, uint8_t *out)
{
	unsigned value = 0;

	for (unsigned i = 1; i <= *label; i++) {
		if (label[i] < '0' || label[i] > '9')
			return false;
		value = value * 10 + (label[i] - '0');
	}
	*out = (uint8_t)value;
	return *label >= 1 && *label <= 3 && value <= 255;
}

static void read_address(const struct front *f, bool is_ip6, struct subject *out)
{
	bool is_whole = f->n == (is_ip6 ? 32 : 4);

	for (unsigned i = 0; i < f->n && is_whole; i++) {
		const uint8_t *label = label_at(f, i);
		if (!is_ip6) {
			is_whole = read_octet(label, &out->address[i]);
			continue;
		}
		is_whole = *label == 1 && isxdigit(label[1]) != 0;
		int digit = isdigit(label[1]) != 0 ? label[1] - '0' : label[1] - 'a' + 10;
		out->address[i / 2] = (uint8_t)(out->address[i / 2] << 4 | (digit & 15));
	}
	out->family = is_whole ? is_ip6 ? 6 : 4 : 0;
}

static void read_pod(const struct front *f, struct subject *out)
{
	static const enum subject_shape shapes[] = {SUBJECT_POD, SUBJECT_NS_POD, SUBJECT_POD_NAME,
		SUBJECT_POD_EXTRA, SUBJECT_POD_EXTRA};
	unsigned below = f->n - 1;

	out->shape = below < ARRAY_LEN(shapes) ? shapes[below] : SUBJECT_POD_DEEP;
	if (below > 0)
		copy_label(label_at(f, 1), out->ns);
	if (below > 1)
		copy_label(label_at(f, 2), out->endpoint);
}

static void read_service(const struct front *f, struct subject *out)
{
	static const enum subject_shape shapes[] = {
		SUBJECT_SVC, SUBJECT_NS_SVC, SUBJECT_SERVICE, SUBJECT_ENDPOINT, SUBJECT_PORT};
	unsigned below = f->n - 1;

	out->shape = below < ARRAY_LEN(shapes) ? shapes[below] : SUBJECT_DEEP;
	if (below > 0)
		copy_label(label_at(f, 1), out->ns);
	if (below > 1)
		copy_label(label_at(f, 2), out->service);
	if (out->shape == SUBJECT_ENDPOINT)
		copy_label(label_at(f, 3), out->endpoint);
	if (out->shape == SUBJECT_PORT) {
		copy_label(label_at(f, 3), out->protocol);
		copy_label(label_at(f, 4), out->port);
	}
}

static bool is_ns_dns(const struct front *f)
{
	return f->n == 2 && is_label(label_at(f, 0), "dns") && is_label(label_at(f, 1), "ns");
}

static void read_front(const struct front *f, struct subject *out)
{
	if (f->n == 0)
		out->shape = SUBJECT_APEX;
	else if (f->n == 1 && is_label(label_at(f, 0), "dns-version"))
		out->shape = SUBJECT_DNS_VERSION;
	else if (is_ns_dns(f))
		out->shape = SUBJECT_NS_DNS;
	else if (is_label(label_at(f, 0), "svc"))
		read_service(f, out);
	else if (is_label(label_at(f, 0), "pod"))
		read_pod(f, out);
	else
		out->shape = SUBJECT_OTHER;
}

static void fill_front(const uint8_t *name, size_t end, struct front *f)
{
	f->name = name;
	f->n = 0;
	for (size_t at = 0; at < end && f->n < QUERY_LABELS_MAX; at += name[at] + 1u)
		f->off[f->n++] = (uint8_t)at;
}

void subject_of(const struct subject_zones *zones, const uint8_t *name, struct subject *out)
{
	struct dname lower = {.size_bytes = (uint8_t)dname_size(name, DNS_NAME_MAX_BYTES)};
	struct front f = {0};

	memcpy(lower.wire, name, lower.size_bytes);
	dname_lower(&lower);
	*out = (struct subject){.zone = find_zone(zones, lower.wire)};
	if (out->zone == NULL)
		return;
	fill_front(lower.wire, (size_t)lower.size_bytes - out->zone->size_bytes, &f);
	bool is_ip6 = dname_is_within(lower.wire, ip6);
	if (!is_ip6 && !dname_is_within(lower.wire, in_addr)) {
		read_front(&f, out);
		return;
	}
	out->shape = f.n == 0   ? SUBJECT_REVERSE_APEX
		: is_ns_dns(&f) ? SUBJECT_NS_DNS // k8s:2.4: in every zone
				: SUBJECT_REVERSE;
	fill_front(lower.wire, lower.size_bytes - (is_ip6 ? sizeof(ip6) : sizeof(in_addr)), &f);
	read_address(&f, is_ip6, out);
}
