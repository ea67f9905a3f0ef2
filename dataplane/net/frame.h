// SPDX-License-Identifier: Apache-2.0
// One received Ethernet frame: what it is, and the reply in its place. Pure functions of the bytes;
// nothing here knows where they came from (proto 1.10).
#pragma once

#include "dataplane/base/verdict.h"
#include "dataplane/net/host.h"
#include "dataplane/net/wire.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

// What the port already checked and vouches for, and what it does on the way out.
enum frame_trust {
	FRAME_TRUST_IP4 = 1, // IPv4 header checksum
	FRAME_TRUST_UDP = 2,
	FRAME_FILL_UDP = 4, // it completes the UDP checksum of a reply
};

// What VERDICT_ANSWER has to write.
enum frame_answer { FRAME_ARP, FRAME_ECHO4, FRAME_ECHO6, FRAME_SOLICIT };

struct frame {
	uint8_t *bytes; // borrowed: the Ethernet header
	uint16_t size_bytes;
	uint16_t room_bytes; // how much a reply may take from bytes on
	uint8_t trust; // enum frame_trust
	bool is_quick; // frame_parse_quick took it
	// The rest is written by frame_parse.
	uint8_t family; // 4, 6, or 0 for what is not IP
	uint8_t address; // index of the own address it is for
	uint8_t drop; // enum drop_reason, with VERDICT_DROP
	uint8_t answer; // enum frame_answer, with VERDICT_ANSWER
	uint8_t l3; // offset of the header behind Ethernet and tag
	uint16_t l4; // offset of the UDP or ICMP header
	uint16_t l4_bytes; // its size with the payload
	uint16_t client_port, server_port; // with VERDICT_QUERY
};

static inline uint8_t *frame_dns(const struct frame *f)
{
	return f->bytes + f->l4 + UDP_BYTES;
}

static inline size_t frame_dns_bytes(const struct frame *f)
{
	return (size_t)f->l4_bytes - UDP_BYTES;
}

// The IP address that a reply goes to.
static inline const uint8_t *frame_client(const struct frame *f)
{
	return f->bytes + f->l3 + (f->family == 4 ? 12 : 8);
}

// Judges the frame: VERDICT_QUERY (to be answered or punted by DNS), VERDICT_ANSWER (frame_answer
// can write it), VERDICT_EXCEPTION, or VERDICT_DROP with f->drop. Writes nothing into the bytes.
__attribute__((noinline)) enum verdict frame_parse(const struct host *h, struct frame *f);

// Turns the frame into its reply after VERDICT_ANSWER. False: it does not fit.
bool frame_answer(const struct host *h, struct frame *f);

// Turns the frame into the UDP reply that carries the dns_bytes bytes that stand at frame_dns.
// Writes all headers from link to UDP, checksums whole; under FRAME_FILL_UDP that of UDP is the sum
// of the pseudo header, to which the port adds the rest. The caller kept to room_bytes.
__attribute__((noinline)) void frame_reply(struct frame *f, size_t dns_bytes);

// Writes a gratuitous ARP request or an unsolicited neighbour advertisement for own address i
// (RFC 5227 2.3, RFC 4861 7.2.6) of at most ANNOUNCE_BYTES; returns its size.
enum { ANNOUNCE_BYTES = ETH_BYTES + VLAN_BYTES + IP6_BYTES + 32 };
size_t frame_announce(const struct host *h, unsigned i, uint8_t *out);
