// SPDX-License-Identifier: Apache-2.0
// The fixed names of a zone (k8s:2.3, 2.4): apex with SOA and NS, svc, pod, ns.dns, dns-version;
// and the names that only say that a namespace exists.
#include "control/synth/sets.h"
#include "control/synth/work.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

enum { SOA_TTL_MAX_S = 300, VERSION_TTL_S = 28800 };

struct record_soa synth_soa(uint32_t serial, uint32_t ttl_s)
{
	return (struct record_soa){.serial = serial,
		.refresh_s = 7200,
		.retry_s = 1800,
		.expire_s = 86400,
		.minimum_s = ttl_s};
}

struct record_soa synth_external_soa(uint32_t serial, const struct config_k8s_external *x)
{
	struct record_soa soa = synth_soa(serial, x->ttl);

	soa.apex = x->apex;
	return soa;
}

uint32_t synth_soa_ttl(uint32_t ttl_s)
{
	return ttl_s < SOA_TTL_MAX_S ? ttl_s : SOA_TTL_MAX_S;
}

static int emit_plain(struct work *w, const struct synth_zone *zone, const struct dname *name,
	uint8_t flags, const struct sets *sets)
{
	const struct synth_name out = {.name = name,
		.us_mask = RECORD_US_EXACT,
		.flags = flags,
		.alias_of = SYNTH_NO_ALIAS,
		.sets = sets == NULL ? NULL : sets->set,
		.n_sets = sets == NULL ? 0 : sets->n};

	return work_emit(w, zone, &out, NULL);
}

// A name server of the zones: what is in front of the zone's name, and its addresses.
struct server {
	const char *host; // NULL: the service itself
	const struct object_service *service; // NULL: ns.dns
	const struct object_address *addr;
};

struct servers {
	struct server *list; // in the arena
	size_t n, cap;
};

static int server_add(struct work *w, struct servers *s, const struct server *server)
{
	if (s->n == s->cap) {
		size_t cap = s->cap == 0 ? 16 : s->cap * 2;
		struct server *list = arena_alloc(&w->arena, cap * sizeof(*list));
		if (list == NULL)
			return -ENOMEM;
		if (s->n > 0)
			memcpy(list, s->list, s->n * sizeof(*list));
		s->list = list;
		s->cap = cap;
	}
	s->list[s->n++] = *server;
	return 0;
}

static int add_endpoints(struct work *w, struct servers *s, const struct object_service *service,
	const struct object_slice *slice)
{
	char buf[NAMES_ADDRESS_MAX_BYTES];
	int rc = 0;

	for (uint32_t i = 0; i < slice->n_endpoints; i++) {
		const struct object_endpoint *e = &slice->endpoints[i];
		for (uint16_t k = 0; k < e->n_addresses && rc == 0; k++) {
			struct server server = {.service = service, .addr = &e->addresses[k]};
			server.host = synth_host_name(w->y, e, &e->addresses[k], buf);
			if (server.host == buf)
				server.host = arena_copy(&w->arena, buf, strlen(buf) + 1);
			rc = server.host == NULL ? -ENOMEM : server_add(w, s, &server);
		}
	}
	return rc;
}

// Which addresses of the service that has ours among its endpoints clients are told.
enum side { SIDE_CLUSTER, SIDE_EXTERNAL };

// k8s:2.4 step 3: the service that owns the slice of one of our own addresses.
static int add_owner(
	struct work *w, struct servers *s, const struct object_slice *slice, enum side side)
{
	const struct object_service *service =
		store_service(w->y->store, slice->meta.ns, slice->service_name);
	bool is_external = side == SIDE_EXTERNAL;
	int rc = 0;

