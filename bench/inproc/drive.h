// SPDX-License-Identifier: Apache-2.0
// Drives the dataplane's own worker loop over a port without hardware: DPDK's null driver hands out
// buffers and takes them back, a receive callback fills them with queries.
#pragma once

#include "bench/inproc/names.h"
#include "bench/inproc/queries.h"

#include "dataplane/port/port.h"
#include "dataplane/worker/worker.h"

#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>

enum { DRIVE_WORKERS_MAX = 2 };

// What the loop does with each burst.
enum drive_loop {
	LOOP_PORT, // receives and sends: what port and generator cost
	LOOP_SWAP, // turns addresses and ports round, the least that an answer needs
	LOOP_WORKER, // worker_run
	LOOP_STAGES, // the worker's stages, each timed
	LOOP_COUNT
};

enum drive_stage {
	STAGE_FRAMES,
	STAGE_QUERIES,
	STAGE_FIND,
	STAGE_ANSWERS,
	STAGE_SEND,
	STAGE_COUNT
};

struct stage_times {
	uint64_t queries;
	uint64_t cycles[STAGE_COUNT];
};

struct drive_options {
	unsigned workers;
	bool is_no_huge;
	unsigned memory_mb;
};

// One lane of the generator: what a worker's queue receives.
struct generator {
	const struct query_frame *frames; // borrowed
	uint32_t n_frames; // a power of two
	uint32_t next;
	uint64_t left; // queries until the loop is stopped
};

struct drive {
	struct drive_options o;
	struct port port;
	struct host host;
	struct roots roots;
	struct root root;
	struct index_secret secret;
	struct index *index;
	struct scope_table *table;
	struct worker_limits limits;
	struct outside_cache *cache;
	struct outside_cache_counters cache_counters;
	struct worker workers[DRIVE_WORKERS_MAX];
	struct worker_counters *counters; // of each worker
	struct scope_counters *scopes;
	struct generator generators[DRIVE_WORKERS_MAX];
	_Atomic bool is_stopping;
};

struct drive_result {
	uint64_t queries;
	double cpu_ns; // of the threads, waiting for the CPU not counted
	double wall_ns; // of the slowest
	struct stage_times stages;
};

// Starts DPDK, the port and the workers. Ends the process when something fails.
void drive_open(struct drive *d, const struct drive_options *o);
void drive_close(struct drive *d);

// Serves these names, until drive_unserve.
void drive_serve(struct drive *d, const struct names *names);
void drive_unserve(struct drive *d);

// Answers the first n frames once, each checked against the case.
void drive_verify(
	struct drive *d, const struct query_case *c, const struct query_frame *frames, uint32_t n);

// Runs a loop until every worker has received n queries.
void drive_run(struct drive *d, enum drive_loop loop, const struct query_frame *frames,
	uint32_t n_frames, uint64_t n, struct drive_result *out);
