// SPDX-License-Identifier: Apache-2.0
// A reply while it is put together: sections appended behind the question, then OPT and header.
// Private to zones/answer.
#pragma once

#include "zones/answer/answer.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct reply {
	const struct query *q;
	const struct answer_env *env;
	struct wrbuf *w;
	size_t limit_bytes; // of the whole message
	size_t opt_bytes; // that OPT will take at its end
	uint16_t flags; // AA and TC
	uint16_t rcode;
	int32_t ede; // EDE_NONE, or an info code
	uint16_t ede_text_bytes;
	const char *ede_text;
	uint16_t n_an, n_ns, n_ar;
	bool is_minimal; // no additional records
};

// proto:E6: what the client takes, but never more than we send over UDP. udp_max_bytes: the server
// block's own limit (bufsize).
static inline size_t reply_limit(
	const struct query *q, const struct answer_env *env, uint16_t udp_max_bytes)
{
	size_t limit = DNS_UDP_MIN_BYTES;

	if (env->transport == TRANSPORT_TCP)
		return DNS_MSG_MAX_BYTES;
	if (q->edns.present && q->edns.udp_bytes > limit)
		limit = q->edns.udp_bytes;
	if (limit > udp_max_bytes)
		limit = udp_max_bytes;
	return limit > env->udp_max_bytes ? env->udp_max_bytes : limit;
}

// Says why in an extended error (RFC 8914) when the reply has room for options.
void reply_explain(struct reply *r, enum ede ede);

// The same with any info code and a text, borrowed and cut to REPLY_EDE_TEXT_MAX bytes.
enum { REPLY_EDE_TEXT_MAX = 255 };
void reply_explain_text(struct reply *r, uint16_t info_code, const char *text);

// Begins behind header and question. udp_max_bytes: as for reply_limit.
void reply_init(struct reply *r, const struct query *q, const struct answer_env *env,
	uint16_t udp_max_bytes, struct wrbuf *w);

enum reply_order {
	REPLY_IN_ORDER,
	REPLY_ROTATED, // start at a record that follows from the query's ID (quirk 18)
};

// Appends a section's answer records, and as many additional ones as fit, none for `minimal`. Whole
// records only; sets TC when answer records are left out (RFC 2181 9) over UDP. zone_size: of the
// zone in the question.
void reply_section(
	struct reply *r, const struct image_section *s, enum reply_order order, uint8_t zone_size);

// Appends the SOA to the authority section when it fits.
void reply_soa(struct reply *r, const struct image_section *s, uint8_t zone_size);

// Appends one address record owned by the question's name.
void reply_address(struct reply *r, uint16_t type, const uint8_t *addr, uint32_t ttl_s);

// Writes OPT (when the query had one) and the header.
void reply_finish(struct reply *r);
