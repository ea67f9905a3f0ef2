// SPDX-License-Identifier: Apache-2.0
// Small steps that every unit takes.
#include "control/synth/work.h"

#include <string.h>

static bool is_nested(
	const struct synth *y, const struct synth_zone *zone, const struct dname *name)
{
	for (size_t i = 0; i < y->n_zones; i++) {
		const struct synth_zone *z = &y->zones[i];
		if (z->name.size_bytes > zone->name.size_bytes &&
			dname_is_within(z->name.wire, zone->name.wire) &&
			dname_is_within(name->wire, z->name.wire))
			return true;
	}
	return false;
}

int work_emit(
	struct work *w, const struct synth_zone *zone, const struct synth_name *name, uint32_t *id)
{
	uint32_t ignored;

	if (id == NULL)
		id = &ignored;
	*id = SYNTH_NO_ALIAS;
	if (zone->has_nested && is_nested(w->y, zone, name->name))
		return 0; // k8s:2.2: the longest zone counts
	return w->sink->name(w->sink->user, name, id);
}

int work_absent(struct work *w, const struct synth_zone *zone, const struct dname *owner,
	enum synth_flag why)
{
	const struct synth_name name = {.name = owner,
		.us_mask = RECORD_US_EXACT,
		.flags = (uint8_t)why,
		.alias_of = SYNTH_NO_ALIAS};

	return work_emit(w, zone, &name, NULL);
}

static void skip_name(struct work *w, const char *why)
{
	w->report->skipped_names++;
	w->report->why = why;
}

bool work_name(struct work *w, struct dname *name, const char *label)
{
	if (!names_is_label(label)) {
		skip_name(w, "a name that is no label");
		return false;
	}
	if (names_prepend(name, label) != 0) {
		skip_name(w, "a name longer than 255 bytes");
		return false;
	}
	return true;
}

void work_skip_value(struct work *w, const char *why)
{
	w->report->skipped_values++;
	w->report->why = why;
}

bool work_service_name(struct work *w, const struct synth_zone *zone, const char *ns,
	const char *service, struct dname *out)
{
	*out = zone->name;
	return work_name(w, out, "svc") && work_name(w, out, ns) && work_name(w, out, service);
}

struct record_addr work_addr(const struct object_address *addr)
{
	struct record_addr out = {.family = addr->family};

	memcpy(out.bytes, addr->bytes, sizeof(out.bytes));
	return out;
}

const char *synth_host_name(const struct synth *y, const struct object_endpoint *e,
	const struct object_address *addr, char buf[NAMES_ADDRESS_MAX_BYTES])
{
	if (e->hostname[0] != '\0')
		return e->hostname;
	if (y->config->endpoint_pod_names && e->target_name[0] != '\0' &&
		strlen(e->target_name) <= DNS_LABEL_MAX_BYTES)
		return e->target_name;
	return names_dashed(addr, buf);
}
