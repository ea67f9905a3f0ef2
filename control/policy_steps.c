// SPDX-License-Identifier: Apache-2.0
// Directives in order of execution (k8s:2.13) become steps until one of them takes every name.
// What workers cannot do goes to the slow path as a whole, named after the directive.
#include "control/policy_steps.h"

#include "zones/corefile/plugins.h"
#include "zones/corefile/service.h"
#include "zones/corefile/upstream.h"
#include "zones/wire/dname.h"

#include <errno.h>
#include <string.h>

int policy_zones_add(struct arena *a, const uint8_t *zone, struct policy_zones *out)
{
	if (out->n == out->cap) {
		size_t cap = out->cap == 0 ? 16 : out->cap * 2;
		const uint8_t **list = arena_alloc(a, cap * sizeof(*list));
		if (list == NULL)
			return -ENOMEM;
		if (out->n > 0)
			memcpy(list, out->list, out->n * sizeof(*list));
		out->list = list;
		out->cap = cap;
	}
	out->list[out->n++] = zone;
	return 0;
}

// The one zone that a rewrite rule can match names in; NULL: it may be any name. *failed is set
// when memory is short.
static const uint8_t *rewrite_zone(struct arena *a, const struct config_rewrite *w, bool *failed)
{
	struct dname name;
	const char *text = w->from;

	if (w->field != REWRITE_NAME || text == NULL ||
		(w->match != MATCH_EXACT && w->match != MATCH_SUFFIX))
		return NULL;
	if (w->match == MATCH_SUFFIX) {
		// A suffix is a piece of text: names end in it also inside a label.
		text = strchr(text, '.');
		if (text == NULL || text[1] == '\0')
			return NULL;
		text++;
	}
	if (dname_parse(text, &name) != 0)
		return NULL;
	dname_lower(&name);
	const uint8_t *wire = arena_copy(a, name.wire, name.size_bytes);
	*failed |= wire == NULL;
	return wire;
}

static const struct config_zones *zones_of(const struct config_directive *d)
{
	static struct config_zone local_items[] = {
		{"localhost.", (const uint8_t *)"\11localhost", 11},
		{"0.in-addr.arpa.", (const uint8_t *)"\0010\7in-addr\4arpa", 16},
		{"127.in-addr.arpa.", (const uint8_t *)"\003127\7in-addr\4arpa", 18},
		{"255.in-addr.arpa.", (const uint8_t *)"\003255\7in-addr\4arpa", 18}};
	static const struct config_zones local = {
		local_items, sizeof(local_items) / sizeof(local_items[0])};

	switch ((unsigned)d->kind) {
	case DIR_KUBERNETES:
		return &((const struct config_kubernetes *)d->data)->zones;
	case DIR_K8S_EXTERNAL:
		return &((const struct config_k8s_external *)d->data)->zones;
	case DIR_AUTOPATH:
		return &((const struct config_autopath *)d->data)->zones;
	case DIR_HOSTS:
		return &((const struct config_hosts *)d->data)->zones;
	case DIR_TEMPLATE:
		return &((const struct config_template *)d->data)->zones;
	case DIR_FILE:
		return &((const struct config_file *)d->data)->zones;
	case DIR_ACL:
		return &((const struct config_acl *)d->data)->zones;
	case DIR_LOCAL:
		return &local;
	default:
		return NULL;
	}
}

static const struct config_fall *fall_of(const struct config_directive *d)
{
	if (d->kind == DIR_KUBERNETES)
		return &((const struct config_kubernetes *)d->data)->fall;
	if (d->kind == DIR_K8S_EXTERNAL)
		return &((const struct config_k8s_external *)d->data)->fall;
	return d->kind == DIR_HOSTS ? &((const struct config_hosts *)d->data)->fall : NULL;
}

static int add_all(struct arena *a, const struct config_zones *zones, struct policy_zones *out)
{
	int rc = 0;

	for (size_t i = 0; zones != NULL && i < zones->n && rc == 0; i++)
		rc = policy_zones_add(a, zones->items[i].wire, out);
	return rc;
}

