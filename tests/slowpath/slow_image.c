// SPDX-License-Identifier: Apache-2.0
// Writes the fixture's image (and an overlay on it) for the tests that drive the slow path:
// slow_image PORT SERVICES ENDPOINTS GENERATION BASE-FILE [OVERLAY-GENERATION OVERLAY-FILE]
#include "tests/unit/image_fixture.h"

#include <stdio.h>
#include <stdlib.h>

// The fixture serves port 53; tests have to use others.
static void set_port(struct image_fixture *f, uint16_t port)
{
	struct err err = {0};
	uint8_t *bytes = f->bytes;
	struct image_header *h = f->bytes;
	struct image_listener *l = (void *)(bytes + h->part[IMAGE_LISTENERS].offset);

	l->port = port;
	h->hash = image_hash(bytes, f->size_bytes);
	if (image_check(bytes, f->size_bytes, &f->image, &err) != IMAGE_REFUSED_OK) {
		(void)fprintf(stderr, "%s\n", err.text);
		exit(1);
	}
}

static void write_file(const struct image_fixture *f, const char *path)
{
	FILE *out = fopen(path, "wb");

	if (out == NULL || fwrite(f->bytes, 1, f->size_bytes, out) != f->size_bytes ||
		fclose(out) != 0) {
		perror(path);
		exit(1);
	}
}

int main(int argc, char **argv)
{
	struct image_fixture base, overlay;

	if (argc != 6 && argc != 8)
		return 2;
	uint16_t port = (uint16_t)strtoul(argv[1], NULL, 10);
	struct image_fixture_spec spec = {.n_services = (unsigned)strtoul(argv[2], NULL, 10),
		.n_endpoints = (unsigned)strtoul(argv[3], NULL, 10),
		.generation = strtoull(argv[4], NULL, 10)};
	image_fixture_make(&base, &spec);
	set_port(&base, port);
	write_file(&base, argv[5]);
	if (argc == 8) {
		spec.generation = strtoull(argv[6], NULL, 10);
		spec.base = &base.image;
		image_fixture_make(&overlay, &spec);
		set_port(&overlay, port);
		write_file(&overlay, argv[7]);
		image_fixture_free(&overlay);
	}
	image_fixture_free(&base);
	return 0;
}