	if (service == NULL || service->type == OBJECT_EXTERNAL_NAME)
		return 0;
	if (service->headless && (!is_external || w->y->external->headless))
		return add_endpoints(w, s, service, slice);
	size_t n = is_external ? service->n_external_ips : service->n_cluster_ips;
	const struct object_address *addrs =
		is_external ? service->external_ips : service->cluster_ips;
	for (size_t i = 0; i < n && rc == 0; i++) {
		const struct server server = {.service = service, .addr = &addrs[i]};
		rc = server_add(w, s, &server);
	}
	return rc;
}

static int slice_compare(const void *a, const void *b)
{
	const struct object_meta *x = *(const struct object_meta *const *)a;
	const struct object_meta *y = *(const struct object_meta *const *)b;
	int c = strcmp(x->ns, y->ns);

	return c != 0 ? c : strcmp(x->name, y->name);
}

// The slices that hold one of our addresses, by name, each once.
static int own_slices(struct work *w, const struct object_meta ***out, size_t *n)
{
	size_t max = 0;
	size_t k;

	for (size_t i = 0; i < w->y->n_local; i++) {
		(void)store_refs(w->y->store, &w->y->local[i], &k);
		max += k;
	}
	*n = 0;
	*out = arena_alloc(&w->arena, (max + 1) * sizeof(**out));
	if (*out == NULL)
		return -ENOMEM;
	for (size_t i = 0; i < w->y->n_local; i++) {
		const struct store_ref *refs = store_refs(w->y->store, &w->y->local[i], &k);
		for (size_t r = 0; r < k; r++) {
			if (refs[r].owner->kind == OBJECT_SLICE)
				(*out)[(*n)++] = refs[r].owner;
		}
	}
	qsort(*out, *n, sizeof(**out), slice_compare);
	size_t unique = 0;
	for (size_t i = 0; i < *n; i++) {
		if (unique == 0 || (*out)[unique - 1] != (*out)[i])
			(*out)[unique++] = (*out)[i];
	}
	*n = unique;
	return 0;
}

// k8s:2.4. Without a slice of ours: ns.dns with our own addresses.
static int find_servers(struct work *w, enum side side, struct servers *out)
{
	const struct object_meta **slices;
	size_t n;
	int rc = own_slices(w, &slices, &n);

	*out = (struct servers){0};
	for (size_t i = 0; i < n && rc == 0; i++)
		rc = add_owner(w, out, (const void *)slices[i], side);
	if (rc != 0 || n > 0)
		return rc;
	for (size_t i = 0; i < w->y->n_local - w->y->n_unnamed && rc == 0; i++) {
		const struct server server = {.addr = &w->y->local[i]};
		rc = server_add(w, out, &server);
	}
	return rc;
}

static bool server_name(
	struct work *w, const struct synth_zone *zone, const struct server *s, struct dname *out)
{
	if (s->service == NULL) {
		*out = zone->name;
		return names_prepend_all(out, "ns.dns") == 0;
	}
	return work_service_name(w, zone, s->service->meta.ns, s->service->meta.name, out) &&
		(s->host == NULL || names_prepend_all(out, s->host) == 0);
}

// Index of the name among the records, or n.
static size_t find_record(const struct record_data *data, size_t n, const struct dname *name)
{
	size_t i = 0;

	while (i < n && !dname_is_equal(data[i].target.wire, name->wire))
		i++;
	return i;
}

static bool has_extra(const struct record_set *set, const struct record_extra *x)
{
	for (size_t i = 0; i < set->n_extra; i++) {
		if (set->extra[i].target == x->target &&
			memcmp(&set->extra[i].addr, &x->addr, sizeof(x->addr)) == 0)
			return true;
	}
	return false;
}

enum { SERVERS_MAX = 256 }; // more name servers of a zone help nobody

// Addresses of one target must come together: a pass for each record.
static void ns_extras(const struct servers *s, const size_t *record, struct record_set *set,
	struct record_extra *extra)
{
	set->extra = extra;
	for (size_t k = 0; k < set->n; k++) {
		for (size_t i = 0; i < s->n && i < SERVERS_MAX; i++) {
			const struct record_extra x = {
				&set->data[k].target, work_addr(s->list[i].addr)};
			if (record[i] == k && !has_extra(set, &x))
				extra[set->n_extra++] = x;
		}
	}
}

