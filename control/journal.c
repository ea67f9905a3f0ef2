// SPDX-License-Identifier: Apache-2.0
// From a changed object to records of the history.
#include "control/journal.h"

#include <stdbool.h>
#include <stdio.h>
#include <string.h>
#include <time.h>

// Of one change: a slice is 100 endpoints unless somebody asked for more. The ring is for many.
enum { UNITS_MAX = 128 };

struct journal {
	struct history_writer *writer;
	struct history_change change; // with what is common to all records
	struct synth_unit told[UNITS_MAX]; // strings borrowed from the objects
	size_t n;
	uint32_t n_more; // that did not fit
};

static void copy_text(char *to, const char *from, size_t size_bytes)
{
	size_t len = strnlen(from, size_bytes - 1);

	memcpy(to, from, len);
	memset(to + len, 0, size_bytes - len);
}

// 0: these names do not change.
static uint8_t about(enum synth_unit_kind kind)
{
	switch (kind) {
	case UNIT_NAMESPACE:
		return HISTORY_NAMESPACE;
	case UNIT_SERVICE:
		return HISTORY_SERVICE;
	case UNIT_IMPORT:
		return HISTORY_IMPORT;
	case UNIT_POD:
		return HISTORY_POD;
	case UNIT_REVERSE:
		return HISTORY_ADDRESS;
	case UNIT_APEX:
		break;
	}
	return 0;
}

static void on_touch(void *user, const struct synth_unit *u)
{
	struct journal *j = user;
	struct history_change *c = &j->change;

	for (size_t i = 0; i < j->n; i++) {
		if (synth_unit_is_equal(&j->told[i], u))
			return;
	}
	c->about = about(u->kind);
	if (c->about == 0)
		return;
	if (j->n == UNITS_MAX) {
		j->n_more++;
		return;
	}
	j->told[j->n++] = *u;
	c->family = u->addr.family;
	memcpy(c->address, u->addr.bytes, sizeof(c->address));
	copy_text(c->ns, u->ns, sizeof(c->ns));
	copy_text(c->name, u->name, sizeof(c->name));
	history_add(j->writer, c);
}

// Says that the change had more names than were told.
static void tell_more(const struct journal *j)
{
	struct history_change c = j->change;

	c.about = HISTORY_MORE;
	c.n_more = j->n_more;
	c.family = 0;
	c.ns[0] = c.name[0] = '\0';
	history_add(j->writer, &c);
}

// The directives whose watch this is, when there are watches of other directives beside it.
static void name_blocks(const struct setup *s, const struct cluster *c, char *buf)
{
	bool has_other = false;
	size_t len = 0;

	buf[0] = '\0';
	for (size_t i = 0; i < s->n_instances; i++)
		has_other |= s->instances[i].cluster != c;
	for (size_t i = 0; i < s->n_instances && has_other && len < HISTORY_BLOCKS_BYTES; i++) {
		if (s->instances[i].cluster == c)
			len += (size_t)snprintf(buf + len, HISTORY_BLOCKS_BYTES - len, "%s%u",
				len == 0 ? "" : ", ", s->instances[i].line);
	}
}

void journal_changing(struct history_writer *w, const struct setup *s, const struct cluster *c,
	const struct object_meta *old, const struct object_meta *new)
{
	const struct object_meta *o = new != NULL ? new : old;
	struct journal j = {.writer = w};
	struct timespec now = {0};

	(void)clock_gettime(CLOCK_REALTIME, &now); // cannot fail with this clock
	j.change.time_ns = now.tv_sec * INT64_C(1000000000) + now.tv_nsec;
	j.change.resource_version = o->resource_version;
	j.change.what = old == NULL ? HISTORY_ADDED : new == NULL ? HISTORY_GONE : HISTORY_CHANGED;
	copy_text(j.change.kind, object_kind_name(o->kind), sizeof(j.change.kind));
	copy_text(j.change.object_ns, o->ns, sizeof(j.change.object_ns));
	copy_text(j.change.object, o->name, sizeof(j.change.object));
	name_blocks(s, c, j.change.blocks);
	for (size_t i = 0; i < s->n_instances && w->file != NULL; i++) {
		if (s->instances[i].cluster == c)
			synth_touch(&s->instances[i].synth, old, new, on_touch, &j);
	}
	if (j.n_more > 0)
		tell_more(&j);
}
