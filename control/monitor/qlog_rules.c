// SPDX-License-Identifier: Apache-2.0
// A copy of the rules is taken while nobody writes them, and only when their version changes.
#include "control/monitor/qlog_rules.h"

#include "zones/wire/dname.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

enum { DURATION_BYTES = 40 };

static void told_fini(struct qlog_selection *s)
{
	for (size_t i = 0; i < QLOG_CONSOLIDATES_MAX; i++)
		regex_free(s->told[i].pattern);
	memset(s->told, 0, sizeof(s->told));
}

void qlog_rules_fini(struct qlog_selection *s)
{
	told_fini(s);
}

// Nothing in the page is trusted: numbers and ends of texts are ours.
static void settle(struct qlog_selection *s)
{
	struct qlog_rules *r = &s->rules;
	struct err err = {0};

	r->n = r->n < QLOG_RULES_MAX ? r->n : QLOG_RULES_MAX;
	r->n_consolidates = r->n_consolidates < QLOG_CONSOLIDATES_MAX ? r->n_consolidates
								      : QLOG_CONSOLIDATES_MAX;
	s->has_errors = false;
	for (uint32_t i = 0; i < r->n; i++) {
		struct qlog_rule *rule = &r->list[i];
		rule->format[QLOG_FORMAT_BYTES - 1] = 0;
		s->has_errors |= rule->format[0] == 0;
		if (dname_size(rule->zone, sizeof(rule->zone)) == 0)
			rule->zone[0] = 0;
	}
	for (uint32_t i = 0; i < r->n_consolidates; i++) {
		r->consolidates[i].pattern[QLOG_PATTERN_BYTES - 1] = 0;
		s->told[i].pattern = regex_new(r->consolidates[i].pattern, &err);
	}
}

bool qlog_rules_take(struct qlog_selection *s, const struct qlog_rules *page)
{
	uint64_t before = atomic_load_explicit(&page->version, memory_order_acquire);

	if (before == s->version || before % 2 != 0)
		return false;
	told_fini(s);
	memcpy(&s->rules, page, sizeof(s->rules));
	atomic_thread_fence(memory_order_acquire);
	bool is_whole = counter_get(&page->version) == before;
	if (!is_whole)
		memset(&s->rules, 0, sizeof(s->rules)); // the next look tries again
	s->version = is_whole ? before : 0;
	settle(s);
	return is_whole;
}

const char *qlog_rules_format(const struct qlog_selection *s, const struct qlog_record *r)
{
	struct dname name = {.size_bytes = r->name_size};

	if (dname_size(r->name, r->name_size) != r->name_size || r->name_size == 0)
		return NULL;
	memcpy(name.wire, r->name, r->name_size);
	dname_lower(&name);
	for (uint32_t i = 0; i < s->rules.n; i++) {
		const struct qlog_rule *rule = &s->rules.list[i];
		if (rule->block == r->block && rule->format[0] != 0 &&
			dname_is_within(name.wire, rule->zone))
			return rule->format;
	}
	return NULL;
}

enum qlog_verdict qlog_rules_error(
	struct qlog_selection *s, const char *reason, size_t len, uint64_t now_ms, unsigned *level)
{
	static struct regex_match match; // large; there is one thread

	*level = 0;
	if (!s->has_errors)
		return QLOG_HOLD;
	for (uint32_t i = 0; i < s->rules.n_consolidates; i++) {
		const struct qlog_consolidate *c = &s->rules.consolidates[i];
		struct qlog_told *t = &s->told[i];
		if (t->pattern == NULL || !regex_find(t->pattern, reason, len, &match))
			continue;
		*level = c->level;
		if (t->n++ > 0)
			return QLOG_HOLD;
		t->since_ms = now_ms;
		return c->shows_first ? QLOG_WRITE : QLOG_HOLD;
	}
	return QLOG_WRITE;
}

// As Go prints whole seconds: 30s, 5m0s, 1h0m0s; parts of a second in milliseconds.
static void duration_text(uint64_t ms, char text[DURATION_BYTES])
{
	uint64_t s = ms / 1000;

	if (ms % 1000 != 0 || ms == 0)
		(void)snprintf(text, DURATION_BYTES, "%" PRIu64 "ms", ms);
	else if (s < 60)
		(void)snprintf(text, DURATION_BYTES, "%" PRIu64 "s", s);
	else if (s < 3600)
		(void)snprintf(text, DURATION_BYTES, "%" PRIu64 "m%" PRIu64 "s", s / 60, s % 60);
	else
		(void)snprintf(text, DURATION_BYTES, "%" PRIu64 "h%" PRIu64 "m%" PRIu64 "s",
			s / 3600, s / 60 % 60, s % 60);
}

size_t qlog_rules_summary(
	struct qlog_selection *s, uint64_t now_ms, char *line, size_t size_bytes, unsigned *level)
{
	char period[DURATION_BYTES];

	for (uint32_t i = 0; i < s->rules.n_consolidates; i++) {
		const struct qlog_consolidate *c = &s->rules.consolidates[i];
		struct qlog_told *t = &s->told[i];
		uint64_t n = t->n;
		if (n == 0 || now_ms - t->since_ms < c->period_ms)
			continue;
		t->n = 0;
		if (n == 1 && c->shows_first)
			continue; // it has been written
		*level = c->level;
		duration_text(c->period_ms, period);
		int len = snprintf(line, size_bytes,
			"%" PRIu64 " errors like '%s' occurred in last %s", n, c->pattern, period);
		return len < 0 ? 0 : (size_t)len < size_bytes ? (size_t)len : size_bytes - 1;
	}
	return 0;
}
