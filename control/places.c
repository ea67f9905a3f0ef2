// SPDX-License-Identifier: Apache-2.0
// Words are compared, not addresses: what an interface had at the start is what sockets are bound
// to.
#include "control/places.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

// Called for each place; what is not 0 ends the walk.
typedef int (*place_fn)(void *user, const struct place *p, const struct config_pos *pos);

static void spell(const struct config_server *s, const struct config_bind *b, struct place *p)
{
	size_t n = (size_t)snprintf(p->text, sizeof(p->text), "%s", b->text);

	for (size_t i = 0; i < s->n_binds && n < sizeof(p->text); i++) {
		if (s->binds[i].is_except)
			n += (size_t)snprintf(
				p->text + n, sizeof(p->text) - n, " except %s", s->binds[i].text);
	}
}

static int visit_key(
	const struct config_server *s, const struct config_key *k, place_fn fn, void *user)
{
	struct place p = {.port = k->port};
	int rc = s->n_binds == 0 ? fn(user, &p, &k->pos) : 0;

	for (size_t i = 0; i < s->n_binds && rc == 0; i++) {
		if (s->binds[i].is_except)
			continue;
		spell(s, &s->binds[i], &p);
		rc = fn(user, &p, &s->binds[i].pos);
	}
	return rc;
}

static int each(const struct config *c, place_fn fn, void *user)
{
	int rc = 0;

	for (size_t s = 0; s < c->n_servers && rc == 0; s++) {
		const struct config_server *server = &c->servers[s];
		for (size_t k = 0; k < server->n_keys && rc == 0; k++) {
			if (server->keys[k].scheme == SCHEME_DNS)
				rc = visit_key(server, &server->keys[k], fn, user);
		}
	}
	return rc;
}

static bool has(const struct places *l, const struct place *p)
{
	for (size_t i = 0; i < l->n; i++) {
		if (l->list[i].port == p->port && strcmp(l->list[i].text, p->text) == 0)
			return true;
	}
	return false;
}

static int add(void *user, const struct place *p, const struct config_pos *pos)
{
	struct places *out = user;

	(void)pos;
	if (has(out, p))
		return 0;
	struct place *more = realloc(out->list, (out->n + 1) * sizeof(*more));
	if (more == NULL)
		return -ENOMEM;
	out->list = more;
	out->list[out->n++] = *p;
	return 0;
}

int places_take(const struct config *c, struct places *out)
{
	*out = (struct places){0};
	int rc = each(c, add, out);

	if (rc != 0)
		places_free(out);
	return rc;
}

void places_free(struct places *p)
{
	free(p->list);
	*p = (struct places){0};
}

struct search {
	const struct places *bound;
	struct err *err;
};

static int find(void *user, const struct place *p, const struct config_pos *pos)
{
	const struct search *s = user;
	const unsigned at[2] = {pos->line, pos->column};

	if (has(s->bound, p))
		return 0;
	return err_set_at(s->err, -EADDRNOTAVAIL, pos->file, at,
		"listening on %.100s port %u is new: sockets are made at the start, restart "
		"burst53 for it",
		p->text[0] != 0 ? p->text : "every address", p->port);
}

int places_check(const struct places *bound, const struct config *c, struct err *err)
{
	struct search s = {.bound = bound, .err = err};

	return each(c, find, &s);
}
