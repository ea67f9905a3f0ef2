// SPDX-License-Identifier: Apache-2.0
// Writes the image of a Corefile without a cluster, whatever the blocks' ports are on one port; the
// names are those of its hosts directives: slow_corefile COREFILE PORT GENERATION IMAGE-FILE
#include "control/hosts.h"
#include "control/policy.h"
#include "zones/corefile/plugins.h"
#include "zones/image/build.h"

#include <stdio.h>
#include <stdlib.h>

enum { SERVERS_MAX = 64 };

static void fail(const char *what)
{
	(void)fprintf(stderr, "slow_corefile: %s\n", what);
	exit(1);
}

static void move_ports(const struct config *c, uint16_t port)
{
	for (size_t i = 0; i < c->n_servers; i++) {
		for (size_t k = 0; k < c->servers[i].n_keys; k++)
			c->servers[i].keys[k].port = port;
	}
}

static void load_hosts(const struct config *c, struct hosts *hosts)
{
	for (size_t i = 0; i < c->n_servers; i++) {
		const struct config_directive *d = config_find(&c->servers[i], DIR_HOSTS, 0);
		if (d != NULL && hosts_load(&hosts[i], d->data) != 0)
			fail("hosts");
	}
}

static void feed(const struct config *c, const struct policy *p, const struct hosts *hosts,
	struct image_build *b)
{
	struct policy_view views[SERVERS_MAX];

	(void)policy_views(c, views, SERVERS_MAX); // as many as blocks at most
	if (policy_write(p, b, views) != 0)
		fail("policy");
	for (size_t i = 0; i < c->n_servers; i++) {
		if (hosts[i].config != NULL &&
			hosts_feed(&hosts[i], policy_hosts_view(p, i), b) != 0)
			fail("names");
	}
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
	static struct hosts hosts[SERVERS_MAX];
	struct config config = {0};
	const struct config_options o = {.skip_file_checks = true}; // tests spoil them
	struct err err = {0};
	char line[512];

	if (argc != 5)
		return 2;
	if (config_parse_file(argv[1], &o, &config, &err) != 0 || config.n_servers > SERVERS_MAX)
		fail(err_print(&err, line, sizeof(line)));
	move_ports(&config, (uint16_t)strtoul(argv[2], NULL, 10));
	load_hosts(&config, hosts);
	struct policy *p = policy_new(&config, hosts, &err);
	if (p == NULL)
		fail(err_print(&err, line, sizeof(line)));
	const struct image_build_id id = {
		.kind = IMAGE_BASE, .generation = strtoull(argv[3], NULL, 10)};
	struct image_build *b = image_build_new(&id);
	if (b == NULL)
		fail("memory");
	feed(&config, p, hosts, b);
	write_image(b, argv[4]);
	image_build_free(b);
	for (size_t i = 0; i < config.n_servers; i++)
		hosts_fini(&hosts[i]);
	policy_free(p);
	config_free(&config);
	return 0;
}
