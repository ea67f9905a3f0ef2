// SPDX-License-Identifier: Apache-2.0
// Answers queries from an image file with zones/answer, without any process or socket:
//   answer_image IMAGE ADDRESS PORT [OVERLAY]  reads lines "udp HEX" or "tcp HEX", prints the
// reply as HEX, or "punt" or "drop", a line each.
#include "zones/answer/answer.h"

#include <arpa/inet.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static void *file_read(const char *path, size_t *size)
{
	FILE *f = fopen(path, "rb");

	if (f == NULL || fseek(f, 0, SEEK_END) != 0)
		return NULL;
	*size = (size_t)ftell(f);
	rewind(f);
	void *bytes = aligned_alloc(64, (*size + 64) & ~(size_t)63);
	if (bytes == NULL || fread(bytes, *size, 1, f) != 1)
		return NULL;
	(void)fclose(f); // only read
	return bytes;
}

static int image_open(const char *path, struct image *img)
{
	size_t size = 0;
	struct err err = {0};
	void *bytes = file_read(path, &size);

	if (bytes == NULL) {
		perror(path);
		return 1;
	}
	if (image_check(bytes, size, img, &err) != IMAGE_REFUSED_OK) {
		(void)fprintf(stderr, "%s: %s\n", path, err.text);
		return 1;
	}
	return 0;
}

static size_t hex_read(const char *hex, uint8_t *out, size_t max)
{
	size_t n = 0;
	unsigned byte = 0;

	while (n < max && sscanf(hex + 2 * n, "%2x", &byte) == 1)
		out[n++] = (uint8_t)byte;
	return n;
}

static void answer_line(const struct answer_call *base, const char *line)
{
	static uint8_t msg[65536];
	static uint8_t out[65536];
	struct answer_env env = {.udp_max_bytes = DNS_UDP_MAX_BYTES};
	struct answer_call call = *base;
	struct answer_result result;
	struct wrbuf w = wrbuf_of(out, DNS_MSG_MAX_BYTES);
	enum query_verdict v;
	static struct query q;

	env.transport = line[0] == 't' ? TRANSPORT_TCP : TRANSPORT_UDP;
	call.msg = msg;
	call.size_bytes = hex_read(line + 4, msg, sizeof(msg));
	enum answer_verdict verdict = answer_query(&call, &env, &q, &v, &w, &result);
	if (v == QUERY_DROP_SHORT || v == QUERY_DROP_RESPONSE) {
		(void)puts("drop");
	} else if (verdict == ANSWER_PUNT) {
		(void)puts("punt");
	} else {
		for (size_t i = 0; i < w.pos; i++)
			(void)printf("%02x", out[i]);
		(void)puts("");
	}
}

int main(int argc, char **argv)
{
	struct image base, overlay;
	struct snapshot s = {.base = &base};
	struct server_address to = {.family = 4};
	static char line[200000];

	if (argc != 4 && argc != 5) {
		(void)fprintf(stderr, "usage: answer_image IMAGE ADDRESS PORT [OVERLAY]\n");
		return 2;
	}
	if (image_open(argv[1], &base) != 0)
		return 1;
	if (argc == 5) {
		if (image_open(argv[4], &overlay) != 0 || !snapshot_is_pair(&base, &overlay))
			return 1;
		s.overlay = &overlay;
	}
	if (inet_pton(AF_INET, argv[2], to.bytes) != 1) {
		to.family = 6;
		if (inet_pton(AF_INET6, argv[2], to.bytes) != 1)
			return 2;
	}
	to.port = (uint16_t)strtoul(argv[3], NULL, 10);
	while (fgets(line, sizeof(line), stdin) != NULL)
		answer_line(&(struct answer_call){.snapshot = &s, .to = &to}, line);
	return 0;
}
