// SPDX-License-Identifier: Apache-2.0
// Sentences about directives, built from their typed options.
#include "cli/check_explain.h"

#include "zones/base/array.h"
#include "zones/base/url.h"
#include "zones/corefile/cluster.h"
#include "zones/corefile/plugins.h"
#include "zones/corefile/service.h"
#include "zones/corefile/upstream.h"
#include "zones/wire/dname.h"

#include <inttypes.h>
#include <stdarg.h>
#include <string.h>

typedef void explain_fn(FILE *out, const struct config_directive *d);

__attribute__((format(printf, 2, 3))) static void say(FILE *out, const char *fmt, ...)
{
	va_list ap;

	va_start(ap, fmt);
	(void)vfprintf(out, fmt, ap); // whoever owns the stream looks at ferror
	va_end(ap);
}

static void say_zones(FILE *out, const struct config_zones *z)
{
	const size_t many = 6;

	for (size_t i = 0; i < z->n && i < many; i++)
		say(out, "%s%s", i == 0 ? "" : ", ", z->items[i].text);
	if (z->n > many)
		say(out, " and %zu more", z->n - many);
}

static void say_words(FILE *out, const struct config_words *w)
{
	for (size_t i = 0; i < w->n; i++)
		say(out, "%s%s", i == 0 ? "" : " ", w->items[i]);
}

static void say_seconds(FILE *out, uint64_t ms)
{
	if (ms % 1000 == 0)
		say(out, "%" PRIu64 " s", ms / 1000);
	else
		say(out, "%" PRIu64 " ms", ms);
}

static void say_fall(FILE *out, const struct config_fall *f)
{
	if (!f->on)
		return;
	say(out, "; names that do not exist go on to the next directive");
	if (f->zones.n == 1 && strcmp(f->zones.items[0].text, ".") == 0)
		return;
	say(out, " when they are in ");
	say_zones(out, &f->zones);
}

static void say_pods(FILE *out, const struct config_kubernetes *k)
{
	if (k->pods == PODS_INSECURE)
		say(out, "; pod names are computed from the address in them");
	if (k->pods == PODS_VERIFIED)
		say(out, "; pod names exist while the pod does");
}

static void explain_kubernetes(FILE *out, const struct config_directive *d)
{
	const struct config_kubernetes *k = d->data;
	char shown[URL_SHOWN_BYTES];

	say(out, "Services and endpoints of the cluster answer for ");
	say_zones(out, &k->zones);
	say(out, ", TTL %u s", k->ttl);
	say_pods(out, k);
	if (k->endpoint != NULL)
		say(out, "; API server %s", url_without_user(k->endpoint, shown));
	if (k->kubeconfig != NULL)
		say(out, "; API server from %s", k->kubeconfig);
	if (k->namespaces.n > 0) {
		say(out, "; only the namespaces ");
		say_words(out, &k->namespaces);
	}
	if (k->namespace_labels != NULL)
		say(out, "; only namespaces with the labels %s", k->namespace_labels);
	if (k->labels != NULL)
		say(out, "; only objects with the labels %s", k->labels);
	if (k->noendpoints)
		say(out, "; headless Services have no addresses");
	if (k->ignore_empty_service)
		say(out, "; a Service without ready endpoints does not exist");
	if (k->multicluster.n > 0) {
		say(out, "; imported Services in ");
		say_zones(out, &k->multicluster);
	}
	if (k->zonal)
		say(out, "; names that pick endpoints by zone");
	say_fall(out, &k->fall);
}

static void explain_k8s_external(FILE *out, const struct config_directive *d)
{
	const struct config_k8s_external *x = d->data;

	say(out, "addresses of load balancers and external addresses of Services as names in ");
	say_zones(out, &x->zones);
	say(out, ", TTL %u s%s", x->ttl, x->headless ? "; endpoints of headless Services too" : "");
	say_fall(out, &x->fall);
}

static void explain_autopath(FILE *out, const struct config_directive *d)
{
	const struct config_autopath *a = d->data;

	say(out, "walks the search list of %s for the client, in ",
		a->from_kubernetes ? "the asking pod" : a->resolv_conf);
	say_zones(out, &a->zones);
}

