// SPDX-License-Identifier: Apache-2.0
// The report of check as JSON.
#include "cli/check_explain.h"
#include "cli/check_report.h"

#include <jansson.h>

#include <errno.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

// Text as JSON; bytes that are no UTF-8 become question marks.
static json_t *string(const char *text)
{
	json_t *j = json_string(text);
	char *copy = j == NULL ? strdup(text) : NULL;

	for (char *p = copy; p != NULL && *p != '\0'; p++)
		*p = (unsigned char)*p >= 0x80 ? '?' : *p;
	if (copy != NULL)
		j = json_string(copy);
	free(copy);
	return j;
}

// jansson's pack and append functions take ownership and accept NULL, so that one look at the end
// of each step is enough.
static json_t *position(const struct config_pos *p)
{
	return json_pack("{s:o, s:i, s:i}", "file", string(p->file), "line", (int)p->line, "column",
		(int)p->column);
}

static json_t *problem_json(const struct config_problem *p)
{
	static const char *const names[] = {
		[PROBLEM_ERROR] = "error", [PROBLEM_WARNING] = "warning", [PROBLEM_NOTE] = "note"};

	return json_pack("{s:s, s:o, s:b, s:o}", "severity", names[p->severity], "text",
		string(p->text), "fixable", p->fix != FIX_NONE, "at", position(&p->pos));
}

static json_t *directive_json(const struct config_directive *d)
{
	char *text = NULL;
	size_t size = 0;
	FILE *f = open_memstream(&text, &size);

	if (f == NULL)
		return NULL;
	explain_directive(f, d);
	json_t *j = NULL;
	if (fclose(f) == 0)
		j = json_pack("{s:s, s:s, s:s, s:o, s:o}", "name", d->name, "runs",
			explain_runs(d->runs), "why", d->why, "text", string(text), "at",
			position(&d->pos));
	free(text);
	return j;
}

static json_t *server_json(const struct config_server *s)
{
	json_t *keys = json_array();
	json_t *binds = json_array();
	json_t *directives = json_array();
	int bad = 0;

	for (size_t i = 0; i < s->n_keys; i++)
		bad |= json_array_append_new(keys,
			json_pack("{s:s, s:i}", "zone", s->keys[i].zone.text, "port",
				(int)s->keys[i].port));
	for (size_t i = 0; i < s->n_binds; i++)
		bad |= json_array_append_new(binds,
			json_pack("{s:o, s:b, s:b}", "name", string(s->binds[i].text), "interface",
				s->binds[i].is_interface, "except", s->binds[i].is_except));
	for (size_t i = 0; i < s->n_directives; i++)
		bad |= json_array_append_new(directives, directive_json(&s->directives[i]));
	json_t *j = json_pack("{s:o, s:o, s:o, s:o}", "at", position(&s->pos), "keys", keys,
		"binds", binds, "directives", directives);
	if (bad == 0)
		return j;
	json_decref(j);
	return NULL;
}

int report_json(FILE *out, const struct report *r, int rc)
{
	const struct config *c = r->config;
	json_t *problems = json_array();
	json_t *servers = json_array();
	char hash[24];
	int bad = 0;

	(void)snprintf(hash, sizeof(hash), "%016" PRIx64, c->hash); // fits
	for (size_t i = 0; i < c->n_problems; i++)
		bad |= json_array_append_new(problems, problem_json(&c->problems[i]));
	for (size_t i = 0; i < c->n_servers; i++)
		bad |= json_array_append_new(servers, server_json(&c->servers[i]));
	json_t *j = json_pack("{s:b, s:o, s:s, s:o, s:o}", "ok", rc == 0, "file", string(r->name),
		"hash", hash, "problems", problems, "servers", servers);
	if (j == NULL || bad != 0) {
		json_decref(j);
		return -ENOMEM;
	}
	bad = json_dumpf(j, out, JSON_INDENT(2));
	(void)fputc('\n', out);
	json_decref(j);
	return bad == 0 ? 0 : -ENOMEM;
}
