// SPDX-License-Identifier: Apache-2.0
// The splitter: one pass over the bytes, copying runs of them into the piece that is open.
#include "control/kube/split.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#define MAX_DEPTH 128 // Kubernetes objects are far flatter; jansson would stop at 2048

// One chunk being fed. Bytes in [from, p) belong to the open piece and are not copied yet.
struct feed {
	struct split *s;
	const char *start;
	const char *p;
	const char *end;
	const char *from; // NULL while nothing is copied
};

static int buf_append(struct split_buf *b, const char *bytes, size_t n, size_t max)
{
	size_t cap = b->cap != 0 ? b->cap : 4096;
	char *grown;

	if (b->overflow || n > max - b->len) {
		b->overflow = true;
		return 0;
	}
	if (n > b->cap - b->len) {
		while (cap - b->len < n)
			cap *= 2;
		grown = realloc(b->bytes, cap);
		if (grown == NULL)
			return -ENOMEM;
		b->bytes = grown;
		b->cap = cap;
	}
	memcpy(b->bytes + b->len, bytes, n);
	b->len += n;
	return 0;
}

static int flush(struct feed *f)
{
	int rc = 0;

	if (f->from != NULL && f->p != f->from)
		rc = buf_append(f->s->out, f->from, (size_t)(f->p - f->from), f->s->max_bytes);
	if (f->from != NULL)
		f->from = f->p;
	return rc;
}

static void note_position(struct feed *f, unsigned which)
{
	struct split *s = f->s;
	uint64_t at = s->offset + (uint64_t)(f->p - f->start);

	s->piece_line[which] = s->line + 1;
	s->piece_column[which] = (unsigned)(at - s->line_offset) + 1;
}

static int give(struct split *s, enum split_kind kind, struct split_buf *b)
{
	unsigned which = kind == SPLIT_ITEM;
	struct split_piece piece = {
		.kind = kind,
		.list = s->cut_list,
		.text = b->overflow ? NULL : b->bytes,
		.text_bytes = b->overflow ? 0 : b->len,
		.line = s->piece_line[which],
		.column = s->piece_column[which],
	};
	int rc = s->piece(s->user, &piece);

	b->len = 0;
	b->overflow = false;
	return rc;
}

static bool is_in(const char *const *names, const char *bytes, size_t n, const char **found)
{
	for (size_t i = 0; names != NULL && names[i] != NULL; i++) {
		// The first byte decides for most; bytes may hold anything, a NUL too.
		if (n != 0 && names[i][0] == bytes[0] && strlen(names[i]) == n &&
			memcmp(names[i], bytes, n) == 0) {
			*found = names[i];
			return true;
		}
	}
	return false;
}

// The name, if it is one whose array is cut open; a constant that outlives the stream.
static const char *list_name(const struct split *s, const char *bytes, size_t n)
{
	static const char *const items[] = {"items", NULL};
	const char *found = NULL;

	if (is_in(items, bytes, n, &found) || is_in(s->lists, bytes, n, &found))
		return found;
	return NULL;
}

// Neither a stream nor a list that is cut has anything but objects as elements.
static bool has_member(const struct split *s)
{
	return s->depth > 0 && (s->cut_list == NULL || s->depth != s->cut_depth);
}

// A colon outside strings: what came before it is the name of a member.
static int on_colon(struct feed *f)
{
	struct split *s = f->s;
	const char *found = NULL;
	const char *key;
	int rc;

	if (!has_member(s))
		return -EINVAL;
	f->p++;
	if (s->dropping)
		return 0;
	rc = flush(f);
	if (rc != 0 || s->out->overflow || s->str_start + s->str_len > s->out->len)
		return rc;
	key = s->out->bytes + s->str_start;
	if (s->cut && s->depth == 1) {
		s->key1 = list_name(s, key, s->str_len);
		s->key2 = NULL;
	} else if (s->cut && s->depth == 2 && s->cut_list == NULL) {
		s->key2 = list_name(s, key, s->str_len);
	}
	if (!is_in(s->drop, key, s->str_len, &found))
		return 0;
	s->dropping = true;
	s->drop_depth = s->depth;
	s->out->len = s->str_start - 1; // with the quote of the name
	f->from = NULL;
	return 0;
}