// k8s:2.4: one NS for each distinct name, the addresses beside it. In reverse zones the names are
// those of the primary zone (quirk 5).
static int ns_set(struct work *w, const struct synth_zone *zone, const struct servers *s,
	struct record_set *out)
{
	bool is_own = zone->kind != SYNTH_REVERSE || w->y->primary == NULL;
	const struct synth_zone *in = is_own ? zone : w->y->primary;
	size_t max = s->n < SERVERS_MAX ? s->n : SERVERS_MAX;
	struct record_data *data = arena_alloc(&w->arena, (max + 1) * sizeof(*data));
	struct record_extra *extra = arena_alloc(&w->arena, (max + 1) * sizeof(*extra));
	size_t record[SERVERS_MAX];

	*out = (struct record_set){.type = RR_TYPE_NS, .ttl_s = w->ttl_s, .data = data};
	if (data == NULL || extra == NULL)
		return -ENOMEM;
	for (size_t i = 0; i < max; i++) {
		struct dname name;
		record[i] = SERVERS_MAX;
		if (!server_name(w, in, &s->list[i], &name))
			continue;
		record[i] = find_record(data, out->n, &name);
		if (record[i] < out->n)
			continue;
		data[out->n].target = name;
		data[out->n++].zone_tail_size = is_own ? zone->name.size_bytes : 0;
	}
	ns_extras(s, record, out, extra);
	return 0;
}

static int emit_apex(struct work *w, const struct synth_zone *zone, const struct servers *s)
{
	uint32_t ttl_s = w->y->config->ttl;
	const struct record_soa soa = synth_soa(
		zone->kind == SYNTH_CLUSTERSET ? w->y->clusterset_serial : w->y->serial, ttl_s);
	struct sets sets = {.n = 1};

	sets.set[0] = (struct record_set){
		.type = RR_TYPE_SOA, .ttl_s = synth_soa_ttl(ttl_s), .soa = &soa};
	int rc = ns_set(w, zone, s, &sets.set[1]);
	if (rc != 0)
		return rc;
	if (sets.set[1].n > 0)
		sets.n = 2;
	return emit_plain(w, zone, &zone->name, 0, &sets);
}

static int emit_version(struct work *w, const struct synth_zone *zone)
{
	struct dname name = zone->name;
	struct sets sets = {.n = 1};

	if (!work_name(w, &name, "dns-version"))
		return 0;
	sets.set[0] = (struct record_set){
		.type = RR_TYPE_TXT, .ttl_s = VERSION_TTL_S, .text = "1.1.0"}; // k8s:S1
	return emit_plain(w, zone, &name, SYNTH_STRICT, &sets);
}

static int address_compare(const void *a, const void *b)
{
	return memcmp(*(const struct object_address *const *)a,
		*(const struct object_address *const *)b, sizeof(struct object_address));
}

// A and AAAA of all servers, each address once.
static int server_sets(struct work *w, const struct servers *s, struct sets *out)
{
	const struct object_address **addrs = arena_alloc(&w->arena, (s->n + 1) * sizeof(*addrs));
	size_t n = 0;

	if (addrs == NULL)
		return -ENOMEM;
	for (size_t i = 0; i < s->n; i++)
		addrs[i] = s->list[i].addr;
	qsort(addrs, s->n, sizeof(*addrs), address_compare);
	for (size_t i = 0; i < s->n; i++) {
		if (n == 0 || !object_address_is_equal(addrs[n - 1], addrs[i]))
			addrs[n++] = addrs[i];
	}
	return sets_of_addresses(w, addrs, n, out);
}