static int add_zones(struct arena *a, const struct config_directive *d, struct policy_zones *out)
{
	const struct config_fall *fall = fall_of(d);
	bool failed = false;
	int rc = add_all(a, zones_of(d), out);

	if (rc == 0 && d->kind == DIR_LOG)
		rc = add_all(a, &((const struct config_log *)d->data)->zones, out);

	if (rc == 0 && fall != NULL && fall->on)
		rc = add_all(a, &fall->zones, out);
	if (rc == 0 && d->kind == DIR_FORWARD) {
		const struct config_forward *f = d->data;
		rc = policy_zones_add(a, f->from.wire, out);
		if (rc == 0)
			rc = add_all(a, &f->except, out);
	}
	if (rc == 0 && d->kind == DIR_REWRITE) {
		const uint8_t *zone = rewrite_zone(a, d->data, &failed);
		if (zone != NULL)
			rc = policy_zones_add(a, zone, out);
	}
	return failed ? -ENOMEM : rc;
}

int policy_zones_of(struct arena *a, const struct config_server *s, struct policy_zones *out)
{
	int rc = 0;

	for (size_t i = 0; i < s->n_directives && rc == 0; i++)
		rc = add_zones(a, &s->directives[i], out);
	return rc;
}

// The longest of the zones that holds `zone`, or NULL.
static const struct config_zone *find_zone(const struct config_zones *zones, const uint8_t *zone)
{
	const struct config_zone *best = NULL;

	for (size_t i = 0; i < zones->n; i++) {
		const struct config_zone *z = &zones->items[i];
		if ((best == NULL || z->wire_bytes > best->wire_bytes) &&
			dname_is_within(zone, z->wire))
			best = z;
	}
	return best;
}

static bool is_member(const struct config_zones *zones, const uint8_t *zone)
{
	for (size_t i = 0; i < zones->n; i++) {
		if (dname_is_equal(zones->items[i].wire, zone))
			return true;
	}
	return false;
}

enum taken { TAKES_NOTHING, TAKES_SOME, TAKES_ALL };

static enum taken kubernetes_step(const struct config_directive *d, uint16_t view,
	const uint8_t *zone, struct policy_step *out)
{
	const struct config_kubernetes *k = d->data;
	const struct config_zone *own = find_zone(&k->zones, zone);

	if (own == NULL)
		return TAKES_NOTHING;
	bool falls = k->fall.on && find_zone(&k->fall.zones, zone) != NULL;
	out->kind = STEP_LOOKUP;
	out->view = view;
	out->zone = own->wire;
	out->pod_ttl_s = k->ttl;
	out->is_clusterset = is_member(&k->multicluster, own->wire);
	out->flags = (uint8_t)((falls ? STEP_FALLTHROUGH : 0) |
		(k->pods == PODS_INSECURE ? STEP_PODS_INSECURE : 0) | (k->zonal ? STEP_ZONAL : 0));
	return falls ? TAKES_SOME : TAKES_ALL;
}

// The names lie in the view of the block's kubernetes.
static enum taken external_step(
	const struct policy_steps_of *of, const struct config_directive *d, struct policy_step *out)
{
	const struct config_k8s_external *x = d->data;
	const struct config_zone *own = find_zone(&x->zones, of->zone);

	if (own == NULL || policy_external(of->server) == NULL)
		return TAKES_NOTHING;
	bool falls = x->fall.on && find_zone(&x->fall.zones, of->zone) != NULL;
	out->kind = STEP_LOOKUP;
	out->view = of->views->kubernetes;
	out->zone = own->wire;
	out->is_external = true;
	out->flags = falls ? STEP_FALLTHROUGH : 0;
	return falls ? TAKES_SOME : TAKES_ALL;
}

