// SPDX-License-Identifier: Apache-2.0
// burst53_*: what control knows of the cluster, and how it follows the API.
#include "control/monitor/metrics.h"

#include <stddef.h>

static const char *const resources[CONTROL_RESOURCES] = {"namespaces", "services", "endpointslices",
	"pods", "serviceimports", "clusterset_endpointslices"};

static const char *const results[CONTROL_RESULTS] = {"ok", "connect", "timeout", "cut",
	"unauthorized", "forbidden", "not_found", "gone", "too_many_requests", "client_error",
	"server_error", "content"};

static const char *const reasons[CONTROL_RELIST_REASONS] = {
	"first", "gone", "too_large", "backwards", "broken", "short_watches", "shrink", "audit"};

// One number of each watched resource.
struct resource_metric {
	const char *name;
	enum metric_type type;
	const char *help;
	size_t offset;
};

#define RESOURCE_METRIC(field, name, type, help) \
	{ \
		"burst53_watch_" name, type, help, offsetof(struct resource_counters, field) \
	}

static const struct resource_metric resource_metrics[] = {
	RESOURCE_METRIC(is_synced, "synced", METRIC_GAUGE, "Whether it has been read once."),
	RESOURCE_METRIC(phase, "phase", METRIC_GAUGE, "0 waiting, 1 listing, 2 watching."),
	RESOURCE_METRIC(objects, "objects", METRIC_GAUGE, "Objects kept."),
	RESOURCE_METRIC(events, "events_total", METRIC_COUNTER, "Changes after the first list."),
	RESOURCE_METRIC(bookmarks, "bookmarks_total", METRIC_COUNTER, "Bookmarks received."),
	RESOURCE_METRIC(requests, "requests_total", METRIC_COUNTER, "Requests made."),
	RESOURCE_METRIC(bytes, "received_bytes_total", METRIC_COUNTER, "Bytes received."),
	RESOURCE_METRIC(skipped_objects, "skipped_objects_total", METRIC_COUNTER,
		"Objects that could not be read."),
	RESOURCE_METRIC(drift_objects, "drift_objects_total", METRIC_COUNTER,
		"Objects that an audit found wrong."),
	RESOURCE_METRIC(shrinks_held, "shrinks_held_total", METRIC_COUNTER,
		"Lists that lost so much that a second one had to confirm them."),
};

static uint64_t counter_at(const void *block, size_t offset)
{
	const char *bytes = block;

	return counter_get((const counter_t *)(const void *)(bytes + offset));
}

static bool is_watched(const struct metrics *m, unsigned resource)
{
	return counter_get(&m->page->control.resources[resource].is_watched) != 0;
}

static struct labels resource_label(unsigned resource)
{
	return (struct labels){.n = 1, .list = {{"resource", resources[resource]}}};
}

static void numbers(const struct metrics *m, struct text *out)
{
	for (size_t k = 0; k < sizeof(resource_metrics) / sizeof(resource_metrics[0]); k++) {
		const struct resource_metric *rm = &resource_metrics[k];
		text_metric(out, rm->name, rm->type, rm->help);
		for (unsigned r = 0; r < CONTROL_RESOURCES; r++) {
			const struct labels l = resource_label(r);
			if (is_watched(m, r))
				text_count(out, rm->name, &l,
					counter_at(&m->page->control.resources[r], rm->offset));
		}
	}
}

// Seconds since a time in the page; 0 for never, and for a clock that makes no sense.
static double since_s(const struct metrics *m, uint64_t ms)
{
	uint64_t now_ms = m->now_ns / 1000000;

	return ms == 0 || ms > now_ms ? 0 : (double)(now_ms - ms) / 1e3;
}

static void times(const struct metrics *m, struct text *out)
{
	static const char *const names[2] = {
		"burst53_watch_silence_seconds", "burst53_watch_failing_seconds"};
	static const char *const helps[2] = {"Time since the API was last heard of.",
		"For how long requests have failed; 0 while all is well."};

	for (unsigned k = 0; k < 2; k++) {
		text_metric(out, names[k], METRIC_GAUGE, helps[k]);
		for (unsigned r = 0; r < CONTROL_RESOURCES; r++) {
			const struct resource_counters *c = &m->page->control.resources[r];
			const struct labels l = resource_label(r);
			uint64_t ms = counter_get(
				k == 0 ? &c->contact_monotonic_ms : &c->failing_since_monotonic_ms);
			if (is_watched(m, r))
				text_value(out, names[k], &l, since_s(m, ms));
		}
	}
}

