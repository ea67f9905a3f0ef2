// SPDX-License-Identifier: Apache-2.0
// Directives about running the server: bind, health, multisocket, prometheus, ready, reload,
// root, timeouts; and those that are only checked: cancel, metadata, pprof.
#include "zones/corefile/directives.h"

#include "zones/base/array.h"

#include <net/if.h>
#include <string.h>

// A word that is no address must be able to name an interface, and where sockets are opened, one
// that is there.
static int check_interface(struct parse *p, const struct token *t)
{
	const char *text = t->text;

	if (text[0] == '\0' || strlen(text) >= IF_NAMESIZE || strpbrk(text, "/:% ") != NULL ||
		text[strspn(text, "0123456789.")] == '\0')
		return parse_error(
			p, t, "\"%.60s\" is neither an address nor the name of an interface", text);
	if (p->o->needs_interfaces && !p->o->skip_file_checks && if_nametoindex(text) == 0)
		return parse_error(p, t,
			"this machine has no interface %.60s: make it first, bind an address, or "
			"check with --no-files",
			text);
	return 0;
}

static int add_bind(struct parse *p, const struct token *t, bool is_except)
{
	struct config_server *s = p->server;
	struct config_bind *items = list_grow(p->arena, s->binds, s->n_binds, sizeof(*items));
	bool is_address = word_is_address(t->text) && strchr(t->text, '%') == NULL;
	int rc = is_address ? 0 : check_interface(p, t);

	if (items == NULL)
		return parse_no_memory(p);
	if (rc != 0)
		return rc;
	s->binds = items;
	items[s->n_binds++] = (struct config_bind){.text = t->text,
		.is_interface = !is_address,
		.is_except = is_except,
		.pos = token_pos(t)};
	return 0;
}

static int take_except(struct parse *p, const struct node *n, void *out)
{
	int rc = 0;

	(void)out;
	for (size_t i = 0; rc == 0 && i < n->n_args; i++)
		rc = add_bind(p, &n->args[i], true);
	return rc;
}

int bind_parse(struct parse *p, const struct node *n, struct config_directive *d)
{
	static const struct property table[] = {
		{"except", PROP_CALL, 0, 1, ANY_NUMBER, take_except, STRICT},
	};
	int rc = parse_shape(p, n, 1, ANY_NUMBER, BRACES_YES);

	(void)d;
	for (size_t i = 0; rc == 0 && i < n->n_args; i++)
		rc = add_bind(p, &n->args[i], false);
	return rc == 0 ? properties_parse(p, n, table, ARRAY_LEN(table), p->server) : rc;
}

static int take_listen(struct parse *p, const struct node *n, struct config_listen *out)
{
	int rc = parse_shape(p, n, 0, 1, BRACES_YES);

	if (rc != 0 || n->n_args == 0)
		return rc;
	rc = word_listen(p->arena, n->args[0].text, out);
	if (rc == -ENOMEM)
		return parse_no_memory(p);
	if (rc != 0)
		return parse_error(p, &n->args[0],
			"%s listens on ADDRESS:PORT or :PORT, not on %.60s", n->name->text,
			n->args[0].text);
	return 0;
}

int health_parse(struct parse *p, const struct node *n, struct config_directive *d)
{
	static const struct property table[] = {
		{"lameduck", PROP_MS, offsetof(struct config_health, lameduck_ms), 0, 0, NULL,
			STRICT},
	};
	struct config_health *h = arena_alloc(p->arena, sizeof(*h));

	if (h == NULL)
		return parse_no_memory(p);
	h->listen = (struct config_listen){.host = "", .port = 8080};
	d->data = h;
	int rc = take_listen(p, n, &h->listen);
	return rc == 0 ? properties_parse(p, n, table, ARRAY_LEN(table), h) : rc;
}

static int take_monitor(struct parse *p, const struct node *n, void *out)
{
	struct config_ready *r = out;

	r->monitor_continuously = strcmp(n->args[0].text, "continuously") == 0;
	if (!r->monitor_continuously && strcmp(n->args[0].text, "until-ready") != 0)
		return parse_error(p, &n->args[0], "monitor is until-ready or continuously");
	return 0;
}

int ready_parse(struct parse *p, const struct node *n, struct config_directive *d)
{
	static const struct property table[] = {
		{"monitor", PROP_CALL, 0, 1, 1, take_monitor, STRICT},
	};
	struct config_ready *r = arena_alloc(p->arena, sizeof(*r));

	if (r == NULL)
		return parse_no_memory(p);
	r->listen = (struct config_listen){.host = "", .port = 8181};
	d->data = r;
	int rc = take_listen(p, n, &r->listen);
	return rc == 0 ? properties_parse(p, n, table, ARRAY_LEN(table), r) : rc;
}

static int take_metrics_tls(struct parse *p, const struct node *n, void *out)
{
	(void)out;
	return parse_error(p, n->name,
		"burst53 serves metrics over plain HTTP only; remove tls, or put a TLS proxy in "
		"front");
}

int prometheus_parse(struct parse *p, const struct node *n, struct config_directive *d)
{
	static const struct property table[] = {
		{"runtime_metrics", PROP_IGNORED, 0, 0, 0, NULL, STRICT},
		{"tls", PROP_CALL, 0, 0, ANY_NUMBER, take_metrics_tls, STRICT},
	};
	struct config_prometheus *m = arena_alloc(p->arena, sizeof(*m));

	if (m == NULL)
		return parse_no_memory(p);
	m->listen = (struct config_listen){.host = "localhost", .port = 9153};
	d->data = m;
	int rc = take_listen(p, n, &m->listen);
	return rc == 0 ? properties_parse(p, n, table, ARRAY_LEN(table), m) : rc;
}

