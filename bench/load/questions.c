// SPDX-License-Identifier: Apache-2.0
// Reads lines of a query file into packets, and looks at what came back.
#include "bench/load/questions.h"

#include "bench/inproc/fail.h"

#include <arpa/inet.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum {
	HEADER_BYTES = 12,
	NAME_BYTES = 255,
	LABEL_BYTES = 63,
	TYPE_A = 1,
	TYPE_AAAA = 28,
	TYPE_SRV = 33
};

// The name in wire form behind the header; returns the position behind it, 0 when it is not a name.
static size_t put_name(struct question *q, const char *name)
{
	size_t pos = HEADER_BYTES;

	while (*name != '\0') {
		size_t n = strcspn(name, ".");
		if (n == 0 || n > LABEL_BYTES || pos + n + 2 > HEADER_BYTES + NAME_BYTES)
			return 0;
		q->wire[pos++] = (uint8_t)n;
		memcpy(q->wire + pos, name, n);
		pos += n;
		name += n + (name[n] == '.');
	}
	q->wire[pos++] = 0;
	return pos;
}

static int make(struct question *q, const char *name, const char *type, const char *address)
{
	static const uint8_t header[HEADER_BYTES] = {0, 0, 1, 0, 0, 1};
	unsigned number = strcmp(type, "A") == 0 ? TYPE_A
		: strcmp(type, "AAAA") == 0      ? TYPE_AAAA
						 : TYPE_SRV;

	memset(q, 0, sizeof(*q));
	memcpy(q->wire, header, sizeof(header));
	size_t pos = put_name(q, name);
	if (pos == 0)
		return -1;
	const uint8_t end[4] = {0, (uint8_t)number, 0, 1};
	memcpy(q->wire + pos, end, sizeof(end));
	q->size_bytes = (uint16_t)(pos + sizeof(end));
	q->has_address = address[0] != '\0';
	return q->has_address && inet_pton(AF_INET, address, q->address) != 1 ? -1 : 0;
}

void questions_read(struct questions *q, const char *path)
{
	char line[512];
	size_t room = 0;
	FILE *file = fopen(path, "r");

	if (file == NULL)
		fail("cannot read %s", path);
	*q = (struct questions){0};
	while (fgets(line, sizeof(line), file) != NULL) {
		char name[256];
		char type[16];
		char address[32] = "";
		if (q->n == room) {
			room = room == 0 ? 1024 : 2 * room;
			q->all = reallocarray(q->all, room, sizeof(*q->all));
			if (q->all == NULL)
				fail("no memory for %zu questions", room);
		}
		if (sscanf(line, "%255s %15s %31s", name, type, address) < 2 ||
			make(&q->all[q->n], name, type, address) != 0)
			fail("%s: not a question: %s", path, line);
		q->n++;
	}
	(void)fclose(file);
	if (q->n == 0)
		fail("%s: no question", path);
}

int question_check(const struct question *q, const uint8_t *reply, size_t size_bytes)
{
	size_t n = q->size_bytes;

	if (size_bytes < n ||
		memcmp(reply + HEADER_BYTES, q->wire + HEADER_BYTES, n - HEADER_BYTES) != 0)
		return 1;
	if (!q->has_address)
		return 0;
	// One address: owner as a pointer or as the whole name, type, class, TTL, length (10
	// bytes), then the address.
	size_t owner = size_bytes > n && reply[n] >= 0xc0 ? 2 : n - HEADER_BYTES - 4;
	size_t at = n + owner + 10;
	if ((reply[3] & 15) != 0 || reply[6] != 0 || reply[7] != 1 ||
		size_bytes < at + sizeof(q->address))
		return 2;
	return memcmp(reply + at, q->address, sizeof(q->address)) == 0 ? 0 : 2;
}
