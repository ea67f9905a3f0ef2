// SPDX-License-Identifier: Apache-2.0
// A table of zones, and the few answers that they have.
#include "slowpath/forward/inside.h"

#include "zones/base/be.h"
#include "zones/base/inside.h"
#include "zones/base/wrbuf.h"

#include <stddef.h>
#include <string.h>

enum { TTL_S = 10800, ANSWER_MAX_BYTES = 1024 }; // RFC 6303 3

enum zone_nature {
	ZONE_NOTHING, // NXDOMAIN for everything
	ZONE_TOP, // the same but for the apex, which has no data: zones of this server may be below
	ZONE_EMPTY, // an empty zone, which has an apex (RFC 6303 3)
	ZONE_LOOPBACK, // RFC 6761 6.3
};

// A zone; with `last`, the zones that have a label with a number from first to last in front of it.
struct zone {
	const char *suffix; // wire form
	uint8_t kind; // enum inside_kind
	uint8_t nature; // enum zone_nature
	uint8_t first, last;
};

#define V4 "\7in-addr\4arpa"
#define V6 "\3ip6\4arpa"
#define NIBBLES_8 \
	"\1" \
	"0\1" \
	"0\1" \
	"0\1" \
	"0\1" \
	"0\1" \
	"0\1" \
	"0\1" \
	"0"

static const struct zone zones[] = {
	// RFC 6761, 7686, 9476, 8375
	{"\11localhost", INSIDE_SPECIAL, ZONE_LOOPBACK, 0, 0},
	{"\7invalid", INSIDE_SPECIAL, ZONE_NOTHING, 0, 0},
	{"\5onion", INSIDE_SPECIAL, ZONE_NOTHING, 0, 0},
	{"\3alt", INSIDE_SPECIAL, ZONE_NOTHING, 0, 0},
	{"\4home\4arpa", INSIDE_SPECIAL, ZONE_EMPTY, 0, 0},
	// RFC 6762 22
	{"\5local", INSIDE_LOCAL, ZONE_TOP, 0, 0},
	// RFC 6303 4.2, 4.3; RFC 7793
	{"\2"
	 "10" V4,
		INSIDE_REVERSE, ZONE_EMPTY, 0, 0},
	{"\3"
	 "172" V4,
		INSIDE_REVERSE, ZONE_EMPTY, 16, 31},
	{"\3"
	 "168\3"
	 "192" V4,
		INSIDE_REVERSE, ZONE_EMPTY, 0, 0},
	{"\3"
	 "100" V4,
		INSIDE_REVERSE, ZONE_EMPTY, 64, 127},
	{"\1"
	 "0" V4,
		INSIDE_REVERSE, ZONE_EMPTY, 0, 0},
	{"\3"
	 "127" V4,
		INSIDE_REVERSE, ZONE_EMPTY, 0, 0},
	{"\3"
	 "254\3"
	 "169" V4,
		INSIDE_REVERSE, ZONE_EMPTY, 0, 0},
	{"\1"
	 "2\1"
	 "0\3"
	 "192" V4,
		INSIDE_REVERSE, ZONE_EMPTY, 0, 0},
	{"\3"
	 "100\2"
	 "51\3"
	 "198" V4,
		INSIDE_REVERSE, ZONE_EMPTY, 0, 0},
	{"\3"
	 "113\1"
	 "0\3"
	 "203" V4,
		INSIDE_REVERSE, ZONE_EMPTY, 0, 0},
	{"\3"
	 "255\3"
	 "255\3"
	 "255\3"
	 "255" V4,
		INSIDE_REVERSE, ZONE_EMPTY, 0, 0},
	// RFC 6303 4.4 to 4.7: :: and ::1, fc00::/7, fe80::/10, 2001:db8::/32
	{"\1"
	 "0" NIBBLES_8 NIBBLES_8 NIBBLES_8 "\1"
	 "0\1"
	 "0\1"
	 "0\1"
	 "0\1"
	 "0\1"
	 "0\1"
	 "0" V6,
		INSIDE_REVERSE, ZONE_EMPTY, 0, 0},
	{"\1"
	 "1" NIBBLES_8 NIBBLES_8 NIBBLES_8 "\1"
	 "0\1"
	 "0\1"
	 "0\1"
	 "0\1"
	 "0\1"
	 "0\1"
	 "0" V6,
		INSIDE_REVERSE, ZONE_EMPTY, 0, 0},
	{"\1"
	 "c\1"
	 "f" V6,
		INSIDE_REVERSE, ZONE_EMPTY, 0, 0},
	{"\1"
	 "d\1"
	 "f" V6,
		INSIDE_REVERSE, ZONE_EMPTY, 0, 0},
	{"\1"
	 "8\1"
	 "e\1"
	 "f" V6,
		INSIDE_REVERSE, ZONE_EMPTY, 0, 0},
	{"\1"
	 "9\1"
	 "e\1"
	 "f" V6,
		INSIDE_REVERSE, ZONE_EMPTY, 0, 0},
	{"\1"
	 "a\1"
	 "e\1"
	 "f" V6,
		INSIDE_REVERSE, ZONE_EMPTY, 0, 0},
	{"\1"
	 "b\1"
	 "e\1"
	 "f" V6,
		INSIDE_REVERSE, ZONE_EMPTY, 0, 0},
	{"\1"
	 "8\1"
	 "b\1"
	 "d\1"
	 "0\1"
	 "1\1"
	 "0\1"
	 "0\1"
	 "2" V6,
		INSIDE_REVERSE, ZONE_EMPTY, 0, 0},
};

