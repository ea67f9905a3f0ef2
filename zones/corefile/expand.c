// SPDX-License-Identifier: Apache-2.0
// Imports are a stack of token lists: the top one is copied to the output, an import pushes
// another. Every count is bounded, so a file that imports itself ends in an error.
#include "zones/corefile/expand.h"

#include <errno.h>
#include <glob.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

enum {
	DEPTH_MAX = 64,
	TOKENS_MAX = 1000000,
	SNIPPET_IMPORTS_MAX = 10000, // k8s:3.4
	FILE_IMPORTS_MAX = 100000,
};

struct source {
	const struct token *items;
	size_t n;
	size_t i;
	bool is_first; // its first word begins a line wherever it is pasted
};

struct snippet {
	const char *name;
	const struct token *items; // a view into the list it stands in
	size_t n;
};

struct file {
	const char *path;
	struct tokens tokens;
};

struct expander {
	struct arena *arena;
	const char *directory;
	const char *main_name;
	struct source stack[DEPTH_MAX];
	size_t depth;
	struct snippet *snippets;
	size_t n_snippets;
	struct file *cache;
	size_t n_cache;
	size_t snippet_imports;
	size_t file_imports;
	size_t braces;
	struct expanded *out;
	struct err *e;
};

__attribute__((format(printf, 3, 4))) static int fail(
	struct expander *x, const struct token *t, const char *fmt, ...)
{
	char text[160];
	va_list ap;

	va_start(ap, fmt);
	(void)vsnprintf(text, sizeof(text), fmt, ap); // a cut sentence is still one
	va_end(ap);
	return err_set_at(x->e, -EINVAL, t->file, (unsigned[]){t->line, t->column}, "%s", text);
}

// t is the word `import` that asks for the list.
static int push(struct expander *x, const struct token *t, const struct token *items, size_t n)
{
	if (x->depth == DEPTH_MAX)
		return fail(x, t, "imports are nested deeper than %d: does one import itself?",
			DEPTH_MAX);
	x->stack[x->depth++] = (struct source){.items = items, .n = n, .is_first = true};
	return 0;
}

static int add_file_name(struct expander *x, const char *path)
{
	struct expanded *o = x->out;
	const char **files = list_grow(x->arena, o->files, o->n_files, sizeof(*files));

	if (files == NULL || path == NULL)
		return err_set(x->e, -ENOMEM, "out of memory");
	o->files = files;
	files[o->n_files++] = path;
	return 0;
}

static struct file *cache_find(struct expander *x, const char *path)
{
	for (size_t i = 0; i < x->n_cache; i++) {
		if (strcmp(x->cache[i].path, path) == 0)
			return &x->cache[i];
	}
	return NULL;
}

static int import_error(struct expander *x, const struct token *t, const char *path, int rc)
{
	if (rc == -ENOMEM)
		return err_set(x->e, rc, "out of memory");
	return fail(x, t + 1, "cannot import %s: %s", path, strerror(-rc));
}

// Each file is read once, however often it is imported. Not a device or a pipe: they could hang.
static int load_file(
	struct expander *x, const struct token *t, const char *path, struct tokens *out)
{
	struct file *f = cache_find(x, path);
	struct file fresh = {0};
	struct stat st;
	char *text;
	size_t size;

	if (++x->file_imports > FILE_IMPORTS_MAX)
		return fail(x, t, "more than %d files imported: does %s import itself?",
			FILE_IMPORTS_MAX, path);
	if (f != NULL) {
		*out = f->tokens;
		return 0;
	}
	if (stat(path, &st) != 0)
		return import_error(x, t, path, -errno);
	if (!S_ISREG(st.st_mode))
		return import_error(x, t, path, S_ISDIR(st.st_mode) ? -EISDIR : -EINVAL);
	int rc = expand_read_file(x->arena, path, &text, &size);
	if (rc != 0)
		return import_error(x, t, path, rc);
	fresh.path = arena_copy(x->arena, path, strlen(path) + 1);
	rc = add_file_name(x, fresh.path);
	if (rc == 0)
		rc = tokens_read(x->arena, fresh.path, text, size, &fresh.tokens, x->e);
	f = list_grow(x->arena, x->cache, x->n_cache, sizeof(*f));
	if (rc != 0 || f == NULL)
		return rc != 0 ? rc : err_set(x->e, -ENOMEM, "out of memory");
	x->cache = f;
	f[x->n_cache++] = fresh;
	*out = fresh.tokens;
	return 0;
}

// The folder that imports of this token are relative to: that of its file.
static char *directory_of(struct expander *x, const struct token *t)
{
	const char *dir = x->directory == NULL ? "." : x->directory;
	const char *slash = strrchr(t->file, '/');

	if (strcmp(t->file, x->main_name) == 0 || slash == NULL)
		return arena_copy(x->arena, dir, strlen(dir) + 1);
	size_t len = slash == t->file ? 1 : (size_t)(slash - t->file);
	char *out = arena_alloc(x->arena, len + 1);
	if (out != NULL)
		memcpy(out, t->file, len);
	return out;
}

