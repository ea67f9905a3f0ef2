// SPDX-License-Identifier: Apache-2.0
// Blocks in this machine's byte order; the section header says which that is.
#include "cli/capture_file.h"

#include <errno.h>
#include <stdint.h>
#include <string.h>

enum {
	BLOCK_SECTION = 0x0a0d0d0a,
	BLOCK_INTERFACE = 1,
	BLOCK_PACKET = 6,
	BYTE_ORDER = 0x1a2b3c4d,
	LINK_TYPE_ETHERNET = 1,
	OPTION_END = 0,
	OPTION_TIME_UNIT = 9, // if_tsresol
	NANOSECONDS = 9,
	OPTION_FLAGS = 2, // epb_flags
	OPTION_QUEUE = 6, // epb_queue
	FLAG_IN = 1,
	FLAG_OUT = 2,
	BLOCK_WORDS_MAX = (CAPTURE_BYTES + 64) / 4,
};

// A block in the making: words, the second of them is its size.
struct block {
	size_t n;
	uint32_t words[BLOCK_WORDS_MAX];
};

static void add(struct block *b, uint32_t word)
{
	b->words[b->n++] = word;
}

static uint32_t two(uint16_t low, uint16_t high)
{
	const uint16_t halves[2] = {low, high};
	uint32_t word;

	memcpy(&word, halves, sizeof(word)); // in memory, low comes first
	return word;
}

static void begin(struct block *b, uint32_t type)
{
	b->n = 0;
	add(b, type);
	add(b, 0);
}

static int write_block(struct block *b, FILE *out)
{
	b->words[1] = (uint32_t)(b->n + 1) * 4;
	add(b, b->words[1]);
	return fwrite(b->words, 4, b->n, out) == b->n ? 0 : -EIO;
}

int capture_file_begin(FILE *out)
{
	static struct block b; // large

	begin(&b, BLOCK_SECTION);
	add(&b, BYTE_ORDER);
	add(&b, two(1, 0)); // version
	add(&b, UINT32_MAX); // the section's size is not known
	add(&b, UINT32_MAX);
	int rc = write_block(&b, out);
	begin(&b, BLOCK_INTERFACE);
	add(&b, two(LINK_TYPE_ETHERNET, 0));
	add(&b, CAPTURE_BYTES);
	add(&b, two(OPTION_TIME_UNIT, 1));
	add(&b, two(NANOSECONDS, 0)); // one byte, padded
	add(&b, two(OPTION_END, 0));
	return rc == 0 ? write_block(&b, out) : rc;
}

int capture_file_add(FILE *out, const struct capture_record *r, unsigned worker)
{
	static struct block b; // large

	begin(&b, BLOCK_PACKET);
	add(&b, 0); // interface
	add(&b, (uint32_t)(r->time_ns >> 32));
	add(&b, (uint32_t)r->time_ns);
	add(&b, r->kept_bytes);
	add(&b, r->size_bytes);
	size_t words = (r->kept_bytes + 3u) / 4;
	b.words[b.n + words - 1] = 0; // the padding
	memcpy(&b.words[b.n], r->bytes, r->kept_bytes);
	b.n += words;
	add(&b, two(OPTION_FLAGS, 4));
	add(&b, r->way == CAPTURE_IN ? FLAG_IN : FLAG_OUT);
	add(&b, two(OPTION_QUEUE, 4));
	add(&b, worker);
	add(&b, two(OPTION_END, 0));
	return write_block(&b, out);
}
