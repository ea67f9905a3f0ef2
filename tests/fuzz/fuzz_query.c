// SPDX-License-Identifier: Apache-2.0
// Any bytes as a query, over both transports, answered from a fixed policy without names.
#include "zones/wire/dname.h"
#include "zones/wire/query.h"

#include <stdlib.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	char text[DNAME_TEXT_MAX_BYTES];
	struct dname back;
	struct query q;

	for (int tcp = 0; tcp < 2; tcp++) {
		enum query_verdict v =
			query_parse(data, size, tcp ? TRANSPORT_TCP : TRANSPORT_UDP, &q);
		if (v == QUERY_DROP_SHORT || v == QUERY_DROP_RESPONSE || !q.has_question)
			continue;
		if (dname_size(q.norm, q.norm_size) != q.norm_size)
			abort();
		dname_print(q.name, text, sizeof(text));
		if (dname_parse(text, &back) != 0 || !dname_is_equal(back.wire, q.name))
			abort();
	}
	return 0;
}