static size_t count_char(const char *s, char c)
{
	size_t n = 0;

	for (; *s != '\0'; s++)
		n += *s == c;
	return n;
}

static int warn(struct expander *x, const struct token *t, const char *text)
{
	struct expanded *o = x->out;
	struct expand_warning *w = list_grow(x->arena, o->warnings, o->n_warnings, sizeof(*w));

	if (w == NULL)
		return err_set(x->e, -ENOMEM, "out of memory");
	o->warnings = w;
	w[o->n_warnings++] = (struct expand_warning){.at = t, .text = text};
	return 0;
}

static int compare_paths(const void *a, const void *b)
{
	return strcmp(*(char *const *)a, *(char *const *)b);
}

static bool is_dot_entry(const char *path)
{
	const char *base = strrchr(path, '/');

	base = base == NULL ? path : base + 1;
	return strcmp(base, ".") == 0 || strcmp(base, "..") == 0;
}

static int append(struct expander *x, struct tokens *list, struct tokens more)
{
	for (size_t i = 0; i < more.n; i++) {
		struct token *items = list_grow(x->arena, list->items, list->n, sizeof(*items));
		if (items == NULL)
			return err_set(x->e, -ENOMEM, "out of memory");
		list->items = items;
		items[list->n++] = more.items[i];
	}
	return 0;
}

// All files of the pattern in the order of their names, as one list.
static int import_glob(struct expander *x, const struct token *t, const char *pattern)
{
	struct tokens all = {0};
	glob_t g = {0};
	int rc = glob(pattern, GLOB_NOSORT | GLOB_PERIOD, NULL, &g);

	if (rc == GLOB_NOSPACE) {
		globfree(&g);
		return err_set(x->e, -ENOMEM, "out of memory");
	}
	if (rc != 0) {
		globfree(&g);
		return warn(x, t + 1, "no file matches this import");
	}
	qsort(g.gl_pathv, g.gl_pathc, sizeof(*g.gl_pathv), compare_paths);
	for (size_t i = 0; rc == 0 && i < g.gl_pathc; i++) {
		struct tokens one = {0};
		if (is_dot_entry(g.gl_pathv[i]))
			continue;
		rc = load_file(x, t, g.gl_pathv[i], &one);
		if (rc == 0)
			rc = append(x, &all, one);
	}
	globfree(&g);
	return rc == 0 ? push(x, t, all.items, all.n) : rc;
}

static int import_path(struct expander *x, const struct token *t, const char *arg)
{
	char *dir = directory_of(x, t);
	struct tokens one = {0};
	char path[4096];

	if (dir == NULL)
		return err_set(x->e, -ENOMEM, "out of memory");
	int len = arg[0] == '/' ? snprintf(path, sizeof(path), "%s", arg)
				: snprintf(path, sizeof(path), "%s/%s", dir, arg);
	if (len < 0 || (size_t)len >= sizeof(path))
		return fail(x, t + 1, "the path to import is too long");
	if (count_char(path, '*') > 1 || count_char(path, '?') > 1 ||
		(strchr(path, '[') != NULL && strchr(path, ']') != NULL))
		return fail(x, t + 1, "an import pattern may hold one * or ? and no [ ]");
	if (strpbrk(path, "*?") != NULL)
		return import_glob(x, t, path);
	int rc = load_file(x, t, path, &one);
	return rc == 0 ? push(x, t, one.items, one.n) : rc;
}

// t is the word `import`, the next token its argument.
static int import(struct expander *x, const struct token *t, size_t left)
{
	if (left < 2 || t[1].starts_line || t[1].kind != TOKEN_WORD)
		return fail(x, t, "import needs the name of a snippet, a file or a pattern");
	if (left > 2 && !t[2].starts_line)
		return fail(x, t + 2, "import takes one name only; start a new line here");
	const char *arg = expand_environment(x->arena, t[1].text);
	if (arg == NULL)
		return err_set(x->e, -ENOMEM, "out of memory");
	if (arg[0] == '\0')
		return fail(x, t + 1, "import needs the name of a snippet, a file or a pattern");
	for (size_t i = 0; i < x->n_snippets; i++) {
		if (strcmp(x->snippets[i].name, arg) != 0)
			continue;
		if (++x->snippet_imports > SNIPPET_IMPORTS_MAX)
			return fail(x, t,
				"more than %d snippets imported: does (%s) import itself?",
				SNIPPET_IMPORTS_MAX, arg);
		return push(x, t, x->snippets[i].items, x->snippets[i].n);
	}
	return import_path(x, t, arg);
}

// The word in front of a block's brace, its variables replaced; NULL: there is no such word.
static const char *only_key(struct expander *x, const struct token *t, size_t left)
{
	if (left < 2 || t->kind != TOKEN_WORD || t[1].kind != TOKEN_OPEN)
		return NULL;
	return expand_environment(x->arena, t->text);
}

static bool is_snippet(const char *key)
{
	size_t len = key == NULL ? 0 : strlen(key);

	return len > 1 && key[0] == '(' && key[len - 1] == ')';
}

