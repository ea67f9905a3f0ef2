// SPDX-License-Identifier: Apache-2.0
// The length of an array, and growing an array that malloc made.
#pragma once

#include <stddef.h>

#define ARRAY_LEN(a) (sizeof(a) / sizeof((a)[0]))

// Makes room for at least `want` elements of elem_bytes each: doubles *cap as needed. items is
// realloc'ed (owned by the caller); returns the new pointer, or NULL with items untouched when
// memory is short.
void *array_grow(void *items, size_t *cap, size_t want, size_t elem_bytes);
