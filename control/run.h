// SPDX-License-Identifier: Apache-2.0
// The running process: one loop that takes changes in and hands snapshots out. What happens when is
// decided in run_turn, which runs after every batch of events.
#pragma once

#include "control/layers.h"
#include "control/options.h"
#include "control/page.h"
#include "control/places.h"
#include "control/publish/pacer.h"
#include "control/publish/publisher.h"
#include "control/publish/saver.h"
#include "zones/link/counters.h"
#include "zones/link/history.h"

#include <stdbool.h>
#include <stdint.h>
#include <uv.h>

// A Corefile in force, or one that is to come into force, with its layers.
struct stage {
	struct setup *setup;
	struct layers layers;
};

enum fold_state {
	FOLD_NONE,
	FOLD_STEPPING, // on the loop, in slices
	FOLD_SEALING, // in a worker thread
	FOLD_SENT, // receivers check and index it
};

struct seal_job;

struct fold {
	enum fold_state state;
	struct stage *stage; // NULL: given up, the result is dropped
	bool is_urgent; // somebody waits for it: no pauses
	uint64_t cost_ns;
	uint64_t generation, hash;
	uint64_t retry_ns; // not before this time again
	uv_timer_t timer;
};

struct run {
	uv_loop_t loop;
	const struct options *o;
	struct control_counters *counters; // shared, or our own when nobody shares
	struct control_counters own;
	struct stage *cur;
	struct stage *next; // a reloaded Corefile whose clusters are not synced yet, or NULL
	struct publisher publisher;
	struct saver saver;
	struct pacer pacer;
	struct fold fold;
	struct history_writer history;
	uint64_t generation; // the last one given to an image
	uint32_t serial_floor; // serials start behind it
	uint64_t event_ns; // newest change that is not published
	struct page_triggers triggers; // of changes on their way
	bool is_dirty; // there are such changes
	bool must_publish; // a base waits for its overlay
	bool wants_base; // what is served lacks whole clusters
	bool holds; // others serve data of an earlier life: nothing partial replaces it
	uint64_t started_ms;
	uint64_t config_hash; // of the Corefile in force, for `reload`
	struct places places; // that sockets were made for
	char refused[512]; // why the newest one was not taken, empty when it was
	uv_prepare_t prepare;
	uv_check_t check;
	uv_timer_t pace, heartbeat, reload, hosts;
	uv_signal_t signals[3];
};

// Runs until SIGTERM or SIGINT. 0, or -errno with the reason in e when it cannot start.
[[nodiscard]] int run_control(struct run *r, const struct options *o, struct err *e);

// Private to run.c, run_fold.c and run_reload.c.

void run_turn(struct run *r);

struct stage *stage_new(struct setup *setup);
// Closes the clusters that `kept` does not share.
void stage_free(struct stage *s, const struct stage *kept);

// Callbacks of the clusters.
struct cluster_events run_events(struct run *r);

// Begins a base of the stage; nothing may be under way. 0 or -errno.
[[nodiscard]] int fold_start(struct run *r, struct stage *stage);
// Makes and sends a base at once: for what is small, at the start.
[[nodiscard]] int fold_now(struct run *r, struct err *e);
// The receivers have a base that was sent as PUBLISH_PAIR_NEXT.
void fold_published(struct run *r);
// The stage goes away.
void fold_forget(struct run *r, const struct stage *stage);

// The stage whose base has been made (r->fold) takes over.
void run_take_over(struct run *r);

// The rules of a new Corefile come later than it was taken: log and status say so.
void run_tell_waiting(struct run *r, const char *what);

// The first setup: of the Corefile, or of what an earlier control under the same supervisor had
// taken when the Corefile is refused. NULL with the reason in e.
struct setup *reload_first(struct run *r, struct err *e);
void reload_init(struct run *r);
void reload_now(struct run *r);