// The member being left out has ended, at a comma or a bracket; of the commas around it one must
// go.
static void end_drop(struct feed *f)
{
	struct split *s = f->s;
	struct split_buf *b = s->out;

	s->dropping = false;
	f->from = f->p;
	while (b->len > 0 && strchr(" \t\r\n", b->bytes[b->len - 1]) != NULL)
		b->len--;
	if (*f->p == ',')
		f->from = f->p + 1; // what is before it ends in a comma or the bracket
	else if (b->len > 0 && b->bytes[b->len - 1] == ',')
		b->len--;
}

// A string that has ended: remembered because a colon may follow.
static void on_string_end(struct feed *f)
{
	struct split *s = f->s;

	s->in_string = false;
	if (f->from != NULL)
		s->str_len = s->out->len + (size_t)(f->p - f->from) - s->str_start;
	f->p++;
}

// Skips ahead to what matters inside a string.
static void in_string(struct feed *f)
{
	struct split *s = f->s;
	const char *p = f->p;

	if (s->escaped) {
		s->escaped = false;
		f->p++;
		return;
	}
	while (p != f->end && *p != '"' && *p != '\\')
		p++;
	f->p = p;
	if (p == f->end)
		return;
	if (*p == '"') {
		on_string_end(f);
		return;
	}
	s->escaped = true;
	f->p++;
}

static int on_open(struct feed *f)
{
	struct split *s = f->s;
	bool array = *f->p == '[';
	int rc = 0;

	if (s->depth == 0) {
		if (array)
			return -EINVAL;
		note_position(f, 0);
		s->out = &s->whole;
		f->from = f->p;
	} else if (s->cut_list != NULL && s->depth == s->cut_depth) {
		if (array)
			return -EINVAL; // an element of a list is an object
		note_position(f, 1);
		s->out = &s->item;
		f->from = f->p;
	}
	s->depth++;
	f->p++;
	if (s->depth > MAX_DEPTH)
		s->out->overflow = true;
	if (!array || !s->cut || s->dropping || s->cut_list != NULL || s->key1 == NULL)
		return rc;
	if (s->depth == 2 || (s->depth == 3 && s->key2 != NULL && strcmp(s->key2, "items") == 0)) {
		rc = flush(f); // with the bracket; the elements go elsewhere
		s->cut_list = s->key1;
		s->cut_depth = s->depth;
		f->from = NULL;
	}
	return rc;
}

// An object has been closed: is it the member that says nothing? Then it is left out as if its name
// had been enough.
static int drop_text(struct feed *f)
{
	struct split *s = f->s;
	struct split_buf *b = s->out;
	size_t n = strlen(s->drop_text);
	int rc = flush(f);

	if (rc != 0 || b->overflow || b->len <= n ||
		memcmp(b->bytes + b->len - n, s->drop_text, n) != 0)
		return rc;
	if (b->bytes[b->len - n - 1] == '\\') // the quote is one inside a longer name
		return 0;
	s->dropping = true;
	s->drop_depth = s->depth;
	b->len -= n;
	f->from = NULL;
	return 0;
}

static int close_item(struct feed *f)
{
	int rc = flush(f);

	f->s->out = &f->s->whole;
	f->from = NULL;
	return rc != 0 ? rc : give(f->s, SPLIT_ITEM, &f->s->item);
}

static int close_whole(struct feed *f)
{
	struct split *s = f->s;
	int rc = flush(f);

	f->from = NULL;
	s->key1 = NULL;
	if (rc == 0 && s->cut && s->whole.overflow)
		return -EMSGSIZE;
	return rc != 0 ? rc : give(s, SPLIT_WHOLE, &s->whole);
}