// Whether a miss goes on to what follows; PTR always does (CoreDNS plugin/hosts).
static bool hosts_falls(const struct config_hosts *h, const uint8_t *zone)
{
	return h->fall.on && find_zone(&h->fall.zones, zone) != NULL;
}

// Names are looked up in the zones of `hosts`, addresses everywhere. Without any in this one there
// is nothing to look up.
static enum taken hosts_step(const struct config_directive *d, const struct policy_block *views,
	const uint8_t *zone, struct policy_step *out)
{
	const struct config_hosts *h = d->data;
	bool is_own = find_zone(&h->zones, zone) != NULL;
	bool has_some = is_own ? hosts_has_names(views->names, zone)
			       : hosts_has_addresses(views->names, zone);

	out->kind = STEP_STATIC;
	out->view = views->hosts;
	if (is_own && h->fallthrough_unsupported && hosts_falls(h, zone))
		out->flags = STEP_FALLS_BY_TYPE;
	return has_some ? TAKES_SOME : TAKES_NOTHING;
}

// What becomes of misses in a zone of `hosts` that has no fallthrough (k8s:2.13).
static bool hosts_end(
	const struct config_directive *d, const uint8_t *zone, struct policy_step *out)
{
	const struct config_hosts *h = d->data;

	if (d->kind != DIR_HOSTS || find_zone(&h->zones, zone) == NULL || hosts_falls(h, zone))
		return false;
	out->kind = STEP_SERVFAIL;
	out->flags = STEP_PASSES_PTR;
	out->view = 0;
	out->ordinal++; // behind the look-up
	return true;
}

static enum taken forward_step(const struct config_directive *d, const uint8_t *zone)
{
	const struct config_forward *f = d->data;

	if (!dname_is_within(zone, f->from.wire) || find_zone(&f->except, zone) != NULL)
		return TAKES_NOTHING;
	return TAKES_ALL;
}

static enum taken rewrite_step(
	struct arena *a, const struct config_directive *d, const uint8_t *zone, bool *failed)
{
	const uint8_t *only = rewrite_zone(a, d->data, failed);

	return only == NULL || dname_is_within(zone, only) ? TAKES_ALL : TAKES_NOTHING;
}

// The only type that a directive of the slow path looks at, or 0.
static uint16_t only_type(const struct config_directive *d)
{
	const struct config_template *t = d->data;
	const struct config_rewrite *w = d->data;

	switch ((unsigned)d->kind) {
	case DIR_ANY:
		return RR_TYPE_ANY;
	case DIR_DNS64:
		return RR_TYPE_AAAA;
	case DIR_TEMPLATE:
		return t->qtype == RR_TYPE_ANY ? 0 : t->qtype;
	case DIR_REWRITE:
		return w->field == REWRITE_TYPE ? w->number_from : 0;
	default:
		return 0;
	}
}

static bool is_balanced_by_slowpath(const struct config_directive *d)
{
	const struct config_loadbalance *b = d->data;

	return b != NULL && b->policy != BALANCE_ROUND_ROBIN;
}

static enum taken punt_step(
	struct arena *a, const struct config_directive *d, const uint8_t *zone, bool *failed)
{
	switch ((unsigned)d->kind) {
	case DIR_FORWARD:
		return forward_step(d, zone);
	case DIR_REWRITE:
		return rewrite_step(a, d, zone, failed);
	case DIR_LOADBALANCE:
		return is_balanced_by_slowpath(d) ? TAKES_ALL : TAKES_NOTHING;
	case DIR_LOCAL:
		// localhost.<search domain> is a name of any zone.
		if (((const struct config_local *)d->data)->localhost_prefix)
			return TAKES_ALL;
		break;
	case DIR_ANY:
	case DIR_DNS64:
	case DIR_HEADER:
	case DIR_WHOAMI:
		return TAKES_ALL;
	default:
		break;
	}
	const struct config_zones *zones = zones_of(d);
	return zones != NULL && find_zone(zones, zone) != NULL ? TAKES_ALL : TAKES_NOTHING;
}

