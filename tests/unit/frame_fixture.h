// SPDX-License-Identifier: Apache-2.0
// Frames for tests, written byte by byte without the code under test: their checksums come from a
// sum of 16-bit words as RFC 1071 has it in its example.
#pragma once

#include "dataplane/net/frame.h"

#include <stddef.h>
#include <stdint.h>

enum { FRAME_FIXTURE_BYTES = 2048 };

struct frame_fixture {
	uint8_t bytes[FRAME_FIXTURE_BYTES];
	size_t size_bytes;
	size_t l3, l4; // offsets of the IP and the UDP or ICMP header
};

// Who the frames are for: 198.18.0.53/24 and fd00:53::53 at 02:00:00:00:00:53.
void frame_fixture_host(struct host *h);

// What may differ from a plain query of 198.18.0.1 or fd00:53::1, port 40000, to port 53.
struct frame_fixture_spec {
	uint8_t family; // 4 or 6
	uint16_t vlan; // tag with this TCI when not 0
	uint16_t client_port; // 0: 40000
	const void *payload; // NULL: a query for example.
	size_t payload_bytes;
};

void frame_fixture_udp(struct frame_fixture *f, const struct frame_fixture_spec *spec);
// An echo request of n bytes.
void frame_fixture_echo(struct frame_fixture *f, uint8_t family, size_t n);
// An ARP request of 198.18.0.1 for 198.18.0.53.
void frame_fixture_arp(struct frame_fixture *f);
// A neighbour solicitation of fd00:53::1 for fd00:53::53 with the sender's MAC; from :: and without
// it when is_probe.
void frame_fixture_solicit(struct frame_fixture *f, bool is_probe);

// Writes all checksums anew after a change.
void frame_fixture_sum(struct frame_fixture *f);

// True when every checksum in an IP frame at bytes is whole and right. Knows UDP, ICMP and ICMPv6.
bool frame_fixture_is_right(const uint8_t *bytes, size_t size_bytes);

// One change of a frame that would otherwise be answered, and what it must lead to.
enum frame_sums { KEEP, RESUM };
enum frame_start { AT_ETH, AT_IP, AT_L4 };
struct frame_change {
	const char *what;
	uint8_t family;
	enum frame_start start;
	size_t offset;
	uint8_t n, bytes[16];
	enum frame_sums sums;
	int cut; // bytes taken off the end (negative: added)
	enum drop_reason drop; // DROP_REASON_COUNT: none
};
void frame_fixture_change(struct frame_fixture *f, const struct frame_change *c);

// The frame as parsers get it.
struct frame frame_fixture_frame(struct frame_fixture *f);
