// SPDX-License-Identifier: Apache-2.0
// ExternalName services (k8s:2.5). A target inside the zone is resolved here, so that the answer is
// complete when it is built; one outside gives the CNAME alone, as CoreDNS answers when nothing in
// the block resolves it.
#include "control/synth/locate.h"
#include "control/synth/work.h"

#include "zones/base/array.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

enum { CHAIN_MAX = 11 }; // k8s:2.1: a chain of 11 CNAMEs is answered, 12 give NODATA

// The CNAMEs from an alias on: target[0] is the alias' own.
struct chain {
	struct dname target[CHAIN_MAX];
	size_t n;
	bool is_outside; // the last target is not in the zone
};

// The alias service that a name of the zone is, or NULL.
static const struct object_service *find_alias(
	const struct synth *y, const struct synth_target *t, unsigned below)
{
	if (t->unit.kind != UNIT_SERVICE || below != 3 || !synth_has_namespace(y, t->ns))
		return NULL;
	const struct object_service *s = store_service(y->store, t->ns, t->name);
	return s != NULL && s->type == OBJECT_EXTERNAL_NAME ? s : NULL;
}

static bool is_in_chain(const struct chain *c, const struct dname *owner, const struct dname *name)
{
	bool found = dname_is_equal(owner->wire, name->wire);

	for (size_t i = 0; i < c->n && !found; i++)
		found = dname_is_equal(c->target[i].wire, name->wire);
	return found;
}

static bool parse_target(const struct object_service *s, struct dname *out)
{
	struct object_address addr;

	return !object_address_parse(s->external_name, &addr) &&
		dname_parse(s->external_name, out) == 0;
}

// Follows aliases from `service` on. *end is the unit of the last target when that is inside.
// False: a loop, too long, or an end that is no name.
static bool follow(const struct synth *y, const struct synth_zone *zone, const struct dname *owner,
	const struct object_service *service, struct chain *c)
{
	while (c->n < CHAIN_MAX) {
		struct dname name;
		struct synth_target t;
		unsigned below;
		if (!parse_target(service, &name) || is_in_chain(c, owner, &name))
			return false;
		c->target[c->n++] = name;
		c->is_outside = !dname_is_within(name.wire, zone->name.wire);
		if (c->is_outside)
			return true;
		if (!locate_unit(y, &name, &t, &below))
			return true;
		service = find_alias(y, &t, below);
		if (service == NULL)
			return true;
	}
	return false;
}

// Addresses of one name, caught from the synthesis of its unit.
struct capture {
	const struct dname *name;
	uint32_t wanted; // id of the entry that holds the sets; SYNTH_NO_ALIAS until known
	uint32_t n_ids;
	struct record_addr *addrs; // malloc
	size_t n, cap;
};

static int capture_sets(struct capture *c, const struct synth_name *name)
{
	for (size_t i = 0; i < name->n_sets; i++) {
		const struct record_set *set = &name->sets[i];
		if (set->type != RR_TYPE_A && set->type != RR_TYPE_AAAA)
			continue;
		void *grown = array_grow(c->addrs, &c->cap, c->n + set->n, sizeof(c->addrs[0]));
		if (grown == NULL)
			return -ENOMEM;
		c->addrs = grown;
		for (size_t k = 0; k < set->n; k++)
			c->addrs[c->n++] = set->data[k].addr;
	}
	return 0;
}

// First pass: which entry answers the name. Second pass: its sets.
static int capture_name(void *user, const struct synth_name *name, uint32_t *id)
{
	struct capture *c = user;

	*id = c->n_ids++;
	if (c->name == NULL)
		return *id == c->wanted ? capture_sets(c, name) : 0;
	if (c->wanted == SYNTH_NO_ALIAS && (name->flags & SYNTH_WILDCARD) == 0 &&
		names_accepts(name->name, name->us_mask, c->name))
		c->wanted = name->alias_of != SYNTH_NO_ALIAS ? name->alias_of : *id;
	return 0;
}

static int capture_unit(const struct synth *y, const struct synth_unit *u, struct capture *c)
{
	const struct synth_sink sink = {c, capture_name};
	int rc = synth_emit(y, u, &sink, NULL);

	if (rc != 0 || c->wanted == SYNTH_NO_ALIAS)
		return rc;
	c->name = NULL;
	c->n_ids = 0;
	return synth_emit(y, u, &sink, NULL);
}

static int capture_pod(const struct synth *y, const char *ns, struct capture *c)
{
	struct object_address addr;

	if (!synth_has_namespace(y, ns) ||
		!names_pod_parse((const char *)c->name->wire + 1, c->name->wire[0], &addr))
		return 0;
	c->addrs = malloc(sizeof(c->addrs[0]));
	if (c->addrs == NULL)
		return -ENOMEM;
	c->addrs[c->n++] = work_addr(&addr);
	return 0;
}

// All addresses of a name in our zones that is no alias.
static int capture_addresses(const struct synth *y, struct capture *c)
{
	struct synth_target t;
	unsigned below;

	if (!locate_unit(y, c->name, &t, &below))
		return 0;
	if (t.unit.kind == UNIT_NAMESPACE && below == 3)
		return capture_pod(y, t.ns, c);
	if (t.unit.kind == UNIT_SERVICE) {
		const struct object_service *s = store_service(y->store, t.ns, t.name);
		if (s == NULL || s->type == OBJECT_EXTERNAL_NAME)
			return 0; // nothing lies below an alias
	}
	return capture_unit(y, &t.unit, c);
}