// Directives that only set the block up; a block of nothing else refuses (k8s:2.11).
bool policy_is_setup(enum config_kind kind)
{
	static const enum config_kind kinds[] = {DIR_ROOT, DIR_TIMEOUTS, DIR_MULTISOCKET,
		DIR_RELOAD, DIR_BIND, DIR_DEBUG, DIR_PPROF, DIR_HEALTH, DIR_READY, DIR_TLS};

	for (size_t i = 0; i < sizeof(kinds) / sizeof(kinds[0]); i++) {
		if (kinds[i] == kind)
			return true;
	}
	return false;
}

// What one directive does; step.kind stays PUNT for those of the slow path.
static enum taken take(struct arena *a, const struct policy_steps_of *of,
	const struct config_directive *d, struct policy_step *step, bool *failed)
{
	if (d->kind == DIR_KUBERNETES)
		return kubernetes_step(d, of->views->kubernetes, of->zone, step);
	if (d->kind == DIR_K8S_EXTERNAL)
		return external_step(of, d, step);
	if (d->kind == DIR_HOSTS)
		return hosts_step(d, of->views, of->zone, step);
	// Workers give every question of its class away (RULE_CLASSES).
	if (d->kind == DIR_CHAOS)
		return of->reader == POLICY_FOR_SLOWPATH ? TAKES_ALL : TAKES_NOTHING;
	enum taken taken = punt_step(a, d, of->zone, failed);
	step->view = only_type(d);
	return taken;
}

// Whether nothing behind the step is reached.
static bool is_end(
	const struct policy_steps_of *of, const struct policy_step *step, enum taken taken)
{
	if (step->kind != STEP_PUNT)
		return taken == TAKES_ALL;
	return taken == TAKES_ALL && step->view == 0 && of->reader == POLICY_FOR_WORKERS;
}

// `file` with no plugin behind it refuses what is in none of its zones (CoreDNS plugin/file).
static bool has_only_other_files(const struct config_server *s, const uint8_t *zone)
{
	bool has_file = false;

	for (size_t i = 0; i < s->n_directives; i++) {
		const struct config_directive *d = &s->directives[i];
		if (d->kind == DIR_LOOP || d->kind == DIR_FORWARD || d->kind == DIR_WHOAMI)
			return false;
		if (d->kind != DIR_FILE)
			continue;
		if (find_zone(zones_of(d), zone) != NULL)
			return false;
		has_file = true;
	}
	return has_file;
}

int policy_steps_make(struct arena *a, const struct policy_steps_of *of, struct policy_steps *out)
{
	const struct config_server *s = of->server;
	bool is_outside_files = has_only_other_files(s, of->zone);
	bool is_refused = true;
	bool failed = false;

	out->n = 0;
	out->list = arena_alloc(
		a, (s->n_directives + 2) * sizeof(out->list[0])); // hosts_end, last resort
	if (out->list == NULL)
		return -ENOMEM;
	for (size_t i = 0; i < s->n_directives; i++) {
		const struct config_directive *d = &s->directives[i];
		struct policy_step step = {.kind = STEP_PUNT,
			.plugin = d->name,
			.line = d->pos.line > UINT16_MAX ? UINT16_MAX : (uint16_t)d->pos.line,
			.ordinal = (uint16_t)i};
		enum taken taken = take(a, of, d, &step, &failed);
		is_refused &= policy_is_setup(d->kind) || is_outside_files;
		if (taken != TAKES_NOTHING)
			out->list[out->n++] = step;
		if (taken != TAKES_NOTHING && is_end(of, &step, taken))
			return failed ? -ENOMEM : 0;
		if (hosts_end(d, of->zone, &step))
			out->list[out->n++] = step;
	}
	out->list[out->n++] = (struct policy_step){.kind = is_refused ? STEP_REFUSE : STEP_SERVFAIL,
		.plugin = "",
		.line = 0,
		.ordinal = UINT16_MAX};
	return failed ? -ENOMEM : 0;
}
