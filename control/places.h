// SPDX-License-Identifier: Apache-2.0
// Where the Corefile listens that the sockets were made for. Sockets are the supervisor's, made
// once: a new Corefile may leave places, but not have others.
#pragma once

#include "zones/base/err.h"
#include "zones/corefile/config.h"

#include <stddef.h>
#include <stdint.h>

enum { PLACE_TEXT_BYTES = 256 };

struct place {
	char text[PLACE_TEXT_BYTES]; // one word of `bind` and what it excepts, "" without bind
	uint16_t port;
};

struct places {
	struct place *list; // owned
	size_t n;
};

// The places of a Corefile; to be freed with places_free. 0 or -ENOMEM with nothing owned.
[[nodiscard]] int places_take(const struct config *c, struct places *out);
void places_free(struct places *p);

// 0, or -EADDRNOTAVAIL with the place in err when the Corefile listens elsewhere, too.
[[nodiscard]] int places_check(const struct places *bound, const struct config *c, struct err *err);
