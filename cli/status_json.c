// SPDX-License-Identifier: Apache-2.0
// Counters to JSON.
#include "cli/status_json.h"

#include "cli/proc.h"
#include "cli/status_rules.h"

#include <arpa/inet.h>
#include <string.h>

static json_int_t num(const counter_t *c)
{
	return (json_int_t)counter_get(c);
}

static json_t *addresses_json(const struct state *s)
{
	json_t *list = json_array();

	for (size_t i = 0; i < s->n_addresses; i++)
		(void)json_array_append_new(list,
			json_pack("{ss ss}", "address", s->addresses[i].text, "mode",
				address_mode_text(s->addresses[i].mode)));
	return list;
}

// Of all addresses together; without any, the kernel's sockets are used.
static const char *mode_of(const struct state *s)
{
	enum address_mode first = s->n_addresses == 0 ? MODE_KERNEL : s->addresses[0].mode;

	for (size_t i = 1; i < s->n_addresses; i++) {
		if (s->addresses[i].mode != first)
			return "shared and own";
	}
	return address_mode_text(first);
}

static json_t *listens_json(const struct state *s)
{
	char text[INET6_ADDRSTRLEN];
	json_t *list = json_array();

	for (size_t i = 0; i < s->n_listens; i++) {
		const struct server_address *l = &s->listens[i];
		(void)inet_ntop(l->family == 6 ? AF_INET6 : AF_INET, l->bytes, text, sizeof(text));
		(void)json_array_append_new(
			list, json_pack("{ss si}", "address", text, "port", (int)l->port));
	}
	return list;
}

static json_t *process_json(const char *name, const struct proc *p)
{
	static const char *const texts[] = {
		[PROC_GONE] = "ended", [PROC_STOPPED] = "stopped", [PROC_RUNNING] = "running"};
	enum proc_state state = proc_state_of(p);

	return json_pack("{ss si sb ss}", "name", name, "pid", (int)p->pid, "running",
		state == PROC_RUNNING, "state", texts[state]);
}

static json_t *processes_json(const struct running *r)
{
	json_t *list = json_array();

	(void)json_array_append_new(list, process_json("supervisor", &r->state.supervisor));
	for (size_t i = 0; i < r->state.n_children; i++) {
		const struct state_child *c = &r->state.children[i];
		json_t *child = process_json(c->name, &c->proc);
		(void)json_object_set_new(child, "starts", json_integer((json_int_t)c->starts));
		(void)json_array_append_new(list, child);
	}
	return list;
}

static json_t *snapshot_json(const struct snapshot_counters *c)
{
	return json_pack("{sI sI sI sI sI sI}", "generation", num(&c->generation), "base",
		num(&c->base_generation), "names", num(&c->names), "bytes", num(&c->image_bytes),
		"published", num(&c->published), "refused", num(&c->refused));
}

static json_t *control_json(const struct control_counters *c)
{
	uint64_t beat_ms = counter_get(&c->heartbeat_monotonic_ns) / 1000000;
	uint64_t now_ms = proc_now_ms();
	json_int_t age_ms = beat_ms == 0 || beat_ms > now_ms ? 0 : (json_int_t)(now_ms - beat_ms);

	return json_pack("{sb sI sI sI sI sI sI sI sI sI sI sI}", "synced",
		counter_get(&c->synced) != 0, "heartbeat_age_ms", age_ms, "generation",
		num(&c->generation), "changes", num(&c->changes), "overlays", num(&c->overlays),
		"folds", num(&c->folds), "namespaces", num(&c->namespaces), "services",
		num(&c->services), "slices", num(&c->slices), "endpoints", num(&c->endpoints),
		"relists", num(&c->relists), "drift", num(&c->drift_objects));
}

// Of the Corefile on the disk, as control has seen it last.
static json_t *corefile_json(const struct control_counters *c)
{
	char reason[CONTROL_REASON_BYTES];

	if (counter_get(&c->corefile_refused) != 0) {
		memcpy(reason, c->reload_reason, sizeof(reason));
		reason[sizeof(reason) - 1] = 0;
		return json_pack(
			"{ss ss}", "state", "refused, the old one stays:", "reason", reason);
	}
	return json_pack("{ss}", "state",
		counter_get(&c->corefile_waits) != 0
			? "taken; the rules of the old one are served until the objects of its "
			  "clusters have been read"
			: "in force");
}

