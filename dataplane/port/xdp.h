// SPDX-License-Identifier: Apache-2.0
// The XDP program of an af_xdp port, instead of DPDK's own, which takes the whole interface (and
// with it everybody's ssh).
#pragma once

#include "dataplane/port/xdp_filter.h"

#include "zones/base/err.h"

#include <stddef.h>

enum { XDP_MTU_MAX = 3498 }; // one page less headroom and tail: veth and most drivers

// A memfd with the program's object for these addresses and ports (DPDK wants a file). The
// descriptor or -errno with a sentence.
[[nodiscard]] int xdp_object_make(const struct xdp_filter *filter, struct err *err);

// Fails when the interface has somebody's program already.
[[nodiscard]] int xdp_check(const char *ifname, struct err *err);

// The program that DPDK attached becomes one that the kernel detaches when the returned descriptor
// is closed, however this process ends. The descriptor or -errno.
[[nodiscard]] int xdp_hold(const char *ifname, struct err *err);
