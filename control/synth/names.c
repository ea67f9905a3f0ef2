// SPDX-License-Identifier: Apache-2.0
// Addresses as text, as labels and as reverse names.
#include "control/synth/names.h"

#include <ctype.h>
#include <errno.h>
#include <stdio.h>
#include <string.h>

// The longest run of at least two zero groups, the first of equals (RFC 5952 4.2).
static void zero_run(const uint16_t g[8], int *first, int *len)
{
	*first = -1;
	*len = 1;
	for (int i = 0; i < 8; i++) {
		int n = 0;
		while (i + n < 8 && g[i + n] == 0)
			n++;
		if (n > *len) {
			*first = i;
			*len = n;
		}
		i += n;
	}
}

static void print6(const uint8_t bytes[16], char *out, size_t size_bytes)
{
	uint16_t g[8];
	int first;
	int len;
	size_t pos = 0;

	for (int i = 0; i < 8; i++)
		g[i] = (uint16_t)(bytes[2 * i] << 8 | bytes[2 * i + 1]);
	zero_run(g, &first, &len);
	for (int i = 0; i < 8; i++) {
		if (i == first) {
			pos += (size_t)snprintf(out + pos, size_bytes - pos, "::");
			i += len - 1;
			continue;
		}
		const char *colon = i > 0 && i != first + len ? ":" : "";
		pos += (size_t)snprintf(out + pos, size_bytes - pos, "%s%x", colon, g[i]);
	}
}

const char *names_address(const struct object_address *addr, char buf[NAMES_ADDRESS_MAX_BYTES])
{
	const uint8_t *b = addr->bytes;

	if (addr->family == OBJECT_IPV4)
		(void)snprintf(buf, NAMES_ADDRESS_MAX_BYTES, "%u.%u.%u.%u", b[0], b[1], b[2], b[3]);
	else
		print6(b, buf, NAMES_ADDRESS_MAX_BYTES);
	return buf;
}

const char *names_pod(const struct object_address *addr, char buf[NAMES_ADDRESS_MAX_BYTES])
{
	(void)names_address(addr, buf);
	for (char *c = buf; *c != '\0'; c++) {
		if (*c == '.' || *c == ':')
			*c = '-';
	}
	return buf;
}

const char *names_dashed(const struct object_address *addr, char buf[NAMES_ADDRESS_MAX_BYTES])
{
	size_t len = strlen(names_pod(addr, buf));

	if (len > 0 && buf[len - 1] == '-')
		(void)snprintf(buf + len, NAMES_ADDRESS_MAX_BYTES - len, "0");
	return buf;
}

bool names_pod_parse(const char *label, size_t len, struct object_address *out)
{
	char text[DNS_LABEL_MAX_BYTES + 1];
	unsigned dashes = 0;
	bool is_double = false;

	if (len == 0 || len > DNS_LABEL_MAX_BYTES)
		return false;
	for (size_t i = 0; i < len; i++) {
		if (label[i] == '.')
			return false;
		dashes += label[i] == '-';
		is_double |= i > 0 && label[i] == '-' && label[i - 1] == '-';
	}
	char separator = dashes == 3 && !is_double ? '.' : ':';
	for (size_t i = 0; i < len; i++)
		text[i] = label[i] == '-' ? separator : label[i];
	text[len] = '\0';
	return object_address_parse(text, out);
}

bool names_is_label(const char *text)
{
	size_t len = strlen(text);

	if (len == 0 || len > DNS_LABEL_MAX_BYTES)
		return false;
	for (size_t i = 0; i < len; i++) {
		if (text[i] <= ' ' || text[i] > '~' || text[i] == '.' || text[i] == '\\')
			return false;
	}
	return true;
}

int names_prepend(struct dname *name, const char *text)
{
	uint8_t label[DNS_LABEL_MAX_BYTES];

	if (!names_is_label(text))
		return -EINVAL;
	size_t len = strlen(text);
	for (size_t i = 0; i < len; i++)
		label[i] = dname_lower_byte((uint8_t)text[i]);
	return dname_prepend(name, label, len);
}

