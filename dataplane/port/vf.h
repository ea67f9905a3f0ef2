// SPDX-License-Identifier: Apache-2.0
// The host's side of a virtual function: which MAC the owner of the physical one has set for it,
// and whether the physical one works. The function itself does not hear of the first, and of the
// second by one interrupt at most; its frames just stop coming.
#pragma once

#include <stdbool.h>
#include <stdint.h>

struct vf_side {
	uint8_t mac[6];
	bool is_up; // the physical function's interface
	bool is_running; // it, with a carrier
	uint32_t changes; // of that carrier
};

struct vf {
	int fd; // netlink; -1: no virtual function, or its physical one is not in sight
	int index; // of the physical function's interface
	unsigned number; // among its functions
	bool is_dependent; // on a card whose functions stop when the physical one does
	bool is_stopped; // as vf_loss saw it last
	struct vf_side start;
};

// device: whole name on the PCI bus, a folder in devices; driver: DPDK's name of it. Always
// succeeds; vf_close in any case.
void vf_open(const char *devices, const char *device, const char *driver, struct vf *vf);
void vf_close(struct vf *vf);

// Why a new process is needed, or NULL. One question to the kernel.
[[nodiscard]] const char *vf_loss(struct vf *vf);
