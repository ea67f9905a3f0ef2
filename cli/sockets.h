// SPDX-License-Identifier: Apache-2.0
// The kernel's own sockets for the slow path: UDP and TCP of kernel and shared mode. The supervisor
// opens them because it may use low ports and because they outlive the process that serves them.
#pragma once

#include "cli/address.h"

#include "zones/base/err.h"

#include <stddef.h>
#include <stdint.h>

enum { SOCKETS_MAX = 64 };

struct sockets {
	int udp[SOCKETS_MAX], tcp[SOCKETS_MAX]; // bound; TCP also listens
	size_t n_udp, n_tcp;
};

struct sockets_plan {
	const struct address *addresses; // none: every address of the machine
	size_t n_addresses;
	const uint16_t *ports;
	size_t n_ports;
	unsigned threads; // UDP sockets per address and port (SO_REUSEPORT); 0: TCP only
};

// 0 or -errno; whoever else has an address and port makes it -EADDRINUSE. On failure *s still needs
// sockets_close.
[[nodiscard]] int sockets_open(const struct sockets_plan *plan, struct sockets *s, struct err *err);

// Closes all; accepts the zeroed struct.
void sockets_close(struct sockets *s);
