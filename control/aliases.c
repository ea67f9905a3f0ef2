// SPDX-License-Identifier: Apache-2.0
// A table of aliases by the unit of their target.
#include "control/aliases.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

static bool points_into(const struct alias *alias, size_t instance, const struct synth_unit *target)
{
	return alias->instance == instance && synth_unit_is_equal(&alias->target, target);
}

static const struct alias *find(
	const struct table_node *n, size_t instance, const struct synth_unit *target)
{
	for (; n != NULL; n = table_next(n)) {
		const struct alias *alias = (const void *)n;
		if (points_into(alias, instance, target))
			return alias;
	}
	return NULL;
}

const struct alias *aliases_first(
	const struct aliases *a, size_t instance, const struct synth_unit *target)
{
	return find(table_first(&a->by_target, synth_unit_hash(target)), instance, target);
}

const struct alias *aliases_next(const struct alias *alias)
{
	return find(table_next(&alias->node), alias->instance, &alias->target);
}

static const char *put(char **text, const char *s)
{
	size_t n = strlen(s) + 1;
	const char *at = memcpy(*text, s, n);

	*text += n;
	return at;
}

int aliases_add(struct aliases *a, const struct synth *y, size_t instance,
	const struct object_service *service)
{
	struct synth_target t;

	if (!synth_alias_target(y, service, &t))
		return 0;
	struct alias *alias = calloc(1,
		sizeof(*alias) + strlen(t.unit.ns) + strlen(t.unit.name) +
			strlen(service->meta.ns) + strlen(service->meta.name) + 4);
	if (alias == NULL)
		return -ENOMEM;
	char *text = (char *)(alias + 1);
	alias->instance = instance;
	alias->target = t.unit;
	alias->target.ns = put(&text, t.unit.ns);
	alias->target.name = put(&text, t.unit.name);
	alias->ns = put(&text, service->meta.ns);
	alias->name = put(&text, service->meta.name);
	if (table_add(&a->by_target, &alias->node, synth_unit_hash(&alias->target)) == 0)
		return 0;
	free(alias);
	return -ENOMEM;
}

void aliases_del(struct aliases *a, const struct synth *y, size_t instance,
	const struct object_service *service)
{
	struct synth_target t;

	if (!synth_alias_target(y, service, &t))
		return;
	struct table_node *n = table_first(&a->by_target, synth_unit_hash(&t.unit));
	for (; n != NULL; n = table_next(n)) {
		struct alias *alias = (void *)n;
		if (!points_into(alias, instance, &t.unit) ||
			strcmp(alias->ns, service->meta.ns) != 0 ||
			strcmp(alias->name, service->meta.name) != 0)
			continue;
		table_del(&a->by_target, n);
		free(alias);
		return;
	}
}

void aliases_fini(struct aliases *a)
{
	struct table_node *n = a->by_target.first;

	while (n != NULL) {
		struct table_node *next = n->next;
		free(n);
		n = next;
	}
	table_fini(&a->by_target);
}
