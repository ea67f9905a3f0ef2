// SPDX-License-Identifier: Apache-2.0
// One connection to a server, opened again when the server has closed it.
#pragma once

#include "cli/exchange.h"

#include "zones/base/wrbuf.h"

struct exchange_stream {
	const struct exchange_server *server; // borrowed
	int sock; // -1: closed
};

// Sends a message and waits for its reply at most wait_ms. The size of the reply, 0 for none.
size_t exchange_stream_ask(struct exchange_stream *s, const uint8_t *msg, size_t size_bytes,
	unsigned wait_ms, struct wrbuf *reply);

void exchange_stream_close(struct exchange_stream *s);
