// SPDX-License-Identifier: Apache-2.0
// burst53_*: workers, drops, port, snapshots.
#include "control/monitor/metrics.h"

#include <stddef.h>
#include <stdio.h>

// One counter of each worker's block.
struct worker_metric {
	const char *name;
	const char *help;
	size_t offset;
};

#define WORKER_METRIC(field, name, help) \
	{ \
		"burst53_worker_" name "_total", help, offsetof(struct worker_counters, field) \
	}

static const struct worker_metric worker_metrics[] = {
	WORKER_METRIC(loops, "loops", "Turns of the worker's loop; it never stands still."),
	WORKER_METRIC(rx_pkts, "received_frames", "Frames taken from the port."),
	WORKER_METRIC(tx_pkts, "sent_frames", "Frames given to the port."),
	WORKER_METRIC(replies_udp, "replies", "DNS replies."),
	WORKER_METRIC(replies_other, "other_replies", "Replies to ARP, ND and echo."),
	WORKER_METRIC(punts, "punts", "Queries given to the slow path."),
	WORKER_METRIC(punt_replies, "punt_replies", "Replies of the slow path that were sent."),
	WORKER_METRIC(exceptions, "exceptions", "Frames left to the kernel behind the address."),
	WORKER_METRIC(truncated, "truncated_replies", "Replies with the TC bit."),
	WORKER_METRIC(probes_answered, "probes_answered", "Own queries that came back answered."),
};

static uint64_t counter_at(const void *block, size_t offset)
{
	const char *bytes = block;

	return counter_get((const counter_t *)(const void *)(bytes + offset));
}

static unsigned n_workers(const struct metrics *m)
{
	return m->page->n_workers < COUNTERS_WORKERS_MAX ? m->page->n_workers
							 : COUNTERS_WORKERS_MAX;
}

static struct labels worker_label(unsigned worker, char text[12])
{
	(void)snprintf(text, 12, "%u", worker); // always fits
	return (struct labels){.n = 1, .list = {{"worker", text}}};
}

static void worker_times(const struct metrics *m, struct text *out)
{
	double hz = (double)counter_get(&m->page->tsc_hz);
	static const char *const names[2] = {
		"burst53_worker_busy_seconds_total", "burst53_worker_seconds_total"};
	static const char *const helps[2] = {
		"Time spent on bursts that were not empty.", "Time that the loop has run."};

	for (unsigned k = 0; k < 2; k++) {
		text_metric(out, names[k], METRIC_COUNTER, helps[k]);
		for (unsigned i = 0; i < n_workers(m) && hz > 0; i++) {
			const struct worker_counters *w = &m->page->workers[i];
			char text[12];
			const struct labels l = worker_label(i, text);
			uint64_t cycles = counter_get(k == 0 ? &w->busy_cycles : &w->all_cycles);
			text_value(out, names[k], &l, (double)cycles / hz);
		}
	}
}

static void workers(const struct metrics *m, struct text *out)
{
	for (size_t k = 0; k < sizeof(worker_metrics) / sizeof(worker_metrics[0]); k++) {
		const struct worker_metric *wm = &worker_metrics[k];
		text_metric(out, wm->name, METRIC_COUNTER, wm->help);
		for (unsigned i = 0; i < n_workers(m); i++) {
			char text[12];
			const struct labels l = worker_label(i, text);
			text_count(out, wm->name, &l, counter_at(&m->page->workers[i], wm->offset));
		}
	}
	worker_times(m, out);
}

static void drops(const struct metrics *m, struct text *out)
{
	text_metric(out, "burst53_drops_total", METRIC_COUNTER,
		"Frames that workers dropped, by reason.");
	for (unsigned r = 0; r < DROP_REASON_COUNT; r++) {
		const char *name = drop_reason_name((enum drop_reason)r);
		const struct labels l = {.n = 1, .list = {{"reason", name}}};
		uint64_t n = 0;
		for (unsigned i = 0; i < COUNTERS_WORKERS_MAX; i++)
			n += counter_get(&m->page->workers[i].drops[r]);
		text_count(out, "burst53_drops_total", &l, n);
	}
}

