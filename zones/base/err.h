// SPDX-License-Identifier: Apache-2.0
// What went wrong in a text or an image that somebody gave us: where, and a sentence for a person.
// The first error wins: later err_set calls on the same struct change nothing.
#pragma once

struct err {
	int code; // negative errno value, 0 while nothing failed
	unsigned line; // 1-based, 0 where it means nothing
	unsigned column; // 1-based, 0 where it means nothing
	char file[128]; // empty where it means nothing
	char text[160];
};

// Records the first error and returns code, so that a caller can `return err_set(...)`.
__attribute__((format(printf, 3, 4))) int err_set(struct err *e, int code, const char *fmt, ...);

// The same with a position; file may be NULL.
__attribute__((format(printf, 5, 6))) int err_set_at(
	struct err *e, int code, const char *file, const unsigned pos[2], const char *fmt, ...);

// Prints "file:line:column: text" (parts that are absent left out) into buf; returns buf.
const char *err_print(const struct err *e, char *buf, unsigned long size_bytes);
