// SPDX-License-Identifier: Apache-2.0
// One parser for every query, whatever it came over (proto:R2): header, question, EDNS, and the
// name lower-cased, split and normalised for the look-up. A pure function of the message.
#pragma once

#include "zones/wire/rr.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum transport { TRANSPORT_UDP, TRANSPORT_TCP };

enum {
	QUERY_LABELS_MAX = 127,
	QUERY_OPTIONS_MAX = 32, // proto:E7
	QUERY_COOKIE_MAX_BYTES = 40,
};

enum query_verdict {
	QUERY_OK, // ask the snapshot
	QUERY_ERROR, // answer with query.rcode (and query.ede), no look-up
	QUERY_COOKIE_ONLY, // proto:H7: no question, one OPT with a cookie: NOERROR with ours
	QUERY_DROP_SHORT, // proto:H1
	QUERY_DROP_RESPONSE, // proto:H2
};

// EDNS facts of a query (RFC 6891). Everything is copied out, nothing points into the message.
struct query_edns {
	bool present;
	bool is_do;
	bool has_nsid; // asked with an empty option (proto:E15)
	bool has_keepalive; // TCP only (proto:E10)
	uint8_t version;
	uint16_t udp_bytes; // as sent
	uint8_t cookie_size; // 0, 8 or 16..40
	uint8_t cookie[QUERY_COOKIE_MAX_BYTES];
};

struct query {
	uint16_t id;
	uint16_t flags; // second word of the header, as received
	uint16_t qtype;
	uint16_t qclass;
	uint16_t rcode; // with QUERY_ERROR
	int8_t ede; // enum ede, EDE_NONE for none
	bool has_question; // the question parsed and may be echoed (proto:H15)
	bool has_upper; // some letter of the name is upper case
	uint8_t qname_size; // wire bytes with the root
	uint8_t nlabels; // without the root
	// Bit 0: a leading '_' was taken off the first label, bit 1: off the second. In Kubernetes'
	// SRV names underscores are optional (k8s:2.2), so names are looked up without them and the
	// entry says which forms it accepts.
	uint8_t underscores;
	uint8_t norm_size;
	const uint8_t *norm; // points to name or norm_buf
	struct query_edns edns;
	uint8_t label_off[QUERY_LABELS_MAX +
		1]; // offset of each label in name; [nlabels] is the root
	uint8_t name[256]; // lower case
	uint8_t norm_buf[256];
};

// Bytes of header and question of a query that has one.
static inline size_t query_question_end(const struct query *q)
{
	return DNS_HEADER_BYTES + (q->has_question ? q->qname_size + 4u : 0u);
}

// Reads the message of size_bytes bytes. *q is written field by field, not zeroed as a whole, and
// is meaningful only as the verdict says. Never reads past size_bytes.
enum query_verdict query_parse(
	const uint8_t *msg, size_t size_bytes, enum transport transport, struct query *q);

// Sets norm, norm_size and underscores from name, label_off and nlabels: for callers that make up
// a name instead of receiving it.
void query_normalise(struct query *q);

// Fills *q as if `name` (wire form) of the given type had been asked in class IN without EDNS.
void query_make(struct query *q, const uint8_t *name, uint16_t qtype);
