// SPDX-License-Identifier: Apache-2.0
// Starts DPDK's environment for one port. All its arguments are made here.
#pragma once

#include "dataplane/port/spec.h"

#include "zones/base/err.h"

#include <stdbool.h>

enum { EAL_WORKERS_MAX = 32 };

struct eal_options {
	const struct port_spec *port;
	unsigned workers;
	// True: worker i stays on one CPU, counted from the last one we may use. False: the kernel
	// places the workers, which sleep when there is nothing to do.
	bool is_pinned;
	bool is_no_huge;
	unsigned memory_mb; // with is_no_huge
	unsigned frame_bytes; // longest frame of the port
	int xdp_fd; // object of the XDP program, for af_xdp
};

// Lcore of worker i. Lcore 0 is the main thread.
static inline unsigned eal_worker_lcore(unsigned i)
{
	return i + 1;
}

// 0 or -errno with a sentence. Only once per process; eal_stop after the ports are closed.
[[nodiscard]] int eal_start(const struct eal_options *o, struct err *err);
void eal_stop(void);

// Frame and block sizes of an AF_PACKET ring for frames of frame_bytes.
unsigned eal_ring_frame_bytes(unsigned frame_bytes);