// Stores `(name) { ... }` that begins at t; key is the first word, *used becomes the number of its
// tokens.
static int define_snippet(
	struct expander *x, const struct token *t, const char *key, size_t left, size_t *used)
{
	size_t name_len = strlen(key) - 2;
	char *name = arena_copy(x->arena, key + 1, name_len + 1);
	struct snippet *grown = list_grow(x->arena, x->snippets, x->n_snippets, sizeof(*grown));
	size_t braces = 1;
	size_t i = 2;

	if (name == NULL || grown == NULL)
		return err_set(x->e, -ENOMEM, "out of memory");
	name[name_len] = '\0';
	for (size_t k = 0; k < x->n_snippets; k++) {
		if (strcmp(x->snippets[k].name, name) == 0)
			return fail(x, t, "the snippet (%s) is defined twice", name);
	}
	for (; i < left && braces > 0; i++) {
		if (t[i].kind == TOKEN_OPEN)
			braces++;
		if (t[i].kind == TOKEN_CLOSE)
			braces--;
	}
	if (braces > 0)
		return fail(x, t, "the braces of this snippet are never closed");
	*used = i;
	x->snippets = grown;
	grown[x->n_snippets++] = (struct snippet){.name = name, .items = t + 2, .n = i - 3};
	return 0;
}

static void hash_token(uint64_t *hash, const struct token *t)
{
	const uint64_t prime = 0x100000001b3;

	for (const char *p = t->text; *p != '\0'; p++)
		*hash = (*hash ^ (unsigned char)*p) * prime;
	*hash = (*hash ^ (0x100u | (unsigned)t->kind << 1 | t->starts_line)) * prime;
}

static int emit(struct expander *x, const struct token *t, bool starts_line)
{
	struct tokens *out = &x->out->tokens;
	struct token *items = list_grow(x->arena, out->items, out->n, sizeof(*items));
	struct token copy = *t;

	copy.text = t->kind == TOKEN_WORD ? expand_environment(x->arena, t->text) : t->text;
	if (items == NULL || copy.text == NULL)
		return err_set(x->e, -ENOMEM, "out of memory");
	if (out->n >= TOKENS_MAX)
		return fail(
			x, t, "the Corefile has more than %d words with its imports", TOKENS_MAX);
	copy.written = copy.text != t->text ? t->text : NULL;
	copy.starts_line = t->starts_line || starts_line;
	if (t->kind == TOKEN_OPEN)
		x->braces++;
	if (t->kind == TOKEN_CLOSE && x->braces > 0)
		x->braces--;
	hash_token(&x->out->hash, &copy);
	out->items = items;
	items[out->n++] = copy;
	return 0;
}

// True where a line of the file, or the inside of a block, begins.
static bool is_line_start(const struct expander *x, const struct token *t, bool is_first)
{
	const struct tokens *out = &x->out->tokens;

	return t->starts_line || is_first ||
		(out->n > 0 && out->items[out->n - 1].kind == TOKEN_OPEN);
}

static int step(struct expander *x)
{
	struct source *s = &x->stack[x->depth - 1];
	const struct token *t = &s->items[s->i];
	size_t left = s->n - s->i;
	bool is_first = s->is_first;
	bool starts = is_line_start(x, t, is_first);

	s->is_first = false;
	if (starts && t->kind == TOKEN_WORD && strcmp(t->text, "import") == 0) {
		s->i += left < 2 ? 1 : 2;
		return import(x, t, left);
	}
	const char *key = starts && x->braces == 0 ? only_key(x, t, left) : NULL;
	if (is_snippet(key)) {
		size_t used = 0;
		int rc = define_snippet(x, t, key, left, &used);
		s->i += used;
		return rc;
	}
	s->i++;
	return emit(x, t, is_first);
}

static int expand(struct expander *x)
{
	int rc = 0;

	while (rc == 0 && x->depth > 0) {
		struct source *s = &x->stack[x->depth - 1];
		if (s->i == s->n)
			x->depth--;
		else
			rc = step(x);
	}
	return rc;
}

int expand_text(struct arena *a, const char *name, const char *directory, const char *text,
	struct expanded *out, struct err *e)
{
	struct expander *x = arena_alloc(a, sizeof(*x));
	struct tokens main_tokens = {0};
	const struct token nothing = {.file = name, .line = 1, .column = 1, .text = ""};

	if (x == NULL)
		return err_set(e, -ENOMEM, "out of memory");
	x->arena = a;
	x->directory = directory;
	x->main_name = name;
	x->out = out;
	x->e = e;
	out->hash = 0xcbf29ce484222325;
	out->end_file = name;
	out->end_line = (unsigned)count_char(text, '\n') + 1;
	int rc = add_file_name(x, name);
	if (rc == 0)
		rc = tokens_read(a, name, text, strlen(text), &main_tokens, e);
	if (rc == 0)
		rc = push(x, &nothing, main_tokens.items, main_tokens.n);
	return rc == 0 ? expand(x) : rc;
}
