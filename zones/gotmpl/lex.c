// SPDX-License-Identifier: Apache-2.0
// Splits an action into words, as the scanner of text/template does.
#include "zones/gotmpl/lex.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

static bool is_letter(char c)
{
	return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || c == '_';
}

static bool is_digit(char c)
{
	return c >= '0' && c <= '9';
}

static bool is_blank(char c)
{
	return c == ' ' || c == '\t' || c == '\n' || c == '\r';
}

static size_t word_len(const char *s)
{
	size_t n = 0;

	while (is_letter(s[n]) || is_digit(s[n]))
		n++;
	return n;
}

static struct lexeme bad(const char *why)
{
	return (struct lexeme){.kind = LEX_BAD, .why = why};
}

static struct lexeme value(struct value v)
{
	return (struct lexeme){.kind = LEX_VALUE, .value = v};
}

// One escape of a Go string behind its backslash; returns the characters taken, 0 if bad.
static size_t unescape(const char *s, char *out)
{
	static const char from[] = "abfnrtv\\\"'";
	static const char to[] = "\a\b\f\n\r\t\v\\\"'";
	const char *hit = s[0] == '\0' ? NULL : strchr(from, s[0]);
	char digits[4] = "";
	char *end = NULL;

	if (hit != NULL) {
		*out = to[hit - from];
		return 1;
	}
	if (s[0] == 'x' && s[1] != '\0') {
		memcpy(digits, s + 1, 2);
		*out = (char)strtoul(digits, &end, 16);
		return end == digits + 2 ? 3 : 0;
	}
	if (strspn(s, "01234567") < 3)
		return 0;
	memcpy(digits, s, 3);
	unsigned long octal = strtoul(digits, NULL, 8);
	*out = (char)octal;
	return octal < 256 ? 3 : 0;
}

static struct lexeme string(const char **at, struct arena *a)
{
	const char *s = *at + 1;
	char *out = arena_alloc(a, strlen(s) + 1);
	size_t n = 0;

	if (out == NULL)
		return bad("memory is short");
	while (*s != '"') {
		if (*s == '\0' || *s == '\n')
			return bad("a string is never closed");
		if (*s != '\\') {
			out[n++] = *s++;
			continue;
		}
		size_t taken = unescape(s + 1, &out[n++]);
		if (taken == 0)
			return bad("a string holds an escape that burst53 does not know");
		s += 1 + taken;
	}
	*at = s + 1;
	return value(value_text(out, n));
}

static struct lexeme raw_string(const char **at)
{
	const char *s = *at + 1;
	const char *end = strchr(s, '`');

	if (end == NULL)
		return bad("a string is never closed");
	*at = end + 1;
	return value(value_text(s, (size_t)(end - s)));
}

static struct lexeme number(const char **at)
{
	char *end = NULL;
	const char *digits = *at + (**at == '-' || **at == '+');

	errno = 0;
	long long i = strtoll(*at, &end, 0); // 0x.. and 0.. as in Go
	if (digits[0] == '0' && (digits[1] == 'o' || digits[1] == 'b'))
		return bad("write numbers in decimal, hexadecimal or octal");
	if (errno != 0 || end == *at || is_letter(*end) || is_digit(*end) || *end == '.')
		return bad("this is no whole number");
	*at = end;
	return value((struct value){.kind = VALUE_INT, .i = i});
}

static struct lexeme word(const char **at)
{
	struct lexeme l = {.kind = LEX_WORD, .s = *at, .n = word_len(*at)};

	*at += l.n;
	if (l.n == 4 && memcmp(l.s, "true", 4) == 0)
		return value(value_bool(true));
	if (l.n == 5 && memcmp(l.s, "false", 5) == 0)
		return value(value_bool(false));
	return l;
}

static struct lexeme field(const char **at)
{
	struct lexeme l = {.kind = LEX_FIELD, .s = *at + 1, .n = word_len(*at + 1)};

	if (is_digit((*at)[1]))
		return bad("this is no whole number");
	if (l.n == 0)
		l.kind = LEX_DOT;
	*at += 1 + l.n;
	return l;
}

static struct lexeme character(const char **at)
{
	const char *s = *at;
	char c = s[1];
	size_t n = 1;

	if (c == '\\')
		n = 1 + unescape(s + 2, &c);
	if (c == '\0' || n == 0 || s[1 + n] != '\'')
		return bad("this is no character in quotes");
	*at = s + n + 2;
	return value((struct value){.kind = VALUE_INT, .i = (unsigned char)c});
}

static struct lexeme sign(const char **at)
{
	static const struct {
		const char *text;
		enum lex_kind kind;
	} signs[] = {{":=", LEX_DECLARE}, {"=", LEX_ASSIGN}, {"(", LEX_OPEN}, {")", LEX_CLOSE},
		{"|", LEX_PIPE}, {",", LEX_COMMA}};

	for (size_t i = 0; i < sizeof(signs) / sizeof(signs[0]); i++) {
		size_t n = strlen(signs[i].text);
		if (strncmp(*at, signs[i].text, n) == 0) {
			*at += n;
			return (struct lexeme){.kind = signs[i].kind};
		}
	}
	return bad("a character stands where none belongs");
}

static struct lexeme next(const char **at, struct arena *a)
{
	const char *s = *at;

	if (*s == '"')
		return string(at, a);
	if (*s == '`')
		return raw_string(at);
	if (*s == '\'')
		return character(at);
	if (is_digit(*s) || ((*s == '-' || *s == '+') && is_digit(s[1])))
		return number(at);
	if (is_letter(*s))
		return word(at);
	if (*s == '.')
		return field(at);
	if (*s != '$')
		return sign(at);
	struct lexeme l = {.kind = LEX_VARIABLE, .s = s + 1, .n = word_len(s + 1)};
	*at += 1 + l.n;
	return l;
}

struct lexeme lex_next(const char **at, struct arena *a, bool *trims)
{
	const char *begin = *at;

	*trims = false;
	while (is_blank(**at))
		(*at)++;
	bool is_glued = *at == begin;
	if (!is_glued && strncmp(*at, "-}}", 3) == 0) {
		*trims = true;
		*at += 3;
		return (struct lexeme){.kind = LEX_END};
	}
	if (strncmp(*at, "}}", 2) == 0) {
		*at += 2;
		return (struct lexeme){.kind = LEX_END};
	}
	if (**at == '\0')
		return bad("{{ is never closed by }}");
	struct lexeme l = next(at, a);
	l.is_glued = is_glued;
	return l;
}
