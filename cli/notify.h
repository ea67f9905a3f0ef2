// SPDX-License-Identifier: Apache-2.0
// Tells systemd how far we are (Type=notify), when it asked to be told.
#pragma once

// Sends one state such as "READY=1"; does nothing without NOTIFY_SOCKET.
void notify_send(const char *state);
