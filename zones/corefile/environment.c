// SPDX-License-Identifier: Apache-2.0
// {$NAME} and {%NAME%} inside a word (k8s:3.3). What a variable holds is not looked at again.
#include "zones/corefile/expand.h"

#include <stdlib.h>
#include <string.h>

struct reference {
	const char *name;
	size_t name_len;
	size_t size; // of the whole reference
};

// The reference that begins at p, or false. An empty name is none, as in CoreDNS.
static bool reference_at(const char *p, struct reference *r)
{
	const char *close = p[1] == '$' ? "}" : "%}";

	if (p[0] != '{' || (p[1] != '$' && p[1] != '%'))
		return false;
	const char *end = strstr(p + 2, close);
	if (end == NULL || end == p + 2)
		return false;
	r->name = p + 2;
	r->name_len = (size_t)(end - r->name);
	r->size = (size_t)(end - p) + strlen(close);
	return true;
}

static const char *reference_value(const struct reference *r)
{
	char name[256];
	const char *value = NULL;

	if (r->name_len < sizeof(name)) {
		memcpy(name, r->name, r->name_len);
		name[r->name_len] = '\0';
		value = getenv(name);
	}
	return value == NULL ? "" : value;
}

// Writes the text with its references replaced when out is not NULL; returns its length.
static size_t replace(const char *text, char *out)
{
	size_t len = 0;
	struct reference r;

	while (*text != '\0') {
		if (!reference_at(text, &r)) {
			if (out != NULL)
				out[len] = *text;
			len++;
			text++;
			continue;
		}
		const char *value = reference_value(&r);
		if (out != NULL)
			memcpy(out + len, value, strlen(value));
		len += strlen(value);
		text += r.size;
	}
	return len;
}

const char *expand_environment(struct arena *a, const char *text)
{
	if (strstr(text, "{$") == NULL && strstr(text, "{%") == NULL)
		return text;
	char *out = arena_alloc(a, replace(text, NULL) + 1);
	if (out != NULL)
		(void)replace(text, out);
	return out;
}
