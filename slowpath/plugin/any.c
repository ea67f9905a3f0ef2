// SPDX-License-Identifier: Apache-2.0
// `any`: the minimal answer to ANY (RFC 8482 4.2).
#include "slowpath/plugin/plugins.h"

#include <errno.h>

enum { ANY_TTL_S = 8482 };

static enum plugin_verdict any_ask(struct job *j, struct frame *f)
{
	static const uint8_t hinfo[] = "\3ANY\14See RFC 8482";
	(void)f;

	if (j->question.type != RR_TYPE_ANY)
		return PLUGIN_NEXT;
	const struct response_rr rr = {.owner = j->query->name,
		.type = RR_TYPE_HINFO,
		.class = RR_CLASS_IN,
		.ttl_s = ANY_TTL_S,
		.rdata = hinfo,
		.rdata_size = sizeof(hinfo) - 1};
	response_init(&j->response, RCODE_NOERROR, HEADER_AA);
	if (response_add(&j->arena, &j->response, RESPONSE_ANSWER, &rr) != 0)
		response_init(&j->response, RCODE_SERVFAIL, 0);
	return PLUGIN_ANSWER;
}

const struct plugin plugin_any = {.kind = POLICY_ANY, .ask = any_ask};
