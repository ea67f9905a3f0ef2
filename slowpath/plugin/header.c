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

static enum plugin_verdict header_reply(struct job *j, struct frame *f)
{
	apply(f->data, false, &j->response.flags);
	return PLUGIN_ANSWER;
}

const struct plugin plugin_header = {
	.kind = POLICY_HEADER, .ask = header_ask, .reply = header_reply};
