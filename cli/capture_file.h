// SPDX-License-Identifier: Apache-2.0
// Frames as a pcapng file, which tcpdump and Wireshark read
// (draft-ietf-opsawg-pcapng: section header, one interface, enhanced packets).
#pragma once

#include "zones/link/capture.h"

#include <stdio.h>

// Both return 0 or -EIO.
[[nodiscard]] int capture_file_begin(FILE *out);
[[nodiscard]] int capture_file_add(FILE *out, const struct capture_record *r, unsigned worker);