static void port(const struct metrics *m, struct text *out)
{
	const struct counters_page *p = m->page;

	text_gauge(out, "burst53_link_up", "Whether the port's link is up.",
		(double)counter_get(&p->link_up));
	text_counter(out, "burst53_port_missed_frames_total",
		"Frames that the port dropped because its queues were full.",
		counter_get(&p->rx_missed));
	text_counter(out, "burst53_port_no_buffer_frames_total",
		"Frames that the port dropped because no buffer was free.",
		counter_get(&p->rx_nombuf));
	text_counter(out, "burst53_punts_lost_total",
		"Queries that the slow path did not take from the workers.",
		counter_get(&p->punts_lost));
	text_counter(out, "burst53_punt_replies_malformed_total",
		"Replies of the slow path that were refused.", counter_get(&p->punt_replies_bad));
	text_counter(out, "burst53_punt_replies_lost_total",
		"Replies of the slow path that found no room.", counter_get(&p->punt_replies_lost));
}

// One number of the port.
struct port_metric {
	const char *name;
	enum metric_type type;
	const char *help;
	size_t offset;
};

#define PORT_METRIC(field, name, type, help) \
	{ \
		"burst53_port_" name, type, help, offsetof(struct port_counters, field) \
	}

static const struct port_metric port_metrics[] = {
	PORT_METRIC(rx_pkts, "received_frames_total", METRIC_COUNTER, "Frames that came in."),
	PORT_METRIC(tx_pkts, "sent_frames_total", METRIC_COUNTER, "Frames that went out."),
	PORT_METRIC(rx_bytes, "received_bytes_total", METRIC_COUNTER, "Their bytes."),
	PORT_METRIC(tx_bytes, "sent_bytes_total", METRIC_COUNTER, "Their bytes."),
	PORT_METRIC(rx_errors, "receive_errors_total", METRIC_COUNTER,
		"Frames that the port found damaged."),
	PORT_METRIC(tx_errors, "send_errors_total", METRIC_COUNTER,
		"Frames that the port could not send."),
	PORT_METRIC(buffers, "buffers", METRIC_GAUGE, "Buffers for frames."),
	PORT_METRIC(buffers_free, "buffers_free", METRIC_GAUGE, "Those of them that are free."),
};

static void port_numbers(const struct metrics *m, struct text *out)
{
	for (size_t i = 0; i < sizeof(port_metrics) / sizeof(port_metrics[0]); i++) {
		const struct port_metric *pm = &port_metrics[i];
		text_metric(out, pm->name, pm->type, pm->help);
		text_count(out, pm->name, NULL, counter_at(&m->page->port, pm->offset));
	}
}

// One number of a process' snapshots.
struct snapshot_metric {
	const char *name;
	enum metric_type type;
	const char *help;
	size_t offset;
	double unit; // the number counts in so many of these
};

#define SNAPSHOT_METRIC(field, name, type, unit, help) \
	{ \
		"burst53_snapshot" name, type, help, offsetof(struct snapshot_counters, field), \
			unit \
	}

static const struct snapshot_metric snapshot_metrics[] = {
	SNAPSHOT_METRIC(generation, "_generation", METRIC_GAUGE, 1,
		"Generation of the snapshot that is served."),
	SNAPSHOT_METRIC(base_generation, "_base_generation", METRIC_GAUGE, 1,
		"Generation of its base image."),
	SNAPSHOT_METRIC(
		published, "_published_total", METRIC_COUNTER, 1, "Snapshots that were taken."),
	SNAPSHOT_METRIC(refused, "_refused_total", METRIC_COUNTER, 1,
		"Images that were refused; the old snapshot went on."),
	SNAPSHOT_METRIC(names, "_names", METRIC_GAUGE, 1, "Names in its images."),
	SNAPSHOT_METRIC(image_bytes, "_size_bytes", METRIC_GAUGE, 1, "Size of its images."),
	SNAPSHOT_METRIC(check_ns, "_check_seconds", METRIC_GAUGE, 1e9,
		"How long checking the last image took."),
	SNAPSHOT_METRIC(index_ns, "_index_seconds", METRIC_GAUGE, 1e9,
		"How long indexing the last image took."),
	SNAPSHOT_METRIC(reclaim_pending, "_retired", METRIC_GAUGE, 1,
		"Old snapshots that somebody may still read."),
};

