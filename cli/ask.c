// SPDX-License-Identifier: Apache-2.0
// Writes the question as a message and hands it to answer_query.
#include "cli/ask.h"

#include "zones/base/be.h"
#include "zones/wire/dname.h"

#include <string.h>

static struct server_address address_of(const struct image_listener *l)
{
	struct server_address to = {.family = 4, .bytes = {127, 0, 0, 1}, .port = l->port};

	if (l->family != 0) {
		to.family = l->family;
		memcpy(to.bytes, l->address, sizeof(to.bytes));
	}
	return to;
}

struct server_address ask_first_listener(const struct snapshot *s)
{
	const struct image *top = snapshot_top(s);

	if (top == NULL || top->n_listeners == 0)
		return (struct server_address){.family = 4, .bytes = {127, 0, 0, 1}, .port = 53};
	return address_of(&top->listeners[0]);
}

static bool has_view(const struct image *top, const struct image_rule *rule, uint16_t view)
{
	const struct image_step *step = &top->steps[rule->first_step];

	for (unsigned i = 0; i < rule->n_steps; i++) {
		if ((step[i].kind == STEP_LOOKUP || step[i].kind == STEP_STATIC) &&
			step[i].view == view)
			return true;
	}
	return false;
}

struct server_address ask_listener_of_view(const struct snapshot *s, uint16_t view)
{
	const struct image *top = snapshot_top(s);

	for (uint32_t i = 0; top != NULL && i < top->n_listeners; i++) {
		const struct image_listener *l = &top->listeners[i];
		for (uint32_t k = 0; l->family != IMAGE_FAMILY_BLOCK && k < l->n_rules; k++) {
			if (has_view(top, &top->rules[l->first_rule + k], view))
				return address_of(l);
		}
	}
	return ask_first_listener(s);
}

void ask_snapshot(const struct snapshot *s, const struct ask *a, struct ask_reply *out)
{
	struct query q;
	enum query_verdict v;
	struct answer_env env = {.transport = a->transport, .udp_max_bytes = DNS_UDP_MAX_BYTES};
	struct wrbuf w = wrbuf_of(out->msg, sizeof(out->msg));
	size_t name_size = dname_size(a->name, DNS_NAME_MAX_BYTES);

	memset(&out->result, 0, sizeof(out->result));
	wrbuf_u16(&w, a->id);
	wrbuf_u16(&w, 0);
	wrbuf_u16(&w, 1);
	wrbuf_u16(&w, 0);
	wrbuf_u16(&w, 0);
	wrbuf_u16(&w, 0);
	wrbuf_bytes(&w, a->name, name_size);
	wrbuf_u16(&w, a->type);
	wrbuf_u16(&w, RR_CLASS_IN);
	const struct answer_call call = {
		.snapshot = s, .to = &a->to, .msg = out->msg, .size_bytes = w.pos};
	w = wrbuf_of(out->msg, sizeof(out->msg));
	out->verdict = answer_query(&call, &env, &q, &v, &w, &out->result);
	bool is_sent =
		out->verdict == ANSWER_REPLY && v != QUERY_DROP_SHORT && v != QUERY_DROP_RESPONSE;
	out->size_bytes = is_sent ? w.pos : 0;
}
