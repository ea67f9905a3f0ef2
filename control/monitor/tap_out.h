// SPDX-License-Identifier: Apache-2.0
// The way to one collector: frame streams over a Unix or TCP socket. What the collector does not
// take at once waits in a bounded buffer; only connecting waits for it, for a few seconds.
#pragma once

#include "zones/link/tap.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct tap_out;

// Connects to the rule's collector and agrees on what is sent. 0 or -errno, -EPROTO for a collector
// that does not speak the protocol. *out is owned by the caller, NULL after an error.
[[nodiscard]] int tap_out_open(const struct tap_rule *rule, struct tap_out **out);
// Sends what waits as far as the collector takes it soon, and says goodbye; NULL is fine.
void tap_out_close(struct tap_out *o);

// Takes a message. False: there is no room for it.
bool tap_out_add(struct tap_out *o, const uint8_t *bytes, size_t size_bytes);

// Sends what waits, without waiting. False: the collector has gone.
bool tap_out_flush(struct tap_out *o);
