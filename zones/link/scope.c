// SPDX-License-Identifier: Apache-2.0
// The table of scopes: readers see an entry only after it is whole.
#include "zones/link/scope.h"

#include <string.h>

static void text_fill(char *out, size_t room, const char *text, size_t size_bytes)
{
	size_t n = size_bytes < room ? size_bytes : room - 1;

	memset(out, 0, room);
	if (n > 0)
		memcpy(out, text, n);
}

void scope_label_fill(struct scope_label *out, const char *server, size_t server_size,
	const char *zone, size_t zone_size)
{
	text_fill(out->server, sizeof(out->server), server, server_size);
	text_fill(out->zone, sizeof(out->zone), zone, zone_size);
}

uint32_t scope_count(const struct scope_table *t)
{
	uint32_t n = atomic_load_explicit(&t->n, memory_order_acquire);

	return n < SCOPES_MAX ? n + 1 : SCOPES_MAX;
}

uint8_t scope_find(struct scope_table *t, const struct scope_label *label)
{
	uint32_t n = scope_count(t);

	for (uint32_t i = 1; i < n; i++) {
		if (strcmp(t->labels[i - 1].server, label->server) == 0 &&
			strcmp(t->labels[i - 1].zone, label->zone) == 0)
			return (uint8_t)i;
	}
	if (n == SCOPES_MAX)
		return SCOPE_OTHER;
	t->labels[n - 1] = *label;
	atomic_store_explicit(&t->n, n, memory_order_release);
	return (uint8_t)n;
}
