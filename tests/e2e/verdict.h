// SPDX-License-Identifier: Apache-2.0
// Which frames may be answered by DNS at all (proto 1.10), worked out apart from the code under
// test.
#pragma once

#include "tests/e2e/packet.h"

struct verdict_facts {
	bool may_answer;
	bool is_fragment; // a piece of an IPv4 datagram, which the driver's fan-out may keep
	uint16_t source_port, id; // when may_answer
};

struct verdict_facts verdict_of(
	const struct packet_ends *ends, const uint8_t *frame, size_t size_bytes);
