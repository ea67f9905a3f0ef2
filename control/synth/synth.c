// SPDX-License-Identifier: Apache-2.0
// Options made ready, and the choice of what a unit consists of.
#include "control/synth/synth.h"

#include "control/synth/work.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

static bool is_reverse(const struct dname *name)
{
	// The two bare apexes count as reverse too (quirk 10).
	return dname_is_within(name->wire, (const uint8_t *)"\7in-addr\4arpa") ||
		dname_is_within(name->wire, (const uint8_t *)"\3ip6\4arpa");
}

static bool is_clusterset(const struct config_kubernetes *c, const struct dname *name)
{
	for (size_t i = 0; i < c->multicluster.n; i++) {
		if (dname_is_equal(c->multicluster.items[i].wire, name->wire))
			return true;
	}
	return false;
}

static int zone_init(
	const struct config_kubernetes *c, const struct config_zone *z, struct synth_zone *out)
{
	size_t size = dname_size(z->wire, z->wire_bytes);

	if (size == 0)
		return -EINVAL;
	memcpy(out->name.wire, z->wire, size);
	out->name.size_bytes = (uint8_t)size;
	dname_lower(&out->name);
	out->kind = SYNTH_FORWARD;
	if (is_clusterset(c, &out->name))
		out->kind = SYNTH_CLUSTERSET;
	else if (is_reverse(&out->name))
		out->kind = SYNTH_REVERSE;
	return 0;
}

static void note_nested(struct synth *y)
{
	for (size_t i = 0; i < y->n_zones; i++) {
		struct synth_zone *a = &y->zones[i];
		for (size_t k = 0; k < y->n_zones; k++)
			a->has_nested |= y->zones[k].name.size_bytes > a->name.size_bytes &&
				dname_is_within(y->zones[k].name.wire, a->name.wire);
	}
}

static void note_primary(struct synth *y)
{
	y->primary = NULL;
	for (size_t i = 0; i < y->n_zones && y->primary == NULL; i++) {
		if (y->zones[i].kind != SYNTH_REVERSE && y->zones[i].kind != SYNTH_EXTERNAL)
			y->primary = &y->zones[i];
	}
}

int synth_init(struct synth *y, const struct store *store, const struct config_kubernetes *config)
{
	memset(y, 0, sizeof(*y));
	y->store = store;
	y->config = config;
	y->zones = calloc(config->zones.n + 1, sizeof(*y->zones));
	if (y->zones == NULL)
		return -ENOMEM;
	for (size_t i = 0; i < config->zones.n; i++) {
		int rc = zone_init(config, &config->zones.items[i], &y->zones[i]);
		if (rc != 0)
			return rc;
		y->n_zones++;
	}
	note_nested(y);
	note_primary(y);
	return 0;
}

int synth_add_external(struct synth *y, const struct config_k8s_external *x)
{
	struct synth_zone *grown =
		realloc(y->zones, (y->n_zones + x->zones.n + 1) * sizeof(*y->zones));

	if (grown == NULL)
		return -ENOMEM;
	y->zones = grown;
	y->external = x;
	for (size_t i = 0; i < x->zones.n; i++) {
		struct synth_zone *zone = &y->zones[y->n_zones];
		memset(zone, 0, sizeof(*zone));
		int rc = zone_init(y->config, &x->zones.items[i], zone);
		if (rc != 0)
			return rc;
		zone->kind = SYNTH_EXTERNAL;
		y->n_zones++;
	}
	note_nested(y);
	note_primary(y);
	return 0;
}

void synth_fini(struct synth *y)
{
	free(y->zones);
	memset(y, 0, sizeof(*y));
}

void synth_add_local(struct synth *y, const struct object_address *addr)
{
	static const uint8_t loopback6[16] = {[15] = 1};
	bool is_loopback = addr->family == OBJECT_IPV4
		? addr->bytes[0] == 127
		: memcmp(addr->bytes, loopback6, sizeof(loopback6)) == 0;

	for (size_t i = 0; i < y->n_local; i++)
		is_loopback |= object_address_is_equal(&y->local[i], addr);
	if (!is_loopback && y->n_local < SYNTH_LOCAL_MAX)
		y->local[y->n_local++] = *addr;
}

bool synth_has_namespace(const struct synth *y, const char *ns)
{
	const struct config_words *only = &y->config->namespaces;
	bool is_listed = only->n == 0;

	for (size_t i = 0; i < only->n && !is_listed; i++)
		is_listed = strcmp(only->items[i], ns) == 0;
	return is_listed && store_namespace(y->store, ns) != NULL;
}

static int emit(struct work *w, const struct synth_unit *u)
{
	switch (u->kind) {
	case UNIT_APEX:
		return unit_apex(w);
	case UNIT_NAMESPACE:
		return unit_namespace(w, u->ns);
	case UNIT_SERVICE:
		return unit_service(w, u->ns, u->name);
	case UNIT_IMPORT:
		return unit_import(w, u->ns, u->name);
	case UNIT_POD:
		return unit_pod(w, u->ns, u->name, &u->addr);
	case UNIT_REVERSE:
		return unit_reverse(w, &u->addr);
	}
	return 0;
}

int synth_emit(const struct synth *y, const struct synth_unit *u, const struct synth_sink *sink,
	struct synth_report *report)
{
	struct synth_report ignored;
	struct work w = {.y = y,
		.sink = sink,
		.report = report != NULL ? report : &ignored,
		.ttl_s = y->config->ttl};

	memset(w.report, 0, sizeof(*w.report));
	int rc = emit(&w, u);
	arena_fini(&w.arena);
	free(w.data);
	free(w.extra);
	free(w.who);
	return rc;
}