// The set that answers A or AAAA: the first CNAME, the others and the addresses behind it. n is 0
// when there is nothing at the end: NODATA (k8s:2.12 row 17).
static int address_set(struct work *w, const struct chain *c, const struct capture *cap,
	uint16_t type, struct record_set *out)
{
	const uint8_t family = type == RR_TYPE_A ? 4 : 6;
	uint32_t ttl_s = w->y->config->ttl;
	struct record_data *first = arena_alloc(&w->arena, sizeof(*first));
	struct record_chain *rest =
		arena_alloc(&w->arena, (c->n + cap->n) * sizeof(struct record_chain));
	size_t n = 0;

	*out = (struct record_set){0};
	if (first == NULL || rest == NULL)
		return -ENOMEM;
	first->target = c->target[0];
	for (size_t i = 1; i < c->n; i++)
		rest[n++] = (struct record_chain){.owner = &c->target[i - 1],
			.type = RR_TYPE_CNAME,
			.ttl_s = ttl_s,
			.data = {.target = c->target[i]}};
	size_t n_names = n;
	for (size_t i = 0; i < cap->n; i++) {
		if (cap->addrs[i].family == family)
			rest[n++] = (struct record_chain){.owner = &c->target[c->n - 1],
				.type = type,
				.ttl_s = ttl_s,
				.data = {.addr = cap->addrs[i]}};
	}
	if (!c->is_outside && n == n_names)
		return 0;
	*out = (struct record_set){.type = type,
		.rr_type = RR_TYPE_CNAME,
		.flags = c->is_outside && w->y->has_upstream ? RECORD_SET_PUNT : 0,
		.ttl_s = ttl_s,
		.data = first,
		.n = 1,
		.chain = rest,
		.n_chain = n};
	return 0;
}

static int alias_sets(struct work *w, const struct synth_zone *zone, const struct dname *owner,
	const struct object_service *service, struct record_set sets[2])
{
	struct chain *c = arena_alloc(&w->arena, sizeof(*c));
	struct capture cap = {.wanted = SYNTH_NO_ALIAS};
	int rc = 0;

	sets[0].n = sets[1].n = 0;
	if (c == NULL)
		return -ENOMEM;
	if (!follow(w->y, zone, owner, service, c))
		return 0;
	if (!c->is_outside) {
		cap.name = &c->target[c->n - 1];
		rc = capture_addresses(w->y, &cap);
	}
	if (rc == 0)
		rc = address_set(w, c, &cap, RR_TYPE_A, &sets[0]);
	if (rc == 0)
		rc = address_set(w, c, &cap, RR_TYPE_AAAA, &sets[1]);
	free(cap.addrs);
	return rc;
}

// k8s:2.5: an alias has no ports, but a port and a protocol of any name ask for none.
static int emit_any_port(
	struct work *w, const struct synth_zone *zone, const struct dname *owner, uint32_t id)
{
	struct dname any = *owner;
	const struct synth_name name = {.name = &any, .us_mask = SYNTH_US_BOTH_ANY, .alias_of = id};

	if (id == SYNTH_NO_ALIAS || !work_name(w, &any, "_") || !work_name(w, &any, "_"))
		return 0;
	return work_emit(w, zone, &name, NULL);
}

int alias_emit(struct work *w, const struct synth_zone *zone, const struct object_service *service)
{
	struct object_address addr;
	struct dname owner;
	struct record_data data = {0};
	struct record_set sets[3];
	uint32_t id = SYNTH_NO_ALIAS;
	size_t n = 0;

	if (object_address_parse(service->external_name, &addr)) {
		// k8s:2.5: an IP literal is no name
		bool has_name =
			work_service_name(w, zone, service->meta.ns, service->meta.name, &owner);
		return has_name ? work_absent(w, zone, &owner, SYNTH_FOR_ADDRESS) : 0;
	}
	if (dname_parse(service->external_name, &data.target) != 0) {
		work_skip_value(w, "an externalName that is no name");
		return 0;
	}
	if (!work_service_name(w, zone, service->meta.ns, service->meta.name, &owner))
		return 0;
	sets[n] = (struct record_set){
		.type = RR_TYPE_CNAME, .ttl_s = w->y->config->ttl, .data = &data, .n = 1};
	n++;
	int rc = alias_sets(w, zone, &owner, service, sets + n);
	if (rc != 0)
		return rc;
	if (sets[1].n > 0)
		n++;
	if (sets[2].n > 0)
		sets[n++] = sets[2];
	const struct synth_name name = {.name = &owner,
		.us_mask = RECORD_US_EXACT,
		.alias_of = SYNTH_NO_ALIAS,
		.sets = sets,
		.n_sets = n};
	rc = work_emit(w, zone, &name, &id);
	return rc != 0 ? rc : emit_any_port(w, zone, &owner, id);
}

bool synth_alias_target(
	const struct synth *y, const struct object_service *service, struct synth_target *out)
{
	struct dname name;
	unsigned below;

	return service->type == OBJECT_EXTERNAL_NAME && parse_target(service, &name) &&
		locate_unit(y, &name, out, &below);
}
