// SPDX-License-Identifier: Apache-2.0
// Name rules on the way up: owners, and the names in NS, CNAME, DNAME, PTR, MX, SRV, NAPTR and SOA
// (its primary), are mapped as `answer auto`, `answer name` and `answer value` say.
#include "slowpath/plugin/rewrite.h"

#include "zones/base/array.h"

#include <errno.h>
#include <string.h>
#include <strings.h>

enum { NAPTR_TEXTS = 3 }; // flags, services, regexp

// One mapping of names.
struct map {
	enum { MAP_AUTO, MAP_SUFFIX, MAP_REGEX } kind;
	bool names, values;
	const char *from, *to;
	const struct regex *re;
};

static size_t tail_at(const struct name_text *t, const char *tail)
{
	size_t n = strlen(tail);

	if (t->n < n || strcasecmp(t->s + t->n - n, tail) != 0)
		return SIZE_MAX;
	return t->n - n;
}

// False: nothing changes.
static bool map_text(const struct map *m, const struct name_text *in, struct name_text *out)
{
	struct regex_match match;
	size_t at = 0;

	*out = (struct name_text){0};
	if (m->kind == MAP_REGEX) {
		if (!name_text_match(m->re, in, &match))
			return false;
		name_text_fill(m->to, in, &match, out);
		return strcmp(in->s, out->s) != 0;
	}
	at = tail_at(in, m->from);
	if (at == SIZE_MAX || (m->kind == MAP_AUTO && at > 0 && in->s[at - 1] != '.'))
		return false;
	name_text_add(out, in->s, at);
	name_text_add(out, m->to, strlen(m->to));
	return true;
}

// The mapped name in wire form, or NULL when it stays; *rc is set when it becomes no name.
static const uint8_t *map_name(struct job *j, const struct map *m, const uint8_t *wire, int *rc)
{
	struct name_text text, made;
	struct dname name;

	name_text_of(wire, &text);
	if (!map_text(m, &text, &made))
		return NULL;
	if (name_text_parse(&made, &name) != 0) {
		*rc = -EINVAL;
		return NULL;
	}
	const uint8_t *out = arena_copy(&j->arena, name.wire, name.size_bytes);
	*rc = out == NULL ? -ENOMEM : *rc;
	return out;
}

// Where the name in the data of a record begins, or SIZE_MAX.
static size_t value_at(const struct response_rr *rr)
{
	static const struct {
		uint16_t type, at;
	} kinds[] = {{RR_TYPE_NS, 0}, {RR_TYPE_CNAME, 0}, {RR_TYPE_SOA, 0}, {RR_TYPE_PTR, 0},
		{RR_TYPE_DNAME, 0}, {RR_TYPE_MX, 2}, {RR_TYPE_SRV, 6}};
	size_t at = SIZE_MAX;

	for (size_t i = 0; i < ARRAY_LEN(kinds); i++)
		at = rr->type == kinds[i].type ? kinds[i].at : at;
	if (rr->type == RR_TYPE_NAPTR) {
		at = 4; // order and preference
		for (int i = 0; i < NAPTR_TEXTS && at < rr->rdata_size; i++)
			at += 1u + rr->rdata[at];
	}
	return at < rr->rdata_size ? at : SIZE_MAX;
}

static int map_value(struct job *j, const struct map *m, struct response_rr *rr)
{
	size_t at = value_at(rr);
	size_t old = at == SIZE_MAX ? 0 : dname_size(rr->rdata + at, rr->rdata_size - at);
	int rc = 0;

	if (old == 0)
		return 0;
	const uint8_t *name = map_name(j, m, rr->rdata + at, &rc);
	if (name == NULL)
		return rc;
	size_t size = dname_size(name, DNS_NAME_MAX_BYTES);
	size_t rest = rr->rdata_size - at - old;
	uint8_t *data = arena_alloc(&j->arena, at + size + rest);
	if (data == NULL)
		return -ENOMEM;
	memcpy(data, rr->rdata, at);
	memcpy(data + at, name, size);
	memcpy(data + at + size, rr->rdata + at + old, rest);
	rr->rdata = data;
	rr->rdata_size = (uint16_t)(at + size + rest); // a name more or less: far below 64 KiB
	return 0;
}

static int map_all(struct job *j, const struct map *m)
{
	int rc = 0;

	for (size_t p = 0; p < RESPONSE_PARTS; p++) {
		struct response_rrs *part = &j->response.part[p];
		for (size_t i = 0; i < part->n && rc == 0; i++) {
			struct response_rr *rr = &part->items[i];
			const uint8_t *owner = m->names ? map_name(j, m, rr->owner, &rc) : NULL;
			rr->owner = owner == NULL ? rr->owner : owner;
			if (rc == 0 && m->values)
				rc = map_value(j, m, rr);
		}
	}
	return rc;
}

int rewrite_records(struct job *j, const struct rewrite_state *s, const struct name_text *before,
	const struct name_text *after)
{
	const struct policy_rewrite *rule = s->rule;
	int rc = 0;

	// What was done last is undone first.
	for (size_t i = rule->answers.n; i > 0 && rc == 0; i--) {
		const struct policy_rewrite_answer *a = &rule->answers.items[i - 1];
		const struct map m = {.kind = MAP_REGEX,
			.names = !a->is_value,
			.values = a->is_value,
			.to = a->to,
			.re = s->answers[i - 1]};
		rc = map_all(j, &m);
	}
	if (rc != 0 || !rule->answer_auto)
		return rc;
	struct map m = {.kind = MAP_SUFFIX,
		.names = true,
		.values = true,
		.from = rule->to,
		.to = rule->from};
	if (rule->match != POLICY_SUFFIX) {
		m.kind = MAP_AUTO;
		m.from = after->s;
		m.to = before->s;
	}
	return map_all(j, &m);
}