int reload_parse(struct parse *p, const struct node *n, struct config_directive *d)
{
	struct config_reload *r = arena_alloc(p->arena, sizeof(*r));
	int rc = parse_shape(p, n, 0, 2, BRACES_NO);

	if (rc != 0)
		return rc;
	if (r == NULL)
		return parse_no_memory(p);
	*r = (struct config_reload){.interval_ms = 30000, .jitter_ms = 15000};
	d->data = r;
	if (n->n_args > 0 &&
		(word_duration(n->args[0].text, &r->interval_ms) != 0 || r->interval_ms < 2000))
		return parse_error(p, &n->args[0], "the interval of reload is at least 2s");
	if (n->n_args > 1 &&
		(word_duration(n->args[1].text, &r->jitter_ms) != 0 ||
			(r->jitter_ms != 0 && r->jitter_ms < 1000)))
		return parse_error(p, &n->args[1], "the jitter of reload is 0 or at least 1s");
	if (r->jitter_ms > r->interval_ms / 2)
		r->jitter_ms = r->interval_ms / 2;
	return 0;
}

// A bare number counts seconds here, unlike everywhere else.
static int take_timeout(struct parse *p, const struct token *t, uint64_t *out)
{
	uint64_t seconds = 0;

	if (word_number(t->text, 0, 86400, &seconds) == 0)
		*out = seconds * 1000;
	else if (word_duration(t->text, out) != 0)
		return parse_error(p, t, "a time-out is a duration such as 10s");
	if (*out < 1000 || *out > 86400000)
		return parse_error(p, t, "a time-out is from 1s to 24h");
	return 0;
}

static int take_read(struct parse *p, const struct node *n, void *out)
{
	return take_timeout(p, &n->args[0], &((struct config_timeouts *)out)->read_ms);
}

static int take_write(struct parse *p, const struct node *n, void *out)
{
	return take_timeout(p, &n->args[0], &((struct config_timeouts *)out)->write_ms);
}

static int take_idle(struct parse *p, const struct node *n, void *out)
{
	return take_timeout(p, &n->args[0], &((struct config_timeouts *)out)->idle_ms);
}

static int take_max_queries(struct parse *p, const struct node *n, void *out)
{
	struct config_timeouts *t = out;
	uint64_t value = 0;

	if (strcmp(n->args[0].text, "-1") == 0)
		return 0;
	if (word_number(n->args[0].text, 1, INT32_MAX, &value) != 0)
		return parse_error(p, &n->args[0], "maxtcpqueries is -1 or at least 1");
	t->max_tcp_queries = (uint32_t)value;
	return 0;
}

int timeouts_parse(struct parse *p, const struct node *n, struct config_directive *d)
{
	static const struct property table[] = {
		{"idle", PROP_CALL, 0, 1, 1, take_idle, STRICT},
		{"maxtcpqueries", PROP_CALL, 0, 1, 1, take_max_queries, STRICT},
		{"read", PROP_CALL, 0, 1, 1, take_read, STRICT},
		{"write", PROP_CALL, 0, 1, 1, take_write, STRICT},
	};
	struct config_timeouts *t = arena_alloc(p->arena, sizeof(*t));
	int rc = parse_shape(p, n, 0, 0, BRACES_YES);

	if (rc != 0)
		return rc;
	if (t == NULL)
		return parse_no_memory(p);
	*t = (struct config_timeouts){.read_ms = 3000, .write_ms = 5000, .idle_ms = 10000};
	d->data = t;
	if (n->first == NULL)
		return parse_error(p, n->name, "timeouts needs read, write or idle in braces");
	return properties_parse(p, n, table, ARRAY_LEN(table), t);
}

int multisocket_parse(struct parse *p, const struct node *n, struct config_directive *d)
{
	struct config_multisocket *m = arena_alloc(p->arena, sizeof(*m));
	int rc = parse_shape(p, n, 0, 1, BRACES_NO);
	uint64_t sockets = 0;

	if (rc != 0)
		return rc;
	if (m == NULL)
		return parse_no_memory(p);
	if (n->n_args == 1 && word_number(n->args[0].text, 1, 1024, &sockets) != 0)
		return parse_error(p, &n->args[0], "multisocket is a number from 1 to 1024");
	m->sockets = (uint32_t)sockets;
	d->data = m;
	return 0;
}

int root_parse(struct parse *p, const struct node *n, struct config_directive *d)
{
	struct config_root *r = arena_alloc(p->arena, sizeof(*r));
	int rc = parse_shape(p, n, 1, 1, BRACES_NO);

	if (rc != 0)
		return rc;
	if (r == NULL)
		return parse_no_memory(p);
	r->path = n->args[0].text;
	p->root = r->path;
	d->data = r;
	return 0;
}

int metadata_parse(struct parse *p, const struct node *n, struct config_directive *d)
{
	(void)d;
	return parse_shape(p, n, 0, ANY_NUMBER, BRACES_NO);
}

int cancel_parse(struct parse *p, const struct node *n, struct config_directive *d)
{
	uint64_t ms = 1;
	int rc = parse_shape(p, n, 0, 1, BRACES_NO);

	(void)d;
	if (rc == 0 && n->n_args == 1 && (word_duration(n->args[0].text, &ms) != 0 || ms == 0))
		rc = parse_error(p, &n->args[0], "cancel needs a duration such as 5s");
	return rc;
}

int pprof_parse(struct parse *p, const struct node *n, struct config_directive *d)
{
	struct config_listen listen;

	(void)d;
	return take_listen(p, n, &listen);
}
