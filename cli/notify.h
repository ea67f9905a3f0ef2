// SPDX-License-Identifier: Apache-2.0
// Tells systemd how far we are (Type=notify), when it asked to be told.
#pragma once

#include <stdint.h>

// Sends one state such as "READY=1"; does nothing without NOTIFY_SOCKET.
void notify_send(const char *state);

// Says that the loop turns, three times per WATCHDOG_USEC (sd_watchdog_enabled(3)); to be called
// more often than that.
void notify_watchdog(uint64_t now_ms);
