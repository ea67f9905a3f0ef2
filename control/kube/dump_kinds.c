// SPDX-License-Identifier: Apache-2.0
// Reads a file for the members around its lists; elements are cut out and dropped.
#include "control/kube/dump_kinds.h"

#include "control/base/cleanup.h"
#include "control/kube/decode.h"
#include "control/kube/jsonmem.h"
#include "control/kube/split.h"
#include "control/kube/yamldoc.h"
#include "zones/base/array.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>

enum { CHUNK_BYTES = 65536, FRAME_BYTES = 8 << 20 };

static int add(struct dump_kinds *k, const json_t *document)
{
	const char *kind = decode_str(document, "kind");
	void *grown = array_grow(k->kinds, &k->cap, k->n + 1, sizeof(k->kinds[0]));

	if (grown == NULL)
		return -ENOMEM;
	k->kinds = grown;
	(void)snprintf(k->kinds[k->n++], sizeof(k->kinds[0]), "%s", kind == NULL ? "" : kind);
	return 0;
}

static int on_piece(void *user, const struct split_piece *piece)
{
	CLEANUP_JSON json_t *json = NULL;

	if (piece->kind == SPLIT_ITEM)
		return 0;
	if (piece->text != NULL)
		json = json_loadb(piece->text, piece->text_bytes, JSON_ALLOW_NUL, NULL);
	if (jsonmem_take_failure())
		return -ENOMEM;
	return add(user, json);
}

static int on_document(void *user, const struct yamldoc_value *value)
{
	return value->is_item ? 0 : add(user, value->json);
}

static int read_json(struct dump_kinds *k, FILE *f)
{
	CLEANUP_CHAR char *chunk = malloc(CHUNK_BYTES);
	struct split s = {.piece = on_piece, .user = k, .cut = true, .max_bytes = FRAME_BYTES};
	int rc = chunk != NULL ? 0 : -ENOMEM;
	size_t n;

	while (rc == 0 && (n = fread(chunk, 1, CHUNK_BYTES, f)) != 0)
		rc = split_feed(&s, chunk, n);
	split_fini(&s);
	return rc;
}

int dump_kinds_read(struct dump_kinds *k, const char *path, bool is_json)
{
	struct err ignored = {0};
	struct stat st;

	k->is_read = true;
	if (stat(path, &st) != 0 || !S_ISREG(st.st_mode))
		return 0; // a pipe is read once only
	CLEANUP_FILE FILE *f = fopen(path, "re");
	if (f == NULL)
		return 0;
	int rc = is_json ? read_json(k, f)
			 : yamldoc_read_file(f, path, true, on_document, k, &ignored);
	return rc == -ENOMEM ? rc : 0;
}

const char *dump_kinds_find(const struct dump_kinds *k, size_t document)
{
	return document < k->n ? k->kinds[document] : "";
}

void dump_kinds_free(struct dump_kinds *k)
{
	free(k->kinds);
	*k = (struct dump_kinds){0};
}
