// SPDX-License-Identifier: Apache-2.0
// Copies of the directives, written as one change that readers notice.
#include "control/page_log.h"

#include "control/base/log.h"

#include <stdio.h>
#include <string.h>

_Static_assert((int)LEVEL_ERROR == 0 && (int)LEVEL_DEBUG == 3, "levels as in struct qlog_rules");

uint8_t page_log_classes(const struct config_log *l)
{
	if ((l->classes & LOG_ALL) != 0)
		return QLOG_CLASSES;
	return (uint8_t)(((l->classes & LOG_SUCCESS) != 0 ? QLOG_CLASS_SUCCESS : 0) |
		((l->classes & LOG_DENIAL) != 0 ? QLOG_CLASS_DENIAL : 0) |
		((l->classes & LOG_ERROR) != 0 ? QLOG_CLASS_ERROR : 0));
}

static void add_log(struct qlog_rules *p, const struct config_log *l, size_t block)
{
	for (size_t i = 0; i < l->zones.n; i++) {
		const struct config_zone *z = &l->zones.items[i];
		if (p->n == QLOG_RULES_MAX || strlen(l->format) >= QLOG_FORMAT_BYTES) {
			log_warn("corefile", "too much to log, a rule is left out",
				LOG_STR("zone", z->text));
			continue;
		}
		struct qlog_rule *r = &p->list[p->n++];
		*r = (struct qlog_rule){.block = (uint16_t)block,
			.classes = page_log_classes(l),
			.zone_size = (uint8_t)z->wire_bytes};
		memcpy(r->zone, z->wire, z->wire_bytes);
		(void)snprintf(r->format, sizeof(r->format), "%s", l->format); // it fits
	}
}

// A rule without format says that errors are written.
static void add_errors(struct qlog_rules *p, const struct config_errors *e, size_t block)
{
	if (p->n < QLOG_RULES_MAX)
		p->list[p->n++] = (struct qlog_rule){.block = (uint16_t)block, .zone_size = 1};
	for (size_t i = 0; i < e->n_rules; i++) {
		const struct config_consolidate *c = &e->rules[i];
		if (p->n_consolidates == QLOG_CONSOLIDATES_MAX ||
			strlen(c->pattern) >= QLOG_PATTERN_BYTES) {
			log_warn("corefile", "too much to consolidate, a rule is left out",
				LOG_STR("pattern", c->pattern));
			continue;
		}
		struct qlog_consolidate *out = &p->consolidates[p->n_consolidates++];
		*out = (struct qlog_consolidate){.block = (uint16_t)block,
			.level = (uint8_t)c->level,
			.shows_first = c->show_first,
			.period_ms = c->period_ms};
		(void)snprintf(out->pattern, sizeof(out->pattern), "%s", c->pattern); // it fits
	}
}

void page_log_rules(struct qlog_rules *page, const struct config *c)
{
	uint64_t version = version_begin(&page->version);

	page->n = 0;
	page->n_consolidates = 0;
	for (size_t i = 0; i < c->n_servers; i++) {
		const struct config_server *s = &c->servers[i];
		for (size_t k = 0; k < s->n_directives; k++) {
			const struct config_directive *d = &s->directives[k];
			if (d->kind == DIR_LOG)
				add_log(page, d->data, i);
			if (d->kind == DIR_ERRORS)
				add_errors(page, d->data, i);
		}
	}
	version_end(&page->version, version);
}