static int emit_ns_dns(struct work *w, const struct synth_zone *zone, const struct servers *s)
{
	struct dname name = zone->name;
	struct sets sets;
	int rc = server_sets(w, s, &sets);

	if (rc != 0 || !work_name(w, &name, "dns") || !work_name(w, &name, "ns"))
		return rc;
	return emit_plain(w, zone, &name, SYNTH_NO_PTR, &sets);
}

static int emit_empty(struct work *w, const struct synth_zone *zone, const char *label)
{
	struct dname name = zone->name;

	return work_name(w, &name, label) ? emit_plain(w, zone, &name, 0, NULL) : 0;
}

// The apex of a k8s_external zone, and its name server with all addresses.
static int emit_external(struct work *w, const struct synth_zone *zone, const struct servers *s)
{
	const struct config_k8s_external *x = w->y->external;
	const struct record_soa soa = synth_external_soa(w->y->external_serial, x);
	struct record_data *data = arena_alloc(&w->arena, sizeof(*data));
	struct record_extra *extra = arena_alloc(&w->arena, (s->n + 1) * sizeof(*extra));
	struct dname name = zone->name;
	struct sets apex = {.n = 2};
	struct sets sets = {0};

	if (data == NULL || extra == NULL)
		return -ENOMEM;
	if (!work_name(w, &name, x->apex))
		return 0;
	int rc = emit_plain(w, zone, &name, 0, NULL);
	if (rc != 0 || !work_name(w, &name, "ns1"))
		return rc;
	data->target = name;
	data->zone_tail_size = zone->name.size_bytes;
	apex.set[0] = (struct record_set){.type = RR_TYPE_SOA, .ttl_s = x->ttl, .soa = &soa};
	apex.set[1] = (struct record_set){
		.type = RR_TYPE_NS, .ttl_s = x->ttl, .data = data, .n = 1, .extra = extra};
	rc = server_sets(w, s, &sets);
	for (size_t i = 0; i < sets.n && rc == 0; i++) {
		for (size_t k = 0; k < sets.set[i].n && apex.set[1].n_extra < SERVERS_MAX; k++)
			extra[apex.set[1].n_extra++] =
				(struct record_extra){&data->target, sets.set[i].data[k].addr};
	}
	if (rc == 0)
		rc = emit_plain(w, zone, &name, 0, &sets);
	return rc == 0 ? emit_plain(w, zone, &zone->name, 0, &apex) : rc;
}

static int emit_externals(struct work *w)
{
	struct servers servers;

	if (w->y->external == NULL)
		return 0;
	int rc = find_servers(w, SIDE_EXTERNAL, &servers);
	for (size_t i = 0; i < w->y->n_zones && rc == 0; i++) {
		if (w->y->zones[i].kind != SYNTH_EXTERNAL)
			continue;
		w->ttl_s = w->y->external->ttl;
		rc = emit_external(w, &w->y->zones[i], &servers);
		w->ttl_s = w->y->config->ttl;
	}
	return rc;
}

int unit_apex(struct work *w)
{
	struct servers servers;
	int rc = find_servers(w, SIDE_CLUSTER, &servers);

	if (rc == 0)
		rc = emit_externals(w);
	for (size_t i = 0; i < w->y->n_zones && rc == 0; i++) {
		const struct synth_zone *zone = &w->y->zones[i];
		if (zone->kind == SYNTH_EXTERNAL)
			continue;
		rc = emit_apex(w, zone, &servers);
		if (rc == 0)
			rc = emit_ns_dns(w, zone, &servers);
		if (rc != 0 || zone->kind == SYNTH_REVERSE)
			continue;
		rc = emit_version(w, zone);
		if (rc == 0)
			rc = emit_empty(w, zone, "svc");
		if (rc == 0)
			rc = emit_empty(w, zone, "pod");
	}
	return rc;
}

