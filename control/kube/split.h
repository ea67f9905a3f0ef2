// SPDX-License-Identifier: Apache-2.0
// Cuts a stream of JSON objects into pieces as it arrives, so that a list of any length needs no
// more memory than its largest element, and leaves out members nobody reads before they are parsed.
// It understands only brackets, strings and commas; each piece is given to a real JSON parser by
// whoever takes it.
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum split_kind {
	SPLIT_ITEM, // an element of an array that is cut open
	SPLIT_WHOLE, // a top-level object; its cut arrays are empty
};

struct split_piece {
	enum split_kind kind;
	const char *list; // SPLIT_ITEM: "items", or the name in lists under which it was found
	const char
		*text; // borrowed for the call; NULL when it was larger than max_bytes or too deep
	size_t text_bytes;
	unsigned line; // 1-based, where the piece starts
	unsigned column;
};

// A growing buffer that gives up, but goes on counting, above a limit.
struct split_buf {
	char *bytes;
	size_t len;
	size_t cap;
	bool overflow;
};

// Returns 0, or a negative value that ends the stream and is returned by split_feed.
typedef int split_fn(void *user, const struct split_piece *piece);

struct split {
	// Set before the first byte; all borrowed.
	split_fn *piece;
	void *user;
	const char *const *drop; // names of members that are left out, NULL-terminated; may be NULL
	const char *drop_text; // a member that is left out when it has exactly this text, an
			       // object, once others are left out of it; may be NULL
	const char *const *lists; // arrays to cut besides "items"; NULL-terminated; may be NULL
	bool cut; // cut the arrays of the top-level object named "items" or in lists, and lists'
		  // "items"
	size_t max_bytes; // of one piece

	// Private from here on.
	struct split_buf whole;
	struct split_buf item;
	struct split_buf *out; // which one receives bytes
	const char *cut_list; // name of the array that is being cut, NULL outside
	const char
		*key1; // names of the open members at depth 1 and 2 if they are in lists or "items"
	const char *key2;
	size_t str_start; // the last string, as offset in out
	size_t str_len;
	unsigned depth;
	unsigned cut_depth; // depth of the elements' parent while cutting
	unsigned drop_depth; // depth of the member being left out
	unsigned line;
	uint64_t offset; // of the chunk being fed
	uint64_t line_offset; // where the current line starts
	unsigned piece_line[2]; // of the whole, of the item
	unsigned piece_column[2];
	bool in_string;
	bool escaped;
	bool dropping;
	uint64_t stopped_at; // offset of the last byte looked at
};

// Feeds n bytes. 0, -EINVAL for what cannot be JSON objects, -EMSGSIZE when the frame around the
// items is too large, -ENOMEM, or what piece returned. After a failure only split_fini is allowed.
[[nodiscard]] int split_feed(struct split *s, const char *bytes, size_t n);

// True between two top-level objects: the stream may end here.
bool split_is_at_end(const struct split *s);

// What has been read of the object around the items, while one of them is handed out.
const char *split_frame(const struct split *s, size_t *n);

// Line and column, 1-based, of the byte that split_feed stopped at.
void split_position(const struct split *s, unsigned *line, unsigned *column);

// Forgets an unfinished piece and keeps the settings and the buffers: for the next stream.
void split_reset(struct split *s);

// Accepts the zeroed struct.
void split_fini(struct split *s);
