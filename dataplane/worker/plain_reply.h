// SPDX-License-Identifier: Apache-2.0
// The parts that all replies to plain queries have: OPT, header, the limit of their size.
// Private to dataplane/worker.
#pragma once

#include "dataplane/worker/burst.h"

#include "zones/wire/query.h"

#include <stddef.h>
#include <stdint.h>
#include <string.h>

// Root, type, our size, then flags and no options.
static inline void plain_write_opt(uint8_t *opt, bool is_do)
{
	be32_put(opt, RR_TYPE_OPT << 8 | DNS_UDP_MAX_BYTES >> 8);
	be32_put(opt + 4, (uint32_t)(DNS_UDP_MAX_BYTES & 0xff) << 24);
	be32_put(opt + 7, is_do ? 0x80000000u : 0);
}

// flags: beside QR and what is the client's.
static inline void plain_write_header(
	uint8_t *dns, const struct plain_query *p, unsigned flags, const uint16_t counts[3])
{
	uint64_t all = UINT64_C(1) << 48 | (uint64_t)counts[0] << 32 | (uint64_t)counts[1] << 16 |
		(uint16_t)(counts[2] + p->has_opt);

	flags |= HEADER_QR | (p->flags & (HEADER_RD | HEADER_CD));
	be16_put(dns + 2, (uint16_t)flags);
	all = __builtin_bswap64(all);
	memcpy(dns + 4, &all, sizeof(all));
}

// What plain queries' frames have room for, as all replies do.
enum { PLAIN_ROOM_BYTES = DNS_UDP_MIN_BYTES };

// Whether a message of size_bytes bytes may leave in frame f (proto:E6) and has room there.
static inline bool plain_fits(const struct burst *b, const struct plain_query *p,
	const struct frame *f, size_t size_bytes)
{
	if (size_bytes > p->rule->udp_max_bytes)
		return false;
	if (size_bytes <= b->small_bytes) // nearly all
		return true;
	size_t limit = RTE_MAX((size_t)p->udp_bytes, (size_t)DNS_UDP_MIN_BYTES);
	size_t room = (size_t)f->room_bytes - (f->l4 + UDP_BYTES);

	limit = RTE_MIN(limit, (size_t)b->env[f->family == 6].udp_max_bytes);
	return size_bytes <= limit && size_bytes <= room;
}
