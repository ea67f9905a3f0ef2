// SPDX-License-Identifier: Apache-2.0
// The kernel's side of a PCI port: whether DPDK can have the device, and when somebody wants it
// back.
#pragma once

#include "zones/base/err.h"

#include <stddef.h>
#include <stdint.h>

// Fails, with what to do, when the device is not there or not given to DPDK. device is the text of
// --port, with or without domain and arguments.
[[nodiscard]] int pci_check(const char *device, struct err *err);

// The IOMMU group of a device by its whole name: a number, or "none".
void pci_group(const char *name, char *group, size_t size_bytes);

// From now on notes when the kernel wants the device back (its driver is being unbound, or it is
// pulled), and when the physical function of a virtual one was reset: both are mended by a new
// process only.
void pci_watch(const char *name, uint16_t port_id);

// Why this process cannot go on with the device, or NULL.
const char *pci_loss(void);
