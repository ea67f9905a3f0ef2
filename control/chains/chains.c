// SPDX-License-Identifier: Apache-2.0
// Copies the typed options field by field: the policy is a format of its own, which does not
// change when the parser's structs do.
#include "control/chains/chains.h"

#include "control/chains/plugins.h"

#include "zones/corefile/service.h"
#include "zones/corefile/upstream.h"
#include "zones/wire/dname.h"

#include <errno.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>

enum { LABEL_BYTES = 80 };

static const char *text_or_none(const char *text)
{
	return text == NULL ? "" : text;
}

static int take_upstreams(
	struct arena *a, const struct config_forward *f, struct policy_upstreams *out)
{
	static const uint8_t kinds[] = {
		[UPSTREAM_DNS] = POLICY_UPSTREAM_DNS,
		[UPSTREAM_TLS] = POLICY_UPSTREAM_TLS,
		[UPSTREAM_FILE] = POLICY_UPSTREAM_FILE,
	};
	struct policy_upstream *items = arena_alloc(a, f->n_to * sizeof(*items) + 1);

	if (items == NULL)
		return -ENOMEM;
	for (size_t i = 0; i < f->n_to; i++) {
		const struct config_upstream *u = &f->to[i];
		items[i] = (struct policy_upstream){.kind = kinds[u->kind],
			.port = u->port,
			.host = text_or_none(u->host),
			.server_name = text_or_none(u->server_name)};
	}
	*out = (struct policy_upstreams){items, f->n_to};
	return 0;
}

static int take_domain(struct arena *a, const char *text, struct policy_name *out)
{
	struct dname name;

	if (dname_parse(text, &name) != 0)
		return -EINVAL; // the parser has made it
	dname_lower(&name);
	out->wire = arena_copy(a, name.wire, name.size_bytes);
	return out->wire == NULL ? -ENOMEM : 0;
}

static int take_forward(struct arena *a, const struct config_directive *d, struct policy_op *op)
{
	const struct config_forward *f = d->data;
	struct policy_forward *out = arena_alloc(a, sizeof(*out));

	if (out == NULL)
		return -ENOMEM;
	*out = (struct policy_forward){
		.from = {f->from.wire},
		.balance = (uint8_t)f->policy,
		.max_fails = f->max_fails,
		.max_concurrent = f->max_concurrent,
		.max_connect_attempts = f->max_connect_attempts,
		.max_idle_conns = f->max_idle_conns,
		.expire_ms = f->expire_ms,
		.max_age_ms = f->max_age_ms,
		.read_timeout_ms = f->read_timeout_ms,
		.health_check_ms = f->health_check_ms,
		.health_check_no_rec = f->health_check_no_rec,
		.force_tcp = f->force_tcp,
		.prefer_udp = f->prefer_udp,
		.failfast_all_unhealthy = f->failfast_all_unhealthy,
		.next_on_nodata = f->next_on_nodata,
		.next = {f->next.items, f->next.n},
		.failover = {f->failover.items, f->failover.n},
		.tls_cert = text_or_none(f->tls_cert),
		.tls_key = text_or_none(f->tls_key),
		.tls_ca = text_or_none(f->tls_ca),
		.tls_servername = text_or_none(f->tls_servername),
		.source_address = text_or_none(f->source_address),
	};
	*op = (struct policy_op){.kind = POLICY_FORWARD, .data = out};
	int rc = take_domain(a, f->health_check_domain, &out->health_check_domain);
	if (rc == 0)
		rc = chains_names(a, &f->except, &out->except);
	return rc == 0 ? take_upstreams(a, f, &out->to) : rc;
}

static struct policy_cache_kind cache_kind(const struct config_cache_kind *k)
{
	return (struct policy_cache_kind){k->capacity, k->ttl_s, k->min_ttl_s};
}

// CoreDNS' label of the block's first address and port.
static const char *server_label(struct arena *a, const struct config_server *s)
{
	const struct config_bind *bind = s->n_binds == 0 ? NULL : &s->binds[0];
	const char *host = bind == NULL || bind->is_interface || bind->is_except ? "" : bind->text;
	bool is_6 = strchr(host, ':') != NULL;
	char label[LABEL_BYTES];

	(void)snprintf(label, sizeof(label), "dns://%s%s%s:%u", is_6 ? "[" : "", host,
		is_6 ? "]" : "", s->n_keys == 0 ? 0u : s->keys[0].port); // an address fits
	return arena_copy(a, label, strlen(label) + 1);
}

