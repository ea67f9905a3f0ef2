// SPDX-License-Identifier: Apache-2.0
// Packed names and a table of units.
#include "control/dirty.h"

#include "zones/base/array.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

int name_list_add(struct name_list *l, const struct dname *name, uint8_t us_mask)
{
	void *grown = array_grow(l->bytes, &l->cap, l->size_bytes + 1 + name->size_bytes, 1);

	if (grown == NULL)
		return -ENOMEM;
	l->bytes = grown;
	l->bytes[l->size_bytes++] = us_mask;
	memcpy(l->bytes + l->size_bytes, name->wire, name->size_bytes);
	l->size_bytes += name->size_bytes;
	return 0;
}

void name_list_fini(struct name_list *l)
{
	free(l->bytes);
	*l = (struct name_list){0};
}

bool name_list_next(const struct name_list *l, size_t *pos, struct listed_name *out)
{
	if (*pos >= l->size_bytes)
		return false;
	*out = (struct listed_name){l->bytes[*pos], l->bytes + *pos + 1};
	*pos += 1 + dname_size(out->wire, DNS_NAME_MAX_BYTES);
	return true;
}

static uint64_t unit_key(size_t instance, const struct synth_unit *unit)
{
	return synth_unit_hash(unit) + instance * UINT64_C(0x9e3779b97f4a7c15);
}

struct dirty_unit *dirty_find(const struct dirty *d, size_t instance, const struct synth_unit *unit)
{
	struct table_node *n = table_first(&d->units, unit_key(instance, unit));

	for (; n != NULL; n = table_next(n)) {
		struct dirty_unit *u = (void *)n;
		if (u->instance == instance && synth_unit_is_equal(&u->unit, unit))
			return u;
	}
	return NULL;
}

struct dirty_unit *dirty_add(struct dirty *d, size_t instance, const struct synth_unit *unit)
{
	size_t ns_bytes = strlen(unit->ns) + 1;
	size_t name_bytes = strlen(unit->name) + 1;
	struct dirty_unit *u = calloc(1, sizeof(*u) + ns_bytes + name_bytes);

	if (u == NULL)
		return NULL;
	char *text = (char *)(u + 1);
	u->instance = instance;
	u->unit = *unit;
	u->unit.ns = memcpy(text, unit->ns, ns_bytes);
	u->unit.name = memcpy(text + ns_bytes, unit->name, name_bytes);
	if (table_add(&d->units, &u->node, unit_key(instance, unit)) == 0)
		return u;
	free(u);
	return NULL;
}

void dirty_clear(struct dirty *d)
{
	struct table_node *n = d->units.first;

	while (n != NULL) {
		struct dirty_unit *u = (void *)n;
		n = n->next;
		name_list_fini(&u->old);
		free(u);
	}
	table_fini(&d->units);
}
