// SPDX-License-Identifier: Apache-2.0
// Writes an image of the policy of a Corefile, whatever the blocks' ports are on one port, with no
// names in it: slow_corefile COREFILE PORT GENERATION IMAGE-FILE
#include "control/chains/chains.h"
#include "zones/image/build.h"

#include <stdio.h>
#include <stdlib.h>

enum { KEYS_MAX = 64 };

static void fail(const char *what)
{
	(void)fprintf(stderr, "slow_corefile: %s\n", what);
	exit(1);
}

static void add_listener(
	struct image_build *b, const struct config *c, const uint32_t *chains, uint16_t port)
{
	struct image_listener any = {.port = port};
	struct image_build_step steps[KEYS_MAX];
	struct image_build_rule rules[KEYS_MAX];
	size_t n = 0;

	for (size_t i = 0; i < c->n_servers; i++) {
		const struct config_server *s = &c->servers[i];
		if (image_build_server(b, "dns://:53", 1232) != 0)
			fail("server");
		for (size_t k = 0; k < s->n_keys && n < KEYS_MAX; k++, n++) {
			steps[n] = (struct image_build_step){
				.kind = chains[i] == 0 ? STEP_SERVFAIL : STEP_PUNT,
				.soa = IMAGE_NONE,
				.plugin = "forward",
				.policy = chains[i]};
			rules[n] = (struct image_build_rule){.zone = s->keys[k].zone.wire,
				.server = (uint16_t)i,
				.steps = &steps[n],
				.n_steps = 1};
		}
	}
	if (image_build_listener(b, &any, rules, n) != 0)
		fail("listener");
}

static void write_image(struct image_build *b, const char *path)
{
	struct err err = {0};
	size_t size;

	if (image_build_seal(b, &size, &err) != 0)
		fail(err.text);
	uint8_t *bytes = aligned_alloc(64, size);
	FILE *f = fopen(path, "wb");
	if (bytes == NULL || f == NULL)
		fail(path);
	image_build_write(b, bytes);
	if (fwrite(bytes, 1, size, f) != size || fclose(f) != 0)
		fail(path);
	free(bytes);
}

int main(int argc, char **argv)
{
	struct config config = {0};
	struct config_options o = {0};
	struct policy_set policy;
	struct arena arena = {0};
	struct err err = {0};
	uint32_t chains[KEYS_MAX];
	size_t size;
	char line[512];

	if (argc != 5)
		return 2;
	if (config_parse_file(argv[1], &o, &config, &err) != 0 || config.n_servers > KEYS_MAX ||
		chains_build(&config, &arena, &policy, chains, &err) != 0)
		fail(err_print(&err, line, sizeof(line)));
	const struct image_build_id id = {
		.kind = IMAGE_BASE, .generation = strtoull(argv[3], NULL, 10)};
	struct image_build *b = image_build_new(&id);
	const uint8_t *bytes = policy_encode(&policy, &arena, &size);
	if (b == NULL || bytes == NULL || image_build_policy(b, bytes, size) != 0)
		fail("policy");
	add_listener(b, &config, chains, (uint16_t)strtoul(argv[2], NULL, 10));
	write_image(b, argv[4]);
	image_build_free(b);
	arena_fini(&arena);
	config_free(&config);
	return 0;
}
