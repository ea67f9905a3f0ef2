// SPDX-License-Identifier: Apache-2.0
// Copies what others keep into the page; only this process writes there.
#include "control/page.h"

#include "control/page_log.h"
#include "control/page_tap.h"
#include "control/policy_private.h"

#include "zones/base/url.h"

#include <stdio.h>
#include <string.h>
#include <time.h>
#include <uv.h>

_Static_assert((int)CONTROL_RESOURCES == (int)OBJECT_KINDS, "one per kind");
_Static_assert((int)CONTROL_RESULTS == (int)KUBE_RESULTS, "one per result");
_Static_assert((int)CONTROL_RELIST_REASONS == (int)KUBE_RELIST_REASONS, "one per reason");
_Static_assert((int)CONTROL_REST_BUCKETS == (int)KUBE_REPLY_BUCKETS, "the same bounds");

// What the clusters of a setup have together.
struct sums {
	uint64_t objects[OBJECT_KINDS];
	uint64_t endpoints;
	uint64_t replies[KUBE_REPLY_BUCKETS], replies_ns;
};

// Instances may share a cluster, which is counted with the first of them.
static bool is_counted(const struct setup *s, size_t instance)
{
	for (size_t i = 0; i < instance; i++) {
		if (s->instances[i].cluster == s->instances[instance].cluster)
			return true;
	}
	return false;
}

// One resource over all clusters; the worst of them where a sum means nothing.
static void resource_add(struct resource_counters *to, const struct kube_stats *s)
{
	counter_set(&to->is_watched, 1);
	counter_set(&to->is_synced, counter_get(&to->is_synced) & (s->synced ? 1u : 0u));
	if ((uint64_t)s->phase < counter_get(&to->phase))
		counter_set(&to->phase, (uint64_t)s->phase);
	if (s->last_contact_ms < counter_get(&to->contact_monotonic_ms))
		counter_set(&to->contact_monotonic_ms, s->last_contact_ms);
	uint64_t failing = counter_get(&to->failing_since_monotonic_ms);
	if (s->failing_since_ms != 0 && (failing == 0 || s->failing_since_ms < failing))
		counter_set(&to->failing_since_monotonic_ms, s->failing_since_ms);
	counter_add(&to->events, s->events);
	counter_add(&to->bookmarks, s->bookmarks);
	counter_add(&to->requests, s->requests);
	counter_add(&to->bytes, s->bytes_read);
	counter_add(&to->skipped_objects, s->objects_skipped);
	counter_add(&to->drift_objects, s->drift);
	counter_add(&to->shrinks_held, s->shrinks_held);
	for (unsigned i = 0; i < KUBE_RESULTS; i++) {
		counter_add(&to->list_results[i], s->list_results[i]);
		counter_add(&to->watch_results[i], s->watch_results[i]);
	}
	for (unsigned i = 0; i < KUBE_RELIST_REASONS; i++)
		counter_add(&to->relists[i], s->relists[i]);
}

static void resource_sum(const struct setup *setup, enum object_kind kind,
	struct resource_counters *out, struct sums *sums)
{
	*out = (struct resource_counters){.is_synced = 1, .phase = KUBE_WATCHING};
	counter_set(&out->contact_monotonic_ms, UINT64_MAX);
	for (size_t i = 0; i < setup->n_instances; i++) {
		const struct cluster *c = setup->instances[i].cluster;
		const struct kube_stats *s = cluster_stats(c, kind);
		if (is_counted(setup, i))
			continue;
		counter_add(&out->objects, store_count(cluster_store(c), kind));
		if (s == NULL || !s->watched)
			continue;
		resource_add(out, s);
		for (unsigned b = 0; b < KUBE_REPLY_BUCKETS; b++)
			sums->replies[b] += s->replies[b];
		sums->replies_ns += s->replies_ns;
	}
	sums->objects[kind] = counter_get(&out->objects);
}

