// SPDX-License-Identifier: Apache-2.0
// Lines into weights.
#include "slowpath/plugin/weights.h"

#include "zones/base/array.h"
#include "zones/wire/dname.h"

#include <arpa/inet.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>

enum { WORDS_MAX = 3 };

static bool address_parse(const char *text, struct plugin_peer *out)
{
	memset(out, 0, sizeof(*out));
	if (inet_pton(AF_INET, text, out->address) == 1)
		out->family = 4;
	else if (inet_pton(AF_INET6, text, out->address) == 1)
		out->family = 6;
	return out->family != 0;
}

static int name_take(struct weights *w, const char *text, const uint8_t **out)
{
	struct plugin_peer address;
	struct dname name;

	// An address alone: its weight was forgotten.
	if (address_parse(text, &address) || dname_parse(text, &name) != 0)
		return -EINVAL;
	dname_lower(&name);
	*out = arena_copy(&w->arena, name.wire, name.size_bytes);
	return *out == NULL ? -ENOMEM : 0;
}

static int weight_add(struct weights *w, const uint8_t *name, char *const words[2])
{
	struct weight one = {.name = name};
	char *end = NULL;
	unsigned long value = strtoul(words[1], &end, 10);

	if (name == NULL || !address_parse(words[0], &one.address) || *end != '\0' || value == 0 ||
		value > WEIGHT_MAX || words[1][0] < '0' || words[1][0] > '9')
		return -EINVAL;
	one.value = (uint8_t)value;
	void *grown = array_grow(w->items, &w->cap, w->n + 1, sizeof(one));
	if (grown == NULL)
		return -ENOMEM;
	w->items = grown;
	w->items[w->n++] = one;
	return 0;
}

static int line_parse(struct weights *w, char *line, const uint8_t **name)
{
	char *words[WORDS_MAX];
	char *end = NULL;
	size_t n = 0;

	for (char *word = strtok_r(line, " \t\r\v\f", &end); word != NULL && n < WORDS_MAX;
		word = strtok_r(NULL, " \t\r\v\f", &end))
		words[n++] = word;
	if (n == 0 || words[0][0] == '#')
		return 0;
	if (n == 1)
		return name_take(w, words[0], name);
	return n == 2 ? weight_add(w, *name, words) : -EINVAL;
}

int weights_parse(struct weights *w, char *text, struct err *err)
{
	const uint8_t *name = NULL;
	unsigned line = 0;
	int rc = 0;

	memset(w, 0, sizeof(*w));
	while (rc == 0 && text != NULL) {
		char *next = strchr(text, '\n');
		if (next != NULL)
			*next++ = '\0';
		line++;
		rc = line_parse(w, text, &name);
		text = next;
	}
	if (rc == -EINVAL)
		return err_set(
			err, rc, "line %u is neither a name nor an address and a weight", line);
	return rc;
}

void weights_fini(struct weights *w)
{
	arena_fini(&w->arena);
	free(w->items);
	memset(w, 0, sizeof(*w));
}

unsigned weights_find(const struct weights *w, const struct response_rr *rr)
{
	uint8_t family = rr->type == RR_TYPE_A ? 4 : 6;
	size_t size = family == 4 ? 4 : 16;

	for (size_t i = 0; i < w->n; i++) {
		const struct weight *one = &w->items[i];
		if (one->address.family == family && rr->rdata_size == size &&
			memcmp(one->address.address, rr->rdata, size) == 0 &&
			dname_is_equal(one->name, rr->owner))
			return one->value;
	}
	return 1;
}
