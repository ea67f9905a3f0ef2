// SPDX-License-Identifier: Apache-2.0
// Reads the texts that the image carries for metrics.
#include "zones/scope/scope_map.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

static const char *text_at(const struct image *top, uint32_t offset)
{
	return (const char *)top->text + offset;
}

static uint8_t rule_scope(
	const struct image *top, const struct image_rule *r, struct scope_table *table)
{
	const struct image_server *s = &top->servers[r->server];
	struct scope_label label;

	scope_label_fill(&label, text_at(top, s->label_off), s->label_size,
		text_at(top, r->metric_zone), r->metric_zone_size);
	return scope_find(table, &label);
}

// CoreDNS counts a query that no zone of the server holds under the zone "dropped".
static uint8_t dropped_scope(
	const struct image *top, const struct image_listener *l, struct scope_table *table)
{
	static const char dropped[] = "dropped";
	struct scope_label label;

	if (l->n_rules == 0)
		return SCOPE_OTHER;
	const struct image_server *s = &top->servers[top->rules[l->first_rule].server];
	scope_label_fill(
		&label, text_at(top, s->label_off), s->label_size, dropped, sizeof(dropped) - 1);
	return scope_find(table, &label);
}

int scope_map_make(struct scope_map *m, const struct image *top, struct scope_table *table)
{
	*m = (struct scope_map){0};
	if (top == NULL)
		return 0;
	m->rules = calloc((size_t)top->n_rules + top->n_listeners + top->n_steps + 1, 1);
	if (m->rules == NULL)
		return -ENOMEM;
	m->listeners = m->rules + top->n_rules;
	m->steps = m->listeners + top->n_listeners;
	for (uint32_t i = 0; i < top->n_rules; i++) {
		m->rules[i] = rule_scope(top, &top->rules[i], table);
		m->has_log |= scope_log_classes(&top->rules[i]) != 0;
		m->has_tap |= scope_tap_wish(&top->rules[i]) != 0;
	}
	for (uint32_t i = 0; i < top->n_listeners; i++)
		m->listeners[i] = dropped_scope(top, &top->listeners[i], table);
	for (uint32_t i = 0; i < top->n_steps; i++) {
		const struct image_step *s = &top->steps[i];
		m->steps[i] = (uint8_t)counters_plugin(text_at(top, s->plugin_off), s->plugin_size);
	}
	return 0;
}

void scope_map_free(struct scope_map *m)
{
	free(m->rules);
	*m = (struct scope_map){0};
}
