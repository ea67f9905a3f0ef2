// SPDX-License-Identifier: Apache-2.0
// Network cards as sysfs shows them, and what stands between one and burst53. root is a prefix of
// all paths: "" for this machine, or a folder with a copy of another's files.
#pragma once

#include "zones/base/err.h"

#include <stdbool.h>
#include <stddef.h>

enum { NICS_MAX = 64, NIC_NAME_BYTES = 32, NIC_CHECKS_MAX = 16, NIC_TEXT_BYTES = 200 };

struct nic {
	char address[NIC_NAME_BYTES]; // PCI, with domain
	unsigned vendor, device;
	char driver[NIC_NAME_BYTES]; // "" for none
	char group[NIC_NAME_BYTES]; // of the IOMMU, "" for none
	char neighbour[NIC_NAME_BYTES]; // in the same group and not given away, "" for none
	char ifname[NIC_NAME_BYTES]; // the kernel's interface, "" for none
	char mac[NIC_NAME_BYTES];
	char physical[NIC_NAME_BYTES]; // of a virtual function: the interface or address of its
				       // card
	bool has_carrier, is_used; // used: by a route, an address, a bond or a bridge
	unsigned queues; // of the interface, 0 when unknown
	unsigned vfs, vfs_max;
	int numa; // -1 for unknown
};

// Reads the network card at a PCI address (with or without domain) or behind an interface's name.
// 0, or -errno with a sentence.
[[nodiscard]] int nic_read(const char *root, const char *name, struct nic *n, struct err *err);

// All network cards, in the order of their addresses; returns how many.
size_t nic_list(const char *root, struct nic list[NICS_MAX]);

// True when its driver leaves it to DPDK.
bool nic_is_given(const struct nic *n);
// True when DPDK uses it through its kernel driver, which it keeps.
bool nic_is_shared(const struct nic *n);

enum nic_state { NIC_GOOD, NIC_NOTE, NIC_TODO };

struct nic_check {
	const char *name;
	enum nic_state state;
	char text[NIC_TEXT_BYTES];
	char remedy[NIC_TEXT_BYTES]; // a command, or what to do; "" when nothing is
};

struct nic_report {
	size_t n;
	struct nic_check checks[NIC_CHECKS_MAX];
};

// All that is good and all that is missing, in the order in which to mend it. memory_mb is what
// `burst53 run --memory` will ask for.
void nic_explain(const char *root, const struct nic *n, unsigned memory_mb, struct nic_report *r);
bool nic_report_is_ready(const struct nic_report *r);

// Gives the card to vfio-pci; a card in use only when is_forced. The kernel's modules are loaded
// when root is "".
[[nodiscard]] int nic_bind(const char *root, const struct nic *n, bool is_forced, struct err *err);
// Gives it back to the kernel's own driver.
[[nodiscard]] int nic_unbind(const char *root, const struct nic *n, struct err *err);
