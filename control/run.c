// SPDX-License-Identifier: Apache-2.0
// Start, events, the decision what to publish, and the end.
#include "control/run.h"

#include "control/base/log.h"
#include "control/journal.h"
#include "zones/sandbox/sandbox.h"

#include <errno.h>
#include <limits.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

enum { HEARTBEAT_MS = 500, CONTACT_MS = 180000 };

static uint32_t wall_s(const struct run *r)
{
	struct timespec t;

	(void)clock_gettime(CLOCK_REALTIME, &t); // cannot fail on Linux
	return (uint32_t)t.tv_sec > r->serial_floor ? (uint32_t)t.tv_sec : r->serial_floor;
}

struct stage *stage_new(struct setup *setup)
{
	struct stage *s = calloc(1, sizeof(*s));

	if (s == NULL)
		return NULL;
	s->setup = setup;
	layers_init(&s->layers, setup);
	return s;
}

void stage_free(struct stage *s, const struct stage *kept)
{
	if (s == NULL)
		return;
	layers_fini(&s->layers);
	setup_release(s->setup, kept == NULL ? NULL : kept->setup);
	free(s);
}

void run_take_over(struct run *r)
{
	struct stage *stage = r->fold.stage;

	layers_switch(&stage->layers, r->fold.generation, r->fold.hash);
	r->fold.stage = NULL;
	if (stage == r->next) {
		struct stage *old = r->cur;
		r->cur = stage;
		r->next = NULL;
		r->wants_base = false;
		page_corefile(r->counters, stage->setup);
		stage_free(old, stage);
	}
	r->holds = false;
	counter_set(&r->counters->corefile_waits, r->next != NULL ? 1 : 0);
}

void run_tell_waiting(struct run *r, const char *what)
{
	counter_set(&r->counters->corefile_waits, 1);
	log_warn("corefile", what,
		LOG_STR("file", r->o->setup.corefile == NULL ? "" : r->o->setup.corefile));
}

static void publish_overlay(struct run *r)
{
	struct layers *l = &r->cur->layers;
	struct sealed sealed = {.fd = -1};
	struct err e = {0};
	uint64_t start = uv_hrtime();
	struct image_build *b = layers_overlay(l, r->generation + 1, layers_serial(l));
	int rc = b == NULL ? err_set(&e, -ENOMEM, "memory is short") : sealed_make(b, &sealed, &e);

	if (rc == 0) {
		r->generation++;
		r->is_dirty = false;
		r->must_publish = false;
		counter_set(&r->counters->generation, r->generation);
		history_publish(&r->history, r->generation);
		page_sent(&r->triggers);
		publisher_send(&r->publisher, PUBLISH_OVERLAY, &sealed, r->event_ns);
		counter_add(&r->counters->overlays, 1);
	} else {
		log_error("build", "overlay cannot be built", LOG_STR("reason", e.text));
	}
	uint64_t now = uv_hrtime();
	// After a failure as long a rest as if it had been expensive.
	pacer_published(&r->pacer, now, rc == 0 ? now - start : UINT64_C(100000000));
}

static void on_pace(uv_timer_t *t)
{
	(void)t; // the turn that follows decides
}

static void turn_publish(struct run *r)
{
	if ((!r->is_dirty && !r->must_publish) || !r->cur->layers.has_base ||
		publisher_is_busy(&r->publisher, PUBLISH_OVERLAY))
		return;
	uint64_t wait_ns = pacer_wait_ns(&r->pacer, uv_hrtime());
	if (wait_ns == 0)
		publish_overlay(r);
	else if (!uv_is_active((uv_handle_t *)&r->pace))
		(void)uv_timer_start(
			&r->pace, on_pace, wait_ns / 1000000 + 1, 0); // fails only when closing
}

