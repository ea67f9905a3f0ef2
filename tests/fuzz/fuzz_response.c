// SPDX-License-Identifier: Apache-2.0
// Fuzzes replies as records: what was read is written again and reads as the same records.
#include "slowpath/message/response.h"

#include <stdlib.h>
#include <string.h>

static void compare(const struct response *a, const struct response *b)
{
	if (a->rcode != b->rcode)
		abort();
	for (int part = 0; part < RESPONSE_PARTS; part++) {
		const struct response_rrs *x = &a->part[part], *y = &b->part[part];
		if (x->n != y->n)
			abort();
		for (size_t i = 0; i < x->n; i++) {
			const struct response_rr *p = &x->items[i], *q = &y->items[i];
			if (p->type != q->type || p->class != q->class || p->ttl_s != q->ttl_s ||
				p->rdata_size != q->rdata_size ||
				!dname_is_equal(p->owner, q->owner))
				abort();
		}
	}
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size_bytes)
{
	static const uint8_t name[] = "\3www\7example";
	const struct answer_env env = {.transport = TRANSPORT_TCP};
	static uint8_t reply[65535], small[512];
	struct wrbuf w = wrbuf_of(reply, sizeof(reply)), cut = wrbuf_of(small, sizeof(small));
	struct arena arena = {0};
	struct response first, again;
	struct query q;

	query_make(&q, name, RR_TYPE_A);
	q.edns.present = true; // the rcode's upper bits
	if (response_read(&arena, data, size_bytes, &first) == 0) {
		memset(reply, 0, query_question_end(&q));
		reply[5] = 1;
		memcpy(reply + DNS_HEADER_BYTES, name, sizeof(name));
		memcpy(small, reply, query_question_end(&q));
		response_write(&first, &q, &env, 0, &w);
		if (response_read(&arena, reply, w.pos, &again) != 0)
			abort();
		bool is_whole = (again.flags & HEADER_TC) == 0;
		if (is_whole && first.rcode != RCODE_NOTIMP && w.pos < sizeof(reply) / 2)
			compare(&first, &again);
		response_write(&first, &q, &env, 0, &cut);
		if (cut.pos > sizeof(small) || response_read(&arena, small, cut.pos, &again) != 0)
			abort();
	}
	arena_fini(&arena);
	return 0;
}
