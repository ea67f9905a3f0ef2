// SPDX-License-Identifier: Apache-2.0
// Puts addresses and times of an exchange into the form of the ring.
#include "slowpath/forward/tell.h"

#include <string.h>

static struct tap_upstream describe(const struct tell_message *m)
{
	const struct upstream *u = m->upstream;
	struct tap_upstream out = {.port = ntohs(u->to.sin6_port), // at the same place as sin_port
		.family = u->to.sin6_family == AF_INET ? 4 : 6,
		.protocol = !m->is_stream ? TAP_UDP
			: u->is_tls       ? TAP_DOT
					  : TAP_TCP};

	if (out.family == 4)
		memcpy(out.address, &((const struct sockaddr_in *)&u->to)->sin_addr, 4);
	else
		memcpy(out.address, &u->to.sin6_addr, sizeof(out.address));
	return out;
}

void tell(struct tap_writer *w, const struct tell_about *about, const struct tell_message *m)
{
	if (w == NULL || about->wish == 0)
		return;
	const struct tap_upstream upstream = describe(m);
	const struct qlog_query q = {.client = about->client,
		.server = about->server,
		.now_ticks = m->now_ns,
		.took_ns = m->now_ns - m->start_ns,
		.request_bytes = m->size_bytes,
		.client_port = about->client_port,
		.server_port = about->server_port,
		.block = about->block,
		.family = about->family,
		.flags = m->is_stream ? QLOG_RECORD_TCP : 0};
	const struct tap_event e = {.query = &q,
		.message = m->bytes,
		.size_bytes = m->size_bytes,
		.upstream = &upstream,
		.kind = m->kind,
		.wish = about->wish};

	tap_write(w, &e);
}
