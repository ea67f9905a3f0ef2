// SPDX-License-Identifier: Apache-2.0
// A process that is stopped or hangs cannot say so itself: /proc tells of the first, loops that
// stand still of the second.
#include "cli/status_health.h"

#include "cli/proc.h"

#include "zones/link/health.h"

#include <stdio.h>
#include <string.h>
#include <time.h>

enum {
	LOOK_MS = 20,
	CONTROL_BEAT_MAX_MS = 10000, // it beats twice a second
};

static void warn(struct status_verdict *v, const char *name, const char *about, const char *text)
{
	(void)json_array_append_new(v->warnings,
		json_pack("{ss ss ss}", "name", name, "about", about, "warning", text));
}

static void judge_process(struct status_verdict *v, const char *name, const struct proc *p)
{
	enum proc_state state = proc_state_of(p);

	if (state == PROC_RUNNING)
		return;
	v->is_complete = false;
	if (state == PROC_STOPPED)
		warn(v, "process-stopped", name,
			"a signal or a debugger holds it: SIGCONT lets it go on");
	else
		warn(v, "process-ended", name,
			strcmp(name, "supervisor") == 0
				? "nobody restarts what fails: start burst53 again"
				: "the supervisor starts it again; its log says why it ended");
}

static void judge_processes(struct status_verdict *v, const struct running *r)
{
	judge_process(v, "supervisor", &r->state.supervisor);
	for (size_t i = 0; i < r->state.n_children; i++)
		judge_process(v, r->state.children[i].name, &r->state.children[i].proc);
	// Not once more for one that is stopped.
	if (!r->is_supervised && proc_state_of(&r->state.supervisor) == PROC_RUNNING) {
		v->is_complete = false;
		warn(v, "supervisor-silent", "supervisor",
			"it does not answer on its socket: the rules cannot be shown");
	}
}

// Looks as the monitor does, until every loop has turned and the server is ready, or too long.
static void look(struct health *server, struct health *other, const struct counters_page *page)
{
	const struct timespec nap = {.tv_nsec = LOOK_MS * 1000000L};
	uint64_t start_ms = proc_now_ms();

	for (;;) {
		uint64_t now_ms = proc_now_ms();
		health_look(server, page, now_ms);
		health_look(other, page, now_ms);
		if ((server->is_ready && other->is_alive) || now_ms - start_ms > HEALTH_STILL_MS)
			return;
		(void)nanosleep(&nap, NULL); // a signal only shortens the nap
	}
}

static void judge_server(struct status_verdict *v, const struct health *h)
{
	const char *about = h->server == SERVED_BY_DATAPLANE ? "dataplane" : "slowpath";

	if (h->is_alive)
		return;
	v->is_complete = false;
	warn(v, "not-answering", about, h->reason);
}

// What /ready waits for. A server that does not answer has its own warning.
static void judge_data(
	struct status_verdict *v, const struct health *h, const struct counters_page *page)
{
	if (counter_get(&page->is_stopping) != 0)
		warn(v, "draining", "supervisor",
			"it is being taken out of service: everything is answered until it ends");
	else if (strstr(h->waits_for, "kubernetes") != NULL)
		warn(v, "not-synced", "kubernetes",
			"the cluster's objects have not been read yet: its names get SERVFAIL");
	else if (h->is_alive && !h->is_ready)
		warn(v, "no-snapshot", h->waits_for, "it has no snapshot yet to answer from");
}

static void judge_control(struct status_verdict *v, const struct control_counters *c)
{
	uint64_t beat_ms = counter_get(&c->heartbeat_monotonic_ns) / 1000000;
	uint64_t now_ms = proc_now_ms();

	if (beat_ms == 0 || now_ms < beat_ms + CONTROL_BEAT_MAX_MS)
		return;
	v->is_complete = false;
	warn(v, "control-hangs", "control", "its loop does not turn: answers stay as they are");
}

// What counters tell of directives that cannot do their work here.
static void judge_directives(struct status_verdict *v, const struct outside_counters *o)
{
	uint64_t strangers = rule_counters_sum(&o->rules, RULE_AUTOPATH_STRANGERS);
	uint64_t pods = rule_counters_sum(&o->rules, RULE_AUTOPATH_PODS);

	if (strangers > pods)
		warn(v, "clients-translated", "autopath",
			"most clients' addresses are no pods': they come translated (SNAT), or "
			"from a NodeLocal DNSCache");
	if (counter_get(&o->looping) != 0)
		warn(v, "upstream-loop", "loop",
			"an upstream of forward asks this server: it gets SERVFAIL");
	if (counter_get(&o->unusable_files) != 0)
		warn(v, "unusable-file", "forward",
			"a file that it names cannot be used: the name servers that it last named "
			"stay in use; the log says why");
}

static void judge_counters(struct status_verdict *v, const struct running *r)
{
	static struct health dataplane, slowpath; // large
	bool has_dataplane = state_has_child(&r->state, "dataplane");
	bool has_slowpath = state_has_child(&r->state, "slowpath");

	dataplane = (struct health){.server = SERVED_BY_DATAPLANE};
	slowpath = (struct health){.server = SERVED_BY_SLOWPATH};
	const struct health *server = has_dataplane ? &dataplane : &slowpath;
	look(has_dataplane ? &dataplane : &slowpath, has_slowpath ? &slowpath : &dataplane,
		r->counters);
	v->is_serving = server->is_ready;
	judge_server(v, server);
	if (has_dataplane && has_slowpath)
		judge_server(v, &slowpath);
	judge_data(v, server, r->counters);
	if (state_has_child(&r->state, "control"))
		judge_control(v, &r->counters->control);
	judge_directives(v, &r->counters->outside);
}

void status_judge(const struct running *r, struct status_verdict *v)
{
	*v = (struct status_verdict){.is_complete = true, .warnings = json_array()};
	judge_processes(v, r);
	if (r->counters != NULL) {
		judge_counters(v, r);
		return;
	}
	v->is_complete = false;
	warn(v, "no-counters", "supervisor",
		"nobody has the counters: whether queries are answered is not known");
}

void status_verdict_fini(struct status_verdict *v)
{
	json_decref(v->warnings);
	*v = (struct status_verdict){0};
}