static int take_cache(struct arena *a, const struct config_server *s,
	const struct config_directive *d, struct policy_op *op)
{
	const struct config_cache *c = d->data;
	struct policy_cache *out = arena_alloc(a, sizeof(*out));
	const char *label = server_label(a, s);

	if (out == NULL || label == NULL)
		return -ENOMEM;
	*out = (struct policy_cache){
		.server = label,
		.success = cache_kind(&c->success),
		.denial = cache_kind(&c->denial),
		.prefetch = c->prefetch,
		.prefetch_window_ms = c->prefetch_window_ms,
		.prefetch_percent = c->prefetch_percent,
		.stale_ms = c->stale_ms,
		.stale_verify = c->stale_mode == STALE_VERIFY,
		.stale_timeout_ms = c->stale_timeout_ms,
		.stale_ttl_s = c->stale_ttl_s,
		.stale_recheck_ms = c->stale_recheck_ms,
		.stale_prefer_positive = c->stale_prefer_positive,
		.servfail_ms = c->servfail_ms,
		.keep_ttl = c->keep_ttl,
	};
	*op = (struct policy_op){.kind = POLICY_CACHE, .data = out};
	int rc = chains_names(a, &c->zones, &out->zones);
	if (rc == 0)
		rc = chains_names(a, &c->no_success, &out->no_success);
	return rc == 0 ? chains_names(a, &c->no_denial, &out->no_denial) : rc;
}

// One directive as an operation; *is_one is false for those of other processes.
static int take_directive(struct arena *a, const struct config_server *s, uint16_t view,
	const struct config_directive *d, struct policy_op *op, bool *is_one)
{
	*is_one = true;
	if (d->kind == DIR_CACHE)
		return take_cache(a, s, d, op);
	if (d->kind == DIR_FORWARD)
		return take_forward(a, d, op);
	return chains_plugin(a, s, view, d, op, is_one);
}

// The directives come in order of execution already.
static int take_server(struct arena *a, const struct config_server *s, uint16_t view,
	struct policy_chain *out, struct err *err)
{
	struct policy_op *ops = arena_alloc(a, s->n_directives * sizeof(*ops) + 1);
	bool has_source = false;
	size_t n = 0;
	int rc = 0;

	if (ops == NULL)
		return -ENOMEM;
	for (size_t i = 0; rc == 0 && i < s->n_directives; i++) {
		const struct config_directive *d = &s->directives[i];
		bool is_one = false;
		rc = take_directive(a, s, view, d, &ops[n], &is_one);
		if (!is_one)
			continue;
		ops[n].line = d->pos.line > UINT16_MAX ? UINT16_MAX : (uint16_t)d->pos.line;
		ops[n].ordinal = (uint16_t)i;
		n++;
		has_source |= d->kind != DIR_CACHE && d->kind != DIR_LOOP;
	}
	// A cache alone has nothing to keep: cluster names are never cached (DESIGN 9, 27).
	if (rc == 0 && n > POLICY_OPS_MAX)
		rc = err_set(err, -EINVAL,
			"a server block has more than %d directives for the slow path",
			POLICY_OPS_MAX);
	*out = (struct policy_chain){ops, has_source ? n : 0};
	return rc;
}

static uint32_t fit_ms(uint64_t ms)
{
	return ms > UINT32_MAX ? UINT32_MAX : (uint32_t)ms;
}

// A block's `timeouts` hold for the ports of its keys.
static size_t add_timeouts(
	const struct config_server *s, struct policy_timeouts *list, size_t n, size_t max)
{
	const struct config_directive *d = config_find(s, DIR_TIMEOUTS, 0);
	const struct config_timeouts *t = d == NULL ? NULL : d->data;

	for (size_t k = 0; t != NULL && k < s->n_keys && n < max; k++) {
		if (k > 0 && s->keys[k].port == s->keys[k - 1].port)
			continue;
		list[n++] = (struct policy_timeouts){.port = s->keys[k].port,
			.read_ms = fit_ms(t->read_ms),
			.write_ms = fit_ms(t->write_ms),
			.idle_ms = fit_ms(t->idle_ms),
			.max_queries = t->max_tcp_queries};
	}
	return n;
}

static int take_timeouts(const struct config *c, struct arena *a, struct policy_timeouts_list *out)
{
	struct policy_timeouts *list = arena_alloc(a, POLICY_TIMEOUTS_MAX * sizeof(*list));
	size_t n = 0;

	if (list == NULL)
		return -ENOMEM;
	for (size_t i = 0; i < c->n_servers; i++)
		n = add_timeouts(&c->servers[i], list, n, POLICY_TIMEOUTS_MAX);
	*out = (struct policy_timeouts_list){list, n};
	return 0;
}

int chains_build(const struct config *c, struct arena *a, struct policy_set *out,
	uint32_t *chain_of, struct err *err)
{
	struct policy_chain *chains = arena_alloc(a, c->n_servers * sizeof(*chains) + 1);
	uint16_t view = 0; // as policy_views numbers them
	size_t n = 0;

	if (chains == NULL)
		return err_set(err, -ENOMEM, "memory is short");
	for (size_t i = 0; i < c->n_servers; i++) {
		view = (uint16_t)(view + (c->servers[i].kubernetes != NULL));
		int rc = take_server(a, &c->servers[i], view, &chains[n], err);
		if (rc != 0)
			return err_set(err, rc, "policy: memory is short"); // the first reason wins
		chain_of[i] = 0;
		if (chains[n].n > 0)
			chain_of[i] = (uint32_t)++n;
	}
	*out = (struct policy_set){.chains = chains, .n = n};
	if (take_timeouts(c, a, &out->timeouts) != 0)
		return err_set(err, -ENOMEM, "memory is short");
	return 0;
}
