// SPDX-License-Identifier: Apache-2.0
// What the parts of record synthesis share: one unit in work. Private to control/synth.
#pragma once

#include "control/synth/names.h"
#include "control/synth/synth.h"
#include "zones/base/arena.h"

struct item;
struct items;

struct work {
	const struct synth *y;
	const struct synth_sink *sink;
	struct synth_report *report; // never NULL
	uint32_t ttl_s; // of the zone in work
	struct arena arena; // of this unit
	// Room for the records of one name, used again for the next (malloc).
	struct record_data *data;
	struct record_extra *extra;
	const struct item **who; // which item each SRV record stands for
	size_t data_cap, extra_cap, who_cap;
};

// Passes a name on; id may be NULL. Names that lie in a nested zone are dropped: they are not ours.
[[nodiscard]] int work_emit(
	struct work *w, const struct synth_zone *zone, const struct synth_name *name, uint32_t *id);

// A name of one zone, or of none: too long, or text that is no label. Those are counted.
[[nodiscard]] bool work_name(struct work *w, struct dname *name, const char *label);

// Notes why there is no such name, for who asks.
[[nodiscard]] int work_absent(struct work *w, const struct synth_zone *zone,
	const struct dname *owner, enum synth_flag why);

void work_skip_value(struct work *w, const char *why);

// "svc.<zone>" with ns and service in front. False: cannot be a name (counted).
[[nodiscard]] bool work_service_name(struct work *w, const struct synth_zone *zone, const char *ns,
	const char *service, struct dname *out);

// k8s:2.5 Endpoint name: the hostname, the pod's name when those are used, or the address (written
// to buf).
const char *synth_host_name(const struct synth *y, const struct object_endpoint *e,
	const struct object_address *addr, char buf[NAMES_ADDRESS_MAX_BYTES]);

// An object's address as record data.
struct record_addr work_addr(const struct object_address *addr);

// The units. Each emits its names into w.
[[nodiscard]] int unit_apex(struct work *w);
[[nodiscard]] int unit_namespace(struct work *w, const char *ns);
[[nodiscard]] int unit_service(struct work *w, const char *ns, const char *name);
[[nodiscard]] int unit_import(struct work *w, const char *ns, const char *name);
[[nodiscard]] int unit_pod(
	struct work *w, const char *ns, const char *label, const struct object_address *addr);
[[nodiscard]] int unit_reverse(struct work *w, const struct object_address *addr);

// The names of a service in the zones of k8s_external. endpoints: all ready ones.
[[nodiscard]] int external_emit(
	struct work *w, const struct object_service *service, const struct items *endpoints);

// The names of an alias (ExternalName) in one zone.
[[nodiscard]] int alias_emit(
	struct work *w, const struct synth_zone *zone, const struct object_service *service);