static void say_upstream(FILE *out, const struct config_upstream *u)
{
	if (u->kind == UPSTREAM_FILE)
		say(out, "the servers in %s", u->host);
	else if (u->kind == UPSTREAM_TLS)
		say(out, "%s port %u over TLS", u->host, u->port);
	else if (u->port == 53)
		say(out, "%s", u->host);
	else
		say(out, "%s port %u", u->host, u->port);
}

static void explain_forward(FILE *out, const struct config_directive *d)
{
	static const char *const policies[] = {
		[POLICY_RANDOM] = "in random order",
		[POLICY_ROUND_ROBIN] = "in turn",
		[POLICY_SEQUENTIAL] = "the first that works",
	};
	const struct config_forward *f = d->data;

	say(out, "%s asked of ",
		strcmp(f->from.text, ".") == 0 ? "all other names are" : f->from.text);
	for (size_t i = 0; i < f->n_to; i++) {
		say(out, "%s", i == 0 ? "" : ", ");
		say_upstream(out, &f->to[i]);
	}
	if (f->n_to > 1)
		say(out, " (%s)", policies[f->policy]);
	if (f->except.n > 0) {
		say(out, ", except ");
		say_zones(out, &f->except);
	}
	if (f->force_tcp)
		say(out, "; always over TCP");
	if (f->prefer_udp)
		say(out, "; over UDP first, even for clients on TCP");
	if (f->max_concurrent > 0)
		say(out, "; at most %u at a time", f->max_concurrent);
}

static void explain_cache(FILE *out, const struct config_directive *d)
{
	const struct config_cache *c = d->data;

	say(out, "answers from outside are kept for at most %u s, negative ones %u s, in ",
		c->success.ttl_s, c->denial.ttl_s);
	say_zones(out, &c->zones);
	if (c->no_success.n > 0) {
		say(out, "; positive ones not in ");
		say_zones(out, &c->no_success);
	}
	if (c->no_denial.n > 0) {
		say(out, "; negative ones not in ");
		say_zones(out, &c->no_denial);
	}
	if (c->prefetch > 0)
		say(out, "; popular ones are refreshed before they end");
	if (c->stale_ms > 0) {
		say(out, "; stale ones serve for ");
		say_seconds(out, c->stale_ms);
		say(out, " more when the upstream fails");
	}
}

static void explain_hosts(FILE *out, const struct config_directive *d)
{
	const struct config_hosts *h = d->data;

	say(out, "names in %s", h->path);
	if (h->n_lines > 0)
		say(out, " and %zu line%s here", h->n_lines, h->n_lines == 1 ? "" : "s");
	say(out, " answer, TTL %u s", h->ttl);
	say_fall(out, &h->fall);
}

static void explain_template(FILE *out, const struct config_directive *d)
{
	const struct config_template *t = d->data;

	say(out, "queries in ");
	say_zones(out, &t->zones);
	if (t->match.n > 0) {
		say(out, " that match ");
		say_words(out, &t->match);
	}
	if (t->answer.n > 0)
		say(out, " are answered by %zu record template%s", t->answer.n,
			t->answer.n == 1 ? "" : "s");
	else
		say(out, " get RCODE %u", t->rcode);
	say_fall(out, &t->fall);
}

static void explain_rewrite(FILE *out, const struct config_directive *d)
{
	static const char *const fields[] = {
		[REWRITE_NAME] = "the name",
		[REWRITE_TYPE] = "the type",
		[REWRITE_CLASS] = "the class",
		[REWRITE_EDNS0] = "an EDNS option",
		[REWRITE_TTL] = "the TTL of the answer",
		[REWRITE_CNAME] = "the target of a CNAME",
		[REWRITE_RCODE] = "the RCODE",
	};
	const struct config_rewrite *w = d->data;

	say(out, "changes %s", fields[w->field]);
	if (w->from != NULL)
		say(out, " of %s", w->from);
	if (w->to != NULL)
		say(out, " to %s", w->to);
	if (w->field == REWRITE_TTL)
		say(out, " to %u-%u s", w->ttl_min, w->ttl_max);
	say(out, "%s", w->go_on ? ", then the next rule" : "");
}

