// SPDX-License-Identifier: Apache-2.0
// `any`: the minimal answer to ANY (RFC 8482 4.2), in CoreDNS' words.
#include "slowpath/plugin/made.h"
#include "slowpath/plugin/plugins.h"

enum { ANY_TTL_S = 8482 };

static enum plugin_verdict any_ask(struct job *j, struct frame *f)
{
	static const uint8_t hinfo[] = "\15ANY obsoleted\14See RFC 8482";
	(void)f;

	if (j->question.type != RR_TYPE_ANY)
		return PLUGIN_NEXT;
	const struct response_rr rr = {.owner = made_owner(j),
		.type = RR_TYPE_HINFO,
		.ttl_s = ANY_TTL_S,
		.rdata = hinfo,
		.rdata_size = sizeof(hinfo) - 1};
	response_init(&j->response, RCODE_NOERROR, 0);
	return made_add(j, RESPONSE_ANSWER, &rr) == 0 ? PLUGIN_ANSWER : made_fail(j);
}

const struct plugin plugin_any = {.kind = POLICY_ANY, .ask = any_ask};
