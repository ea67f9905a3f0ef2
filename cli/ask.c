// SPDX-License-Identifier: Apache-2.0
// Writes the question as a message and hands it to answer_query.
#include "cli/ask.h"

#include "zones/base/be.h"
#include "zones/wire/dname.h"

#include <string.h>

struct server_address ask_first_listener(const struct snapshot *s)
{
	const struct image *top = snapshot_top(s);
	struct server_address to = {.family = 4, .bytes = {127, 0, 0, 1}, .port = 53};

	if (top == NULL || top->n_listeners == 0)
		return to;
	const struct image_listener *l = &top->listeners[0];
	to.port = l->port;
	if (l->family != 0) {
		to.family = l->family;
		memcpy(to.bytes, l->address, sizeof(to.bytes));
	}
	return to;
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
