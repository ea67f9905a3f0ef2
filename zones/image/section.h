// SPDX-License-Identifier: Apache-2.0
// Encodes a record set as a precompiled answer section (format.h, struct image_section). Private
// to the builder.
#pragma once

#include "zones/base/arena.h"
#include "zones/image/format.h"
#include "zones/record/record.h"

#include <stddef.h>
#include <stdint.h>

// The finished bytes, owned by the arena; bytes is NULL when memory was short or the set is not
// encodable (an unknown type, more than 65,535 records, larger than 4 MiB).
struct section_blob {
	const uint8_t *bytes;
	size_t size_bytes; // a multiple of 8
};

// qname is the wire form of the question's name that the pointers are computed for.
struct section_blob section_encode(
	struct arena *a, const struct record_set *set, const uint8_t *qname);

// The SOA of a zone as an answer section whose owner is a zone pointer.
struct section_blob section_encode_soa(
	struct arena *a, uint32_t ttl_s, const struct record_soa *soa);
