// SPDX-License-Identifier: Apache-2.0
// A packet socket beside the port, for ports that sit on an interface of the kernel: it keeps what
// the port's driver loses, the sizes of unsegmented TCP and the place of unfinished checksums.
#pragma once

#include "zones/base/err.h"

// Opens it on the interface; it sees what comes in, but for UDP to port 53 and tagged frames, with
// a struct virtio_net_hdr in front of each frame, and sends the same. The descriptor or -errno.
[[nodiscard]] int raw_socket_open(const char *ifname, struct err *err);
