// SPDX-License-Identifier: Apache-2.0
// The lexer: one pass over the bytes, no look-ahead but one character.
#include "zones/corefile/tokens.h"

#include <errno.h>
#include <stdint.h>
#include <string.h>

struct lexer {
	struct arena *arena;
	const char *file;
	const char *text;
	const char *at;
	const char *end;
	unsigned line;
	unsigned column;
	bool starts_line;
	struct tokens *out;
	struct err *e;
};

void *list_grow(struct arena *a, void *items, size_t n, size_t elem_bytes)
{
	if (n != 0 && (n & (n - 1)) != 0)
		return items;
	if (n > SIZE_MAX / 4 / elem_bytes)
		return NULL;
	void *grown = arena_alloc(a, (n == 0 ? 1 : 2 * n) * elem_bytes);
	if (grown != NULL && n > 0)
		memcpy(grown, items, n * elem_bytes);
	return grown;
}

// Bytes of the UTF-8 character at p, 1 for anything that is not well-formed.
static size_t rune_size(const char *p, const char *end)
{
	unsigned char c = (unsigned char)*p;
	size_t size = c >= 0xf0 ? 4 : c >= 0xe0 ? 3 : c >= 0xc0 ? 2 : 1;

	if (size > (size_t)(end - p))
		return 1;
	for (size_t i = 1; i < size; i++) {
		if (((unsigned char)p[i] & 0xc0) != 0x80)
			return 1;
	}
	return size;
}

// Unicode white space, which is what separates words (k8s:3.1).
static bool rune_is_space(const char *p, size_t size)
{
	static const char *const spaces2[] = {"\xc2\x85", "\xc2\xa0"};
	static const char *const spaces3[] = {"\xe1\x9a\x80", "\xe2\x80\xa8", "\xe2\x80\xa9",
		"\xe2\x80\xaf", "\xe2\x81\x9f", "\xe3\x80\x80"};

	if (size == 1)
		return *p == ' ' || (*p >= '\t' && *p <= '\r');
	if (size == 2)
		return memcmp(p, spaces2[0], 2) == 0 || memcmp(p, spaces2[1], 2) == 0;
	if (size != 3)
		return false;
	for (size_t i = 0; i < sizeof(spaces3) / sizeof(spaces3[0]); i++) {
		if (memcmp(p, spaces3[i], 3) == 0)
			return true;
	}
	// U+2000 to U+200A
	return memcmp(p, "\xe2\x80", 2) == 0 && (unsigned char)p[2] >= 0x80 &&
		(unsigned char)p[2] <= 0x8a;
}

static void lexer_advance(struct lexer *x, size_t size)
{
	if (*x->at == '\n') {
		x->line++;
		x->column = 1;
	} else if (*x->at != '\r') {
		x->column++;
	}
	x->at += size;
}

static int lexer_emit(struct lexer *x, struct token *t)
{
	struct token *items = list_grow(x->arena, x->out->items, x->out->n, sizeof(*items));

	if (items == NULL || t->text == NULL)
		return err_set(x->e, -ENOMEM, "out of memory");
	t->kind = TOKEN_WORD;
	if (strcmp(t->text, "{") == 0) // in quotes too, as in CoreDNS
		t->kind = TOKEN_OPEN;
	if (strcmp(t->text, "}") == 0)
		t->kind = TOKEN_CLOSE;
	if (t->width == 0)
		t->width = 1;
	t->end = (size_t)(x->at - x->text);
	x->out->items = items;
	items[x->out->n++] = *t;
	x->starts_line = false;
	return 0;
}

// The closing quote, or NULL. Only \" is an escape, so that regular expressions survive.
static const char *quote_end(const char *p, const char *end)
{
	for (; p < end; p++) {
		if (*p == '"')
			return p;
		if (*p == '\\')
			p++;
	}
	return NULL;
}

// The cursor stands behind the opening quote; the word may span lines.
static int lexer_quoted(struct lexer *x, struct token *t)
{
	const char *close = quote_end(x->at, x->end);
	size_t len = 0;

	if (close == NULL)
		return err_set_at(x->e, -EINVAL, x->file, (unsigned[]){t->line, t->column},
			"this quote is never closed");
	char *text = arena_alloc(x->arena, (size_t)(close - x->at) + 1);
	while (text != NULL && x->at < close) {
		bool is_escape = x->at[0] == '\\' && x->at[1] == '"';
		if (is_escape)
			lexer_advance(x, 1);
		size_t size = rune_size(x->at, close);
		memcpy(text + len, x->at, size);
		len += size;
		// A backslash takes the next character with it, whatever that is.
		bool is_pair = !is_escape && *x->at == '\\';
		lexer_advance(x, size);
		if (is_pair && x->at < close) {
			size = rune_size(x->at, close);
			memcpy(text + len, x->at, size);
			len += size;
			lexer_advance(x, size);
		}
	}
	t->text = text;
	if (text == NULL)
		return lexer_emit(x, t);
	lexer_advance(x, 1);
	if (x->line == t->line)
		t->width = x->column - t->column;
	return lexer_emit(x, t);
}

static int lexer_word(struct lexer *x, struct token *t)
{
	const char *start = x->at;
	size_t len = 0;

	while (x->at < x->end && *x->at != '#') {
		size_t size = rune_size(x->at, x->end);
		if (*x->at != '\r' && rune_is_space(x->at, size))
			break;
		lexer_advance(x, size);
	}
	t->width = x->column - t->column;
	char *text = arena_alloc(x->arena, (size_t)(x->at - start) + 1);
	for (const char *p = start; text != NULL && p < x->at; p++) {
		if (*p != '\r')
			text[len++] = *p;
	}
	t->text = text;
	return lexer_emit(x, t);
}

static void lexer_skip_comment(struct lexer *x)
{
	while (x->at < x->end && *x->at != '\n')
		lexer_advance(x, rune_size(x->at, x->end));
}

// Skips white space and comments; true when a word follows.
static bool lexer_seek(struct lexer *x)
{
	while (x->at < x->end) {
		size_t size = rune_size(x->at, x->end);
		if (*x->at == '#') {
			lexer_skip_comment(x);
			continue;
		}
		if (!rune_is_space(x->at, size))
			return true;
		if (*x->at == '\n')
			x->starts_line = true;
		lexer_advance(x, size);
	}
	return false;
}

int tokens_read(struct arena *a, const char *file, const char *text, size_t size_bytes,
	struct tokens *out, struct err *e)
{
	struct lexer x = {.arena = a,
		.file = file,
		.text = text,
		.at = text,
		.end = text + size_bytes,
		.line = 1,
		.column = 1,
		.starts_line = true,
		.out = out,
		.e = e};
	int rc = 0;

	if (memchr(text, '\0', size_bytes) != NULL)
		return err_set_at(e, -EINVAL, file, (unsigned[]){1, 1},
			"the file has a zero byte in it; a Corefile is text");
	if (size_bytes >= 3 && memcmp(text, "\xef\xbb\xbf", 3) == 0)
		x.at += 3;
	while (rc == 0 && lexer_seek(&x)) {
		struct token t = {.file = file,
			.offset = (size_t)(x.at - text),
			.line = x.line,
			.column = x.column,
			.starts_line = x.starts_line};
		if (*x.at != '"') {
			rc = lexer_word(&x, &t);
			continue;
		}
		t.is_quoted = true;
		lexer_advance(&x, 1);
		rc = lexer_quoted(&x, &t);
	}
	return rc;
}
