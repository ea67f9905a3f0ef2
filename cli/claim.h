// SPDX-License-Identifier: Apache-2.0
// What only one instance can have: its state directory, and each address of its own on an
// interface. A claim is a descriptor and ends with it, however the process ends; it leaves no file.
#pragma once

#include "cli/address.h"

#include "zones/base/err.h"

enum { CLAIM_IFNAME_BYTES = 16 };

struct claim_place {
	const char *ifname;
	unsigned vlan; // 0: none
	const struct address *address;
};

// 0, or -EBUSY when another has it. *fd becomes the claim; -1 where there is none to be had: a
// directory that we may not read, a file system without locks.
[[nodiscard]] int claim_directory(const char *path, int *fd, struct err *err);

// The same in this network namespace. A stranger (neither root nor this user) who has taken the
// name keeps nobody from starting: 0 and -1.
[[nodiscard]] int claim_address(const struct claim_place *p, int *fd, struct err *err);
