// SPDX-License-Identifier: Apache-2.0
// `header`: sets and clears flags of what goes on and of what comes back (k8s:2.14).
#include "slowpath/plugin/plugins.h"

static void apply(const struct policy_header *h, bool is_query, uint16_t *flags)
{
	for (size_t i = 0; i < h->rules.n; i++) {
		const struct policy_header_rule *r = &h->rules.items[i];
		if (r->is_query != is_query)
			continue;
		*flags &= (uint16_t)~r->flags;
		*flags |= r->set ? r->flags : 0;
	}
}

static enum plugin_verdict header_ask(struct job *j, struct frame *f)
{
	apply(f->data, true, &j->question.flags);
	return PLUGIN_NEXT;
}

// An error that nobody has written passes by, but repeats the RD of the query as it has become.
static enum plugin_verdict header_reply(struct job *j, struct frame *f)
{
	struct response *r = &j->response;
	uint16_t flags = (uint16_t)(r->flags | (j->question.flags & HEADER_RD));

	if (r->author == RESPONSE_WRITTEN)
		apply(f->data, false, &flags);
	r->rd = (flags & HEADER_RD) != 0 ? RESPONSE_RD_SET : RESPONSE_RD_CLEAR;
	r->flags = (uint16_t)(flags & ~HEADER_RD);
	return PLUGIN_ANSWER;
}

const struct plugin plugin_header = {
	.kind = POLICY_HEADER, .ask = header_ask, .reply = header_reply};