// The number that a label spells without leading zeros, -1 for none.
static int label_number(const uint8_t *label)
{
	int n = 0;

	if (label[0] == 0 || label[0] > 3 || (label[0] > 1 && label[1] == '0'))
		return -1;
	for (unsigned i = 1; i <= label[0]; i++) {
		if (label[i] < '0' || label[i] > '9')
			return -1;
		n = n * 10 + label[i] - '0';
	}
	return n;
}

// Where in the name the zone begins; behind it when the name is not in the zone.
static size_t zone_in(const struct dname *name, const struct zone *z)
{
	const uint8_t *suffix = (const uint8_t *)z->suffix;
	size_t before = 0, at = 0;

	if (!dname_is_within(name->wire, suffix))
		return name->size_bytes;
	unsigned skipped = dname_labels(name->wire) - dname_labels(suffix);
	for (unsigned i = 0; i < skipped; i++) {
		before = at;
		at += 1u + name->wire[at];
	}
	if (z->last == 0)
		return at;
	if (skipped == 0)
		return name->size_bytes;
	int n = label_number(&name->wire[before]);
	return n >= z->first && n <= z->last ? before : name->size_bytes;
}

static void put_rr(struct wrbuf *w, const uint8_t *owner, uint16_t type)
{
	wrbuf_bytes(w, owner, dname_size(owner, DNS_NAME_MAX_BYTES));
	wrbuf_u16(w, type);
	wrbuf_u16(w, RR_CLASS_IN);
	wrbuf_u32(w, TTL_S);
}

// RFC 6303 3: names of the zone itself and nobody.invalid.
static void put_soa(struct wrbuf *w, const uint8_t *zone)
{
	static const char mailbox[] = "\6nobody\7invalid";
	size_t zone_size = dname_size(zone, DNS_NAME_MAX_BYTES);

	put_rr(w, zone, RR_TYPE_SOA);
	wrbuf_u16(w, (uint16_t)(zone_size + sizeof(mailbox) + 5 * sizeof(uint32_t)));
	wrbuf_bytes(w, zone, zone_size);
	wrbuf_bytes(w, mailbox, sizeof(mailbox));
	wrbuf_u32(w, 1);
	wrbuf_u32(w, 3600);
	wrbuf_u32(w, 1200);
	wrbuf_u32(w, 604800);
	wrbuf_u32(w, TTL_S);
}

// Writes the answer section. False: there is nothing to write.
static bool put_answer(struct wrbuf *w, const struct ask *a, const struct zone *z, bool is_apex)
{
	static const uint8_t loopback6[16] = {[15] = 1};
	const uint8_t *name = a->name.wire;

	if (z->nature == ZONE_LOOPBACK && a->type == RR_TYPE_A) {
		put_rr(w, name, RR_TYPE_A);
		wrbuf_u16(w, 4);
		wrbuf_u32(w, 0x7f000001);
	} else if (z->nature == ZONE_LOOPBACK && a->type == RR_TYPE_AAAA) {
		put_rr(w, name, RR_TYPE_AAAA);
		wrbuf_u16(w, sizeof(loopback6));
		wrbuf_bytes(w, loopback6, sizeof(loopback6));
	} else if (z->nature == ZONE_EMPTY && is_apex && a->type == RR_TYPE_SOA) {
		put_soa(w, name);
	} else if (z->nature == ZONE_EMPTY && is_apex && a->type == RR_TYPE_NS) {
		put_rr(w, name, RR_TYPE_NS);
		wrbuf_u16(w, a->name.size_bytes);
		wrbuf_bytes(w, name, a->name.size_bytes);
	} else {
		return false;
	}
	return true;
}

static struct entry *answer(const struct ask *a, const struct zone *z, const uint8_t *zone)
{
	uint8_t msg[ANSWER_MAX_BYTES] = {0};
	struct wrbuf w = wrbuf_of(msg, sizeof(msg));
	bool is_apex = zone == a->name.wire;
	bool exists = z->nature == ZONE_LOOPBACK || (z->nature != ZONE_NOTHING && is_apex);

	(void)wrbuf_claim(&w, DNS_HEADER_BYTES);
	wrbuf_bytes(&w, a->name.wire, a->name.size_bytes);
	wrbuf_u16(&w, a->type);
	wrbuf_u16(&w, RR_CLASS_IN);
	bool is_positive = put_answer(&w, a, z, is_apex);
	if (!is_positive)
		put_soa(&w, zone);
	be16_put(msg + 2, 0x8080 | (exists ? RCODE_NOERROR : RCODE_NXDOMAIN));
	be16_put(msg + 4, 1);
	be16_put(msg + (is_positive ? 6 : 8), 1);
	return w.full ? NULL : entry_read(a, msg, w.pos);
}

struct entry *inside_answer(
	unsigned kinds, const struct ask *a, const uint8_t *zone, const uint8_t *from)
{
	for (size_t i = 0; i < sizeof(zones) / sizeof(zones[0]); i++) {
		const struct zone *z = &zones[i];
		size_t begin = (kinds & z->kind) ? zone_in(&a->name, z) : a->name.size_bytes;
		if (begin >= a->name.size_bytes)
			continue;
		const uint8_t *at = &a->name.wire[begin];
		if (dname_is_within(zone, at) || dname_is_within(from, at))
			return NULL;
		return answer(a, z, at);
	}
	return NULL;
}
