// SPDX-License-Identifier: Apache-2.0
// A reply in a form that can be compared: records with canonical data, header and OPT apart.
#pragma once

#include "zones/base/arena.h"
#include "zones/wire/dname.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum facts_section { FACTS_ANSWER, FACTS_AUTHORITY, FACTS_ADDITIONAL, FACTS_SECTIONS };

// Owner and names in the data are expanded and lower case; an SOA's serial is cut out.
struct fact_record {
	const uint8_t *owner, *data;
	uint16_t owner_size, data_size;
	uint16_t type, class;
	uint32_t ttl_s;
};

struct facts {
	bool is_silent; // no reply came, or one that is no DNS message; nothing below holds
	const uint8_t *msg; // borrowed
	size_t size_bytes;
	uint16_t flags;
	uint16_t rcode; // with OPT's upper bits
	bool has_question;
	struct dname name; // of the question, as it came back
	uint16_t type, class;
	bool keeps_case; // the first owner that is the question's name is spelled as asked
	struct fact_record *records[FACTS_SECTIONS]; // sorted, without OPT
	size_t n[FACTS_SECTIONS];
	bool has_opt;
	uint16_t opt_bytes; // UDP payload size
	uint8_t opt_version;
	uint16_t opt_flags;
	const uint8_t *options; // borrowed from msg
	uint16_t options_size;
};

// Reads a reply; size_bytes 0 is silence, and so is a malformed one. Records are owned by the
// arena. 0 or -ENOMEM.
[[nodiscard]] int facts_read(
	const uint8_t *msg, size_t size_bytes, struct arena *arena, struct facts *out);

// Order of records, first without, then with their TTL.
int fact_compare(const struct fact_record *a, const struct fact_record *b);

// Whether two sections have the same records, TTLs left aside.
bool facts_is_same(const struct facts *a, const struct facts *b, enum facts_section section);

// Whether each record of `part` is in `whole`, TTLs left aside.
bool facts_is_part(const struct facts *part, const struct facts *whole);

// The outcome in a word: SILENCE, ANSWER, NODATA, or an rcode. buf has 24 bytes; returns buf.
const char *facts_result(const struct facts *f, char *buf);
