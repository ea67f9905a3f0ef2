// SPDX-License-Identifier: Apache-2.0
// process_*: what all processes of burst53 use together, as CoreDNS' dashboards ask for it; and
// each by itself.
#include "control/monitor/metrics.h"
#include "control/monitor/procfs.h"

#include <stddef.h>

static const char *const names[PROCESS_COUNT] = {
	"supervisor", "control", "dataplane", "monitor", "slowpath"};

struct usages {
	bool is_running[PROCESS_COUNT];
	struct proc_usage list[PROCESS_COUNT];
	struct proc_usage sum; // shared memory: the largest of them
};

static void add(struct proc_usage *sum, const struct proc_usage *u)
{
	sum->cpu_s += u->cpu_s;
	sum->private_bytes += u->private_bytes;
	if (u->shared_bytes > sum->shared_bytes)
		sum->shared_bytes = u->shared_bytes;
	sum->virtual_bytes += u->virtual_bytes;
	sum->threads += u->threads;
	sum->open_fds += u->open_fds;
	sum->max_fds += u->max_fds;
	if (sum->start_s == 0 || u->start_s < sum->start_s)
		sum->start_s = u->start_s;
}

static void usages_read(const struct counters_page *page, struct usages *out)
{
	*out = (struct usages){0};
	for (unsigned i = 0; i < PROCESS_COUNT; i++) {
		uint64_t pid = counter_get(&page->processes[i].pid);
		out->is_running[i] = pid <= INT32_MAX && proc_usage_read((pid_t)pid, &out->list[i]);
		if (out->is_running[i])
			add(&out->sum, &out->list[i]);
	}
}

static void together(const struct proc_usage *s, struct text *out)
{
	text_metric(out, "process_cpu_seconds_total", METRIC_COUNTER,
		"Total user and system CPU time spent in seconds, by all processes.");
	text_value(out, "process_cpu_seconds_total", NULL, s->cpu_s);
	text_gauge(out, "process_resident_memory_bytes",
		"Resident memory size in bytes, of all processes; memory that they share is "
		"counted once.",
		(double)(s->private_bytes + s->shared_bytes));
	text_gauge(out, "process_virtual_memory_bytes",
		"Virtual memory size in bytes, of all processes.", (double)s->virtual_bytes);
	text_gauge(out, "process_open_fds",
		"Number of open file descriptors, of the processes that can be looked into.",
		(double)s->open_fds);
	text_gauge(out, "process_max_fds", "Maximum number of open file descriptors.",
		(double)s->max_fds);
	text_gauge(out, "process_start_time_seconds",
		"Start time of the first process since unix epoch in seconds.", s->start_s);
	text_gauge(out, "go_goroutines",
		"Number of threads, under the name that dashboards ask for.", (double)s->threads);
}

struct part {
	const char *name;
	enum metric_type type;
	const char *help;
};

static double value_of(const struct usages *u, unsigned process, unsigned part)
{
	const struct proc_usage *p = &u->list[process];
	const double values[] = {u->is_running[process], p->cpu_s,
		(double)(p->private_bytes + p->shared_bytes), (double)p->shared_bytes,
		(double)p->threads};

	return values[part];
}

static void each(const struct usages *u, struct text *out)
{
	static const struct part parts[] = {
		{"burst53_process_running", METRIC_GAUGE, "Whether the process runs."},
		{"burst53_process_cpu_seconds_total", METRIC_COUNTER, "CPU time of the process."},
		{"burst53_process_resident_memory_bytes", METRIC_GAUGE,
			"Resident memory of the process, with what it shares."},
		{"burst53_process_shared_memory_bytes", METRIC_GAUGE,
			"Resident memory that others may have too: snapshots, counters."},
		{"burst53_process_threads", METRIC_GAUGE, "Threads of the process."},
	};

	for (unsigned k = 0; k < sizeof(parts) / sizeof(parts[0]); k++) {
		text_metric(out, parts[k].name, parts[k].type, parts[k].help);
		for (unsigned i = 0; i < PROCESS_COUNT; i++) {
			const struct labels l = {.n = 1, .list = {{"process", names[i]}}};
			if (k == 0 || u->is_running[i])
				text_value(out, parts[k].name, &l, value_of(u, i, k));
		}
	}
}

static void starts(const struct counters_page *page, struct text *out)
{
	text_metric(out, "burst53_process_starts_total", METRIC_COUNTER,
		"How often the process was started.");
	for (unsigned i = 0; i < PROCESS_COUNT; i++) {
		const struct labels l = {.n = 1, .list = {{"process", names[i]}}};
		text_count(out, "burst53_process_starts_total", &l,
			counter_get(&page->processes[i].starts));
	}
}

void metrics_processes(const struct metrics *m, struct text *out)
{
	struct usages u;

	usages_read(m->page, &u);
	together(&u.sum, out);
	each(&u, out);
	starts(m->page, out);
}

void metrics_write(const struct metrics *m, struct text *out)
{
	metrics_coredns(m, out);
	metrics_dns(m, out);
	metrics_outside(m, out);
	metrics_rules(m, out);
	metrics_kubernetes(m, out);
	metrics_dataplane(m, out);
	metrics_control(m, out);
	metrics_processes(m, out);
}