// The blocks of processes that take snapshots here, with their names.
struct takers {
	unsigned n;
	const struct snapshot_counters *blocks[2];
	struct labels labels[2];
};

static struct takers takers_of(const struct metrics *m)
{
	struct takers t = {.n = 1,
		.blocks = {&m->page->slowpath, &m->page->dataplane},
		.labels = {{.n = 1, .list = {{"process", "slowpath"}}},
			{.n = 1, .list = {{"process", "dataplane"}}}}};

	if (m->health->server == SERVED_BY_DATAPLANE)
		t.n = 2;
	return t;
}

static void snapshot_ages(const struct metrics *m, const struct takers *t, struct text *out)
{
	static const char name[] = "burst53_snapshot_age_seconds";

	text_metric(out, name, METRIC_GAUGE, "Time since the last one was taken.");
	for (unsigned i = 0; i < t->n; i++) {
		uint64_t since = counter_get(&t->blocks[i]->published_monotonic_ns);
		if (since != 0 && since <= m->now_ns)
			text_value(out, name, &t->labels[i], (double)(m->now_ns - since) / 1e9);
	}
}

static void snapshots(const struct metrics *m, struct text *out)
{
	const struct takers t = takers_of(m);

	for (size_t k = 0; k < sizeof(snapshot_metrics) / sizeof(snapshot_metrics[0]); k++) {
		const struct snapshot_metric *sm = &snapshot_metrics[k];
		text_metric(out, sm->name, sm->type, sm->help);
		for (unsigned i = 0; i < t.n; i++) {
			uint64_t v = counter_at(t.blocks[i], sm->offset);
			text_value(out, sm->name, &t.labels[i], (double)v / sm->unit);
		}
	}
	snapshot_ages(m, &t, out);
}

static void dnstap(const struct metrics *m, struct text *out)
{
	const struct tap_stats *s = m->tap;

	text_gauge(out, "burst53_dnstap_collectors", "Collectors that the Corefile names.",
		(double)atomic_load_explicit(&s->collectors, memory_order_relaxed));
	text_gauge(out, "burst53_dnstap_connected", "Those of them that take messages.",
		(double)atomic_load_explicit(&s->connected, memory_order_relaxed));
	text_counter(out, "burst53_dnstap_messages_total", "Messages given to collectors.",
		atomic_load_explicit(&s->messages, memory_order_relaxed));
	text_counter(out, "burst53_dnstap_left_out_total",
		"Messages that a collector did not get: none there, too slow, or more than 10,000 "
		"a second on one thread.",
		atomic_load_explicit(&s->left_out, memory_order_relaxed));
}

void metrics_dataplane(const struct metrics *m, struct text *out)
{
	text_gauge(out, "burst53_healthy", "Whether /health says so.", m->health->is_alive);
	text_gauge(out, "burst53_ready", "Whether /ready says so.", m->health->is_ready);
	text_gauge(out, "burst53_tcp_connections", "Open TCP connections of clients.",
		(double)counter_get(&m->page->connections));
	text_counter(out, "burst53_log_lines_total", "Lines that log and errors have written.",
		atomic_load_explicit(&m->qlog->lines, memory_order_relaxed));
	text_counter(out, "burst53_log_left_out_total",
		"Queries without a line: more than 2,000 a second on one thread.",
		atomic_load_explicit(&m->qlog->left_out, memory_order_relaxed));
	dnstap(m, out);
	snapshots(m, out);
	if (m->health->server != SERVED_BY_DATAPLANE)
		return;
	workers(m, out);
	drops(m, out);
	port(m, out);
	port_numbers(m, out);
}
