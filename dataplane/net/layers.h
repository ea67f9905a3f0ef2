// SPDX-License-Identifier: Apache-2.0
// The parsers of each layer, for frame.c. Private to dataplane/net. Each gets the frame with l3 (or
// l4) set and says what it is.
#pragma once

#include "dataplane/net/frame.h"

static inline enum verdict frame_drop(struct frame *f, enum drop_reason reason)
{
	f->drop = (uint8_t)reason;
	return VERDICT_DROP;
}

// What the kernel side should see, or a drop for the given reason when there is none.
static inline enum verdict frame_except(
	const struct host *h, struct frame *f, enum drop_reason reason)
{
	return h->has_exception ? VERDICT_EXCEPTION : frame_drop(f, reason);
}

static inline const struct eth_header *frame_eth(const struct frame *f)
{
	return (const struct eth_header *)f->bytes;
}

static inline bool frame_is_to_mac(const struct host *h, const struct frame *f)
{
	return memcmp(f->bytes, h->mac, 6) == 0;
}

enum verdict arp_parse(const struct host *h, struct frame *f);
enum verdict ip4_parse(const struct host *h, struct frame *f);
enum verdict ip6_parse(const struct host *h, struct frame *f);
enum verdict icmp4_parse(const struct host *h, struct frame *f);
enum verdict icmp6_parse(const struct host *h, struct frame *f);
// The UDP header at l4; pseudo is the sum of the addresses alone.
enum verdict udp_parse(struct frame *f, uint64_t pseudo);

// May a packet come from this address, and an answer go to it?
bool ip4_is_source_right(const struct host *h, const uint8_t *a);
bool ip6_is_source_right(const struct host *h, const uint8_t *a);

bool arp_answer(const struct host *h, struct frame *f);
bool icmp4_answer(struct frame *f);
bool icmp6_echo_answer(struct frame *f);
bool icmp6_solicit_answer(const struct host *h, struct frame *f);
size_t arp_announce(const struct host *h, unsigned i, uint8_t *out);
size_t icmp6_announce(const struct host *h, unsigned i, uint8_t *out);

// Link header of a reply: back to where the frame came from, the tag kept (proto:I2, I15).
static inline void eth_turn(struct frame *f)
{
	struct eth_header *e = (struct eth_header *)f->bytes;
	uint8_t own[6];

	memcpy(own, e->dst, 6);
	memcpy(e->dst, e->src, 6);
	memcpy(e->src, own, 6);
}

// Fresh IP headers for payload_bytes with source and destination turned round (proto:I9, I10).
// Both return the sum of the addresses, for the pseudo header.
uint64_t ip4_turn(struct frame *f, enum ip_proto proto, size_t payload_bytes);
uint64_t ip6_turn(struct frame *f, enum ip_proto proto, size_t payload_bytes);
