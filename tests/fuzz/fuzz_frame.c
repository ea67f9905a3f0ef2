// SPDX-License-Identifier: Apache-2.0
// Any bytes as a frame, judged and answered in storage of exactly its size: nothing is read behind
// it, a reply never leaves the room it was given, and a reply is itself no query to us.
#include "dataplane/net/frame.h"

#include <stdlib.h>
#include <string.h>

static void run(const struct host *h, const uint8_t *data, size_t size, size_t room)
{
	uint8_t *bytes = malloc(room == 0 ? 1 : room);
	struct frame f = {
		.bytes = bytes, .size_bytes = (uint16_t)size, .room_bytes = (uint16_t)room};

	if (bytes == NULL)
		abort();
	if (size > 0)
		memcpy(bytes, data, size);
	enum verdict v = frame_parse(h, &f);
	if (v == VERDICT_QUERY && f.l4 + UDP_BYTES + frame_dns_bytes(&f) > size)
		abort();
	bool has_reply = v == VERDICT_ANSWER && frame_answer(h, &f);
	if (v == VERDICT_QUERY) {
		frame_reply(&f, frame_dns_bytes(&f));
		has_reply = true;
	}
	if (has_reply && (f.size_bytes > room || frame_parse(h, &f) != VERDICT_DROP))
		abort();
	free(bytes);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct host h = {.mac = {2, 0, 0, 0, 0, 0x53}, .n_addresses = 2};

	h.addresses[0] = (struct host_address){4, 24, false, {198, 18, 0, 53}};
	h.addresses[1] = (struct host_address){6, 64, false, {0xfd, 0, 0, 0x53, [15] = 0x53}};
	host_index(&h);
	if (size > 9000)
		return 0;
	run(&h, data, size, size);
	run(&h, data, size, size + 64);
	h.has_exception = true;
	run(&h, data, size, size + 64);
	return 0;
}
