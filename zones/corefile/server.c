// SPDX-License-Identifier: Apache-2.0
// Keys of server blocks (k8s:3.5): scheme, zone, port; and that nothing is served twice.
#include "zones/corefile/directives.h"

#include "zones/base/array.h"

#include <stdlib.h>
#include <string.h>

// The scheme in front of a key and its port. 0 or an error told.
static int key_scheme(struct parse *p, const struct token *t, uint16_t *port)
{
	static const char *const others[] = {"tls", "quic", "grpc", "https", "https3", "unix"};
	const char *mark = strstr(t->text, "://");
	size_t len = mark == NULL ? 0 : (size_t)(mark - t->text);

	*port = p->o->port == 0 ? 53 : p->o->port;
	if (mark == NULL || (len == 3 && strncmp(t->text, "dns", 3) == 0))
		return 0;
	for (size_t i = 0; i < ARRAY_LEN(others); i++) {
		if (len == strlen(others[i]) && strncmp(t->text, others[i], len) == 0)
			return parse_error(p, t,
				"burst53 serves plain DNS over UDP and TCP; for %s:// put a proxy "
				"in front "
				"and serve dns:// here",
				others[i]);
	}
	return parse_error(p, t, "%.*s:// is no scheme of a server", (int)len, t->text);
}

static int add_key(struct parse *p, const struct token *t, struct config_server *s)
{
	const char *text = t->text;
	struct config_zones zones = {0};
	uint16_t port = 0;
	int rc = key_scheme(p, t, &port);

	if (rc == 0)
		rc = zone_split_port(p, t, &text, &port);
	if (rc == 0)
		rc = zones_add(p, t, &zones);
	for (size_t i = 0; rc == 0 && i < zones.n; i++) {
		struct config_key *keys = list_grow(p->arena, s->keys, s->n_keys, sizeof(*keys));
		if (keys == NULL)
			return parse_no_memory(p);
		s->keys = keys;
		keys[s->n_keys++] = (struct config_key){.scheme = SCHEME_DNS,
			.port = port,
			.zone = zones.items[i],
			.pos = token_pos(t)};
	}
	return rc;
}

int server_keys(struct parse *p, const struct block *b)
{
	int first = 0;

	for (size_t i = 0; i < b->n_keys; i++) {
		int rc = add_key(p, &b->keys[i], p->server);
		if (first == 0)
			first = rc;
		if (!parse_goes_on(p, rc))
			return rc;
	}
	return first;
}

// One zone, port and address that something serves.
struct claim {
	const char *zone;
	const char *address; // "" is every address
	struct config_pos pos;
	uint16_t port;
};

static int compare_claims(const void *a, const void *b)
{
	const struct claim *x = a;
	const struct claim *y = b;
	int c = strcmp(x->zone, y->zone);

	if (c == 0)
		c = (int)x->port - (int)y->port;
	if (c == 0)
		c = strcmp(x->address, y->address);
	if (c == 0 && x->pos.line != y->pos.line)
		c = x->pos.line < y->pos.line ? -1 : 1;
	if (c == 0 && x->pos.column != y->pos.column)
		c = x->pos.column < y->pos.column ? -1 : 1;
	return c;
}

static bool is_excepted(const struct config_server *s, const char *address)
{
	for (size_t i = 0; i < s->n_binds; i++) {
		if (s->binds[i].is_except && strcmp(s->binds[i].text, address) == 0)
			return true;
	}
	return false;
}

// Writes the claims of one key when out is not NULL; returns how many there are.
static size_t key_claims(
	const struct config_server *s, const struct config_key *k, struct claim *out)
{
	struct claim c = {.zone = k->zone.text, .address = "", .pos = k->pos, .port = k->port};
	size_t n = 0;

	for (size_t i = 0; i < s->n_binds; i++) {
		if (s->binds[i].is_except || is_excepted(s, s->binds[i].text))
			continue;
		c.address = s->binds[i].text;
		if (out != NULL)
			out[n] = c;
		n++;
	}
	if (n == 0 && out != NULL)
		out[0] = c;
	return n == 0 ? 1 : n;
}

// Two claims on one zone and port: the same address, or one for every address beside another.
static int check_pair(struct parse *p, const struct claim *a, const struct claim *b)
{
	bool is_same = strcmp(a->address, b->address) == 0;

	if (strcmp(a->zone, b->zone) != 0 || a->port != b->port ||
		(!is_same && a->address[0] != '\0'))
		return 0;
	const struct claim *late = a->pos.line > b->pos.line ? a : b;
	const struct claim *early = late == a ? b : a;
	struct token t = {.file = late->pos.file,
		.line = late->pos.line,
		.column = late->pos.column,
		.width = 1};
	if (is_same)
		return parse_error(p, &t, "%s on port %u is already served by line %u", late->zone,
			late->port, early->pos.line);
	return parse_error(p, &t,
		"%s on port %u is served on every address and on %s by line %u: add or remove bind",
		late->zone, late->port, late->address[0] != '\0' ? late->address : early->address,
		early->pos.line);
}

int servers_check(struct parse *p)
{
	struct config *c = p->c;
	size_t n = 0;
	size_t at = 0;
	int first = 0;

	for (size_t s = 0; s < c->n_servers; s++) {
		for (size_t k = 0; k < c->servers[s].n_keys; k++)
			n += key_claims(&c->servers[s], &c->servers[s].keys[k], NULL);
	}
	struct claim *claims = calloc(n + 1, sizeof(*claims));
	if (claims == NULL)
		return parse_no_memory(p);
	for (size_t s = 0; s < c->n_servers; s++) {
		for (size_t k = 0; k < c->servers[s].n_keys; k++)
			at += key_claims(&c->servers[s], &c->servers[s].keys[k], claims + at);
	}
	qsort(claims, n, sizeof(*claims), compare_claims);
	for (size_t i = 1; i < n && parse_goes_on(p, first); i++) {
		int rc = check_pair(p, &claims[i - 1], &claims[i]);
		if (first == 0)
			first = rc;
	}
	free(claims);
	return first;
}
