// SPDX-License-Identifier: Apache-2.0
// Several blocks may name the same place: it is listened at once.
#include "cli/places.h"

#include "zones/corefile/service.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

static int add(
	struct places *p, enum place_kind kind, const struct config_listen *l, struct err *err)
{
	struct place place = {.kind = kind};
	bool is_6 = strchr(l->host, ':') != NULL;

	if (snprintf(place.text, sizeof(place.text), "%s%s%s:%u", is_6 ? "[" : "", l->host,
		    is_6 ? "]" : "", l->port) >= (int)sizeof(place.text))
		return err_set(err, -E2BIG, "%.60s...: too long a host", l->host);
	for (size_t i = 0; i < p->n; i++) {
		if (p->list[i].kind == kind && strcmp(p->list[i].text, place.text) == 0)
			return 0;
	}
	if (p->n == PLACES_MAX)
		return err_set(err, -E2BIG,
			"the Corefile has more than %d places for health, ready and prometheus",
			PLACES_MAX);
	p->list[p->n++] = place;
	return 0;
}

static int take(struct places *p, const struct config_directive *d, struct err *err)
{
	switch ((unsigned)d->kind) {
	case DIR_HEALTH: {
		const struct config_health *h = d->data;
		if (h->lameduck_ms > p->lameduck_ms)
			p->lameduck_ms = h->lameduck_ms;
		return add(p, PLACE_HEALTH, &h->listen, err);
	}
	case DIR_READY:
		return add(p, PLACE_READY, &((const struct config_ready *)d->data)->listen, err);
	case DIR_PROMETHEUS:
		return add(p, PLACE_METRICS, &((const struct config_prometheus *)d->data)->listen,
			err);
	default:
		return 0;
	}
}

int places_take(const struct config *c, struct places *out, struct err *err)
{
	int rc = 0;

	for (size_t s = 0; s < c->n_servers; s++) {
		const struct config_server *server = &c->servers[s];
		for (size_t i = 0; i < server->n_directives && rc == 0; i++)
			rc = take(out, &server->directives[i], err);
	}
	return rc;
}
