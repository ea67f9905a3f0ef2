// SPDX-License-Identifier: Apache-2.0
// `whoami`: tells the client its own address, port and transport (k8s:2.14).
#include "slowpath/plugin/made.h"
#include "slowpath/plugin/plugins.h"

#include "zones/base/be.h"

#include <string.h>

// An additional record; the owner of SRV spells the transport.
static int add(struct job *j, const uint8_t *owner, uint16_t type, const void *data, uint16_t n)
{
	return made_add(j, RESPONSE_ADDITIONAL,
		&(struct response_rr){.owner = owner,
			.type = type,
			.class = j->question.class,
			.rdata = data,
			.rdata_size = n});
}

static enum plugin_verdict whoami_ask(struct job *j, struct frame *f)
{
	const char *transport = j->transport == TRANSPORT_TCP ? "_tcp" : "_udp";
	bool is_4 = j->from.family == 4;
	struct dname owner = j->question.name;
	uint8_t srv[7] = {0};
	(void)f;

	be16_put(srv + 4, j->from.port);
	response_init(&j->response, RCODE_NOERROR, HEADER_AA);
	int rc = add(
		j, made_owner(j), is_4 ? RR_TYPE_A : RR_TYPE_AAAA, j->from.address, is_4 ? 4 : 16);
	if (rc == 0 && dname_prepend(&owner, transport, strlen(transport)) == 0) {
		const uint8_t *wire = arena_copy(&j->arena, owner.wire, owner.size_bytes);
		rc = add(j, wire, RR_TYPE_SRV, srv, sizeof(srv));
	}
	return rc == 0 ? PLUGIN_ANSWER : made_fail(j);
}

const struct plugin plugin_whoami = {.kind = POLICY_WHOAMI, .ask = whoami_ask};
