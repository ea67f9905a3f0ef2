// SPDX-License-Identifier: Apache-2.0
// The table of all directives: who parses each, where it runs, and what to say when burst53 does
// not have it.
#include "zones/corefile/directives.h"

#include "zones/base/array.h"

#include <string.h>

// What CoreDNS makes of a directive that stands in a block more than once: all count, an error, or
// only the first or the last one counts.
enum times { MANY, ONCE, FIRST, LAST };

struct spec {
	directive_parse *parse; // NULL: refused, why says what to do
	enum config_runs runs;
	enum times times;
	const char *why;
};

#define REFUSED NULL, NO_EFFECT, MANY

static const struct spec specs[DIR_N] = {
	[DIR_ROOT] = {root_parse, RUNS_CONTROL, LAST, "the folder of relative file names"},
	[DIR_METADATA] = {metadata_parse, NO_EFFECT, ONCE, "nothing here reads metadata"},
	[DIR_GEOIP] = {REFUSED,
		"geoip has no use here: remove it, with the rules that read its data"},
	[DIR_CANCEL] = {cancel_parse, NO_EFFECT, MANY,
		"queries end by burst53's own time limits, 5 s in all"},
	[DIR_PROXYPROTO] = {REFUSED,
		"burst53 does not speak the PROXY protocol: let the balancer keep client "
		"addresses"},
	[DIR_QUIC] = {ignored_parse, NO_EFFECT, MANY, "no QUIC is served"},
	[DIR_GRPC_SERVER] = {ignored_parse, NO_EFFECT, MANY, "no gRPC is served"},
	[DIR_HTTPS] = {ignored_parse, NO_EFFECT, MANY, "no DNS over HTTPS is served"},
	[DIR_HTTPS3] = {ignored_parse, NO_EFFECT, MANY, "no DNS over HTTPS is served"},
	[DIR_TIMEOUTS] = {timeouts_parse, RUNS_SLOWPATH, LAST, "TCP connections end there"},
	[DIR_MULTISOCKET] = {multisocket_parse, RUNS_CONTROL, ONCE,
		"sockets of the slow path; workers have a queue each anyway"},
	[DIR_RELOAD] = {reload_parse, RUNS_CONTROL, FIRST, "control reads the files again"},
	[DIR_NSID] = {nsid_parse, RUNS_WORKERS, ONCE, "one more option in a reply"},
	[DIR_BUFSIZE] = {bufsize_parse, RUNS_WORKERS, FIRST, "a limit on the size of replies"},
	[DIR_BIND] = {bind_parse, RUNS_CONTROL, MANY, "the addresses of this block"},
	[DIR_DEBUG] = {bare_parse, NO_EFFECT, FIRST, "crashes are the supervisor's business"},
	[DIR_TRACE] = {ignored_parse, NO_EFFECT, MANY, "no traces are sent"},
	[DIR_READY] = {ready_parse, RUNS_MONITOR, ONCE, "an HTTP port"},
	[DIR_HEALTH] = {health_parse, RUNS_MONITOR, LAST, "an HTTP port"},
	[DIR_PPROF] = {pprof_parse, NO_EFFECT, ONCE, "there is no Go runtime to look into"},
	[DIR_SHED] = {bare_parse, NO_EFFECT, ONCE,
		"rings are bounded and drops are counted anyway"},
	[DIR_PROMETHEUS] = {prometheus_parse, RUNS_MONITOR, ONCE, "an HTTP port"},
	[DIR_ERRORS] = {errors_parse, RUNS_MONITOR, ONCE, "lines on standard output"},
	[DIR_LOG] = {log_parse, RUNS_MONITOR, MANY, "lines on standard output"},
	[DIR_DNSTAP] = {dnstap_parse, RUNS_MONITOR, MANY, "messages go to a collector"},
	[DIR_LOCAL] = {local_parse, RUNS_SLOWPATH, LAST, "fixed names"},
	[DIR_DNS64] = {dns64_parse, RUNS_SLOWPATH, LAST,
		"an empty AAAA answer needs a second question"},
	[DIR_ANY] = {any_parse, RUNS_SLOWPATH, FIRST, "one fixed answer"},
	[DIR_CHAOS] = {chaos_parse, RUNS_SLOWPATH, FIRST, "class CH is rare"},
	[DIR_LOADBALANCE] = {loadbalance_parse, RUNS_WORKERS, LAST,
		"addresses are rotated as the answer is written"},
	[DIR_TSIG] = {REFUSED,
		"burst53 does not check TSIG: remove tsig, and limit clients with acl"},
	[DIR_REWRITE] = {rewrite_parse, RUNS_SLOWPATH, MANY, "names change before the look-up"},
	[DIR_AUTOPATH] = {autopath_parse, RUNS_SLOWPATH, LAST,
		"the search list of the asking pod is walked there"},
	[DIR_ACL] = {acl_parse, RUNS_SLOWPATH, MANY, "each rule looks at source and type"},
	[DIR_CACHE] = {cache_parse, RUNS_SLOWPATH, ONCE,
		"what upstream servers said is kept there; cluster names are never cached"},
	[DIR_HEADER] = {header_parse, RUNS_SLOWPATH, FIRST, "flags of single replies change"},
	[DIR_DNSSEC] = {REFUSED, "burst53 does not sign answers: remove dnssec"},
	[DIR_TLS] = {ignored_parse, NO_EFFECT, MANY, "it concerns tls:// blocks only"},
	[DIR_MINIMAL] = {bare_parse, RUNS_WORKERS, FIRST, "sections left out of replies"},
	[DIR_TEMPLATE] = {template_parse, RUNS_SLOWPATH, MANY,
		"its answer depends on the name that is asked"},
	[DIR_TRANSFER] = {transfer_parse, NO_EFFECT, MANY,
		"zone transfers are refused: ask the API server for the whole cluster"},
	[DIR_HOSTS] = {hosts_parse, RUNS_WORKERS, ONCE, "names of a file, built into the snapshot"},
	[DIR_ROUTE53] = {REFUSED,
		"route53 is not available: forward these zones to Route 53's resolvers"},
	[DIR_AZURE] = {REFUSED, "azure is not available: forward these zones to Azure's resolvers"},
	[DIR_CLOUDDNS] = {REFUSED, "clouddns is not available: forward these zones to Cloud DNS"},
	[DIR_K8S_EXTERNAL] = {k8s_external_parse, RUNS_WORKERS, LAST,
		"names beside those of the cluster zone"},
	[DIR_KUBERNETES] = {kubernetes_parse, RUNS_WORKERS, ONCE,
		"names from cluster objects, built into the snapshot"},
	[DIR_FILE] = {file_parse, RUNS_SLOWPATH, MANY, "zone files are read there"},
	[DIR_AUTO] = {REFUSED, "auto is not available: name the zone files with file"},
	[DIR_SECONDARY] = {REFUSED,
		"secondary is not available: forward these zones to the primary"},
	[DIR_ETCD] = {REFUSED,
		"etcd is not available: forward these zones to a server that has it"},
	[DIR_LOOP] = {bare_parse, RUNS_SLOWPATH, ONCE,
		"while upstreams send its questions back, forwarding answers SERVFAIL"},
	[DIR_FORWARD] = {forward_parse, RUNS_SLOWPATH, MANY, "upstream servers are asked"},
	[DIR_GRPC] = {REFUSED, "grpc is not available: use forward with dns:// or tls://"},
	[DIR_ERRATIC] = {REFUSED, "erratic only drops queries for tests: remove it"},
	[DIR_WHOAMI] = {bare_parse, RUNS_SLOWPATH, FIRST, "answers differ from client to client"},
	[DIR_ON] = {REFUSED, "burst53 starts no programs: use the unit's or container's own hooks"},
	[DIR_SIGN] = {REFUSED,
		"burst53 does not sign zones: sign them before, and serve with file"},
	[DIR_VIEW] = {REFUSED,
		"view is not available: serve this block on an address of its own with bind"},
	[DIR_NOMAD] = {REFUSED,
		"nomad is not available: forward these zones to a server that has it"},
};

