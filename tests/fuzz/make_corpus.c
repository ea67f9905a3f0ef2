// SPDX-License-Identifier: Apache-2.0
// Writes the seeds of the image corpus: `make_corpus DIR`. Run by hand when the format changes.
#include "tests/unit/image_fixture.h"

#include <stdio.h>

int main(int argc, char **argv)
{
	static const unsigned sizes[] = {0, 1, 7};
	char path[512];

	if (argc != 2)
		return 2;
	for (unsigned i = 0; i < 3; i++) {
		struct image_fixture f;
		image_fixture_make(&f,
			&(struct image_fixture_spec){
				.n_services = sizes[i], .n_endpoints = sizes[i], .generation = 1});
		(void)snprintf(path, sizeof(path), "%s/services-%u", argv[1], sizes[i]);
		FILE *out = fopen(path, "wb");
		if (out == NULL || fwrite(f.bytes, f.size_bytes, 1, out) != 1 || fclose(out) != 0)
			return 1;
		image_fixture_free(&f);
	}
	return 0;
}