static int on_close(struct feed *f)
{
	struct split *s = f->s;

	if (s->depth == 0)
		return -EINVAL;
	if (s->dropping && s->depth == s->drop_depth)
		end_drop(f);
	if (s->cut_list != NULL && s->depth == s->cut_depth) {
		s->cut_list = NULL;
		s->key1 = s->depth == 2 ? NULL : s->key1;
		s->key2 = NULL;
		f->from = f->p;
	}
	bool is_object = *f->p == '}';
	s->depth--;
	f->p++;
	if (s->cut_list != NULL && s->depth == s->cut_depth)
		return close_item(f);
	if (s->depth == 0)
		return close_whole(f);
	return is_object && s->drop_text != NULL && !s->dropping ? drop_text(f) : 0;
}

static int on_comma(struct feed *f)
{
	struct split *s = f->s;

	if (s->depth == 0)
		return -EINVAL;
	if (s->dropping && s->depth == s->drop_depth)
		end_drop(f);
	if (s->depth == 1)
		s->key1 = NULL;
	f->p++;
	return 0;
}

static int on_quote(struct feed *f)
{
	struct split *s = f->s;

	if (!has_member(s))
		return -EINVAL;
	s->in_string = true;
	f->p++;
	if (f->from != NULL)
		s->str_start = s->out->len + (size_t)(f->p - f->from);
	return 0;
}

// One byte outside strings, or a run of bytes inside one.
static int step(struct feed *f)
{
	struct split *s = f->s;

	if (s->in_string) {
		in_string(f);
		return 0;
	}
	switch (*f->p) {
	case '"':
		return on_quote(f);
	case ':':
		return on_colon(f);
	case ',':
		return on_comma(f);
	case '{':
	case '[':
		return on_open(f);
	case '}':
	case ']':
		return on_close(f);
	case '\n':
		s->line++;
		s->line_offset = s->offset + (uint64_t)(f->p - f->start) + 1;
		break;
	case ' ':
	case '\t':
	case '\r':
		break;
	default:
		if (!has_member(s))
			return -EINVAL; // a number, true, false, null or worse
		break;
	}
	f->p++;
	return 0;
}

int split_feed(struct split *s, const char *bytes, size_t n)
{
	struct feed f = {.s = s, .start = bytes, .p = bytes, .end = bytes + n};
	bool between_items = s->cut_list != NULL && s->depth == s->cut_depth;
	int rc = 0;

	if (s->depth > 0 && !s->dropping && !between_items)
		f.from = bytes;
	while (rc == 0 && f.p != f.end)
		rc = step(&f);
	if (rc == 0)
		rc = flush(&f);
	s->stopped_at = s->offset + (uint64_t)(f.p - f.start);
	s->offset += n;
	return rc;
}

bool split_is_at_end(const struct split *s)
{
	return s->depth == 0;
}

const char *split_frame(const struct split *s, size_t *n)
{
	*n = s->whole.len;
	return s->whole.bytes;
}

void split_position(const struct split *s, unsigned *line, unsigned *column)
{
	*line = s->line + 1;
	*column = (unsigned)(s->stopped_at - s->line_offset) + 1;
}

void split_reset(struct split *s)
{
	struct split fresh = {
		.piece = s->piece,
		.user = s->user,
		.drop = s->drop,
		.drop_text = s->drop_text,
		.lists = s->lists,
		.cut = s->cut,
		.max_bytes = s->max_bytes,
		.whole = {.bytes = s->whole.bytes, .cap = s->whole.cap},
		.item = {.bytes = s->item.bytes, .cap = s->item.cap},
	};

	*s = fresh;
}

void split_fini(struct split *s)
{
	free(s->whole.bytes);
	free(s->item.bytes);
	*s = (struct split){0};
}
