// SPDX-License-Identifier: Apache-2.0
// The host's side of a virtual function: which MAC the owner of the physical one has set for it.
// Nothing tells the function itself; its frames just stop coming.
#pragma once

#include <stdbool.h>
#include <stdint.h>

struct vf {
	int fd; // netlink; -1: no virtual function, or its physical one is not in sight
	int index; // of the physical function's interface
	unsigned number; // among its functions
	uint8_t mac[6]; // at the start
};

// device: whole name on the PCI bus. Always succeeds; vf_close in any case.
void vf_open(const char *device, struct vf *vf);
void vf_close(struct vf *vf);

// Whether the host has set another MAC since the start. One question to the kernel.
[[nodiscard]] bool vf_is_renamed(const struct vf *vf);
