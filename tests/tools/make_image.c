// SPDX-License-Identifier: Apache-2.0
// Writes the image of tests/unit/image_fixture.h to a file:
//   make_image FILE SERVICES ENDPOINTS GENERATION
#include "tests/unit/image_fixture.h"

#include <stdio.h>
#include <stdlib.h>

int main(int argc, char **argv)
{
	struct image_fixture f;

	if (argc != 5) {
		(void)fputs("usage: make_image FILE SERVICES ENDPOINTS GENERATION\n", stderr);
		return 2;
	}
	const struct image_fixture_spec spec = {.n_services = (unsigned)atoi(argv[2]),
		.n_endpoints = (unsigned)atoi(argv[3]),
		.generation = strtoull(argv[4], NULL, 10)};
	image_fixture_make(&f, &spec);
	FILE *out = fopen(argv[1], "wb");
	if (out == NULL || fwrite(f.bytes, f.size_bytes, 1, out) != 1 || fclose(out) != 0) {
		perror(argv[1]);
		return 1;
	}
	(void)printf("%zu bytes, %u names\n", f.size_bytes, f.image.n_names);
	image_fixture_free(&f);
	return 0;
}
