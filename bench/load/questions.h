// SPDX-License-Identifier: Apache-2.0
// Questions of a query file as packets: lines of name, type and, if it is to be checked, the
// address of the answer.
#pragma once

#include <stddef.h>
#include <stdint.h>

enum { QUESTION_BYTES = 288 };

struct question {
	uint8_t wire[QUESTION_BYTES]; // header, question; no OPT
	uint16_t size_bytes;
	uint8_t has_address;
	uint8_t address[4];
};

struct questions {
	struct question *all;
	size_t n;
};

// Ends the program when the file cannot be read or a line is wrong.
void questions_read(struct questions *q, const char *path);

// What is wrong with a reply to it: 0 nothing, 1 another question, 2 another address.
int question_check(const struct question *q, const uint8_t *reply, size_t size_bytes);