static void copy_counters(void *to, const void *from, size_t size_bytes)
{
	counter_t *t = to;
	const counter_t *f = from;

	for (size_t i = 0; i < size_bytes / sizeof(counter_t); i++)
		counter_set(&t[i], counter_get(&f[i]));
}

static void objects_write(struct control_counters *page, const struct sums *s)
{
	counter_set(&page->namespaces, s->objects[OBJECT_NAMESPACE]);
	counter_set(&page->services, s->objects[OBJECT_SERVICE]);
	counter_set(&page->slices, s->objects[OBJECT_SLICE]);
	counter_set(&page->pods, s->objects[OBJECT_POD]);
	counter_set(&page->imports, s->objects[OBJECT_IMPORT]);
	counter_set(&page->endpoints, s->endpoints);
	for (unsigned i = 0; i < KUBE_REPLY_BUCKETS; i++)
		counter_set(&page->rest_buckets[i], s->replies[i]);
	counter_set(&page->rest_sum_ns, s->replies_ns);
}

static void resources_write(struct control_counters *page, const struct setup *setup)
{
	uint64_t relists = 0, drift = 0;
	struct sums sums = {0};

	for (int k = 0; k < OBJECT_KINDS; k++) {
		struct resource_counters sum;
		resource_sum(setup, (enum object_kind)k, &sum, &sums);
		copy_counters(&page->resources[k], &sum, sizeof(sum));
		drift += counter_get(&sum.drift_objects);
		for (unsigned i = 0; i < KUBE_RELIST_REASONS; i++)
			relists += counter_get(&sum.relists[i]);
	}
	for (size_t i = 0; i < setup->n_instances; i++) {
		if (!is_counted(setup, i))
			sums.endpoints +=
				store_endpoints(cluster_store(setup->instances[i].cluster));
	}
	objects_write(page, &sums);
	counter_set(&page->relists, relists);
	counter_set(&page->drift_objects, drift);
}

void page_heartbeat(struct control_counters *page, const struct setup *setup, bool holds)
{
	bool is_synced = setup_is_synced(setup);

	counter_set(&page->heartbeat_monotonic_ns, uv_hrtime());
	resources_write(page, setup);
	counter_set(&page->synced, is_synced ? 1 : 0);
	if (is_synced)
		counter_set(&page->was_synced, 1); // and so it stays (api:F2)
	if (!holds)
		counter_set(&page->serves_saved, 0);
}

// One bit per directive that CoreDNS would call a plugin of this block.
static uint64_t directives_of(const struct config_server *s)
{
	uint64_t bits = 0;

	for (size_t i = 0; i < s->n_directives; i++) {
		enum config_kind kind = s->directives[i].kind;
		if (!policy_is_setup(kind))
			bits |= UINT64_C(1) << kind;
	}
	return bits;
}

static void entry_add(struct enabled_table *t, const struct scope_label *label, uint64_t directives)
{
	uint64_t n = counter_get(&t->n);

	for (uint64_t i = 0; i < n; i++) {
		if (memcmp(&t->entries[i].label, label, sizeof(*label)) == 0)
			return;
	}
	if (n == SCOPES_MAX)
		return;
	t->entries[n].label = *label;
	counter_set(&t->entries[n].directives, directives);
	counter_set(&t->n, n + 1);
}

static void listener_add(struct enabled_table *t, const struct policy *p, const struct listener *l)
{
	char server[POLICY_LABEL_BYTES];

	policy_label(&l->where, server);
	for (size_t i = 0; i < l->n_rules; i++) {
		const char *zone = l->rules[i].metric_zone;
		struct scope_label label;
		scope_label_fill(&label, server, strlen(server), zone, strlen(zone));
		entry_add(t, &label, directives_of(&p->config->servers[l->rules[i].server]));
	}
}

// "https://10.96.0.1:443/path" without scheme, password and path.
static void host_write(struct control_counters *page, const char *server)
{
	char shown[URL_SHOWN_BYTES];
	const char *url = url_without_user(server, shown);
	const char *host = strstr(url, "://");
	size_t n = strcspn(host == NULL ? url : host + 3, "/");

	(void)snprintf(page->api_host, sizeof(page->api_host), "%.*s", (int)n,
		host == NULL ? url : host + 3); // what is too long is cut
}

