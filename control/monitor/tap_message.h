// SPDX-License-Identifier: Apache-2.0
// A record as the protocol buffer that dnstap collectors read (dnstap.info, message Dnstap).
#pragma once

#include "control/monitor/qlog_text.h"

#include "zones/link/tap.h"

enum { TAP_ENCODED_BYTES = TAP_MESSAGE_BYTES + 1024 + QLOG_LINE_BYTES };

struct tap_encoded {
	char extra[QLOG_LINE_BYTES];
	uint8_t message[TAP_MESSAGE_BYTES + 256];
	uint8_t bytes[TAP_ENCODED_BYTES];
	size_t size_bytes;
};

// Writes it with the texts of the rule into out.
__attribute__((nonnull)) void tap_encode(
	const struct tap_rule *rule, const struct tap_record *r, struct tap_encoded *out);
