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

// An address, zero for every address of its family, and a port.
struct socket_place {
	struct address address;
	uint16_t port;
};

struct sockets_plan {
	const struct socket_place *places;
	size_t n_places;
	unsigned threads; // UDP sockets per place (SO_REUSEPORT); 0: TCP only
};

// 0 or -errno; whoever else has an address and port makes it -EADDRINUSE. On failure *s still needs
// sockets_close.
[[nodiscard]] int sockets_open(const struct sockets_plan *plan, struct sockets *s, struct err *err);

// Closes all; accepts the zeroed struct.
void sockets_close(struct sockets *s);
