// SPDX-License-Identifier: Apache-2.0
// `local`: the names of the machine itself (RFC 6761 6.3, RFC 6303 3; k8s:2.14).
#include "slowpath/plugin/made.h"
#include "slowpath/plugin/plugins.h"

#include "zones/base/array.h"
#include "zones/base/be.h"
#include "zones/wire/dname.h"

#include <string.h>

enum { LOCAL_TTL_S = 604800, SOA_NUMBERS = 5 };

#define LOCALHOST "\11localhost"
static const uint8_t localhost[] = LOCALHOST;
static const uint8_t loopback_name[] = "\0011\0010\0010\003127\7in-addr\4arpa";

static const uint8_t *const zones[] = {localhost, (const uint8_t *)"\0010\7in-addr\4arpa",
	(const uint8_t *)"\003127\7in-addr\4arpa", (const uint8_t *)"\003255\7in-addr\4arpa"};

static int add(struct job *j, enum response_part part, const uint8_t *owner, uint16_t type,
	const void *data, size_t n)
{
	return made_add(j, part,
		&(struct response_rr){.owner = owner,
			.type = type,
			.ttl_s = LOCAL_TTL_S,
			.rdata = data,
			.rdata_size = (uint16_t)n});
}

static int add_soa(struct job *j, enum response_part part, const uint8_t *owner)
{
	static const uint8_t names[] = LOCALHOST "\0\4root" LOCALHOST; // both end in the root
	uint8_t data[sizeof(names) + SOA_NUMBERS * 4] = {0};

	memcpy(data, names, sizeof(names));
	be32_put(data + sizeof(names), 1); // serial
	be32_put(data + sizeof(names) + 16, LOCAL_TTL_S); // minimum
	return add(j, part, owner, RR_TYPE_SOA, data, sizeof(data));
}

static int add_address(struct job *j, const uint8_t *owner)
{
	static const uint8_t loopback_4[4] = {127, 0, 0, 1};
	static const uint8_t loopback_6[16] = {[15] = 1};

	if (j->question.type == RR_TYPE_A)
		return add(j, RESPONSE_ANSWER, owner, RR_TYPE_A, loopback_4, sizeof(loopback_4));
	if (j->question.type == RR_TYPE_AAAA)
		return add(j, RESPONSE_ANSWER, owner, RR_TYPE_AAAA, loopback_6, sizeof(loopback_6));
	return add_soa(j, RESPONSE_AUTHORITY, owner);
}

static bool is_below_localhost(const struct dname *name)
{
	return name->size_bytes > sizeof(localhost) && dname_is_within(name->wire, localhost);
}

// localhost in front of whatever a search list adds.
static bool is_searched(const struct policy_local *l, const struct dname *name)
{
	return l->localhost_prefix && name->size_bytes > sizeof(localhost) &&
		memcmp(name->wire, localhost, sizeof(localhost) - 1) == 0;
}

static int apex_answer(struct job *j, const uint8_t *zone, const uint8_t *owner)
{
	switch (j->question.type) {
	case RR_TYPE_A:
	case RR_TYPE_AAAA:
		return zone == localhost ? add_address(j, owner)
					 : add_soa(j, RESPONSE_AUTHORITY, owner);
	case RR_TYPE_SOA:
		return add_soa(j, RESPONSE_ANSWER, owner);
	case RR_TYPE_NS:
		return add(j, RESPONSE_ANSWER, owner, RR_TYPE_NS, localhost, sizeof(localhost));
	default:
		return add_soa(j, RESPONSE_AUTHORITY, owner);
	}
}

static int zone_answer(struct job *j, const uint8_t *zone, const uint8_t *owner)
{
	const struct dname *name = &j->question.name;
	size_t zone_bytes = dname_size(zone, DNS_NAME_MAX_BYTES);
	const uint8_t *tail = owner + name->size_bytes - zone_bytes; // in the client's spelling

	if (name->size_bytes == zone_bytes)
		return apex_answer(j, zone, owner);
	if (!dname_is_equal(name->wire, loopback_name)) {
		j->response.rcode = RCODE_NXDOMAIN;
		return add_soa(j, RESPONSE_AUTHORITY, tail);
	}
	if (j->question.type == RR_TYPE_PTR)
		return add(j, RESPONSE_ANSWER, owner, RR_TYPE_PTR, localhost, sizeof(localhost));
	return add_soa(j, RESPONSE_AUTHORITY, tail);
}

static enum plugin_verdict local_ask(struct job *j, struct frame *f)
{
	const struct dname *name = &j->question.name;
	const uint8_t *zone = NULL;
	int rc = 0;

	for (size_t i = 0; i < ARRAY_LEN(zones) && zone == NULL; i++)
		zone = dname_is_within(name->wire, zones[i]) ? zones[i] : NULL;
	bool is_found = is_searched(f->data, name);
	bool is_host = is_below_localhost(name) || is_found;
	if (!is_host && zone == NULL)
		return PLUGIN_NEXT;
	const uint8_t *owner = made_owner(j);
	if (owner == NULL)
		return made_fail(j);
	if (is_found)
		plugin_count(j, RULE_LOCALHOST, NULL);
	response_init(&j->response, RCODE_NOERROR, 0);
	rc = is_host ? add_address(j, owner) : zone_answer(j, zone, owner);
	return rc == 0 ? PLUGIN_ANSWER : made_fail(j);
}

const struct plugin plugin_local = {.kind = POLICY_LOCAL, .ask = local_ask};
