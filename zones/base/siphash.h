// SPDX-License-Identifier: Apache-2.0
// SipHash-2-4 with a 64-bit result (Aumasson, Bernstein 2012), as RFC 9018 4.4 uses it.
#pragma once

#include <stddef.h>
#include <stdint.h>

// The hash of size_bytes bytes under a 16-byte key, as the 8 bytes that the reference code writes.
uint64_t siphash24(const uint8_t key[16], const void *bytes, size_t size_bytes);
