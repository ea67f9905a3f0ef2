// SPDX-License-Identifier: Apache-2.0
// Lays an image out, writes it into a memfd and remembers what identifies it.
#include "control/publish/sealed.h"

#include "zones/link/publish.h"

#include <string.h>
#include <unistd.h>

struct fill {
	struct image_build *build;
	struct image_header header; // as written
};

static void fill(void *ctx, uint8_t *out)
{
	struct fill *f = ctx;

	image_build_write(f->build, out);
	memcpy(&f->header, out, sizeof(f->header));
}

int sealed_make(struct image_build *b, struct sealed *out, struct err *e)
{
	struct fill f = {.build = b};
	size_t size_bytes = 0;

	*out = (struct sealed){.fd = -1};
	int rc = image_build_seal(b, &size_bytes, e);
	if (rc == 0) {
		rc = publish_memfd("burst53-image", size_bytes, fill, &f);
		if (rc < 0)
			(void)err_set(e, rc, "writing the image: %s", strerror(-rc));
	}
	image_build_free(b);
	if (rc < 0)
		return rc;
	*out = (struct sealed){.fd = rc,
		.size_bytes = size_bytes,
		.generation = f.header.generation,
		.hash = f.header.hash,
		.base_generation = f.header.base_generation,
		.base_hash = f.header.base_hash,
		.corefile = f.header.corefile};
	return 0;
}

void sealed_close(struct sealed *s)
{
	if (s->fd >= 0)
		(void)close(s->fd);
	s->fd = -1;
}
