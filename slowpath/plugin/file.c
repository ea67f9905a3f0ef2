// SPDX-License-Identifier: Apache-2.0
// `file`: zones from zone files (k8s:2.14), loaded, and read again when they change.
#include "slowpath/plugin/file_search.h"
#include "slowpath/plugin/made.h"
#include "slowpath/plugin/plugins.h"

#include "slowpath/base/file_mark.h"

#include <errno.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>

struct file_state {
	const struct policy_file *rule;
	struct zone_data *zones; // one per origin
	_Atomic uint64_t *seen; // mark of the file that was last looked at
};

static void file_release(void *state)
{
	struct file_state *s = state;

	if (s == NULL)
		return;
	for (size_t i = 0; s->zones != NULL && i < s->rule->zones.n; i++)
		zone_data_fini(&s->zones[i]);
	free(s->zones);
	free(s->seen);
	free(s);
}

static int state_make(const struct policy_file *rule, struct file_state **out, struct err *err)
{
	struct file_state *s = calloc(1, sizeof(*s));
	int rc = 0;

	*out = s;
	if (s == NULL)
		return err_set(err, -ENOMEM, "memory is short");
	s->rule = rule;
	s->zones = calloc(rule->zones.n + 1, sizeof(s->zones[0]));
	s->seen = calloc(1, sizeof(*s->seen));
	if (s->zones == NULL || s->seen == NULL)
		return err_set(err, -ENOMEM, "memory is short");
	*s->seen = file_mark(rule->path);
	for (size_t i = 0; i < rule->zones.n && rc == 0; i++)
		rc = zone_data_load(&s->zones[i], rule->zones.items[i].wire, rule->path, err);
	return rc;
}

static bool file_prepare(const void *data, void **state, struct err *err)
{
	struct file_state *s = NULL;

	if (state_make(data, &s, err) == 0) {
		*state = s;
		return true;
	}
	file_release(s);
	return false;
}

// A file that cannot be read, or whose serial is the one that we have, changes nothing.
static bool file_is_outdated(const void *data, const void *state)
{
	const struct policy_file *rule = data;
	const struct file_state *old = state;
	struct file_state *new = NULL;
	uint64_t mark = file_mark(rule->path);
	bool is_new = false;

	if (mark == 0 || (old != NULL && (rule->reload_ms == 0 || *old->seen == mark)))
		return false;
	if (state_make(rule, &new, NULL) == 0) {
		is_new = old == NULL || rule->by_mtime || rule->zones.n == 0 ||
			zone_data_serial(&old->zones[0]) != zone_data_serial(&new->zones[0]);
	}
	file_release(new);
	if (old != NULL && !is_new)
		*old->seen = mark;
	return is_new;
}

static const struct zone_data *find_zone(const struct file_state *state, const struct job *j)
{
	const uint8_t *origin = plugin_zone(&state->rule->zones, &j->question.name);

	for (size_t i = 0; origin != NULL && i < state->rule->zones.n; i++) {
		if (state->zones[i].origin == origin)
			return &state->zones[i];
	}
	return NULL;
}

static enum plugin_verdict file_ask(struct job *j, struct frame *f)
{
	const struct policy_file *rule = f->data;
	const struct zone_data *zone = find_zone(f->state, j);

	if (zone == NULL)
		return PLUGIN_NEXT;
	if (j->question.type == RR_TYPE_AXFR || j->question.type == RR_TYPE_IXFR)
		return made_error(j, RCODE_REFUSED);
	struct file_search *s = arena_alloc(&j->arena, sizeof(*s));
	if (s == NULL)
		return made_fail(j);
	s->zone = zone;
	f->memory = s;
	return file_search(j, s, plugin_falls(&rule->fall, &j->question.name));
}

// The target of an alias lies outside of what the zone has.
static enum plugin_verdict file_resolved(struct job *j, struct frame *f)
{
	return file_search_resolved(j, f->memory);
}

const struct plugin plugin_file = {.kind = POLICY_FILE,
	.prepare = file_prepare,
	.release = file_release,
	.is_outdated = file_is_outdated,
	.ask = file_ask,
	.resolved = file_resolved};