static void say_listen(FILE *out, const struct config_listen *l)
{
	if (l->host[0] == '\0')
		say(out, "port %u of every address", l->port);
	else
		say(out, "%s port %u", l->host, l->port);
}

static void explain_health(FILE *out, const struct config_directive *d)
{
	const struct config_health *h = d->data;

	say(out, "/health on ");
	say_listen(out, &h->listen);
	if (h->lameduck_ms > 0) {
		say(out, "; keeps serving for ");
		say_seconds(out, h->lameduck_ms);
		say(out, " when it is told to stop");
	}
}

static void explain_ready(FILE *out, const struct config_directive *d)
{
	const struct config_ready *r = d->data;

	say(out, "/ready on ");
	say_listen(out, &r->listen);
}

static void explain_prometheus(FILE *out, const struct config_directive *d)
{
	const struct config_prometheus *m = d->data;

	say(out, "/metrics on ");
	say_listen(out, &m->listen);
}

static void explain_reload(FILE *out, const struct config_directive *d)
{
	const struct config_reload *r = d->data;

	say(out, "a changed Corefile is taken over within ");
	say_seconds(out, r->interval_ms + r->jitter_ms / 2);
}

static void explain_loadbalance(FILE *out, const struct config_directive *d)
{
	const struct config_loadbalance *b = d->data;

	if (b->policy == BALANCE_WEIGHTED)
		say(out, "addresses are ordered by the weights in %s", b->weight_file);
	else if (b->policy == BALANCE_PREFER)
		say(out, "addresses of preferred networks come first");
	else
		say(out, "the addresses in an answer take turns");
}

static void explain_bufsize(FILE *out, const struct config_directive *d)
{
	const struct config_bufsize *b = d->data;

	say(out, "replies over UDP have at most %u bytes", b->size_bytes);
}

static void say_flags(FILE *out, uint16_t flags)
{
	static const struct {
		uint16_t flag;
		const char *name;
	} names[] = {{HEADER_AA, "AA"}, {HEADER_RA, "RA"}, {HEADER_RD, "RD"}};

	for (size_t i = 0; i < ARRAY_LEN(names); i++) {
		if (flags & names[i].flag)
			say(out, " %s", names[i].name);
	}
}

// Rules act in their order: each is said.
static void explain_header(FILE *out, const struct config_directive *d)
{
	const struct config_header *h = d->data;

	for (size_t i = 0; i < h->n_rules; i++) {
		const struct config_header_rule *r = &h->rules[i];
		say(out, "%s%s", i == 0 ? "" : ", ", r->set ? "sets" : "clears");
		say_flags(out, r->flags);
		say(out, " of %s",
			r->is_query ? "queries on their way" : "replies that somebody made");
	}
}

static const char *plain_text(enum config_kind kind)
{
	static const struct {
		enum config_kind kind;
		const char *text;
	} texts[] = {
		{DIR_ACL, "allows, blocks or filters clients by address and type"},
		{DIR_ANY, "answers queries for ANY with one HINFO"},
		{DIR_BIND, "the addresses this block listens on"},
		{DIR_CHAOS, "answers version.bind and the like"},
		{DIR_DNS64, "makes IPv6 addresses from IPv4 ones"},
		{DIR_DNSTAP, "queries and replies are told to a collector"},
		{DIR_ERRORS, "failed queries are written to standard output"},
		{DIR_FILE, "a zone file answers"},
		{DIR_LOCAL, "localhost and its reverse names"},
		{DIR_LOG, "queries are written to standard output"},
		{DIR_LOOP, "finds out whether forwarding leads back here"},
		{DIR_MINIMAL, "leaves out what a client does not need"},
		{DIR_MULTISOCKET, "the number of sockets"},
		{DIR_NSID, "tells the name of this server to who asks"},
		{DIR_ROOT, "the folder of relative file names"},
		{DIR_TIMEOUTS, "time limits of TCP connections"},
		{DIR_TRANSFER, "zones may be transferred"},
		{DIR_WHOAMI, "tells the client its own address"},
	};

	for (size_t i = 0; i < ARRAY_LEN(texts); i++) {
		if (texts[i].kind == kind)
			return texts[i].text;
	}
	return "read and left alone";
}

