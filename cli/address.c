// SPDX-License-Identifier: Apache-2.0
// Parses and compares addresses.
#include "cli/address.h"

#include <arpa/inet.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

// Why nobody can serve DNS on this address, or NULL.
static const char *unusable(const struct address *a)
{
	static const uint8_t zero[16], all[4] = {255, 255, 255, 255};

	if (memcmp(a->bytes, zero, address_bytes(a->family)) == 0)
		return "is the unspecified address";
	if (a->family == 6 && a->bytes[0] == 0xff)
		return "is a multicast address";
	if (a->family == 4 && (a->bytes[0] & 0xf0) == 0xe0)
		return "is a multicast address";
	if (a->family == 4 && memcmp(a->bytes, all, 4) == 0)
		return "is the broadcast address";
	return NULL;
}

static int parse_prefix_len(const char *text, unsigned max, uint8_t *out)
{
	char *end;

	if (*text < '0' || *text > '9')
		return -EINVAL;
	unsigned long n = strtoul(text, &end, 10);
	if (*end != 0 || n > max)
		return -EINVAL;
	*out = (uint8_t)n;
	return 0;
}

int address_parse(const char *text, struct address *out, struct err *err)
{
	char host[INET6_ADDRSTRLEN];
	const char *slash = strchr(text, '/');
	size_t len = slash == NULL ? strlen(text) : (size_t)(slash - text);

	memset(out, 0, sizeof(*out));
	if (len >= sizeof(host))
		return err_set(err, -EINVAL, "'%.60s' is no IP address", text);
	memcpy(host, text, len);
	host[len] = 0;
	if (inet_pton(AF_INET, host, out->bytes) == 1)
		out->family = 4;
	else if (inet_pton(AF_INET6, host, out->bytes) == 1)
		out->family = 6;
	else
		return err_set(err, -EINVAL, "'%.60s' is no IP address", text);
	unsigned max = address_bytes(out->family) * 8;
	out->prefix_len = (uint8_t)max;
	if (slash != NULL && parse_prefix_len(slash + 1, max, &out->prefix_len) != 0)
		return err_set(
			err, -EINVAL, "'%.60s': the prefix length must be 0 to %u", text, max);
	const char *why = unusable(out);
	if (why != NULL)
		return err_set(err, -EINVAL, "%.60s %s", host, why);
	if (inet_ntop(out->family == 4 ? AF_INET : AF_INET6, out->bytes, out->text,
		    sizeof(out->text)) == NULL)
		return err_set(err, -errno, "%.60s cannot be printed", host);
	return 0;
}

bool address_is_every(uint8_t family, const uint8_t bytes[16])
{
	static const uint8_t zeros[16];

	return memcmp(bytes, zeros, address_bytes(family)) == 0;
}

bool address_is_loopback(const struct address *a)
{
	static const uint8_t loopback6[16] = {[15] = 1};

	return a->family == 4 ? a->bytes[0] == 127 : memcmp(a->bytes, loopback6, 16) == 0;
}

bool address_is_equal(const struct address *a, const struct address *b)
{
	return a->family == b->family && memcmp(a->bytes, b->bytes, address_bytes(a->family)) == 0;
}

bool address_is_on_link(const struct address *a, const struct address *b)
{
	unsigned whole = a->prefix_len / 8, rest = a->prefix_len % 8;

	if (a->family != b->family || memcmp(a->bytes, b->bytes, whole) != 0)
		return false;
	return rest == 0 || ((a->bytes[whole] ^ b->bytes[whole]) >> (8 - rest)) == 0;
}

socklen_t address_to_sockaddr(const struct address *a, uint16_t port, struct sockaddr_storage *out)
{
	struct sockaddr_in in4 = {.sin_family = AF_INET, .sin_port = htons(port)};
	struct sockaddr_in6 in6 = {.sin6_family = AF_INET6, .sin6_port = htons(port)};

	memset(out, 0, sizeof(*out));
	if (a->family == 4) {
		memcpy(&in4.sin_addr, a->bytes, 4);
		memcpy(out, &in4, sizeof(in4));
		return sizeof(in4);
	}
	memcpy(&in6.sin6_addr, a->bytes, 16);
	memcpy(out, &in6, sizeof(in6));
	return sizeof(in6);
}