// Counters of each resource by a word.
struct table {
	const char *name;
	const char *help;
	const char *label;
	const char *const *words;
	size_t n;
	size_t offset;
};

static const struct table tables[] = {
	{"burst53_api_list_results_total", "Lists by how they ended.", "result", results,
		CONTROL_RESULTS, offsetof(struct resource_counters, list_results)},
	{"burst53_api_watch_results_total", "Watches by how they ended.", "result", results,
		CONTROL_RESULTS, offsetof(struct resource_counters, watch_results)},
	{"burst53_api_relists_total", "Whole lists by why they were read.", "reason", reasons,
		CONTROL_RELIST_REASONS, offsetof(struct resource_counters, relists)},
};

static void table_write(const struct metrics *m, const struct table *t, struct text *out)
{
	text_metric(out, t->name, METRIC_COUNTER, t->help);
	for (unsigned r = 0; r < CONTROL_RESOURCES; r++) {
		const struct resource_counters *c = &m->page->control.resources[r];
		for (size_t i = 0; i < t->n && is_watched(m, r); i++) {
			struct labels l = resource_label(r);
			l.list[l.n++] = (struct label){t->label, t->words[i]};
			uint64_t n = counter_at(c, t->offset + i * sizeof(counter_t));
			if (n != 0)
				text_count(out, t->name, &l, n);
		}
	}
}

// One number of control as a whole.
struct control_metric {
	const char *name;
	enum metric_type type;
	const char *help;
	size_t offset;
	double unit; // the number counts in so many of these
};

#define CONTROL_METRIC(field, name, type, unit, help) \
	{ \
		"burst53_" name, type, help, offsetof(struct control_counters, field), unit \
	}

static const struct control_metric control_metrics[] = {
	CONTROL_METRIC(synced, "control_synced", METRIC_GAUGE, 1,
		"Whether every watched resource has been read once."),
	CONTROL_METRIC(serves_saved, "control_serves_saved", METRIC_GAUGE, 1,
		"Whether a saved snapshot of an earlier life is served."),
	CONTROL_METRIC(generation, "control_generation", METRIC_GAUGE, 1,
		"Generation of the last snapshot that everybody has taken."),
	CONTROL_METRIC(changes, "control_changes_total", METRIC_COUNTER, 1,
		"Changed objects after the first sync."),
	CONTROL_METRIC(folds, "control_folds_total", METRIC_COUNTER, 1, "Base images made."),
	CONTROL_METRIC(
		overlays, "control_overlays_total", METRIC_COUNTER, 1, "Overlay images made."),
	CONTROL_METRIC(build_ns, "control_build_seconds", METRIC_GAUGE, 1e9,
		"How long making the last base image took."),
	CONTROL_METRIC(publish_ns, "control_publish_seconds", METRIC_GAUGE, 1e9,
		"Time from the last change to its answers being served."),
	CONTROL_METRIC(services, "services", METRIC_GAUGE, 1, "Services known."),
	CONTROL_METRIC(endpoints, "endpoints", METRIC_GAUGE, 1, "Endpoints known."),
	CONTROL_METRIC(skipped_objects, "skipped_objects", METRIC_GAUGE, 1,
		"Objects that no records could be made of."),
	CONTROL_METRIC(capped_services, "capped_services", METRIC_GAUGE, 1,
		"Headless services with more addresses than a message holds."),
	CONTROL_METRIC(
		reloads, "reloads_total", METRIC_COUNTER, 1, "Corefiles taken while running."),
};

static void control(const struct metrics *m, struct text *out)
{
	const struct control_counters *c = &m->page->control;

	for (size_t i = 0; i < sizeof(control_metrics) / sizeof(control_metrics[0]); i++) {
		const struct control_metric *cm = &control_metrics[i];
		text_metric(out, cm->name, cm->type, cm->help);
		text_value(out, cm->name, NULL, (double)counter_at(c, cm->offset) / cm->unit);
	}
	text_gauge(out, "burst53_control_heartbeat_age_seconds",
		"Time since control's loop was seen to turn.",
		since_s(m, counter_get(&c->heartbeat_monotonic_ns) / 1000000));
}

void metrics_control(const struct metrics *m, struct text *out)
{
	control(m, out);
	numbers(m, out);
	times(m, out);
	for (size_t i = 0; i < sizeof(tables) / sizeof(tables[0]); i++)
		table_write(m, &tables[i], out);
}
