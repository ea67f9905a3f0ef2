// SPDX-License-Identifier: Apache-2.0
// Making a base: synthesised in slices on the loop (the store must not change under it), sealed in
// a worker thread, handed over while overlays on the old base go on.
#include "control/run.h"

#include "control/base/log.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

enum {
	SLICE_UNITS = 64,
	SLICE_NS = 1000000, // of work ...
	PAUSE_MS = 4, // ... and rest: a fifth of a core
	URGENT_UNITS = 2000,
	RETRY_NS = 1000000000,
};

struct seal_job {
	uv_work_t work;
	struct run *run;
	struct image_build *build;
	struct sealed sealed;
	struct err err;
	uint64_t cost_ns;
	int rc;
};

static void on_step(uv_timer_t *t);

static void next_slice(struct run *r)
{
	(void)uv_timer_start(&r->fold.timer, on_step, r->fold.is_urgent ? 0 : PAUSE_MS,
		0); // fails only when closing
}

static void give_up(struct run *r, int rc)
{
	log_error("build", "snapshot cannot be built", LOG_STR("reason", strerror(-rc)));
	if (r->fold.stage != NULL)
		layers_abandon(&r->fold.stage->layers);
	r->fold.state = FOLD_NONE;
	r->fold.stage = NULL;
	r->fold.retry_ns = uv_hrtime() + RETRY_NS; // memory is short
	r->wants_base = true;
}

int fold_start(struct run *r, struct stage *stage)
{
	uint64_t generation = r->generation + 1;
	int rc = layers_cut(&stage->layers, generation, layers_serial(&stage->layers));

	r->fold.stage = stage;
	if (rc != 0) {
		give_up(r, rc);
		return rc;
	}
	r->generation = generation;
	r->fold.state = FOLD_STEPPING;
	r->fold.is_urgent = r->wants_base || stage != r->cur;
	r->fold.cost_ns = 0;
	r->fold.generation = generation;
	if (stage == r->cur)
		r->wants_base = false;
	next_slice(r);
	return 0;
}

// Sends what was sealed. Nothing is served yet and nothing changed meanwhile: the base alone.
// Otherwise it comes into force together with its first overlay.
static void send_base(struct run *r, struct sealed *sealed)
{
	struct stage *stage = r->fold.stage;
	bool is_alone = !r->cur->layers.has_base && stage->layers.next.units.n == 0 &&
		!publisher_is_busy(&r->publisher, PUBLISH_BASE);

	r->fold.generation = sealed->generation;
	r->fold.hash = sealed->hash;
	counter_add(&r->counters->folds, 1);
	counter_set(&r->counters->build_ns, r->fold.cost_ns);
	counter_set(&r->counters->skipped_objects, stage->layers.stats.skipped);
	counter_set(&r->counters->capped_services, stage->layers.stats.capped);
	log_info("build", "base built", LOG_NUM("generation", sealed->generation),
		LOG_NUM("units", stage->layers.units), LOG_NUM("bytes", sealed->size_bytes),
		LOG_NUM("took_us", r->fold.cost_ns / 1000));
	pacer_folded(&r->pacer, r->fold.cost_ns);
	if (!is_alone) {
		r->fold.state = FOLD_SENT;
		publisher_send(&r->publisher, PUBLISH_PAIR_NEXT, sealed, 0);
		return;
	}
	counter_set(&r->counters->generation, sealed->generation);
	publisher_send(&r->publisher, PUBLISH_BASE, sealed, r->event_ns);
	r->is_dirty = false;
	r->fold.state = FOLD_NONE;
	run_take_over(r);
}

static void on_seal(uv_work_t *work)
{
	struct seal_job *j = work->data;
	uint64_t start = uv_hrtime();

	j->rc = sealed_make(j->build, &j->sealed, &j->err);
	j->cost_ns = uv_hrtime() - start;
}

static void on_sealed(uv_work_t *work, int status)
{
	struct seal_job *j = work->data;
	struct run *r = j->run;

	if (status != 0) {
		image_build_free(j->build);
		j->sealed.fd = -1;
		j->rc = status;
	}
	r->fold.cost_ns += j->cost_ns;
	if (r->fold.stage == NULL)
		r->fold.state = FOLD_NONE; // the stage has gone
	else if (j->rc != 0)
		give_up(r, j->rc);
	else
		send_base(r, &j->sealed);
	sealed_close(&j->sealed);
	free(j);
}

static void seal(struct run *r)
{
	struct seal_job *j = calloc(1, sizeof(*j));

	if (j == NULL) {
		give_up(r, -ENOMEM);
		return;
	}
	j->run = r;
	j->work.data = j;
	j->build = layers_take(&r->fold.stage->layers);
	j->sealed.fd = -1;
	int rc = uv_queue_work(&r->loop, &j->work, on_seal, on_sealed);
	if (rc == 0) {
		r->fold.state = FOLD_SEALING;
		return;
	}
	image_build_free(j->build);
	free(j);
	give_up(r, rc);
}

static void on_step(uv_timer_t *t)
{
	struct run *r = t->data;
	struct layers *l = &r->fold.stage->layers;
	uint64_t start = uv_hrtime();
	size_t units = r->fold.is_urgent ? URGENT_UNITS : SLICE_UNITS;
	int more;

	do {
		more = layers_step(l, units);
	} while (more == 1 && !r->fold.is_urgent && uv_hrtime() - start < SLICE_NS);
	r->fold.cost_ns += uv_hrtime() - start;
	if (more < 0)
		give_up(r, more);
	else if (more == 1)
		next_slice(r);
	else
		seal(r);
}

int fold_now(struct run *r, struct err *e)
{
	struct layers *l = &r->cur->layers;
	struct sealed sealed = {.fd = -1};
	int more = 1;
	int rc = layers_cut(l, ++r->generation, layers_serial(l));

	while (rc == 0 && more == 1) {
		more = layers_step(l, URGENT_UNITS);
		rc = more < 0 ? more : 0;
	}
	if (rc == 0)
		rc = sealed_make(layers_take(l), &sealed, e);
	if (rc != 0)
		return err_set(e, rc, "building the first snapshot: %s", strerror(-rc));
	layers_switch(l, sealed.generation, sealed.hash);
	counter_set(&r->counters->generation, sealed.generation);
	publisher_send(&r->publisher, PUBLISH_BASE, &sealed, 0);
	return 0;
}

void fold_published(struct run *r)
{
	if (r->fold.state != FOLD_SENT)
		return;
	r->fold.state = FOLD_NONE;
	if (r->fold.stage == NULL)
		return; // given up meanwhile: nobody will name that base
	r->must_publish = true;
	run_take_over(r);
}

void fold_forget(struct run *r, const struct stage *stage)
{
	if (r->fold.stage != stage)
		return;
	r->fold.stage = NULL;
	if (r->fold.state == FOLD_STEPPING) {
		(void)uv_timer_stop(&r->fold.timer); // cannot fail
		r->fold.state = FOLD_NONE;
	}
}
