// SPDX-License-Identifier: Apache-2.0
// Fuzzes the reader of upstreams' replies: what is kept of one is written as a reply, which reads
// as the same records again.
#include "slowpath/message/entry.h"

#include <stdlib.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size_bytes)
{
	static const struct ask ask = {.name = {13, "\3www\7example"}, .type = RR_TYPE_A};
	static const struct entry_view view = {.fixed_ttl_s = -1, .ede = EDE_NONE};
	const struct answer_env env = {.transport = TRANSPORT_TCP};
	static uint8_t reply[65535];
	struct wrbuf w = wrbuf_of(reply, sizeof(reply));
	struct query q;

	if (size_bytes < 2 || ask_judge(&ask, be16_get(data), data, size_bytes) != ASK_ANSWER)
		return 0;
	struct entry *e = entry_read(&ask, data, size_bytes);
	if (e == NULL)
		return 0;
	query_make(&q, ask.name.wire, ask.type);
	memcpy(reply, data, query_question_end(&q));
	entry_write(e, &q, &env, &view, &w);
	struct entry *again = entry_read(&ask, reply, w.pos);
	if (again == NULL || again->n_an != e->n_an || again->n_ns != e->n_ns)
		abort();
	entry_drop(again);
	entry_drop(e);
	return 0;
}
