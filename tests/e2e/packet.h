// SPDX-License-Identifier: Apache-2.0
// Frames of the lab's client to the served addresses, byte by byte, for tests that must not use
// the code under test for it.
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct packet_ends {
	uint8_t from_mac[6], to_mac[6];
	uint8_t from4[4], to4[4], from6[16], to6[16];
};

struct packet_udp {
	uint8_t family; // 4 or 6
	uint16_t source_port;
	const uint8_t *message;
	size_t size_bytes;
};

// The lab's addresses (scripts/lab).
void packet_addresses(struct packet_ends *ends);

// Writes one of many good questions, chosen by number; returns its size (under 512 bytes).
size_t packet_question(uint32_t number, uint8_t *out);

// Writes a whole frame with right lengths and checksums; returns its size.
size_t packet_udp(const struct packet_ends *ends, const struct packet_udp *udp, uint8_t *frame);

// Is the frame UDP from port 53 of the served address to us? Then its port, ID and QR bit.
bool packet_reply(const struct packet_ends *ends, const uint8_t *frame, size_t size_bytes,
	uint16_t *port, uint16_t *id, bool *is_response);
