// SPDX-License-Identifier: Apache-2.0
// Prints the words of a Corefile, and reads them back before anybody relies on them.
#include "control/kept.h"

#include "control/base/cleanup.h"
#include "zones/corefile/tokens.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

// Without it a file was not written to its end.
static const char end_mark[] = "\n# end\n";

static bool needs_quotes(const struct token *t)
{
	return t->is_quoted || t->text[0] == '\0' || t->text[0] == '"' ||
		strpbrk(t->text, " \t\r\n\v\f#") != NULL;
}

static void print_word(const struct token *t, FILE *out)
{
	bool is_quoted = needs_quotes(t);

	if (is_quoted)
		(void)fputc('"', out); // errors stick to the stream
	for (const char *p = t->text; *p != '\0'; p++) {
		if (is_quoted && *p == '"')
			(void)fputc('\\', out);
		(void)fputc(*p, out);
	}
	if (is_quoted)
		(void)fputc('"', out);
}

// NULL when memory is short.
static char *print(const struct config *c)
{
	char *text = NULL;
	size_t size = 0;
	FILE *out = open_memstream(&text, &size);

	if (out == NULL)
		return NULL;
	for (size_t i = 0; i < c->n_tokens; i++) {
		if (i > 0)
			(void)fputc(c->tokens[i].starts_line ? '\n' : ' ', out);
		print_word(&c->tokens[i], out);
	}
	(void)fputs(end_mark, out);
	bool failed = ferror(out) != 0;
	if (fclose(out) == 0 && !failed)
		return text;
	free(text);
	return NULL;
}

// Variables that a variable holds, and some backslashes, are not read as they were.
static bool is_read_back(const char *text, const struct config *c)
{
	const struct config_options options = {.skip_file_checks = true, .all_errors = true};
	struct config again = {0};
	struct err ignored = {0};

	(void)config_parse_text("Corefile", text, &options, &again, &ignored); // only the words
	bool is_same = again.hash == c->hash;
	config_free(&again);
	return is_same;
}

// Secrets may stand in it: nobody else reads it. In place: control may make no files there.
static int write_file(const char *path, const char *text)
{
	int fd = open(path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC | O_NOFOLLOW, 0600);

	if (fd < 0)
		return -errno;
	size_t size = strlen(text);
	ssize_t n = write(fd, text, size);
	int rc = n < 0 ? -errno : (size_t)n != size ? -ENOSPC : 0;
	if (close(fd) != 0 && rc == 0)
		rc = -errno;
	return rc;
}

static int make_path(const char *run_dir, enum kept which, char out[PATH_MAX])
{
	static const char *const names[] = {
		[KEPT_BOUND] = "corefile.bound", [KEPT_TAKEN] = "corefile.taken"};

	return snprintf(out, PATH_MAX, "%s/%s", run_dir, names[which]) < PATH_MAX ? 0
										  : -ENAMETOOLONG;
}

bool kept_find(const char *run_dir, enum kept which, char out[PATH_MAX])
{
	char tail[sizeof(end_mark)] = "";

	if (make_path(run_dir, which, out) != 0)
		return false;
	CLEANUP_FILE FILE *f = fopen(out, "re");
	return f != NULL && fseek(f, -(long)strlen(end_mark), SEEK_END) == 0 &&
		fread(tail, 1, strlen(end_mark), f) == strlen(end_mark) &&
		strcmp(tail, end_mark) == 0;
}

int kept_write(const char *run_dir, enum kept which, const struct config *c)
{
	CLEANUP_CHAR char *text = print(c);
	char path[PATH_MAX];
	int rc = make_path(run_dir, which, path);

	if (rc != 0)
		return rc;
	if (text != NULL && is_read_back(text, c))
		return write_file(path, text);
	(void)write_file(path, ""); // rather none than an old one
	return text == NULL ? -ENOMEM : -EINVAL;
}