// `ns.svc.Z`, and `ns.pod.Z` unless pods are disabled (k8s:2.3).
static int emit_namespace(struct work *w, const struct synth_zone *zone, const char *ns)
{
	struct dname name = zone->name;
	enum pods_mode pods = w->y->config->pods;
	int rc = 0;

	if (!work_name(w, &name, "svc") || !work_name(w, &name, ns))
		return 0;
	rc = emit_plain(w, zone, &name, 0, NULL);
	name = zone->name;
	if (rc != 0 || pods == PODS_DISABLED || !work_name(w, &name, "pod") ||
		!work_name(w, &name, ns))
		return rc;
	return emit_plain(w, zone, &name, pods == PODS_INSECURE ? SYNTH_POD_NS : 0, NULL);
}

int unit_namespace(struct work *w, const char *ns)
{
	int rc = 0;

	if (!synth_has_namespace(w->y, ns))
		return 0;
	for (size_t i = 0; i < w->y->n_zones && rc == 0; i++) {
		const struct synth_zone *zone = &w->y->zones[i];
		struct dname name = zone->name;
		if (zone->kind == SYNTH_EXTERNAL && work_name(w, &name, ns))
			rc = emit_plain(w, zone, &name, 0, NULL);
		else if (zone->kind != SYNTH_EXTERNAL && zone->kind != SYNTH_REVERSE)
			rc = emit_namespace(w, zone, ns);
	}
	return rc;
}

// `<address>.@autopath` points to the namespace of the pod: for slowpath/plugin/autopath.c, and in
// no zone. Several pods of one address and different namespaces: one of them, as in CoreDNS.
static int emit_place(struct work *w, const char *ns, const struct object_address *addr)
{
	static const char hex[] = "0123456789abcdef";
	size_t n = addr->family == OBJECT_IPV4 ? 4 : 16;
	struct record_data data = {.target = {.size_bytes = 1}};
	const struct record_set set = {.type = RR_TYPE_PTR, .data = &data, .n = 1};
	struct dname name = {.size_bytes = 1};
	char label[2 * sizeof(addr->bytes) + 1] = "";
	uint32_t id;

	for (size_t i = 0; i < n; i++) {
		label[2 * i] = hex[addr->bytes[i] >> 4];
		label[2 * i + 1] = hex[addr->bytes[i] & 15];
	}
	if (!work_name(w, &data.target, ns) || !work_name(w, &name, "@autopath") ||
		!work_name(w, &name, label))
		return 0;
	const struct synth_name out = {.name = &name,
		.us_mask = RECORD_US_EXACT,
		.alias_of = SYNTH_NO_ALIAS,
		.sets = &set,
		.n_sets = 1};
	return w->sink->name(w->sink->user, &out, &id);
}

// k8s:2.6 verified: the text of the address of a pod that exists; label is "" for the canonical
// one, which is also the one that a client's address is compared with.
int unit_pod(struct work *w, const char *ns, const char *label, const struct object_address *addr)
{
	char canonical[NAMES_ADDRESS_MAX_BYTES];
	struct sets sets;
	int rc = 0;

	if (w->y->config->pods != PODS_VERIFIED || !synth_has_namespace(w->y, ns) ||
		store_pods(w->y->store, ns, label, addr) == 0)
		return 0;
	if (label[0] == '\0') {
		rc = w->y->has_places ? emit_place(w, ns, addr) : 0;
		label = names_pod(addr, canonical);
	}
	for (size_t i = 0; i < w->y->n_zones && rc == 0; i++) {
		const struct synth_zone *zone = &w->y->zones[i];
		struct dname name = zone->name;
		if (zone->kind == SYNTH_REVERSE || zone->kind == SYNTH_EXTERNAL ||
			!work_name(w, &name, "pod") || !work_name(w, &name, ns) ||
			!work_name(w, &name, label))
			continue;
		rc = sets_of_addresses(w, &addr, 1, &sets);
		if (rc == 0)
			rc = emit_plain(w, zone, &name, 0, &sets);
	}
	return rc;
}
