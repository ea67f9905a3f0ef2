// SPDX-License-Identifier: Apache-2.0
// Names in wire form: sizes, text, comparison, joining. Every walk is bounded by 255 bytes.
#include "zones/wire/dname.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

#define L4(c) c, (c) + 1, (c) + 2, (c) + 3
#define L16(c) L4(c), L4((c) + 4), L4((c) + 8), L4((c) + 12)

const uint8_t dname_lower_table[256] = {L16(0x00), L16(0x10), L16(0x20), L16(0x30), 0x40, 'a', 'b',
	'c', 'd', 'e', 'f', 'g', 'h', 'i', 'j', 'k', 'l', 'm', 'n', 'o', 'p', 'q', 'r', 's', 't',
	'u', 'v', 'w', 'x', 'y', 'z', 0x5b, 0x5c, 0x5d, 0x5e, 0x5f, L16(0x60), L16(0x70), L16(0x80),
	L16(0x90), L16(0xa0), L16(0xb0), L16(0xc0), L16(0xd0), L16(0xe0), L16(0xf0)};

size_t dname_size(const uint8_t *wire, size_t max_bytes)
{
	size_t pos = 0;

	if (max_bytes > DNS_NAME_MAX_BYTES)
		max_bytes = DNS_NAME_MAX_BYTES;
	while (pos < max_bytes) {
		uint8_t len = wire[pos];
		if (len > DNS_LABEL_MAX_BYTES) // proto:N2, N3
			return 0;
		pos += 1u + len;
		if (len == 0)
			return pos;
	}
	return 0;
}

unsigned dname_labels(const uint8_t *wire)
{
	unsigned n = 0;

	for (; *wire != 0; wire += 1u + *wire)
		n++;
	return n;
}

// Reads one escaped or plain character; returns how many characters of text it took, 0 if bad.
static size_t char_parse(const char *text, uint8_t *out)
{
	if (text[0] != '\\') {
		*out = (uint8_t)text[0];
		return 1;
	}
	if (text[1] == '\0')
		return 0;
	if (text[1] < '0' || text[1] > '9') {
		*out = (uint8_t)text[1];
		return 2;
	}
	unsigned v = 0;
	for (int i = 1; i <= 3; i++) {
		if (text[i] < '0' || text[i] > '9')
			return 0;
		v = v * 10 + (unsigned)(text[i] - '0');
	}
	if (v > 255)
		return 0;
	*out = (uint8_t)v;
	return 4;
}

// Reads one label into label[63]; returns the characters taken (without the dot), 0 if bad.
static size_t label_parse(const char *text, uint8_t label[DNS_LABEL_MAX_BYTES], size_t *len)
{
	size_t taken = 0;

	*len = 0;
	while (text[taken] != '\0' && text[taken] != '.') {
		uint8_t c = 0;
		size_t n = char_parse(text + taken, &c);
		if (n == 0 || *len == DNS_LABEL_MAX_BYTES)
			return 0;
		label[(*len)++] = c;
		taken += n;
	}
	return taken;
}

int dname_parse(const char *text, struct dname *name)
{
	struct dname out = {0};
	size_t pos = 0;

	if (text[0] == '.' && text[1] == '\0')
		text++;
	else if (text[0] == '\0')
		return -EINVAL;
	while (*text != '\0') {
		uint8_t label[DNS_LABEL_MAX_BYTES];
		size_t len = 0;
		size_t taken = label_parse(text, label, &len);
		if (taken == 0 || pos + 1 + len + 1 > DNS_NAME_MAX_BYTES)
			return -EINVAL;
		out.wire[pos++] = (uint8_t)len;
		memcpy(out.wire + pos, label, len);
		pos += len;
		text += taken;
		if (*text == '.')
			text++;
	}
	out.wire[pos++] = 0;
	out.size_bytes = (uint8_t)pos;
	*name = out;
	return 0;
}

// Bytes that a person could not read become \DDD, those that would end the label \c (RFC 1035 5.1).
static size_t byte_print(uint8_t c, char *buf, size_t size_bytes)
{
	if (c <= ' ' || c > '~')
		return (size_t)snprintf(buf, size_bytes, "\\%03u", c);
	if (c == '.' || c == '\\' || c == '"')
		return (size_t)snprintf(buf, size_bytes, "\\%c", c);
	return (size_t)snprintf(buf, size_bytes, "%c", c);
}

const char *dname_print(const uint8_t *wire, char *buf, size_t size_bytes)
{
	size_t pos = 0;

	if (size_bytes == 0)
		return buf;
	if (*wire == 0) {
		(void)snprintf(buf, size_bytes, ".");
		return buf;
	}
	buf[0] = '\0';
	while (*wire != 0) {
		uint8_t len = *wire++;
		for (uint8_t i = 0; i < len && pos + 6 < size_bytes; i++)
			pos += byte_print(wire[i], buf + pos, size_bytes - pos);
		wire += len;
		if (pos + 2 < size_bytes)
			pos += (size_t)snprintf(buf + pos, size_bytes - pos, ".");
	}
	return buf;
}

void dname_lower(struct dname *name)
{
	for (size_t i = 0; i < name->size_bytes; i++)
		name->wire[i] = dname_lower_byte(name->wire[i]);
}

bool dname_is_equal(const uint8_t *a, const uint8_t *b)
{
	for (;;) {
		uint8_t len = *a;
		if (len != *b)
			return false;
		if (len == 0)
			return true;
		for (uint8_t i = 1; i <= len; i++) {
			if (dname_lower_byte(a[i]) != dname_lower_byte(b[i]))
				return false;
		}
		a += 1u + len;
		b += 1u + len;
	}
}

bool dname_is_within(const uint8_t *name, const uint8_t *zone)
{
	unsigned have = dname_labels(name);
	unsigned want = dname_labels(zone);

	if (want > have)
		return false;
	for (; have > want; have--)
		name += 1u + *name;
	return dname_is_equal(name, zone);
}

int dname_append(struct dname *prefix, const uint8_t *name)
{
	size_t keep = prefix->size_bytes == 0 ? 0 : prefix->size_bytes - 1u;
	size_t add = dname_size(name, DNS_NAME_MAX_BYTES);

	if (add == 0 || keep + add > DNS_NAME_MAX_BYTES)
		return -ENAMETOOLONG;
	memcpy(prefix->wire + keep, name, add);
	prefix->size_bytes = (uint8_t)(keep + add);
	return 0;
}

int dname_prepend(struct dname *name, const void *label, size_t len)
{
	if (len == 0 || len > DNS_LABEL_MAX_BYTES)
		return -EINVAL;
	if (name->size_bytes + 1u + len > DNS_NAME_MAX_BYTES)
		return -ENAMETOOLONG;
	memmove(name->wire + 1 + len, name->wire, name->size_bytes);
	name->wire[0] = (uint8_t)len;
	memcpy(name->wire + 1, label, len);
	name->size_bytes = (uint8_t)(name->size_bytes + 1u + len);
	return 0;
}
