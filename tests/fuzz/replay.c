// SPDX-License-Identifier: Apache-2.0
// A main for fuzz targets without a fuzzer: gives a target every file of its corpus, every short
// prefix of it and a fixed number of mutations of it, always the same ones, so that the corpus is
// an ordinary test.
#include <dirent.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size_bytes);

#define PREFIXES_MAX 256
#define FILE_BYTES_MAX (1u << 20)

static size_t inputs;

static void give(const uint8_t *data, size_t size_bytes)
{
	// An exact copy on the heap, so that ASan sees a read past the end.
	uint8_t *copy = malloc(size_bytes == 0 ? 1 : size_bytes);

	if (copy == NULL)
		abort();
	memcpy(copy, data, size_bytes);
	(void)LLVMFuzzerTestOneInput(copy, size_bytes); // always 0
	free(copy);
	inputs++;
}

static uint64_t next_random(uint64_t *state)
{
	*state ^= *state << 13;
	*state ^= *state >> 7;
	*state ^= *state << 17;
	return *state;
}

static void mutate(uint8_t *data, size_t size_bytes, unsigned rounds)
{
	static const uint8_t edges[] = {0x00, 0x01, 0x3f, 0x40, 0x7f, 0x80, 0xc0, 0xff};
	uint64_t seed = 0x9e3779b97f4a7c15ULL ^ size_bytes;

	for (unsigned i = 0; i < rounds && size_bytes > 0; i++) {
		size_t at = next_random(&seed) % size_bytes;
		uint8_t old = data[at];
		uint64_t r = next_random(&seed);

		data[at] =
			(r & 1) != 0 ? edges[(r >> 8) % sizeof(edges)] : (uint8_t)(old ^ (r >> 8));
		give(data, size_bytes);
		// Every fourth change stays, so that changes also meet each other.
		if (i % 4 != 0)
			data[at] = old;
	}
}

static int replay_file(const char *path, unsigned rounds)
{
	uint8_t *data = malloc(FILE_BYTES_MAX);
	FILE *f = fopen(path, "rb");
	int rc = 1;

	if (data == NULL || f == NULL) {
		(void)fprintf(stderr, "%s: cannot be read\n", path); // nobody left to tell
		goto out;
	}
	size_t size_bytes = fread(data, 1, FILE_BYTES_MAX, f);
	give(data, size_bytes);
	for (size_t n = 0; n < size_bytes && n < PREFIXES_MAX; n++)
		give(data, n);
	mutate(data, size_bytes, rounds);
	rc = 0;
out:
	if (f != NULL)
		(void)fclose(f); // only read from
	free(data);
	return rc;
}

static int is_corpus_file(const struct dirent *entry)
{
	return entry->d_name[0] != '.';
}

int main(int argc, char **argv)
{
	const char *wish = getenv("B53_FUZZ_ROUNDS");
	unsigned rounds = wish == NULL ? 2000 : (unsigned)strtoul(wish, NULL, 10);
	struct dirent **entries = NULL;
	int failed = 0;

	if (argc != 2) {
		(void)fprintf(stderr, "usage: %s CORPUS-FOLDER\n", argv[0]);
		return 2;
	}
	int n = scandir(argv[1], &entries, is_corpus_file, alphasort);
	for (int i = 0; i < n; i++) {
		char path[4096];

		(void)snprintf(path, sizeof(path), "%s/%s", argv[1],
			entries[i]->d_name); // too long: not found
		failed += replay_file(path, rounds);
		free(entries[i]);
	}
	free(entries);
	printf("%d files, %zu inputs, %d unreadable\n", n, inputs, failed);
	// A corpus that is not there proves nothing.
	return n > 0 && failed == 0 ? 0 : 1;
}
