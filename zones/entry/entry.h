// SPDX-License-Identifier: Apache-2.0
// An answer from outside in our own form: only what the question's answer chain reaches
// (proto:F7), names compressed against a question at offset 12, every record with its own TTL. It
// is written into replies by copying, and shared by caches and waiting queries. Flat: its bytes may
// be sent to another process, which checks them.
#pragma once

#include "zones/answer/answer.h"
#include "zones/base/wrbuf.h"

#include <stdatomic.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum { ENTRY_RRS_MAX = 8192 };

// What an answer says; decides where and how long it is kept (k8s:2.13 cache).
enum entry_kind {
	ENTRY_SUCCESS,
	ENTRY_NXDOMAIN,
	ENTRY_NODATA,
	ENTRY_FAILURE, // SERVFAIL and the like
	ENTRY_UNCACHEABLE, // truncated, no SOA, or an rcode that says nothing about the name
};

struct entry_rr {
	uint32_t ttl_s;
	uint16_t end; // behind this record, relative to the first one
	uint16_t ttl_at; // of its TTL field
};

struct entry {
	_Atomic unsigned users;
	uint16_t rcode;
	uint8_t kind; // enum entry_kind
	uint8_t qname_size; // the pointers hold for questions of this size
	int8_t ede; // enum ede, EDE_NONE for none
	bool has_aa; // only for cluster names that are aliases (k8s:2.5)
	bool has_ra, has_ad, is_truncated;
	bool keeps_authority; // positive answers: signatures need it (DO)
	uint16_t n_an, n_ns;
	uint16_t first_rotated, n_rotated; // answer records that may be rotated
	uint32_t rr_bytes;
	uint32_t lifetime_s; // least TTL, as kept
	struct entry_rr rrs[]; // n_an + n_ns, then rr_bytes bytes
};

static inline const uint8_t *entry_bytes(const struct entry *e)
{
	return (const uint8_t *)(e->rrs + e->n_an + e->n_ns);
}

// Where record i begins.
static inline size_t entry_rr_start(const struct entry *e, size_t i)
{
	return i == 0 ? 0 : e->rrs[i - 1].end;
}

// The answer record in place i, after rotation by the query's ID.
static inline size_t entry_rotated(const struct entry *e, uint16_t id, size_t i)
{
	size_t first = e->first_rotated;

	if (i < first || i >= first + e->n_rotated)
		return i;
	return first + (i - first + id) % e->n_rotated;
}

// An answer of ours without records.
struct entry *entry_error(enum rcode rcode, enum ede ede);

// Whether no upstream has said it.
static inline bool entry_is_ours(const struct entry *e)
{
	return e->qname_size == 0;
}

struct entry *entry_hold(struct entry *e);
void entry_drop(struct entry *e); // NULL is fine

// Bounds every TTL and sets the lifetime. Only before the entry is shared.
void entry_clamp(struct entry *e, uint32_t min_ttl_s, uint32_t max_ttl_s);

// How a client gets an entry.
struct entry_view {
	uint32_t age_s; // TTLs count down by it, to 0
	int64_t fixed_ttl_s; // serve-stale: every TTL; -1 for none
	bool is_cached; // drops what is not kept
	bool is_rotated; // loadbalance (quirk 18)
	bool is_minimal; // `minimal`: no authority beside an answer
	uint16_t udp_max_bytes; // the server block's own limit
	int8_t ede; // stale answers; EDE_NONE: the entry's own
};

static inline bool entry_drops_authority(const struct entry *e, const struct entry_view *view)
{
	return e->kind == ENTRY_SUCCESS &&
		(view->is_minimal || (view->is_cached && !e->keeps_authority));
}

// Writes the reply; w holds header and question of q, whose name has the entry's size.
void entry_write(const struct entry *e, const struct query *q, const struct answer_env *env,
	const struct entry_view *view, struct wrbuf *w);

// Bytes of the whole entry.
static inline size_t entry_size(const struct entry *e)
{
	return sizeof(*e) + ((size_t)e->n_an + e->n_ns) * sizeof(e->rrs[0]) + e->rr_bytes;
}

// Whether size_bytes bytes, aligned as an entry, are one that entry_write can use.
bool entry_is_sound(const void *bytes, size_t size_bytes);