static const char *const names[DIR_N] = {
#define X(id, name) [DIR_##id] = name,
	CONFIG_KINDS(X)
#undef X
};

const char *config_kind_name(enum config_kind kind)
{
	return kind < DIR_N ? names[kind] : "";
}

int bare_parse(struct parse *p, const struct node *n, struct config_directive *d)
{
	(void)d;
	return parse_shape(p, n, 0, 0, BRACES_NO);
}

int ignored_parse(struct parse *p, const struct node *n, struct config_directive *d)
{
	(void)p;
	(void)n;
	(void)d;
	return 0;
}

static enum config_kind find_kind(const char *name)
{
	enum config_kind k = 0;

	while (k < DIR_N && strcmp(names[k], name) != 0)
		k++;
	return k;
}

// Directives of former versions (corefile-migration's tables).
static const struct legacy {
	const char *name;
	enum config_fix fix;
	const char *text;
} legacy[] = {
	{"proxy", FIX_PROXY,
		"proxy is gone since CoreDNS 1.5; its successor is forward, with the same FROM and "
		"TO"},
	{"federation", FIX_DELETE,
		"federation is gone since CoreDNS 1.7; delete it with its braces"},
	{"upstream", FIX_DELETE, "upstream has had no effect since CoreDNS 1.7; delete it"},
	{"startup", FIX_DELETE, "startup is gone, and burst53 starts no programs; delete it"},
	{"shutdown", FIX_DELETE, "shutdown is gone, and burst53 starts no programs; delete it"},
};

static int legacy_directive(struct parse *p, const struct node *n, const struct legacy *l)
{
	int rc = parse_fixable(p, n->name, l->fix, "%s", l->text);

	if (l->fix != FIX_PROXY || !parse_goes_on(p, rc))
		return rc;
	int files_rc = forward_check_files(p, n);
	return files_rc == -ENOMEM ? files_rc : rc;
}