static json_int_t drops_of(const struct worker_counters *w)
{
	json_int_t sum = 0;

	for (int i = 0; i < DROP_REASON_COUNT; i++)
		sum += num(&w->drops[i]);
	return sum;
}

static json_t *workers_json(const struct counters_page *page)
{
	json_t *list = json_array();

	for (uint32_t i = 0; i < page->n_workers && i < COUNTERS_WORKERS_MAX; i++) {
		const struct worker_counters *w = &page->workers[i];
		json_int_t all = num(&w->all_cycles);
		(void)json_array_append_new(list,
			json_pack("{si sI sI sI sI sI sI sI sI sI sI}", "worker", (int)i, "rx",
				num(&w->rx_pkts), "tx", num(&w->tx_pkts), "replies",
				num(&w->replies_udp), "cached",
				num(&w->cache_hits[0]) + num(&w->cache_hits[1]), "other",
				num(&w->replies_other), "punts", num(&w->punts), "exceptions",
				num(&w->exceptions), "dropped", drops_of(w), "busy_percent",
				all == 0 ? (json_int_t)0 : num(&w->busy_cycles) * 100 / all,
				"generation", num(&w->generation)));
	}
	return list;
}

// Reasons that occurred, over all workers.
static json_t *drops_json(const struct counters_page *page)
{
	json_t *drops = json_object();

	for (int i = 0; i < DROP_REASON_COUNT; i++) {
		json_int_t sum = 0;
		for (uint32_t w = 0; w < page->n_workers && w < COUNTERS_WORKERS_MAX; w++)
			sum += num(&page->workers[w].drops[i]);
		if (sum > 0)
			(void)json_object_set_new(
				drops, drop_reason_name((enum drop_reason)i), json_integer(sum));
	}
	return drops;
}

static int add_counters(const struct running *r, json_t *doc)
{
	const struct counters_page *page = r->counters;
	int rc = 0;

	if (state_has_child(&r->state, "dataplane")) {
		bool has_link = counter_get(&page->link_up) != 0;
		rc |= json_object_set_new(doc, "link", json_boolean(has_link));
		rc |= json_object_set_new(doc, "workers", workers_json(page));
		rc |= json_object_set_new(doc, "dataplane", snapshot_json(&page->dataplane));
		rc |= json_object_set_new(doc, "drops", drops_json(page));
		rc |= json_object_set_new(doc, "port_drops",
			json_pack("{sI sI}", "missed", num(&page->rx_missed), "no_buffer",
				num(&page->rx_nombuf)));
	}
	if (state_has_child(&r->state, "slowpath"))
		rc |= json_object_set_new(doc, "slowpath", snapshot_json(&page->slowpath));
	rc |= json_object_set_new(doc, "control", control_json(&page->control));
	rc |= json_object_set_new(doc, "corefile", corefile_json(&page->control));
	return rc;
}

json_t *status_json(const struct running *r, const struct status_verdict *v)
{
	json_t *doc = json_object();
	int rc = 0;

	rc |= json_object_set_new(doc, "mode", json_string(mode_of(&r->state)));
	rc |= json_object_set_new(doc, "port", json_string(r->state.port));
	rc |= json_object_set_new(doc, "addresses", addresses_json(&r->state));
	rc |= json_object_set_new(doc, "listens", listens_json(&r->state));
	rc |= json_object_set_new(doc, "processes", processes_json(r));
	if (r->counters != NULL)
		rc |= add_counters(r, doc);
	rc |= json_object_set_new(doc, "rules", status_rules(r));
	rc |= json_object_set(doc, "warnings", v->warnings);
	rc |= json_object_set_new(doc, "serving", json_boolean(v->is_serving));
	if (rc == 0)
		return doc;
	json_decref(doc);
	return NULL;
}