// Nothing partial replaces what an earlier life has left to be served, until that is too old.
static bool may_replace(const struct run *r)
{
	return !r->holds || setup_is_synced(r->cur->setup) ||
		uv_now(&r->loop) - r->started_ms > r->o->max_image_age_s * 1000;
}

static void turn_fold(struct run *r)
{
	struct layers *l = &r->cur->layers;
	uint64_t now = uv_hrtime();
	int rc = 0;

	if (r->fold.state != FOLD_NONE || publisher_is_busy(&r->publisher, PUBLISH_PAIR_NEXT) ||
		r->must_publish || now < r->fold.retry_ns ||
		(l->has_base && pacer_wait_ns(&r->pacer, now) > 0))
		return;
	if (r->next != NULL && setup_is_synced(r->next->setup))
		rc = fold_start(r, r->next);
	else if (r->wants_base ? may_replace(r)
			       : l->has_base && (l->failed != 0 || pacer_wants_fold(&r->pacer)))
		rc = fold_start(r, r->cur);
	if (rc != 0)
		log_warn("build", "trying again", LOG_STR("reason", strerror(-rc)));
}

void run_turn(struct run *r)
{
	turn_fold(r);
	turn_publish(r);
}

static void on_prepare(uv_prepare_t *h)
{
	run_turn(h->data);
}

static void on_check(uv_check_t *h)
{
	run_turn(h->data);
}

static void on_changing(void *user, const struct cluster *c, const struct object_meta *old,
	const struct object_meta *new)
{
	struct run *r = user;
	uint32_t now_s = wall_s(r);

	journal_changing(&r->history, r->cur->setup, c, old, new);
	layers_changing(&r->cur->layers, c, old, new, now_s);
	if (r->next != NULL)
		layers_changing(&r->next->layers, c, old, new, now_s);
	page_changing(&r->triggers, c, old, new);
	r->is_dirty = true;
	r->event_ns = uv_hrtime();
	counter_set(&r->counters->last_event_monotonic_ns, r->event_ns);
	counter_add(&r->counters->changes, 1);
}

// True when the stage uses the cluster.
static bool stage_synced(struct run *r, struct stage *s, const struct cluster *c)
{
	bool uses = false;

	if (s == NULL)
		return false;
	if (layers_synced(&s->layers, c) != 0)
		log_error("build", "memory is short");
	for (size_t i = 0; i < s->setup->n_instances; i++) {
		struct instance *in = &s->setup->instances[i];
		if (in->cluster != c)
			continue;
		in->synth.serial = in->synth.clusterset_serial = wall_s(r);
		in->synth.external_serial = in->synth.serial;
		uses = true;
	}
	return uses;
}

static void on_synced(void *user, struct cluster *c)
{
	struct run *r = user;

	r->wants_base |= stage_synced(r, r->cur, c);
	(void)stage_synced(r, r->next, c); // run_turn waits for all of its clusters
	r->event_ns = uv_hrtime();
}

struct cluster_events run_events(struct run *r)
{
	return (struct cluster_events){r, on_changing, on_synced};
}

static void on_done(void *user, const struct publisher_done *done)
{
	struct run *r = user;
	uint64_t now = uv_hrtime();

	if (done->type == PUBLISH_PAIR_NEXT) {
		fold_published(r);
		return;
	}
	page_served(r->counters, &r->triggers, done->event_ns);
	if (counter_get(&r->counters->was_synced) == 0) // /ready waits for it
		page_heartbeat(r->counters, r->cur->setup, r->holds);
	log_debug("publish", "published", LOG_NUM("generation", done->generation),
		LOG_NUM("took_us", (now - done->started_ns) / 1000));
	saver_note(&r->saver);
}

// The API has been heard of lately in every list: what is served is true now.
static bool is_in_contact(const struct run *r)
{
	uint64_t now = uv_now(&r->loop);

	for (size_t i = 0; i < r->cur->setup->n_instances; i++) {
		for (int k = 0; k < OBJECT_KINDS; k++) {
			const struct kube_stats *s = cluster_stats(
				r->cur->setup->instances[i].cluster, (enum object_kind)k);
			if (s != NULL && s->watched && now - s->last_contact_ms > CONTACT_MS)
				return false;
		}
	}
	return setup_is_synced(r->cur->setup);
}