static int unknown_directive(struct parse *p, const struct node *n)
{
	const char *name = n->name->text;

	for (size_t i = 0; i < ARRAY_LEN(legacy); i++) {
		if (strcmp(legacy[i].name, name) == 0)
			return legacy_directive(p, n, &legacy[i]);
	}
	const char *near = word_nearest(name, names, DIR_N);
	if (near != NULL)
		return parse_error(
			p, n->name, "unknown directive %.60s; did you mean %s?", name, near);
	return parse_error(p, n->name, "unknown directive %.60s", name);
}

static int check_names(struct parse *p, const struct block *b)
{
	int first = 0;

	for (const struct node *n = b->first; n != NULL; n = n->next) {
		int rc = find_kind(n->name->text) == DIR_N ? unknown_directive(p, n) : 0;
		if (first == 0)
			first = rc;
		if (!parse_goes_on(p, rc))
			return rc;
	}
	return first;
}

static int add_directive(struct parse *p, const struct config_directive *d)
{
	struct config_server *s = p->server;
	struct config_directive *items =
		list_grow(p->arena, s->directives, s->n_directives, sizeof(*items));

	if (items == NULL)
		return parse_no_memory(p);
	s->directives = items;
	items[s->n_directives++] = *d;
	return 0;
}

// Deals with the second and later ones. *skip: this one does not count.
static int check_times(struct parse *p, const struct node *n, enum config_kind kind, bool *skip)
{
	enum times times = specs[kind].times;
	struct config_server *s = p->server;

	if (times == MANY)
		return 0;
	if (times == ONCE)
		return parse_error(p, n->name, "%s may stand only once in a block", names[kind]);
	*skip = times == FIRST;
	if (times == LAST)
		s->n_directives--; // directives of one kind are parsed in a row
	return parse_tell(p, n->name, PROBLEM_WARNING, "%s stands here again: only the %s counts",
		names[kind], times == FIRST ? "first one" : "last one");
}

static int parse_one(struct parse *p, const struct node *n, enum config_kind kind, bool is_repeated)
{
	const struct spec *spec = &specs[kind];
	struct config_directive d = {.kind = kind,
		.name = names[kind],
		.pos = token_pos(n->name),
		.runs = spec->runs,
		.why = spec->why};
	bool skip = false;
	int rc = 0;

	if (spec->parse == NULL)
		return parse_error(p, n->name, "%s", spec->why);
	if (is_repeated)
		rc = check_times(p, n, kind, &skip);
	if (rc != 0 || skip)
		return rc;
	rc = parse_words(p, n->args, n->n_args, &d.args);
	if (rc == 0)
		rc = spec->parse(p, n, &d);
	if (rc == 0)
		rc = add_directive(p, &d);
	if (rc == 0 && d.runs == NO_EFFECT)
		rc = parse_tell(p, n->name, PROBLEM_NOTE, "%s has no effect: %s", d.name, d.why);
	return rc;
}

// Both give names to services in their zones: one zone cannot be of both.
static int check_external(
	struct parse *p, const struct token *t, const struct config_k8s_external *x)
{
	const struct config_kubernetes *k = p->server->kubernetes;

	if (k == NULL)
		return parse_error(p, t, "k8s_external needs kubernetes in the same block");
	for (size_t i = 0; i < x->zones.n * k->zones.n; i++) {
		const struct config_zone *zone = &x->zones.items[i / k->zones.n];
		if (strcmp(zone->text, k->zones.items[i % k->zones.n].text) == 0)
			return parse_error(p, t,
				"%s is a zone of kubernetes: give k8s_external another one",
				zone->text);
	}
	return 0;
}

// What only shows when all directives of the block are known.
static int check_together(struct parse *p)
{
	const struct config_server *s = p->server;
	int rc = 0;

	for (size_t i = 0; rc == 0 && i < s->n_directives; i++) {
		const struct config_directive *d = &s->directives[i];
		const struct config_autopath *a = d->data;
		struct token t = {.file = d->pos.file,
			.line = d->pos.line,
			.column = d->pos.column,
			.width = (unsigned)strlen(d->name)};
		if (d->kind == DIR_K8S_EXTERNAL)
			rc = check_external(p, &t, d->data);
		if (d->kind != DIR_AUTOPATH || !a->from_kubernetes)
			continue;
		if (s->kubernetes == NULL || s->kubernetes->pods != PODS_VERIFIED)
			rc = parse_tell(p, &t, PROBLEM_WARNING,
				"autopath finds no pod: it needs kubernetes with `pods verified` "
				"in the same block");
	}
	return rc;
}

int directives_parse(struct parse *p, const struct block *b)
{
	int first = check_names(p, b);

	if (!parse_goes_on(p, first))
		return first;
	p->root = NULL;
	for (enum config_kind kind = 0; kind < DIR_N; kind++) {
		size_t before = p->server->n_directives;
		for (const struct node *n = b->first; n != NULL; n = n->next) {
			if (strcmp(n->name->text, names[kind]) != 0)
				continue;
			int rc = parse_one(p, n, kind, p->server->n_directives > before);
			if (first == 0)
				first = rc;
			if (!parse_goes_on(p, rc))
				return rc;
		}
	}
	int rc = check_together(p);
	return first != 0 ? first : rc;
}
