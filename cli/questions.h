// SPDX-License-Identifier: Apache-2.0
// Questions to ask, each once: from a list of names, a CoreDNS log, a packet capture or a snapshot.
#pragma once

#include "cli/listing.h"

#include "zones/base/arena.h"
#include "zones/base/err.h"

#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

struct question {
	uint16_t type;
	uint8_t size_bytes;
	uint8_t name[]; // wire form, spelled as it was found
};

enum { QUESTIONS_TYPES_MAX = 16 };

struct questions {
	const struct question **items; // in the order of their first appearance
	size_t n, cap;
	size_t limit; // no more than these are kept
	size_t n_dropped; // different ones over the limit (some may be counted twice)
	uint32_t *slots; // hash table of positions + 1
	size_t n_slots;
	struct arena arena;
	uint16_t types[QUESTIONS_TYPES_MAX]; // asked of every name instead of those found
	size_t n_types;
	bool is_short; // of memory
};

// "A,AAAA,SRV" into types. 0 or -EINVAL.
[[nodiscard]] int questions_parse_types(struct questions *q, const char *text);

void questions_fini(struct questions *q);

// Adds a question unless it is there already in any spelling.
void questions_add(struct questions *q, const uint8_t *name, uint16_t type);

// Adds a name that was found with a type: types given on the command line are asked instead.
void questions_add_found(struct questions *q, const uint8_t *name, uint16_t type);

// Lines "NAME [TYPE...]"; A and AAAA without a type. Empty lines and those with # are skipped.
// 0, or -EINVAL and the line in *err.
[[nodiscard]] int questions_read_names(struct questions *q, FILE *in, struct err *err);

// Lines as the `log` plugin writes them (k8s:2.13); others are skipped. Returns how many were read.
size_t questions_read_log(struct questions *q, FILE *in);

// All names of a snapshot: the types that they have, A and AAAA.
void questions_read_listing(struct questions *q, const struct listing *l);

// UDP queries to port 53 in a capture in libpcap's format. 0, or -EINVAL and a reason.
[[nodiscard]] int questions_read_pcap(struct questions *q, FILE *in, struct err *err);
