// SPDX-License-Identifier: Apache-2.0
// The secrets of DNS cookies (RFC 9018): one or two lines of 32 hexadecimal digits. Cookies are
// made with the first; one made with the second is still taken, so that a secret can be replaced in
// a fleet: first add the new one below, then swap the lines, then drop the old one (RFC 9018 5).
#pragma once

#include "zones/base/err.h"

enum { COOKIES_ROLL_S = 30 * 24 * 3600 }; // our own secret is replaced after that

// Reads `file`, or, when it is NULL, state_dir's own, which is made when it is missing and whose
// secret is followed by a new one when it is old. On success *out is a sealed memfd with 16 or 32
// bytes for dataplane and slow path. 0 or -errno.
[[nodiscard]] int cookies_open(const char *file, const char *state_dir, int *out, struct err *err);
