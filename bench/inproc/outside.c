// SPDX-License-Identifier: Apache-2.0
// Makes cache entries.
#include "bench/inproc/outside.h"

#include "bench/inproc/fail.h"
#include "bench/inproc/queries.h"

#include "zones/link/punt.h"
#include "zones/wire/dname.h"

#include <stddef.h>
#include <stdio.h>
#include <string.h>
#include <time.h>

enum { LIFE_S = 3600 };

// One address record, as the slow path sends it.
enum { RR_BYTES = 16, ENTRY_BYTES = sizeof(struct entry) + sizeof(struct entry_rr) + RR_BYTES };

struct message {
	struct punt_cache_msg head;
	_Alignas(struct entry) uint8_t entry[ENTRY_BYTES];
};

enum { MESSAGE_BYTES = offsetof(struct message, entry) + ENTRY_BYTES };

static uint64_t now_ms(void)
{
	struct timespec t;

	(void)clock_gettime(CLOCK_MONOTONIC, &t);
	return (uint64_t)t.tv_sec * 1000 + (uint64_t)t.tv_nsec / 1000000;
}

static void message_make(struct message *m, uint32_t i, uint64_t policy_hash, uint64_t now)
{
	struct dname name = {0};
	char text[64];

	(void)snprintf(text, sizeof(text), OUTSIDE_NAME, i);
	if (dname_parse(text, &name) != 0)
		fail("bad name %s", text);
	static const uint8_t rr[RR_BYTES] = {
		0xc0, 12, 0, RR_TYPE_A, 0, RR_CLASS_IN, 0, 0, 0, 0, 0, 4, 198, 51, 100, 1};
	struct entry *e = (struct entry *)m->entry;
	*m = (struct message){.head = {.magic = PUNT_CACHE_MAGIC,
				      .entry_size = ENTRY_BYTES,
				      .type = RR_TYPE_A,
				      .flags = PUNT_CACHE_RD,
				      .name_size = name.size_bytes,
				      .policy_hash = policy_hash,
				      .born_ms = now,
				      .expires_ms = now + LIFE_S * 1000}};
	e->kind = ENTRY_SUCCESS;
	e->qname_size = name.size_bytes;
	e->ede = EDE_NONE;
	e->n_an = 1;
	e->rr_bytes = RR_BYTES;
	e->rrs[0] = (struct entry_rr){.ttl_s = LIFE_S, .end = RR_BYTES, .ttl_at = 6};
	memcpy(m->entry + sizeof(*e) + sizeof(e->rrs[0]), rr, sizeof(rr));
	memcpy(m->head.name, name.wire, name.size_bytes);
}

void outside_fill(struct outside_cache *cache, uint64_t policy_hash)
{
	struct message m;

	for (uint32_t i = 0; i < OUTSIDE_NAMES; i++) {
		uint64_t now = now_ms();
		message_make(&m, i, policy_hash, now);
		outside_cache_put(cache, &m, MESSAGE_BYTES, now);
	}
}
