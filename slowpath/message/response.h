// SPDX-License-Identifier: Apache-2.0
// A reply taken apart, for directives that change it: records with names in full. Everything lives
// in the arena of whoever asks.
#pragma once

#include "slowpath/message/ask.h"
#include "slowpath/message/entry.h"
#include "zones/base/arena.h"
#include "zones/base/wrbuf.h"
#include "zones/wire/query.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

// Names are uncompressed wire form: the owner, and those in rdata of NS, CNAME, PTR, SOA, MX, SRV
// and DNAME. Bytes are never changed in place: put a new pointer.
struct response_rr {
	const uint8_t *owner;
	uint16_t type, class;
	uint32_t ttl_s;
	const uint8_t *rdata;
	uint16_t rdata_size;
};

struct response_rrs {
	struct response_rr *items;
	size_t n, cap;
};

// Who has made a reply. CoreDNS' plugins return most errors instead of writing them: its server
// does so in the end, and the plugins in between see no reply.
enum response_author {
	RESPONSE_WRITTEN,
	RESPONSE_UNWRITTEN, // an rcode that was returned
	RESPONSE_FAILED, // one that was returned with an error
};

enum response_rd { RESPONSE_RD_AS_ASKED, RESPONSE_RD_CLEAR, RESPONSE_RD_SET };

enum response_part { RESPONSE_ANSWER, RESPONSE_AUTHORITY, RESPONSE_ADDITIONAL, RESPONSE_PARTS };

// OPT is no record here: response_write adds our own to who asked with EDNS.
struct response {
	uint16_t rcode;
	uint16_t flags; // AA, TC, RA, AD of the header word
	enum response_author author;
	enum response_rd rd; // `header` changes it
	int32_t ede; // EDE_NONE, or an info code (RFC 8914)
	const char *ede_text; // "" or NULL: none
	struct response_rrs part[RESPONSE_PARTS];
};

// An empty reply with an rcode.
void response_init(struct response *r, uint16_t rcode, uint16_t flags);

// Appends a record; owner and rdata are borrowed. 0 or -ENOMEM.
[[nodiscard]] int response_add(
	struct arena *a, struct response *r, enum response_part part, const struct response_rr *rr);

// Takes a whole message apart (ours or an upstream's). 0, -EINVAL when it is malformed, -ENOMEM.
[[nodiscard]] int response_read(
	struct arena *a, const uint8_t *msg, size_t size_bytes, struct response *out);

// The same for an entry, as `view` shows it. 0 or -ENOMEM.
[[nodiscard]] int response_from_entry(struct arena *a, const struct entry *e, const struct ask *ask,
	const struct entry_view *view, struct response *out);

// Writes the reply to q: w holds its header and question. Names are compressed; over UDP what does
// not fit is left out and TC set (quirk 20, DESIGN 3), with our OPT, cookie and EDE as env says.
void response_write(const struct response *r, const struct query *q, const struct answer_env *env,
	uint16_t udp_max_bytes, struct wrbuf *w);
