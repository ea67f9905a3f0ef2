// SPDX-License-Identifier: Apache-2.0
// Entries from messages.
#pragma once

#include "slowpath/message/ask.h"
#include "zones/entry/entry.h"

#include <stddef.h>
#include <stdint.h>

// Reads an upstream's answer (that ask_judge called one). NULL: malformed, or memory is short. A
// chain of more than CHAIN_MAX aliases becomes SERVFAIL with EDE_INVALID_DATA, never a part of it.
struct entry *entry_read(const struct ask *a, const uint8_t *msg, size_t size_bytes);

// Joins our own answer to the question, an alias, with the answer for the alias' target: both are
// whole messages. What the second says besides its answer section is left out (k8s:2.5).
struct entry *entry_join(const struct ask *a, const uint8_t *alias, size_t alias_bytes,
	const uint8_t *rest, size_t rest_bytes);