static void on_heartbeat(uv_timer_t *t)
{
	struct run *r = t->data;
	uint64_t refresh_ms = r->o->max_image_age_s * 1000 / 3;

	page_heartbeat(r->counters, r->cur->setup, r->holds);
	if (refresh_ms > 0 && uv_now(&r->loop) - r->saver.saved_ms > refresh_ms &&
		r->cur->layers.has_base && is_in_contact(r))
		saver_refresh(&r->saver);
}

static void on_signal(uv_signal_t *s, int number)
{
	struct run *r = s->data;

	if (number == SIGUSR1)
		reload_now(r);
	else
		uv_stop(&r->loop);
}

static void handles_init(struct run *r)
{
	static const int numbers[] = {SIGTERM, SIGINT, SIGUSR1};
	uv_timer_t *const timers[] = {&r->pace, &r->heartbeat, &r->fold.timer};

	// None of these can fail on a loop that was made.
	for (size_t i = 0; i < sizeof(timers) / sizeof(timers[0]); i++) {
		(void)uv_timer_init(&r->loop, timers[i]);
		timers[i]->data = r;
	}
	(void)uv_prepare_init(&r->loop, &r->prepare);
	(void)uv_check_init(&r->loop, &r->check);
	r->prepare.data = r->check.data = r;
	(void)uv_prepare_start(&r->prepare, on_prepare);
	(void)uv_check_start(&r->check, on_check);
	(void)uv_timer_start(&r->heartbeat, on_heartbeat, 0, HEARTBEAT_MS);
	for (size_t i = 0; i < sizeof(numbers) / sizeof(numbers[0]); i++) {
		(void)uv_signal_init(&r->loop, &r->signals[i]);
		r->signals[i].data = r;
		(void)uv_signal_start(&r->signals[i], on_signal, numbers[i]);
	}
}

// Serves what the last life saved, if it is young enough. Returns false when there is none.
static bool serve_saved(struct run *r)
{
	struct saver_loaded saved;
	struct err e = {0};

	if (saver_load(r->o->state_dir, r->o->max_image_age_s, &saved, &e) != 0) {
		log_info("publish", "no saved snapshot", LOG_STR("reason", e.text));
		return false;
	}
	bool has_overlay = saved.overlay.fd >= 0;
	uint64_t top = has_overlay ? saved.overlay.generation : saved.base.generation;
	log_info("publish", "serving the saved snapshot", LOG_NUM("generation", top),
		LOG_NUM("age_s", saved.age_s));
	if ((has_overlay ? saved.overlay : saved.base).corefile != setup_corefile(r->cur->setup))
		run_tell_waiting(r,
			"changed since the snapshot was saved: its rules come with the first sync");
	r->generation = top > r->generation ? top : r->generation;
	r->serial_floor = saved.serial;
	r->saver.saved_base = saved.base.generation;
	r->saver.saved_overlay = has_overlay ? saved.overlay.generation : 0;
	counter_set(&r->counters->generation, r->generation);
	publisher_restore(&r->publisher, &saved.base, &saved.overlay);
	return true;
}

// What is served until the first sync.
static int first_publication(struct run *r, struct err *e)
{
	r->holds = r->generation > 0; // an earlier life under the same supervisor
	// Until then whose rules are served stands in the shared page.
	if (r->holds && counter_get(&r->counters->config_hash) != r->cur->setup->config.hash)
		run_tell_waiting(
			r, "changed while control was away: its rules come with the first sync");
	page_corefile(r->counters, r->cur->setup);
	// A dump has synced by now; a Corefile without kubernetes has nothing to wait for.
	r->wants_base |= setup_is_synced(r->cur->setup);
	if (r->wants_base || r->holds)
		return 0;
	r->holds = serve_saved(r);
	counter_set(&r->counters->serves_saved, r->holds ? 1 : 0);
	return r->holds ? 0 : fold_now(r, e);
}

