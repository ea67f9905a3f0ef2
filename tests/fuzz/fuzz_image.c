// SPDX-License-Identifier: Apache-2.0
// Any bytes as an image; the hash is put right first, so that the structural checks are reached.
// What is accepted is asked for every name it has.
#include "zones/answer/answer.h"

#include <stdlib.h>
#include <string.h>

static void ask_all(const struct image *img)
{
	static struct query q;
	uint8_t out[1500];
	struct snapshot s = {.base = img};
	struct server_address to = {.family = 4, .port = 53};
	struct answer_env env = {.udp_max_bytes = DNS_UDP_MAX_BYTES};

	for (uint32_t i = 0; i < img->n_names; i++) {
		struct wrbuf w = wrbuf_of(out, sizeof(out));
		struct answer_plan plan;
		struct answer_result result;
		struct found found;
		query_make(&q, image_name_wire(img, &img->names[i]), (uint16_t)(i % 64));
		answer_plan(&s, snapshot_find_listener(img, &to), &q, QUERY_OK, &plan);
		if (plan.needs_find)
			snapshot_find(&s, &plan.key, &found);
		(void)answer_write(&plan, &found, &q, &env, &w, &result); // only safety counts
	}
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct image img;
	uint8_t *copy = aligned_alloc(64, (size + 64) & ~(size_t)63);

	if (copy == NULL)
		return 0;
	memcpy(copy, data, size);
	if (size >= sizeof(struct image_header))
		((struct image_header *)(void *)copy)->hash = image_hash(copy, size);
	if (image_check(copy, size, &img, NULL) == IMAGE_REFUSED_OK)
		ask_all(&img);
	free(copy);
	return 0;
}
