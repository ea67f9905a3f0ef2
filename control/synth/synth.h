// SPDX-License-Identifier: Apache-2.0
// Record synthesis: from the objects of one cluster and the options of one `kubernetes` directive
// to names with their record sets. Pure functions of the store and the options. The names come in
// units, the smallest parts that change on their own; every name belongs to exactly one unit.
#pragma once

#include "control/object/object.h"
#include "control/store/store.h"
#include "zones/corefile/cluster.h"
#include "zones/record/record.h"
#include "zones/wire/dname.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum synth_zone_kind {
	SYNTH_FORWARD, // services and pods
	SYNTH_CLUSTERSET, // service imports and pods (k8s:2.8)
	SYNTH_REVERSE, // PTR only
	SYNTH_EXTERNAL, // outside addresses of services (k8s_external)
};

struct synth_zone {
	struct dname name; // lower case
	enum synth_zone_kind kind;
	bool has_nested; // another zone lies inside: its names are not ours
};

enum { SYNTH_LOCAL_MAX = 32 };

// One instance of the directive. Set up by synth_init; the serials move with the data.
struct synth {
	const struct store *store; // borrowed
	const struct config_kubernetes *config; // borrowed
	struct synth_zone *zones; // owned
	size_t n_zones;
	const struct synth_zone *primary; // zone of PTR targets, NULL without a forward zone
	struct object_address local[SYNTH_LOCAL_MAX]; // the server's own addresses (k8s:2.4)
	size_t n_local;
	size_t n_unnamed; // of them, at the end: sought in slices, but not addresses of ns.dns
	// Another plugin of the block resolves names outside: an alias to one is completed by the
	// slow path (k8s:2.5).
	bool has_upstream;
	uint32_t serial; // 0 before the first sync (k8s:2.1)
	uint32_t clusterset_serial;
	const struct config_k8s_external *external; // borrowed; NULL: none
	bool has_places; // autopath wants to know whose pod an address is
	uint32_t external_serial;
};

// 0, -EINVAL (a zone is no name) or -ENOMEM. *y is zeroed first.
[[nodiscard]] int synth_init(
	struct synth *y, const struct store *store, const struct config_kubernetes *config);
void synth_fini(struct synth *y);
// Adds the zones of the block's k8s_external. 0 or -ENOMEM.
[[nodiscard]] int synth_add_external(struct synth *y, const struct config_k8s_external *x);
// Adds an address of the server; loopback and what is over SYNTH_LOCAL_MAX is left out.
void synth_add_local(struct synth *y, const struct object_address *addr);

enum synth_unit_kind {
	UNIT_APEX, // the fixed names of all zones
	UNIT_NAMESPACE, // ns
	UNIT_SERVICE, // ns, name: the service and all names below it
	UNIT_IMPORT, // ns, name: the same in the clusterset zones
	UNIT_POD, // ns, addr, name (label of object_pod): with `pods verified`
	UNIT_REVERSE, // addr
};

struct synth_unit {
	enum synth_unit_kind kind;
	const char *ns; // "" where it means nothing; as name
	const char *name;
	struct object_address addr; // zeroed where it means nothing
};

uint64_t synth_unit_hash(const struct synth_unit *u);
bool synth_unit_is_equal(const struct synth_unit *a, const struct synth_unit *b);

// What an entry is besides its sets.
enum synth_flag {
	SYNTH_POD_NS = 1, // pod addresses may be synthesised below it
	SYNTH_STRICT = 4, // other types than those of its sets are name errors (k8s:2.3, 2.7)
	SYNTH_NO_PTR = 8, // PTR is a name error (k8s:2.3)
	SYNTH_FOR_ADDRESS = 16, // there is no such name: its ExternalName is an address (k8s:2.5)
	SYNTH_UNREADY = 32, // there is no such name: no endpoint is ready (k8s:2.5)
	SYNTH_WILDCARD = 2, // zonal: answers for every topology zone that has no entry
};

enum { SYNTH_NO_ALIAS = 0xffffffff };

// A part of a port name that is empty matches everything; such names are looked up with their lone
// underscore (k8s:2.2). Masks of query.underscores as record_underscore has them.
enum { SYNTH_US_FIRST_ANY = 0x5, SYNTH_US_SECOND_ANY = 0x3, SYNTH_US_BOTH_ANY = 0x1 };

// A name that exists, or with SYNTH_FOR_ADDRESS or SYNTH_UNREADY one that does not. Borrowed for
// the call.
struct synth_name {
	const struct dname *name; // lower case, with underscores as people write it
	uint8_t us_mask; // enum record_underscore, or a mask
	uint8_t flags; // enum synth_flag
	uint32_t alias_of; // id of an earlier name of the unit whose sets it shares
	const struct record_set *sets;
	size_t n_sets;
};

// Takes a name, writes an id that later names of the same unit can be aliases of. 0 or an error
// that ends the synthesis.
struct synth_sink {
	void *user;
	int (*name)(void *user, const struct synth_name *name, uint32_t *id);
};

// What had to be left out of a unit (rel:K5).
struct synth_report {
	size_t skipped_names; // too long, or no label
	size_t skipped_values; // ports or endpoints over the limits, names nobody can ask for
	size_t capped_sets; // larger than any message can hold: served by rotation
	const char *why; // of the last one; NULL for none
	// Whose name it was, when the unit does not say so (an address). Borrowed from the store.
	const struct object_meta *owner;
};

enum {
	SYNTH_PORTS_MAX = 1024, // of one service or slice
	SYNTH_ITEMS_MAX = 65535, // (port, address) pairs of one service
};

// Emits all names of a unit as the store has it now. 0, -ENOMEM or what the sink returned. report
// may be NULL.
[[nodiscard]] int synth_emit(const struct synth *y, const struct synth_unit *u,
	const struct synth_sink *sink, struct synth_report *report);

// Tells every unit whose names may change when `old` becomes `new` (either may be NULL). The store
// may be in the state before or after. A unit may be told more than once; UNIT_APEX is not told.
typedef void synth_touch_fn(void *user, const struct synth_unit *u);
void synth_touch(const struct synth *y, const struct object_meta *old,
	const struct object_meta *new, synth_touch_fn *touch, void *user);

// The unit that the target of an alias service (ExternalName) lies in, when it is in one of our
// zones. Its strings are written to buf. Returns false when it is outside or no alias.
struct synth_target {
	struct synth_unit unit;
	char ns[DNS_LABEL_MAX_BYTES + 1], name[DNS_LABEL_MAX_BYTES + 1];
};
bool synth_alias_target(
	const struct synth *y, const struct object_service *service, struct synth_target *out);

// The reverse name of an address.
void synth_reverse_name(const struct object_address *addr, struct dname *out);

// The SOA of a zone (k8s:2.1), and the TTL it is sent with.
struct record_soa synth_soa(uint32_t serial, uint32_t ttl_s);
uint32_t synth_soa_ttl(uint32_t ttl_s);
// The same of a k8s_external zone; it is sent with the directive's TTL.
struct record_soa synth_external_soa(uint32_t serial, const struct config_k8s_external *x);

// Whether a namespace exists for clients: listed in `namespaces`, and an object (k8s:2.1).
bool synth_has_namespace(const struct synth *y, const char *ns);
