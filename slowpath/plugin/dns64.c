// SPDX-License-Identifier: Apache-2.0
// `dns64`: IPv6 addresses made of IPv4 ones (RFC 6147; k8s:2.14).
#include "slowpath/plugin/made.h"
#include "slowpath/plugin/plugins.h"

#include "zones/base/array.h"

#include <string.h>

enum { NO_SOA_TTL_S = 600 }; // RFC 6147 5.1.7

// RFC 6052 2.2: the bits of byte 8 stay zero.
static void embed(const struct policy_cidr *prefix, const uint8_t *ipv4, uint8_t out[16])
{
	size_t at = prefix->bits / 8u;

	memset(out, 0, 16);
	memcpy(out, prefix->address, at);
	for (size_t i = 0; i < 4 && at < 16; i++) {
		at += at == 8 ? 1 : 0;
		out[at++] = ipv4[i];
	}
}

static bool has(const struct response_rrs *rrs, uint16_t type)
{
	for (size_t i = 0; i < rrs->n; i++) {
		if (rrs->items[i].type == type)
			return true;
	}
	return false;
}

// What is left as it is. RFC 6147 5.1.2: a name that does not exist stays so, with an SOA record or
// without. Errors that nobody has written are not seen.
static bool passes(const struct policy_dns64 *d, const struct response *r)
{
	if (r->author != RESPONSE_WRITTEN || r->rcode == RCODE_NXDOMAIN)
		return true;
	return !d->translate_all && has(&r->part[RESPONSE_ANSWER], RR_TYPE_AAAA);
}

static enum plugin_verdict dns64_ask(struct job *j, struct frame *f)
{
	const struct policy_dns64 *d = f->data;
	bool is_meant = j->question.type == RR_TYPE_AAAA && j->question.class == RR_CLASS_IN &&
		(j->from.family != 4 || d->allow_ipv4);

	f->phase = is_meant ? 1 : 0;
	return PLUGIN_NEXT;
}

static enum plugin_verdict dns64_reply(struct job *j, struct frame *f)
{
	const struct policy_dns64 *d = f->data;
	const struct response_rrs *ns = &j->response.part[RESPONSE_AUTHORITY];
	uint32_t ttl_s = NO_SOA_TTL_S;

	if (f->phase == 0 || passes(d, &j->response))
		return PLUGIN_ANSWER;
	for (size_t i = 0; i < ns->n; i++) {
		if (ns->items[i].type == RR_TYPE_SOA)
			ttl_s = ns->items[i].ttl_s;
	}
	f->memory = arena_copy(&j->arena, &ttl_s, sizeof(ttl_s));
	if (f->memory == NULL)
		return made_fail(j);
	j->target = f->saved;
	j->target.type = RR_TYPE_A;
	return PLUGIN_RESOLVE;
}

// The reply to the question for IPv4 with its addresses changed.
static enum plugin_verdict dns64_resolved(struct job *j, struct frame *f)
{
	const struct policy_dns64 *d = f->data;
	const uint32_t *ttl_s = f->memory;
	struct response_rrs *answer = &j->response.part[RESPONSE_ANSWER];

	j->response.rcode = RCODE_NOERROR; // CoreDNS begins a reply of its own
	j->response.flags &= HEADER_TC;
	j->response.ede = EDE_NONE;
	plugin_count(j, RULE_DNS64_TRANSLATED, NULL);
	for (size_t i = 0; i < answer->n; i++) {
		struct response_rr *rr = &answer->items[i];
		uint8_t address[16];
		if (rr->type != RR_TYPE_A || rr->rdata_size != 4)
			continue;
		embed(&d->prefix, rr->rdata, address);
		rr->type = RR_TYPE_AAAA;
		rr->ttl_s = rr->ttl_s < *ttl_s ? rr->ttl_s : *ttl_s;
		rr->rdata = arena_copy(&j->arena, address, sizeof(address));
		rr->rdata_size = sizeof(address);
		if (rr->rdata == NULL)
			return made_fail(j);
	}
	return PLUGIN_ANSWER;
}

const struct plugin plugin_dns64 = {
	.kind = POLICY_DNS64, .ask = dns64_ask, .reply = dns64_reply, .resolved = dns64_resolved};
