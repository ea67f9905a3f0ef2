// SPDX-License-Identifier: Apache-2.0
// Where the blocks of a Corefile listen for plain DNS, and which sockets that makes.
#pragma once

#include "cli/address.h"
#include "cli/run_options.h"
#include "cli/sockets.h"

#include "zones/base/err.h"
#include "zones/corefile/config.h"

#include <stddef.h>
#include <stdint.h>

struct listens {
	struct socket_place list[SOCKETS_MAX]; // each once
	size_t n;
};

// 0 or -errno: an interface that is missing, too many places.
[[nodiscard]] int listens_take(const struct config *c, struct listens *out, struct err *err);

// The places of kernel mode: what the blocks bind; a block without bind is served on the n
// addresses, or on every address when n is 0. 0 or -errno.
[[nodiscard]] int listens_kernel(const struct listens *l, const struct address *addresses, size_t n,
	struct listens *out, struct err *err);

// The places of shared and own mode: of the n addresses, each on the ports of the blocks that
// listen there. 0 or -errno.
[[nodiscard]] int listens_of(const struct listens *l, const struct address *addresses, size_t n,
	struct listens *out, struct err *err);
