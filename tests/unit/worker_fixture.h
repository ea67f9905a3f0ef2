// SPDX-License-Identifier: Apache-2.0
// A worker without a port, for tests of its bursts: addresses of frame_fixture, the image of
// image_fixture at generation 9 with 50 services and a headless one of 200.
#pragma once

#include "dataplane/index/root.h"
#include "dataplane/worker/worker.h"

#include "tests/unit/frame_fixture.h"
#include "tests/unit/image_fixture.h"

#include <stddef.h>
#include <stdint.h>

struct bench {
	struct host host;
	struct port port;
	struct worker worker;
	struct worker_limits limits;
	struct worker_counters counters;
	struct scope_counters scopes[SCOPES_MAX];
	struct scope_table table;
	struct root root;
	struct root empty;
	struct image_fixture image;
	struct index_secret secret;
	struct index *index;
	struct rte_mbuf *last;
	unsigned in_use;
};

extern struct bench b;

// For cmocka. bench_limits may be filled before bench_setup: it is taken over.
extern struct worker_limits bench_limits;
int bench_setup(void **state);
// Fails the test when a buffer is missing.
int bench_teardown(void **state);

// A query in wire form; returns its size.
size_t query_write(uint8_t *out, const char *name, uint16_t type);
void query_frame(struct frame_fixture *fx, uint8_t family, const char *name, uint16_t type);

// Runs one frame; the reply (borrowed until the next call) or NULL.
const uint8_t *run_one(const struct root *root, const struct frame_fixture *fx, size_t *size);

// All verdicts counted so far.
uint64_t verdicts(const struct worker_counters *c);
