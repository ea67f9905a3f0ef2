// SPDX-License-Identifier: Apache-2.0
// A packet socket beside the port, for ports that sit on an interface of the kernel: it keeps what
// the port's driver loses, the sizes of unsegmented TCP and the place of unfinished checksums.
#pragma once

#include "zones/base/err.h"

#include <stdint.h>

// Opens it on the interface; it sees what comes in, but for UDP to port 53, with a struct
// virtio_net_hdr in front of each frame, and sends the same. With vlan 0 it sees what has no 802.1Q
// tag, otherwise what has this one, which the interface takes off. The descriptor or -errno.
[[nodiscard]] int raw_socket_open(const char *ifname, uint16_t vlan, struct err *err);
