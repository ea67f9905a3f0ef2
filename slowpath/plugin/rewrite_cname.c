// SPDX-License-Identifier: Apache-2.0
// cname rules: the target of a CNAME in the answer is replaced and what the new target has, by the
// whole server, takes the place of what stood behind it.
#include "slowpath/plugin/rewrite.h"

#include <string.h>

enum { LOOKUPS_MAX = 8 };

// What the reply is while targets are resolved.
struct work {
	struct response made;
	const uint8_t **targets; // of the CNAMEs that the reply had
	size_t n, next, lookups;
	const uint8_t *from, *to; // being resolved
};

static void finish(struct job *j, struct work *w)
{
	j->response = w->made;
}

// What the rule makes of a target, or NULL.
static const uint8_t *new_target(
	struct job *j, const struct rewrite_state *s, const uint8_t *target)
{
	struct name_text text, made;
	struct dname name;

	name_text_of(target, &text);
	if (!rewrite_text(s, &text, &made) || name_text_parse(&made, &name) != 0)
		return NULL;
	return arena_copy(&j->arena, name.wire, name.size_bytes);
}

static enum plugin_verdict go_on(struct job *j, struct frame *f)
{
	struct work *w = f->memory;

	while (w->next < w->n && w->lookups < LOOKUPS_MAX) {
		w->from = w->targets[w->next++];
		w->to = new_target(j, f->state, w->from);
		if (w->to == NULL)
			continue;
		w->lookups++;
		j->target = j->question;
		j->target.class = RR_CLASS_IN;
		j->target.name.size_bytes = (uint8_t)dname_size(w->to, DNS_NAME_MAX_BYTES);
		memcpy(j->target.name.wire, w->to, j->target.name.size_bytes);
		dname_lower(&j->target.name);
		return PLUGIN_RESOLVE;
	}
	finish(j, w);
	return PLUGIN_ANSWER;
}

enum plugin_verdict rewrite_cname_reply(struct job *j, struct frame *f)
{
	const struct response_rrs *answer = &j->response.part[RESPONSE_ANSWER];
	struct work *w = arena_alloc(&j->arena, sizeof(*w));

	if (w != NULL)
		w->targets = arena_alloc(&j->arena, (answer->n + 1) * sizeof(*w->targets));
	if (w == NULL || w->targets == NULL) {
		response_init(&j->response, RCODE_SERVFAIL, 0);
		return PLUGIN_ANSWER;
	}
	w->made = j->response;
	for (size_t i = 0; i < answer->n; i++) {
		if (answer->items[i].type == RR_TYPE_CNAME)
			w->targets[w->n++] = answer->items[i].rdata;
	}
	f->memory = w;
	return go_on(j, f);
}

// The CNAMEs up to the one that changed, then what its new target has.
static int join(struct job *j, struct work *w)
{
	const struct response_rrs old = w->made.part[RESPONSE_ANSWER];
	const struct response_rrs *more = &j->response.part[RESPONSE_ANSWER];
	bool is_done = false;
	int rc = 0;

	w->made.part[RESPONSE_ANSWER] = (struct response_rrs){0};
	for (size_t i = 0; i < old.n && !is_done && rc == 0; i++) {
		struct response_rr rr = old.items[i];
		if (rr.type != RR_TYPE_CNAME)
			continue;
		is_done = dname_is_equal(rr.rdata, w->from);
		if (is_done) {
			rr.rdata = w->to;
			rr.rdata_size = (uint16_t)dname_size(w->to, DNS_NAME_MAX_BYTES);
		}
		rc = response_add(&j->arena, &w->made, RESPONSE_ANSWER, &rr);
	}
	for (size_t i = 0; i < more->n && rc == 0; i++)
		rc = response_add(&j->arena, &w->made, RESPONSE_ANSWER, &more->items[i]);
	w->made.flags &= (uint16_t)~HEADER_TC;
	w->made.flags |= j->response.flags & HEADER_TC;
	return rc;
}

enum plugin_verdict rewrite_cname_resolved(struct job *j, struct frame *f)
{
	struct work *w = f->memory;

	if (join(j, w) != 0) {
		response_init(&j->response, RCODE_SERVFAIL, 0);
		return PLUGIN_ANSWER;
	}
	return go_on(j, f);
}
