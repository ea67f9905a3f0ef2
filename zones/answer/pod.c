// SPDX-License-Identifier: Apache-2.0
// Reads addresses out of labels without a library call, since workers do it.
#include "zones/answer/pod.h"

#include "zones/wire/dname.h"

#include <string.h>

static int hex_value(uint8_t c)
{
	if (c >= '0' && c <= '9')
		return c - '0';
	return c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1;
}

// Four decimal numbers without leading zeros.
static bool ip4_read(const uint8_t *p, size_t len, uint8_t addr[4])
{
	unsigned field = 0;
	unsigned value = 0;
	unsigned digits = 0;

	for (size_t i = 0; i <= len; i++) {
		if (i == len || p[i] == '-') {
			if (digits == 0 || value > 255 || field > 3)
				return false;
			addr[field++] = (uint8_t)value;
			value = 0;
			digits = 0;
			continue;
		}
		if (p[i] < '0' || p[i] > '9' || digits == 3 || (digits > 0 && value == 0))
			return false;
		value = value * 10 + (p[i] - '0');
		digits++;
	}
	return field == 4;
}

bool pod_is_dotted(const uint8_t *label, size_t len)
{
	unsigned dashes = 0;

	for (size_t i = 0; i < len; i++) {
		dashes += label[i] == '-';
		if (i > 0 && label[i] == '-' && label[i - 1] == '-')
			return false;
	}
	return dashes == 3;
}

// CoreDNS puts colons for dashes, so a label may as well have them itself.
static bool is_separator(uint8_t c)
{
	return c == '-' || c == ':';
}

// State of reading up to eight groups with at most one "::".
struct groups {
	uint8_t bytes[16];
	unsigned n;
	int gap; // group index of "::", or -1
};

// Reads one group of one to four digits at p; returns the characters taken, 0 if there is none.
static size_t group_read(const uint8_t *p, size_t len, struct groups *g)
{
	unsigned value = 0;
	size_t n = 0;

	while (n < len && n < 5 && hex_value(p[n]) >= 0) {
		value = value << 4 | (unsigned)hex_value(p[n]);
		n++;
	}
	if (n == 0 || n > 4 || g->n == 8)
		return 0;
	g->bytes[(size_t)2 * g->n] = (uint8_t)(value >> 8);
	g->bytes[(size_t)2 * g->n + 1] = (uint8_t)value;
	g->n++;
	return n;
}

static bool groups_read(const uint8_t *p, size_t len, struct groups *g)
{
	size_t i = 0;

	if (len >= 2 && is_separator(p[0]) && is_separator(p[1])) {
		g->gap = 0;
		i = 2;
	}
	while (i < len) {
		size_t n = group_read(p + i, len - i, g);
		if (n == 0)
			return false;
		i += n;
		if (i == len)
			return true;
		if (!is_separator(p[i]) || i + 1 == len)
			return false;
		i++;
		if (is_separator(p[i])) {
			if (g->gap >= 0)
				return false;
			g->gap = (int)g->n;
			i++;
		}
	}
	return true;
}

static bool ip6_read(const uint8_t *p, size_t len, uint8_t addr[16])
{
	struct groups g = {.gap = -1};

	if (!groups_read(p, len, &g))
		return false;
	if (g.gap < 0) {
		if (g.n != 8)
			return false;
		memcpy(addr, g.bytes, 16);
		return true;
	}
	if (g.n > 7)
		return false;
	unsigned head = 2 * (unsigned)g.gap;
	unsigned tail = 2 * g.n - head;
	memset(addr, 0, 16);
	memcpy(addr, g.bytes, head);
	memcpy(addr + 16 - tail, g.bytes + head, tail);
	return true;
}

// Go reads the text that CoreDNS makes of four dashes' numbers behind colons: the end of an IPv6
// address in dotted form (RFC 4291 2.2), `::ffff:1-2-3-4`.
static bool ip6_dotted_read(const uint8_t *p, size_t len, uint8_t addr[16])
{
	static const char hex[] = "0123456789abcdef";
	uint8_t text[DNS_LABEL_MAX_BYTES];
	uint8_t tail[4];
	size_t at = len;

	while (at > 0 && p[at - 1] != ':')
		at--;
	if (at == 0 || at + 9 > sizeof(text) || !ip4_read(p + at, len - at, tail))
		return false;
	memcpy(text, p, at);
	for (size_t i = 0; i < sizeof(tail); i++) {
		text[at++] = (uint8_t)hex[tail[i] >> 4];
		text[at++] = (uint8_t)hex[tail[i] & 15];
		if (i == 1)
			text[at++] = ':';
	}
	return ip6_read(text, at, addr);
}

unsigned pod_address(const uint8_t *label, size_t len, uint8_t addr[16])
{
	static const uint8_t mapped[12] = {[10] = 0xff, [11] = 0xff};

	if (pod_is_dotted(label, len)) {
		if (ip4_read(label, len, addr))
			return 4;
		if (!ip6_dotted_read(label, len, addr))
			return 0;
	} else if (!ip6_read(label, len, addr)) {
		return 0;
	}
	if (memcmp(addr, mapped, sizeof(mapped)) != 0)
		return 6;
	memmove(addr, addr + 12, 4);
	return 4;
}
