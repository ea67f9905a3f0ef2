// SPDX-License-Identifier: Apache-2.0
// Reads the list word by word.
#include "zones/base/inside.h"

#include <stddef.h>
#include <string.h>

static unsigned kind_of(const char *word, size_t len)
{
	static const struct {
		const char *text;
		enum inside_kind kind;
	} kinds[] = {
		{"special", INSIDE_SPECIAL}, {"local", INSIDE_LOCAL}, {"reverse", INSIDE_REVERSE}};

	for (size_t i = 0; i < sizeof(kinds) / sizeof(kinds[0]); i++) {
		if (strlen(kinds[i].text) == len && memcmp(kinds[i].text, word, len) == 0)
			return kinds[i].kind;
	}
	return 0;
}

bool inside_parse(const char *text, unsigned *out)
{
	unsigned kinds = 0;

	for (;;) {
		size_t len = strcspn(text, ",");
		unsigned kind = kind_of(text, len);
		if (kind == 0)
			return false;
		kinds |= kind;
		if (text[len] == 0)
			break;
		text += len + 1;
	}
	*out = kinds;
	return true;
}