const char *explain_runs(enum config_runs runs)
{
	static const char *const names[] = {
		[RUNS_WORKERS] = "workers",
		[RUNS_SLOWPATH] = "slow path",
		[RUNS_CONTROL] = "control",
		[RUNS_MONITOR] = "monitor",
		[NO_EFFECT] = "no effect",
	};

	return names[runs];
}

void explain_directive(FILE *out, const struct config_directive *d)
{
	static explain_fn *const fns[DIR_N] = {
		[DIR_AUTOPATH] = explain_autopath,
		[DIR_BUFSIZE] = explain_bufsize,
		[DIR_CACHE] = explain_cache,
		[DIR_FORWARD] = explain_forward,
		[DIR_HEADER] = explain_header,
		[DIR_HEALTH] = explain_health,
		[DIR_HOSTS] = explain_hosts,
		[DIR_K8S_EXTERNAL] = explain_k8s_external,
		[DIR_KUBERNETES] = explain_kubernetes,
		[DIR_LOADBALANCE] = explain_loadbalance,
		[DIR_PROMETHEUS] = explain_prometheus,
		[DIR_READY] = explain_ready,
		[DIR_RELOAD] = explain_reload,
		[DIR_REWRITE] = explain_rewrite,
		[DIR_TEMPLATE] = explain_template,
	};

	if (fns[d->kind] != NULL && d->data != NULL)
		fns[d->kind](out, d);
	else
		say(out, "%s", plain_text(d->kind));
}

void explain_server(FILE *out, const struct config_server *s)
{
	const size_t many = 6;

	for (size_t i = 0; i < s->n_keys && i < many; i++)
		say(out, "%s%s port %u", i == 0 ? "" : ", ", s->keys[i].zone.text, s->keys[i].port);
	if (s->n_keys > many)
		say(out, " and %zu more", s->n_keys - many);
	say(out, " on ");
	if (s->n_binds == 0)
		say(out, "every address");
	for (size_t i = 0; i < s->n_binds; i++)
		say(out, "%s%s%s%s", i == 0 ? "" : ", ", s->binds[i].is_except ? "not " : "",
			s->binds[i].is_interface ? "interface " : "", s->binds[i].text);
}

// Whether one of the zones holds all names of the cluster's zones.
static bool covers(const struct config_zones *zones, const struct config_kubernetes *k)
{
	size_t covered = 0;

	for (size_t i = 0; i < k->zones.n; i++) {
		size_t z = 0;
		while (z < zones->n &&
			!dname_is_within(k->zones.items[i].wire, zones->items[z].wire))
			z++;
		covered += z < zones->n;
	}
	return covered == k->zones.n;
}

// Whether a directive of the slow path stands in front of the cluster's names, all of them.
static bool concerns_all(const struct config_directive *d, const struct config_kubernetes *k)
{
	const struct config_rewrite *w = d->data;

	switch ((unsigned)d->kind) {
	case DIR_DNS64:
	case DIR_HEADER:
	case DIR_LOADBALANCE: // weighted and prefer
		return true;
	case DIR_LOCAL:
		return ((const struct config_local *)d->data)->localhost_prefix;
	case DIR_REWRITE:
		return w->field != REWRITE_NAME ||
			(w->match != MATCH_EXACT && w->match != MATCH_SUFFIX);
	case DIR_AUTOPATH:
		return covers(&((const struct config_autopath *)d->data)->zones, k);
	case DIR_ACL:
		return covers(&((const struct config_acl *)d->data)->zones, k);
	case DIR_TEMPLATE:
		return covers(&((const struct config_template *)d->data)->zones, k);
	default:
		return false;
	}
}

const struct config_directive *explain_punts_all(const struct config_server *s)
{
	if (s->kubernetes == NULL)
		return NULL;
	for (size_t i = 0; i < s->n_directives; i++) {
		const struct config_directive *d = &s->directives[i];
		if (d->kind == DIR_KUBERNETES)
			return NULL;
		if (d->runs == RUNS_SLOWPATH && concerns_all(d, s->kubernetes))
			return d;
	}
	return NULL;
}
