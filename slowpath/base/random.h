// SPDX-License-Identifier: Apache-2.0
// Random numbers nobody can guess (proto:F2), from the kernel in batches.
#pragma once

#include <stddef.h>
#include <stdint.h>

// Fills out; ends the process only when the kernel has no generator at all.
void random_bytes(void *out, size_t size_bytes);

uint16_t random_u16(void);

// Below n, each value equally likely; n > 0.
uint32_t random_below(uint32_t n);
