// SPDX-License-Identifier: Apache-2.0
// Names as texts.
#include "slowpath/plugin/name_text.h"

#include "slowpath/base/log.h"

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

enum { LOG_INTERVAL_MS = 10000 };

void name_text_add(struct name_text *t, const char *s, size_t n)
{
	if (n >= sizeof(t->s) - t->n) {
		t->is_cut = true;
		return;
	}
	memcpy(t->s + t->n, s, n);
	t->n += n;
	t->s[t->n] = '\0';
}

static void add_byte(struct name_text *t, uint8_t c)
{
	char text[8];
	int n = 1;

	if (c < ' ' || c > '~')
		n = snprintf(text, sizeof(text), "\\%03u", c);
	else if (strchr(". '@;()\"\\", c) != NULL)
		n = snprintf(text, sizeof(text), "\\%c", c);
	else
		text[0] = (char)c;
	name_text_add(t, text, (size_t)n);
}

void name_text_of(const uint8_t *wire, struct name_text *out)
{
	out->n = 0;
	out->is_cut = false;
	out->s[0] = '\0';
	if (*wire == 0)
		name_text_add(out, ".", 1);
	while (*wire != 0) {
		for (uint8_t i = 1; i <= *wire; i++)
			add_byte(out, wire[i]);
		name_text_add(out, ".", 1);
		wire += 1u + *wire;
	}
}

int name_text_parse(const struct name_text *t, struct dname *out)
{
	return t->is_cut ? -EINVAL : dname_parse(t->s, out);
}

void name_text_replace(
	const char *in, const char *what, const struct name_text *with, struct name_text *out)
{
	size_t len = strlen(what);

	out->n = 0;
	out->is_cut = with->is_cut;
	out->s[0] = '\0';
	for (;;) {
		const char *hit = strstr(in, what);
		if (hit == NULL)
			break;
		name_text_add(out, in, (size_t)(hit - in));
		name_text_add(out, with->s, with->n);
		in = hit + len;
	}
	name_text_add(out, in, strlen(in));
}

bool name_text_match(const struct regex *re, const struct name_text *text, struct regex_match *out)
{
	static struct log_limit limit;
	uint64_t held = 0;
	bool is_match = regex_find(re, text->s, text->n, out);

	if (out->is_given_up && log_limit_take(&limit, LOG_INTERVAL_MS, &held))
		log_line(LOG_WARN, "plugin",
			"a regular expression took too long and counts as no match",
			"name=%.255s held=%" PRIu64, text->s, held);
	return is_match;
}

void name_text_fill(const char *to, const struct name_text *text, const struct regex_match *m,
	struct name_text *out)
{
	struct name_text group, made;
	char what[8];

	out->n = 0;
	out->is_cut = false;
	name_text_add(out, to, strlen(to));
	// One group after the other, each in the text that the last one left, as CoreDNS does.
	for (size_t i = 0; i < m->n && strchr(out->s, '{') != NULL; i++) {
		(void)snprintf(what, sizeof(what), "{%u}", (unsigned)i); // at most {100}
		if (strstr(out->s, what) == NULL)
			continue;
		group.n = 0;
		group.is_cut = false;
		group.s[0] = '\0';
		name_text_add(
			&group, text->s + m->group[i].begin, m->group[i].end - m->group[i].begin);
		name_text_replace(out->s, what, &group, &made);
		*out = made;
	}
}
