// SPDX-License-Identifier: Apache-2.0
// Turns `bind` and ports into places. A place of every address stands for one family.
#include "cli/listens.h"

#include <arpa/inet.h>
#include <errno.h>
#include <ifaddrs.h>
#include <stdio.h>
#include <string.h>

static const struct address every4 = {.family = 4, .text = "0.0.0.0"};
static const struct address every6 = {.family = 6, .text = "::"};

static bool has(const struct listens *l, const struct address *a, uint16_t port)
{
	for (size_t i = 0; i < l->n; i++) {
		if (l->list[i].port == port && address_is_equal(&l->list[i].address, a))
			return true;
	}
	return false;
}

static int add(struct listens *l, const struct address *a, uint16_t port, struct err *err)
{
	if (has(l, a, port))
		return 0;
	if (l->n == SOCKETS_MAX)
		return err_set(
			err, -E2BIG, "the Corefile listens at more than %d places", SOCKETS_MAX);
	l->list[l->n++] = (struct socket_place){.address = *a, .port = port};
	return 0;
}

static int add_every(struct listens *l, uint16_t port, struct err *err)
{
	int rc = add(l, &every4, port, err);

	return rc == 0 ? add(l, &every6, port, err) : rc;
}

// False for an address that no socket is bound to: IPv6 of one link needs an interface with it.
static bool take_sockaddr(const struct sockaddr *sa, struct address *out)
{
	char text[INET6_ADDRSTRLEN];
	struct sockaddr_in in4;
	struct sockaddr_in6 in6;

	if (sa == NULL)
		return false;
	if (sa->sa_family == AF_INET) {
		memcpy(&in4, sa, sizeof(in4));
		(void)inet_ntop(AF_INET, &in4.sin_addr, text, sizeof(text)); // there is room
		return address_parse(text, out, NULL) == 0;
	}
	if (sa->sa_family != AF_INET6)
		return false;
	memcpy(&in6, sa, sizeof(in6));
	(void)inet_ntop(AF_INET6, &in6.sin6_addr, text, sizeof(text)); // there is room
	return !IN6_IS_ADDR_LINKLOCAL(&in6.sin6_addr) && address_parse(text, out, NULL) == 0;
}

static int add_interface(
	struct listens *l, const struct config_bind *b, uint16_t port, struct err *err)
{
	const unsigned pos[2] = {b->pos.line, b->pos.column};
	struct ifaddrs *all = NULL;
	struct address a;
	bool found = false;
	int rc = 0;

	if (getifaddrs(&all) != 0)
		return err_set(err, -errno, "addresses of the interfaces: %s", strerror(errno));
	for (const struct ifaddrs *i = all; i != NULL && rc == 0; i = i->ifa_next) {
		if (strcmp(i->ifa_name, b->text) != 0 || !take_sockaddr(i->ifa_addr, &a))
			continue;
		found = true;
		rc = add(l, &a, port, err);
	}
	freeifaddrs(all);
	if (rc == 0 && !found)
		rc = err_set_at(err, -ENODEV, b->pos.file, pos,
			"there is no interface %.40s with an address", b->text);
	return rc;
}

static int add_bind(struct listens *l, const struct config_bind *b, uint16_t port, struct err *err)
{
	const unsigned pos[2] = {b->pos.line, b->pos.column};
	struct err why = {0};
	struct address a;

	if (b->is_interface)
		return add_interface(l, b, port, err);
	// CoreDNS' runtime opens one socket of both families for either.
	if (strcmp(b->text, every4.text) == 0 || strcmp(b->text, every6.text) == 0)
		return add_every(l, port, err);
	if (address_parse(b->text, &a, &why) != 0)
		return err_set_at(err, -EINVAL, b->pos.file, pos, "bind: %s", why.text);
	return add(l, &a, port, err);
}

enum bind_part { BIND_TO, BIND_EXCEPT };

static int add_binds(struct listens *l, const struct config_server *s, enum bind_part part,
	uint16_t port, struct err *err)
{
	int rc = 0;

	for (size_t i = 0; i < s->n_binds && rc == 0; i++) {
		if (s->binds[i].is_except == (part == BIND_EXCEPT))
			rc = add_bind(l, &s->binds[i], port, err);
	}
	return rc;
}

// `except` names addresses, or interfaces with theirs.
static int add_server(
	struct listens *l, const struct config_server *s, uint16_t port, struct err *err)
{
	struct listens except = {.n = 0};
	size_t before = l->n; // what stands there belongs to other blocks
	size_t n = before;

	if (s->n_binds == 0)
		return add_every(l, port, err);
	int rc = add_binds(l, s, BIND_TO, port, err);
	if (rc == 0)
		rc = add_binds(&except, s, BIND_EXCEPT, port, err);
	for (size_t i = before; i < l->n; i++) {
		if (!has(&except, &l->list[i].address, port))
			l->list[n++] = l->list[i];
	}
	l->n = n;
	return rc;
}

int listens_take(const struct config *c, struct listens *out, struct err *err)
{
	int rc = 0;

	out->n = 0;
	for (size_t s = 0; s < c->n_servers && rc == 0; s++) {
		for (size_t k = 0; k < c->servers[s].n_keys && rc == 0; k++) {
			const struct config_key *key = &c->servers[s].keys[k];
			if (key->scheme == SCHEME_DNS)
				rc = add_server(out, &c->servers[s], key->port, err);
		}
	}
	return rc;
}

int listens_kernel(const struct listens *l, const struct address *addresses, size_t n,
	struct listens *out, struct err *err)
{
	int rc = 0;

	out->n = 0;
	for (size_t i = 0; i < l->n && rc == 0; i++) {
		const struct socket_place *p = &l->list[i];
		if (!address_is_every(p->address.family, p->address.bytes) || n == 0) {
			// The socket of every address takes those of this one too.
			const struct address *every = p->address.family == 4 ? &every4 : &every6;
			if (address_is_every(p->address.family, p->address.bytes) || n > 0 ||
				!has(l, every, p->port))
				rc = add(out, &p->address, p->port, err);
			continue;
		}
		for (size_t a = 0; a < n && rc == 0; a++) {
			if (addresses[a].family == p->address.family)
				rc = add(out, &addresses[a], p->port, err);
		}
	}
	return rc;
}

int listens_of(const struct listens *l, const struct address *addresses, size_t n,
	struct listens *out, struct err *err)
{
	int rc = 0;

	out->n = 0;
	for (size_t i = 0; i < l->n; i++) {
		const struct socket_place *p = &l->list[i];
		for (size_t a = 0; a < n && rc == 0; a++) {
			bool is_it = address_is_every(p->address.family, p->address.bytes)
				? addresses[a].family == p->address.family
				: address_is_equal(&p->address, &addresses[a]);
			if (is_it)
				rc = add(out, &addresses[a], p->port, err);
		}
	}
	return rc;
}
