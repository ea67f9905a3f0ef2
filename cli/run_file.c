// SPDX-License-Identifier: Apache-2.0
// Cuts lines into key and value.
#include "cli/run_file.h"

#include "cli/run_values.h"

#include <errno.h>
#include <fcntl.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

enum { FILE_MAX_BYTES = 65536 };

static const char blanks[] = " \t\r";

struct place {
	const char *path;
	unsigned line;
	const char *start; // of the line
};

__attribute__((format(printf, 4, 5))) static int fail(
	const struct place *p, const char *at, struct err *err, const char *fmt, ...)
{
	const unsigned pos[2] = {p->line, (unsigned)(at - p->start) + 1};
	char text[sizeof(err->text)];
	va_list ap;

	va_start(ap, fmt);
	(void)vsnprintf(text, sizeof(text), fmt, ap); // a cut sentence is still one
	va_end(ap);
	return err_set_at(err, -EINVAL, p->path, pos, "%s", text);
}

static const struct option *find_key(const char *name)
{
	for (const struct option *o = run_long_options; o->name != NULL; o++) {
		if (strcmp(o->name, name) == 0 && o->val != KEY_CONFIG && o->val != KEY_HELP)
			return o;
	}
	return NULL;
}

// Ends the line where its comment begins or its last word ends.
static void cut(char *line)
{
	size_t n = 0;

	while (line[n] != 0 && (line[n] != '#' || (n > 0 && strchr(blanks, line[n - 1]) == NULL)))
		n++;
	while (n > 0 && strchr(blanks, line[n - 1]) != NULL)
		n--;
	line[n] = 0;
}

static int take_line(char *line, struct place *p, struct run_options *o, struct err *err)
{
	struct err why = {0};

	p->start = line;
	cut(line);
	char *key = line + strspn(line, blanks);
	if (*key == 0)
		return 0;
	char *end = key + strcspn(key, blanks);
	char *value = end + strspn(end, blanks);
	*end = 0;
	const struct option *found = find_key(key);
	if (found == NULL)
		return fail(p, key, err, "there is no setting '%.40s': see burst53.conf(5)", key);
	if (found->has_arg == no_argument && *value != 0)
		return fail(p, value, err, "%s takes no value: leave out '%.40s'", key, value);
	if (found->has_arg != no_argument && *value == 0)
		return fail(p, end, err, "%s needs a value behind it", key);
	if (run_value_take((enum run_key)found->val, value, o, &why) != 0)
		return fail(p, value, err, "%s: %s", key, why.text);
	return 0;
}

// The file with a zero behind it, to be freed; NULL with the reason in *err.
static char *read_text(const char *path, size_t *size_bytes, struct err *err)
{
	int fd = open(path, O_RDONLY | O_CLOEXEC);
	char *text = calloc(1, FILE_MAX_BYTES + 2);
	ssize_t n = 1;

	*size_bytes = 0;
	if (fd >= 0 && text != NULL) {
		while (n > 0 && *size_bytes <= FILE_MAX_BYTES) {
			n = read(fd, text + *size_bytes, FILE_MAX_BYTES + 1 - *size_bytes);
			*size_bytes += n > 0 ? (size_t)n : 0;
		}
	}
	int rc = text == NULL ? ENOMEM : fd < 0 || n < 0 ? errno : 0;
	if (fd >= 0)
		(void)close(fd);
	if (rc == 0 && *size_bytes <= FILE_MAX_BYTES)
		return text;
	free(text);
	(void)err_set(err, rc == 0 ? -EFBIG : -rc, "%.100s: %s", path,
		rc == 0 ? "too long" : strerror(rc));
	return NULL;
}

int run_file_read(const char *path, struct run_options *o, struct err *err)
{
	struct place p = {.path = path};
	size_t size_bytes;
	int rc = 0;

	o->file_text = read_text(path, &size_bytes, err);
	if (o->file_text == NULL)
		return err->code;
	if (strlen(o->file_text) != size_bytes)
		return err_set(err, -EINVAL, "%.100s is no text", path);
	for (char *line = o->file_text; line != NULL && rc == 0;) {
		char *next = strchr(line, '\n');
		if (next != NULL)
			*next++ = 0;
		p.line++;
		rc = take_line(line, &p, o, err);
		line = next;
	}
	return rc;
}