int names_prepend_all(struct dname *name, const char *text)
{
	struct dname front;
	int rc = dname_parse(text, &front);

	if (rc == 0)
		rc = dname_append(&front, name->wire);
	if (rc == 0)
		*name = front;
	return rc;
}

void names_reverse(const struct object_address *addr, struct dname *out)
{
	static const char digits[] = "0123456789abcdef";
	char text[80];
	size_t pos = 0;

	if (addr->family == OBJECT_IPV4) {
		const uint8_t *b = addr->bytes;
		(void)snprintf(
			text, sizeof(text), "%u.%u.%u.%u.in-addr.arpa", b[3], b[2], b[1], b[0]);
	} else {
		for (int i = 15; i >= 0; i--) {
			text[pos++] = digits[addr->bytes[i] & 15];
			text[pos++] = '.';
			text[pos++] = digits[addr->bytes[i] >> 4];
			text[pos++] = '.';
		}
		(void)snprintf(text + pos, sizeof(text) - pos, "ip6.arpa");
	}
	if (dname_parse(text, out) != 0)
		*out = (struct dname){.size_bytes = 1}; // cannot be: the text is well-formed
}

// A label as a number without leading zeros, at most 255; -1 if it is none.
static int octet(const uint8_t *label)
{
	int value = 0;

	if (label[0] == 0 || label[0] > 3 || (label[0] > 1 && label[1] == '0'))
		return -1;
	for (uint8_t i = 1; i <= label[0]; i++) {
		if (label[i] < '0' || label[i] > '9')
			return -1;
		value = value * 10 + (label[i] - '0');
	}
	return value > 255 ? -1 : value;
}

static bool reverse4_parse(const uint8_t *wire, struct object_address *out)
{
	struct object_address a = {.family = OBJECT_IPV4};

	for (int i = 3; i >= 0; i--) {
		int v = octet(wire);
		if (v < 0)
			return false;
		a.bytes[i] = (uint8_t)v;
		wire += 1u + wire[0];
	}
	*out = a;
	return dname_is_equal(wire, (const uint8_t *)"\7in-addr\4arpa");
}

static int nibble(const uint8_t *label)
{
	uint8_t c = dname_lower_byte(label[1]);

	if (label[0] != 1 || !isxdigit(c))
		return -1;
	return c <= '9' ? c - '0' : c - 'a' + 10;
}

static bool reverse6_parse(const uint8_t *wire, struct object_address *out)
{
	struct object_address a = {.family = OBJECT_IPV6};

	for (int i = 31; i >= 0; i--) {
		int v = nibble(wire);
		if (v < 0)
			return false;
		a.bytes[i / 2] |= (uint8_t)(i % 2 == 0 ? v << 4 : v);
		wire += 2;
	}
	*out = a;
	return dname_is_equal(wire, (const uint8_t *)"\3ip6\4arpa");
}

bool names_reverse_parse(const uint8_t *wire, struct object_address *out)
{
	unsigned n = dname_labels(wire);

	if (n == 6)
		return reverse4_parse(wire, out);
	return n == 34 && reverse6_parse(wire, out);
}

// Takes the leading underscores off the first two labels; bit i tells that label i had one.
static unsigned normalise(struct dname *name)
{
	unsigned us = 0;
	size_t pos = 0;

	for (unsigned i = 0; i < 2 && name->wire[pos] != 0; i++) {
		uint8_t len = name->wire[pos];
		if (len > 1 && name->wire[pos + 1] == '_') {
			us |= 1u << i;
			name->wire[pos] = --len;
			memmove(name->wire + pos + 1, name->wire + pos + 2,
				name->size_bytes - pos - 2u);
			name->size_bytes--;
		}
		pos += 1u + len;
	}
	return us;
}

bool names_accepts(const struct dname *entry, uint8_t us_mask, const struct dname *query)
{
	struct dname a = *entry;
	struct dname b = *query;
	unsigned own = normalise(&a);
	unsigned asked = normalise(&b);

	if (us_mask == 0)
		us_mask = (uint8_t)(1u << own);
	return ((us_mask >> asked) & 1u) != 0 && dname_is_equal(a.wire, b.wire);
}