// All directives together, under the file of the first.
static void hosts_write(struct control_counters *page, const struct setup *setup)
{
	const struct config_hosts *first = NULL;
	uint64_t n = 0;

	for (size_t i = 0; i < setup->config.n_servers; i++) {
		n += setup->hosts[i].n;
		first = first != NULL ? first : setup->hosts[i].config;
	}
	counter_set(&page->hosts_entries, n);
	counter_set(&page->hosts_read_s, first != NULL ? (uint64_t)time(NULL) : 0);
	if (first != NULL) // what is too long is cut
		(void)snprintf(page->hosts_path, sizeof(page->hosts_path), "%s", first->path);
}

void page_corefile(struct control_counters *page, const struct setup *setup)
{
	struct enabled_table *t = &page->enabled;
	uint64_t version = counter_get(&t->version) | 1;

	// Readers see an odd version, or a change of it, when they read what is half written.
	atomic_store_explicit(&t->version, version, memory_order_relaxed);
	atomic_thread_fence(memory_order_release);
	counter_set(&t->n, 0);
	for (size_t i = 0; i < setup->policy->n_listeners; i++)
		listener_add(t, setup->policy, &setup->policy->listeners[i]);
	atomic_store_explicit(&t->version, version + 1, memory_order_release);
	hosts_write(page, setup);
	page_log_rules(&page->qlog, &setup->config);
	page_tap_rules(&page->taps, &setup->config);
	counter_set(&page->config_hash, setup->config.hash);
	if (page->api_host[0] == 0 && setup->n_instances > 0)
		host_write(page, cluster_server(setup->instances[0].cluster));
}

void page_changing(struct page_triggers *t, const struct cluster *c, const struct object_meta *old,
	const struct object_meta *new)
{
	const struct object_slice *was = (const struct object_slice *)old;
	const struct object_slice *is = (const struct object_slice *)new;

	if (new == NULL || new->kind != OBJECT_SLICE || is->trigger_ms == 0 ||
		(old != NULL && was->trigger_ms == is->trigger_ms))
		return;
	// CoreDNS measures headless services only: their slices are in the answer.
	const struct object_service *s = store_service(cluster_store(c), new->ns, is->service_name);
	if (s != NULL && s->headless && t->n_waiting < PAGE_TRIGGERS_MAX)
		t->waiting_ms[t->n_waiting++] = is->trigger_ms;
}

void page_sent(struct page_triggers *t)
{
	memcpy(t->sent_ms, t->waiting_ms, t->n_waiting * sizeof(t->sent_ms[0]));
	t->n_sent = t->n_waiting;
	t->n_waiting = 0;
}

static void programmed(struct programming_counters *p, uint64_t took_ns)
{
	uint64_t bound_ns = 1000000;
	unsigned i = 0;

	for (; i + 1 < CONTROL_PROGRAMMING_BUCKETS && took_ns > bound_ns; i++)
		bound_ns *= 2;
	counter_add(&p->buckets[i], 1);
	counter_add(&p->sum_ns, took_ns);
}

void page_served(struct control_counters *page, struct page_triggers *t, uint64_t event_ns)
{
	struct timespec now;

	(void)clock_gettime(CLOCK_REALTIME, &now); // cannot fail on Linux
	int64_t now_ms = (int64_t)now.tv_sec * 1000 + now.tv_nsec / 1000000;
	for (size_t i = 0; i < t->n_sent; i++) {
		int64_t took_ms = now_ms - t->sent_ms[i];
		programmed(&page->programming[CONTROL_HEADLESS_WITH_SELECTOR],
			took_ms < 0 ? 0 : (uint64_t)took_ms * 1000000);
	}
	t->n_sent = 0;
	if (event_ns == 0)
		return;
	counter_set(&page->publish_ns, uv_hrtime() - event_ns);
	programmed(&page->published, uv_hrtime() - event_ns);
}
