// SPDX-License-Identifier: Apache-2.0
// SipHash-1-3 with a random key of this process: names are chosen by tenants, who must not be able
// to make them collide.
#pragma once

#include <stddef.h>
#include <stdint.h>

// Starts with what an earlier call returned (0 for the first), so that parts can be chained.
uint64_t hash_bytes(uint64_t seed, const void *bytes, size_t size_bytes);

// The bytes of a string with its final NUL, so that ("ab", "c") differs from ("a", "bc").
uint64_t hash_str(uint64_t seed, const char *s);
