// SPDX-License-Identifier: Apache-2.0
// The grammar of cluster names (k8s:2.2), read from right to left.
#include "control/synth/locate.h"

#include "control/synth/names.h"

#include <string.h>

const struct synth_zone *locate_zone(const struct synth *y, const struct dname *name)
{
	const struct synth_zone *best = NULL;

	for (size_t i = 0; i < y->n_zones; i++) {
		const struct synth_zone *z = &y->zones[i];
		// Names of k8s_external are found by asking the whole server.
		if (z->kind == SYNTH_EXTERNAL)
			continue;
		if ((best == NULL || z->name.size_bytes > best->name.size_bytes) &&
			dname_is_within(name->wire, z->name.wire))
			best = z;
	}
	return best;
}

static const uint8_t *label_at(const struct dname *name, unsigned index)
{
	const uint8_t *p = name->wire;

	for (; index > 0; index--)
		p += 1u + *p;
	return p;
}

// Lower case, like all names of objects.
static void label_text(const uint8_t *label, char out[DNS_LABEL_MAX_BYTES + 1])
{
	for (uint8_t i = 0; i < label[0]; i++)
		out[i] = (char)dname_lower_byte(label[i + 1]);
	out[label[0]] = '\0';
}

static bool is_label(const uint8_t *label, const char *text)
{
	char have[DNS_LABEL_MAX_BYTES + 1];

	label_text(label, have);
	return strcmp(have, text) == 0;
}

static bool target(struct synth_target *out, enum synth_unit_kind kind)
{
	out->unit = (struct synth_unit){.kind = kind, .ns = out->ns, .name = out->name};
	return true;
}

static bool locate_service(const struct synth_zone *zone, const struct dname *name, unsigned below,
	struct synth_target *out)
{
	if (below == 1)
		return target(out, UNIT_APEX);
	label_text(label_at(name, below - 2), out->ns);
	if (below == 2)
		return target(out, UNIT_NAMESPACE);
	label_text(label_at(name, below - 3), out->name);
	return target(out, zone->kind == SYNTH_CLUSTERSET ? UNIT_IMPORT : UNIT_SERVICE);
}

static bool locate_pod(
	const struct synth *y, const struct dname *name, unsigned below, struct synth_target *out)
{
	char canonical[NAMES_ADDRESS_MAX_BYTES];
	struct object_address addr;

	if (below == 1)
		return target(out, UNIT_APEX);
	label_text(label_at(name, below - 2), out->ns);
	if (below == 2)
		return target(out, UNIT_NAMESPACE);
	if (below > 3 || y->config->pods == PODS_DISABLED ||
		!names_pod_parse((const char *)name->wire + 1, name->wire[0], &addr))
		return false;
	if (y->config->pods == PODS_INSECURE)
		return target(out, UNIT_NAMESPACE);
	label_text(label_at(name, 0), out->name);
	if (strcmp(out->name, names_pod(&addr, canonical)) == 0)
		out->name[0] = '\0';
	(void)target(out, UNIT_POD); // always true
	out->unit.addr = addr;
	return true;
}

bool locate_unit(
	const struct synth *y, const struct dname *name, struct synth_target *out, unsigned *below)
{
	const struct synth_zone *zone = locate_zone(y, name);
	struct object_address addr;

	*out = (struct synth_target){0};
	if (zone == NULL)
		return false;
	*below = dname_labels(name->wire) - dname_labels(zone->name.wire);
	if (names_reverse_parse(name->wire, &addr)) {
		(void)target(out, UNIT_REVERSE); // always true
		out->unit.addr = addr;
		return true;
	}
	if (*below == 0)
		return target(out, UNIT_APEX);
	if (zone->kind == SYNTH_REVERSE)
		return false;
	const uint8_t *last = label_at(name, *below - 1);
	if (is_label(last, "svc"))
		return locate_service(zone, name, *below, out);
	if (is_label(last, "pod"))
		return locate_pod(y, name, *below, out);
	if (is_label(last, "dns-version") && *below == 1)
		return target(out, UNIT_APEX);
	return is_label(last, "dns") && *below == 2 && is_label(label_at(name, 0), "ns") &&
		target(out, UNIT_APEX);
}
