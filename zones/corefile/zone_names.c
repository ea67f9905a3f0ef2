// SPDX-License-Identifier: Apache-2.0
// Zones as people write them: names, and address ranges that stand for reverse zones (k8s:3.6).
#include "zones/corefile/parse.h"

#include "zones/wire/dname.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

static int zone_store(
	struct parse *p, const struct token *t, const char *text, struct config_zone *out)
{
	struct dname name;
	char printed[DNAME_TEXT_MAX_BYTES];

	if (text[0] == '\0' || dname_parse(text, &name) != 0)
		return parse_error(p, t,
			"%.80s is no domain name: labels hold at most 63, names 255 characters",
			text[0] == '\0' ? "nothing" : text);
	dname_lower(&name);
	dname_print(name.wire, printed, sizeof(printed));
	out->text = arena_copy(p->arena, printed, strlen(printed) + 1);
	out->wire = arena_copy(p->arena, name.wire, name.size_bytes);
	out->wire_bytes = name.size_bytes;
	if (out->text == NULL || out->wire == NULL)
		return parse_no_memory(p);
	return 0;
}

int zone_parse(struct parse *p, const struct token *t, const char *text, struct config_zone *out)
{
	return zone_store(p, t, text, out);
}

static int zones_push(
	struct parse *p, const struct token *t, const char *text, struct config_zones *out)
{
	struct config_zone *items = list_grow(p->arena, out->items, out->n, sizeof(*items));

	if (items == NULL)
		return parse_no_memory(p);
	int rc = zone_store(p, t, text, &items[out->n]);
	if (rc != 0)
		return rc;
	out->items = items;
	out->n++;
	return 0;
}

// The reverse zone of the first n labels of an address: octets of IPv4, nibbles of IPv6.
static void reverse_text(const struct config_cidr *c, size_t n, char *buf, size_t size)
{
	size_t at = 0;

	buf[0] = '\0';
	for (size_t i = n; i > 0 && at < size; i--) {
		unsigned byte = c->family == 4 ? c->address[i - 1] : c->address[(i - 1) / 2];
		if (c->family == 6)
			byte = (i - 1) % 2 == 0 ? byte >> 4 : byte & 15;
		int len = snprintf(buf + at, size - at, c->family == 4 ? "%u." : "%x.", byte);
		at += len < 0 ? 0 : (size_t)len;
	}
	if (at < size)
		(void)snprintf(buf + at, size - at, "%s",
			c->family == 4 ? "in-addr.arpa." : "ip6.arpa."); // always fits
}

// A mask between two label boundaries gives several zones of the next boundary: at most 128 for
// IPv4, 8 for IPv6.
static int zones_of_cidr(
	struct parse *p, const struct token *t, struct config_cidr c, struct config_zones *out)
{
	unsigned step = c.family == 4 ? 8 : 4;
	unsigned labels = (c.bits + step - 1) / step;
	unsigned many = 1u << (labels * step - c.bits);
	char text[128];
	int rc = 0;

	for (unsigned i = 0; rc == 0 && i < many; i++) {
		struct config_cidr one = c;
		if (labels > 0 && c.family == 4)
			one.address[labels - 1] |= (uint8_t)i;
		if (labels > 0 && c.family == 6)
			one.address[(labels - 1) / 2] |=
				(uint8_t)((labels - 1) % 2 == 0 ? i << 4 : i);
		reverse_text(&one, labels, text, sizeof(text));
		rc = zones_push(p, t, text, out);
	}
	return rc;
}

// "dns://", "tls://" ... in front of a zone are no part of it.
static const char *skip_scheme(const char *text)
{
	const char *mark = strstr(text, "://");

	return mark == NULL ? text : mark + 3;
}

int zone_split_port(struct parse *p, const struct token *t, const char **text, uint16_t *port)
{
	const char *zone = skip_scheme(*text);
	const char *colon = strrchr(zone, ':');
	uint64_t n = 0;

	*text = zone;
	if (colon == NULL)
		return 0;
	if (colon[1] == '\0')
		return parse_error(p, t, "a port is missing behind the colon");
	// What is no number belongs to an IPv6 range, which has its port behind the mask.
	if (strspn(colon + 1, "0123456789") != strlen(colon + 1))
		return 0;
	if (word_number(colon + 1, 1, UINT16_MAX, &n) != 0)
		return parse_error(p, t, "a port is a number from 1 to 65535");
	size_t len = (size_t)(colon - zone);
	char *copy = arena_copy(p->arena, zone, len + 1);
	if (copy == NULL)
		return parse_no_memory(p);
	copy[len] = '\0';
	*text = copy;
	*port = (uint16_t)n;
	return 0;
}

int zones_add(struct parse *p, const struct token *t, struct config_zones *out)
{
	const char *text = t->text;
	struct config_cidr cidr;
	uint16_t port = 0;
	int rc = zone_split_port(p, t, &text, &port);

	if (rc != 0)
		return rc;
	if (strchr(text, '/') == NULL || word_cidr(text, &cidr) != 0)
		return zones_push(p, t, text, out);
	if (text[0] == ':' || (text[0] == '0' && cidr.family == 6))
		return parse_error(p, t, "%s is no range of addresses that can be reversed", text);
	return zones_of_cidr(p, t, cidr, out);
}

int zones_or_server(struct parse *p, const struct token *t, size_t n, struct config_zones *out)
{
	int rc = 0;

	for (size_t i = 0; rc == 0 && i < n; i++)
		rc = zones_add(p, &t[i], out);
	for (size_t i = 0; rc == 0 && n == 0 && i < p->server->n_keys; i++) {
		struct config_zone *items = list_grow(p->arena, out->items, out->n, sizeof(*items));
		if (items == NULL)
			return parse_no_memory(p);
		out->items = items;
		items[out->n++] = p->server->keys[i].zone;
	}
	return rc;
}
