// SPDX-License-Identifier: Apache-2.0
// Counters to JSON.
#include "cli/status_json.h"

#include "cli/proc.h"
#include "cli/status_rules.h"

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

static json_t *processes_json(const struct running *r, bool *is_complete)
{
	json_t *list = json_array();
	bool is_up = proc_is_alive(&r->state.supervisor);

	*is_complete = is_up;
	(void)json_array_append_new(list,
		json_pack("{ss si sb}", "name", "supervisor", "pid", (int)r->state.supervisor.pid,
			"running", is_up));
	for (size_t i = 0; i < r->state.n_children; i++) {
		const struct state_child *c = &r->state.children[i];
		is_up = proc_is_alive(&c->proc);
		*is_complete = *is_complete && is_up;
		(void)json_array_append_new(list,
			json_pack("{ss si sb si}", "name", c->name, "pid", (int)c->proc.pid,
				"running", is_up, "starts", (int)c->starts));
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

static void warn(json_t *list, const char *directive, const char *text)
{
	(void)json_array_append_new(
		list, json_pack("{ss ss}", "directive", directive, "warning", text));
}

// What counters tell of directives that cannot do their work here.
static json_t *warnings_json(const struct outside_counters *o)
{
	uint64_t strangers = rule_counters_sum(&o->rules, RULE_AUTOPATH_STRANGERS);
	uint64_t pods = rule_counters_sum(&o->rules, RULE_AUTOPATH_PODS);
	json_t *list = json_array();

	if (strangers > pods)
		warn(list, "autopath",
			"most clients' addresses are no pods': they come translated (SNAT), or "
			"from a NodeLocal DNSCache");
	if (counter_get(&o->looping) != 0)
		warn(list, "loop", "an upstream of forward asks this server: it gets SERVFAIL");
	if (counter_get(&o->unusable_files) != 0)
		warn(list, "forward",
			"a file that it names cannot be used: the name servers that it last named "
			"stay in use; the log says why");
	return list;
}

static bool has_child(const struct state *s, const char *name)
{
	for (size_t i = 0; i < s->n_children; i++) {
		if (strcmp(s->children[i].name, name) == 0)
			return true;
	}
	return false;
}

static int add_counters(const struct running *r, json_t *doc, bool *is_ready)
{
	const struct counters_page *page = r->counters;
	int rc = 0;

	*is_ready = true;
	if (has_child(&r->state, "dataplane")) {
		bool has_link = counter_get(&page->link_up) != 0;
		*is_ready = counter_get(&page->dataplane_ready) != 0 && has_link;
		rc |= json_object_set_new(doc, "link", json_boolean(has_link));
		rc |= json_object_set_new(doc, "workers", workers_json(page));
		rc |= json_object_set_new(doc, "dataplane", snapshot_json(&page->dataplane));
		rc |= json_object_set_new(doc, "drops", drops_json(page));
		rc |= json_object_set_new(doc, "port_drops",
			json_pack("{sI sI}", "missed", num(&page->rx_missed), "no_buffer",
				num(&page->rx_nombuf)));
	}
	if (has_child(&r->state, "slowpath")) {
		*is_ready = *is_ready && counter_get(&page->slowpath.generation) != 0;
		rc |= json_object_set_new(doc, "slowpath", snapshot_json(&page->slowpath));
	}
	rc |= json_object_set_new(doc, "control", control_json(&page->control));
	rc |= json_object_set_new(doc, "corefile", corefile_json(&page->control));
	rc |= json_object_set_new(doc, "warnings", warnings_json(&page->outside));
	return rc;
}

json_t *status_json(const struct running *r, bool *is_serving)
{
	json_t *doc = json_object();
	bool is_complete = false, is_ready = false;
	int rc = 0;

	rc |= json_object_set_new(doc, "port", json_string(r->state.port));
	rc |= json_object_set_new(doc, "addresses", addresses_json(&r->state));
	rc |= json_object_set_new(doc, "processes", processes_json(r, &is_complete));
	if (r->counters != NULL)
		rc |= add_counters(r, doc, &is_ready);
	rc |= json_object_set_new(doc, "rules", status_rules(r));
	*is_serving = is_complete && is_ready;
	rc |= json_object_set_new(doc, "serving", json_boolean(*is_serving));
	if (rc == 0)
		return doc;
	json_decref(doc);
	return NULL;
}