static void counters_open_shared(struct run *r)
{
	struct counters_page *page = r->o->counters_fd < 0 ? NULL : counters_map(r->o->counters_fd);

	r->counters = page == NULL ? &r->own : &page->control;
	r->generation = counter_get(&r->counters->generation);
}

// A saved cluster does not change: nothing to write down.
static void open_history(struct run *r)
{
	char path[PATH_MAX];
	int rc = -ENAMETOOLONG;

	if (r->o->setup.source.dump != NULL)
		return;
	if (snprintf(path, sizeof(path), "%s/history", r->o->run_dir) < (int)sizeof(path))
		rc = history_open(&r->history, path);
	if (rc != 0)
		log_warn("history", "changes are not written down",
			LOG_STR("reason", strerror(-rc)));
}

static int start(struct run *r, struct err *e)
{
	struct setup *setup = reload_first(r, e);

	if (setup == NULL)
		return e->code;
	r->cur = stage_new(setup);
	if (r->cur == NULL) {
		setup_release(setup, NULL);
		return err_set(e, -ENOMEM, "memory is short");
	}
	int rc = publisher_open(&r->publisher, &r->loop, r->o->run_dir, on_done, r);
	if (rc != 0)
		return err_set(e, rc, "%.100s: %s", r->o->run_dir, strerror(-rc));
	open_history(r);
	saver_init(&r->saver, &r->loop, r->o->state_dir, &r->publisher);
	handles_init(r);
	reload_init(r);
	const struct cluster_events events = run_events(r);
	rc = setup_start(setup, NULL, &r->loop, &events, e);
	return rc != 0 ? rc : first_publication(r, e);
}

static void stop(struct run *r)
{
	uv_handle_t *const handles[] = {(uv_handle_t *)&r->prepare, (uv_handle_t *)&r->check,
		(uv_handle_t *)&r->pace, (uv_handle_t *)&r->heartbeat, (uv_handle_t *)&r->reload,
		(uv_handle_t *)&r->hosts, (uv_handle_t *)&r->fold.timer,
		(uv_handle_t *)&r->signals[0], (uv_handle_t *)&r->signals[1],
		(uv_handle_t *)&r->signals[2]};

	for (size_t i = 0; i < sizeof(handles) / sizeof(handles[0]); i++)
		uv_close(handles[i], NULL);
	saver_close(&r->saver);
	publisher_close(&r->publisher);
	r->fold.stage = NULL;
	stage_free(r->next, r->cur);
	stage_free(r->cur, NULL);
	places_free(&r->places);
	history_close(&r->history);
	(void)uv_run(&r->loop, UV_RUN_DEFAULT); // until the last handle is closed
}

int run_control(struct run *r, const struct options *o, struct err *e)
{
	memset(r, 0, sizeof(*r));
	r->o = o;
	(void)signal(SIGPIPE, SIG_IGN); // cannot fail for this signal
	int rc = uv_loop_init(&r->loop);
	if (rc != 0)
		return err_set(e, rc, "event loop: %s", uv_strerror(rc));
	counters_open_shared(r);
	r->started_ms = uv_now(&r->loop);
	rc = start(r, e);
	// A reload cannot give back the right to start programs.
	if (rc == 0)
		rc = sandbox_enter(setup_runs_programs(r->cur->setup) ? SANDBOX_CONTROL_LOGIN
								      : SANDBOX_CONTROL,
			sandbox_manner(), e);
	if (rc != 0)
		return rc; // the process ends
	(void)uv_run(&r->loop, UV_RUN_DEFAULT); // uv_stop ends it
	stop(r);
	return 0;
}
