// SPDX-License-Identifier: Apache-2.0
// Keeps the last good pair on disk, off the loop, and reads it at start (DESIGN 3, rel:F6, F19).
#pragma once

#include "control/publish/publisher.h"

#include <stdbool.h>
#include <stdint.h>
#include <uv.h>

struct saver_job;

struct saver {
	uv_loop_t *loop;
	const char *state_dir; // borrowed
	const struct publisher *publisher; // borrowed
	uv_timer_t later;
	struct saver_job *running; // NULL: none
	bool is_wanted; // something was published since the running one began
	bool is_closing;
	uint64_t saved_base, saved_overlay; // generations on disk, 0 for none
	uint64_t saved_ms; // uv_now of the last success, or of the start
	int last_error; // told once
};

void saver_init(
	struct saver *s, uv_loop_t *loop, const char *state_dir, const struct publisher *publisher);

// Something new is served: it is saved within some seconds.
void saver_note(struct saver *s);

// Nothing has changed, but what is served is known to be true now: the file becomes young again.
void saver_refresh(struct saver *s);

void saver_close(struct saver *s);

// Reads the saved pair into sealed memfds when it may be served: of this boot, or younger than
// max_age_s. overlay->fd is -1 without one. 0, -ENOENT, -ESTALE (too old) or another -errno; the
// reason in e.
struct saver_loaded {
	struct sealed base, overlay;
	uint64_t age_s;
	uint32_t serial;
};
[[nodiscard]] int saver_load(
	const char *state_dir, uint64_t max_age_s, struct saver_loaded *out, struct err *e);
