// SPDX-License-Identifier: Apache-2.0
// Fields in the order of their numbers, as protobuf's own writers have them.
#include "control/monitor/tap_message.h"

#include "zones/base/wrbuf.h"

#include <string.h>

enum { NS_PER_S = 1000000000 };
enum wire_type { WIRE_VARINT = 0, WIRE_BYTES = 2, WIRE_FIXED32 = 5 };
enum family { FAMILY_INET = 1, FAMILY_INET6 = 2 };
enum { DNSTAP_MESSAGE = 1 };

// Numbers of the fields.
enum dnstap_field { IDENTITY = 1, VERSION = 2, EXTRA = 3, MESSAGE = 14, TYPE = 15 };
enum message_field {
	KIND = 1,
	FAMILY = 2,
	PROTOCOL = 3,
	QUERY_ADDRESS = 4,
	RESPONSE_ADDRESS = 5,
	QUERY_PORT = 6,
	RESPONSE_PORT = 7,
	QUERY_TIME_S = 8,
	QUERY_TIME_NS = 9,
	QUERY_MESSAGE = 10,
	RESPONSE_TIME_S = 12,
	RESPONSE_TIME_NS = 13,
	RESPONSE_MESSAGE = 14,
};

static void put_varint(struct wrbuf *w, uint64_t v)
{
	for (; v > 0x7f; v >>= 7)
		wrbuf_u8(w, (uint8_t)(v | 0x80));
	wrbuf_u8(w, (uint8_t)v);
}

static void put_number(struct wrbuf *w, unsigned field, uint64_t v)
{
	put_varint(w, field << 3 | WIRE_VARINT);
	put_varint(w, v);
}

static void put_bytes(struct wrbuf *w, unsigned field, const void *bytes, size_t size_bytes)
{
	put_varint(w, field << 3 | WIRE_BYTES);
	put_varint(w, size_bytes);
	wrbuf_bytes(w, bytes, size_bytes);
}

static void put_time(struct wrbuf *w, unsigned field_s, unsigned field_ns, uint64_t time_ns)
{
	uint64_t ns = time_ns % NS_PER_S;

	put_number(w, field_s, time_ns / NS_PER_S);
	put_varint(w, field_ns << 3 | WIRE_FIXED32);
	for (unsigned shift = 0; shift < 32; shift += 8)
		wrbuf_u8(w, (uint8_t)(ns >> shift));
}

static size_t address_size(uint8_t family)
{
	return family == 4 ? 4 : 16;
}

// What answers: we, or the upstream.
static struct tap_upstream responder(const struct tap_record *r)
{
	const struct qlog_record *about = &r->about;
	bool is_tcp = (about->flags & QLOG_RECORD_TCP) != 0;
	struct tap_upstream us = {.port = about->server_port,
		.family = about->family,
		.protocol = is_tcp ? TAP_TCP : TAP_UDP};

	memcpy(us.address, about->server, sizeof(us.address));
	return r->upstream.family == 0 ? us : r->upstream;
}

// As in CoreDNS, whoever made us ask an upstream is who queries.
static void put_message(struct wrbuf *w, const struct tap_rule *rule, const struct tap_record *r)
{
	const struct qlog_record *about = &r->about;
	const struct tap_upstream to = responder(r);
	bool is_response = r->kind == TAP_CLIENT_RESPONSE || r->kind == TAP_FORWARDER_RESPONSE;
	bool has_bytes = rule->is_full && r->kept_bytes > 0;

	put_number(w, KIND, r->kind);
	put_number(w, FAMILY, to.family == 4 ? FAMILY_INET : FAMILY_INET6);
	put_number(w, PROTOCOL, to.protocol);
	put_bytes(w, QUERY_ADDRESS, about->client, address_size(about->family));
	put_bytes(w, RESPONSE_ADDRESS, to.address, address_size(to.family));
	put_number(w, QUERY_PORT, about->client_port);
	put_number(w, RESPONSE_PORT, to.port);
	put_time(w, QUERY_TIME_S, QUERY_TIME_NS, r->query_ns);
	if (has_bytes && !is_response)
		put_bytes(w, QUERY_MESSAGE, r->bytes, r->kept_bytes);
	if (!is_response)
		return;
	put_time(w, RESPONSE_TIME_S, RESPONSE_TIME_NS, r->time_ns);
	if (has_bytes)
		put_bytes(w, RESPONSE_MESSAGE, r->bytes, r->kept_bytes);
}

void tap_encode(const struct tap_rule *rule, const struct tap_record *r, struct tap_encoded *out)
{
	struct wrbuf m = wrbuf_of(out->message, sizeof(out->message));
	struct wrbuf w = wrbuf_of(out->bytes, sizeof(out->bytes));
	struct qlog_record about = r->about;

	put_message(&m, rule, r);
	put_bytes(&w, IDENTITY, rule->identity, strlen(rule->identity));
	put_bytes(&w, VERSION, rule->version, strlen(rule->version));
	if (rule->extra[0] != 0) {
		about.flags |= QLOG_RECORD_NO_REPLY; // CoreDNS fills it in without the reply
		put_bytes(&w, EXTRA, out->extra, qlog_text(&about, rule->extra, out->extra));
	}
	put_bytes(&w, MESSAGE, out->message, m.pos);
	put_number(&w, TYPE, DNSTAP_MESSAGE);
	out->size_bytes = w.pos; // there is room for the longest
}
