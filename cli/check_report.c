// SPDX-License-Identifier: Apache-2.0
// Text reports of check.
#include "cli/check_report.h"

#include "cli/check_explain.h"

#include <stdlib.h>
#include <string.h>

static const char *severity_name(enum config_severity s)
{
	static const char *const names[] = {
		[PROBLEM_ERROR] = "error", [PROBLEM_WARNING] = "warning", [PROBLEM_NOTE] = "note"};

	return names[s];
}

// A line of text without its line break; *len becomes its length.
static const char *find_line(const char *text, unsigned line, size_t *len)
{
	for (; line > 1; line--) {
		text = strchr(text, '\n');
		if (text == NULL)
			return NULL;
		text++;
	}
	*len = strcspn(text, "\r\n");
	return text;
}

// Blanks up to a column; tabs stay tabs, so that the mark stands under the word.
static void print_indent(FILE *out, const char *line, size_t len, unsigned column)
{
	unsigned at = 1;

	for (size_t i = 0; i < len && at < column; i++) {
		if (((unsigned char)line[i] & 0xc0) == 0x80)
			continue; // inside a UTF-8 character
		(void)fputc(line[i] == '\t' ? '\t' : ' ', out);
		at++;
	}
}

static void print_source(FILE *out, const char *text, const struct config_problem *p)
{
	size_t len = 0;
	const char *line = find_line(text, p->pos.line, &len);

	if (line == NULL || len == 0)
		return;
	(void)fprintf(out, "%6u | %.*s\n       | ", p->pos.line, (int)len, line);
	print_indent(out, line, len, p->pos.column);
	(void)fputc('^', out);
	for (unsigned i = 1; i < p->width && i < len; i++)
		(void)fputc('~', out);
	(void)fputc('\n', out);
}

// The text of an imported file, which is small or it would not have been read.
static char *read_text(const char *path)
{
	FILE *f = fopen(path, "re");
	char *text = NULL;
	size_t cap = 0;

	if (f == NULL)
		return NULL;
	if (getdelim(&text, &cap, '\0', f) < 0) {
		free(text);
		text = NULL;
	}
	(void)fclose(f); // opened for reading only
	return text;
}

void report_problems(FILE *out, const struct report *r)
{
	for (size_t i = 0; i < r->config->n_problems; i++) {
		const struct config_problem *p = &r->config->problems[i];
		bool is_main = strcmp(p->pos.file, r->name) == 0;
		char *other = is_main ? NULL : read_text(p->pos.file);
		const char *text = is_main ? r->text : other;
		(void)fprintf(out, "%s:%u:%u: %s: %s\n", p->pos.file, p->pos.line, p->pos.column,
			severity_name(p->severity), p->text);
		if (text != NULL)
			print_source(out, text, p);
		free(other);
	}
}

size_t report_count(const struct report *r, enum config_severity severity)
{
	size_t n = 0;

	for (size_t i = 0; i < r->config->n_problems; i++)
		n += r->config->problems[i].severity == severity;
	return n;
}

static void print_directive(
	FILE *out, const struct config_server *s, const struct config_directive *d)
{
	bool is_imported = strcmp(d->pos.file, s->pos.file) != 0;

	(void)fprintf(out, "  %-9s  line %-4u %-12s ", explain_runs(d->runs), d->pos.line, d->name);
	if (d->runs == NO_EFFECT) {
		(void)fprintf(out, "%s", d->why);
	} else {
		explain_directive(out, d);
		(void)fprintf(out, " (%s)", d->why);
	}
	(void)fprintf(out, "%s%s\n", is_imported ? "; in " : "", is_imported ? d->pos.file : "");
}

void report_blocks(FILE *out, const struct report *r)
{
	const struct config *c = r->config;

	for (size_t i = 0; i < c->n_servers; i++) {
		const struct config_server *s = &c->servers[i];
		(void)fprintf(out, "%s%s:%u: ", i == 0 ? "" : "\n", s->pos.file, s->pos.line);
		explain_server(out, s);
		(void)fputc('\n', out);
		for (size_t k = 0; k < s->n_directives; k++)
			print_directive(out, s, &s->directives[k]);
		const struct config_directive *all = explain_punts_all(s);
		if (all != NULL)
			(void)fprintf(out,
				"  the slow path answers every query here: %s in line %u may "
				"concern any name\n",
				all->name, all->pos.line);
		if (s->n_directives == 0)
			(void)fprintf(out, "  nothing answers here: every query is refused\n");
	}
}
