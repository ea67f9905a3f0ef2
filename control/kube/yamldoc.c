// SPDX-License-Identifier: Apache-2.0
// Turns libyaml's events into jansson values with a stack of its own: no recursion on input.
#include "control/kube/yamldoc.h"

#include "zones/base/array.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include <yaml.h>

#define MAX_DEPTH 64
#define MAX_NODES 50000000U
#define MAX_ANCHORS 1000U

// A list or mapping that is open.
struct level {
	json_t *json; // borrowed from its parent, or the root
	char *key; // of a mapping: the key whose value comes next, owned
	char *anchor; // owned
	unsigned line;
	unsigned column;
	bool is_items; // elements are handed out
};

struct anchor {
	char *name;
	json_t *json;
};

struct yamldoc_reader {
	yaml_parser_t parser;
	const char *name;
	yamldoc_fn *fn;
	void *user;
	struct err *e;
	bool cut_items;
	json_t *root;
	struct level levels[MAX_DEPTH];
	size_t depth;
	struct anchor *anchors;
	size_t n_anchors;
	size_t cap_anchors;
	size_t nodes;
};

static int fail(struct yamldoc_reader *r, const yaml_mark_t *mark, const char *why)
{
	unsigned pos[2] = {(unsigned)mark->line + 1, (unsigned)mark->column + 1};

	return err_set_at(r->e, -EINVAL, r->name, pos, "%s", why);
}

// YAML's core schema, as far as Kubernetes needs it.
static json_t *plain_scalar(const char *s, size_t n)
{
	char *end = NULL;
	json_t *real;
	long long i;
	double d;

	if (n == 0 || strcmp(s, "~") == 0 || strcmp(s, "null") == 0 || strcmp(s, "Null") == 0 ||
		strcmp(s, "NULL") == 0)
		return json_null();
	if (strcmp(s, "true") == 0 || strcmp(s, "True") == 0 || strcmp(s, "TRUE") == 0)
		return json_true();
	if (strcmp(s, "false") == 0 || strcmp(s, "False") == 0 || strcmp(s, "FALSE") == 0)
		return json_false();
	if (strchr("+-.0123456789", *s) == NULL)
		return json_stringn(s, n);
	errno = 0;
	i = strtoll(s, &end, 10);
	if (errno == 0 && end == s + n)
		return json_integer(i);
	d = strtod(s, &end);
	real = end == s + n ? json_real(d) : NULL; // NULL for what is no number
	return real != NULL ? real : json_stringn(s, n);
}

static json_t *scalar(const yaml_event_t *ev)
{
	const char *s = (const char *)ev->data.scalar.value;
	size_t n = ev->data.scalar.length;

	if (ev->data.scalar.style == YAML_PLAIN_SCALAR_STYLE && ev->data.scalar.tag == NULL)
		return plain_scalar(s, n);
	return json_stringn(s, n);
}

static int add_anchor(struct yamldoc_reader *r, const char *name, json_t *json)
{
	struct anchor *grown;

	if (name == NULL || r->n_anchors == MAX_ANCHORS)
		return 0; // an alias to it will not be found
	grown = array_grow(r->anchors, &r->cap_anchors, r->n_anchors + 1, sizeof(*grown));
	if (grown == NULL)
		return -ENOMEM;
	r->anchors = grown;
	grown[r->n_anchors].name = strdup(name);
	if (grown[r->n_anchors].name == NULL)
		return -ENOMEM;
	grown[r->n_anchors++].json = json_incref(json);
	return 0;
}

// The last one of that name; a value that is still open is not in the list, so nothing contains
// itself.
static json_t *find_anchor(struct yamldoc_reader *r, const char *name)
{
	for (size_t i = r->n_anchors; i > 0; i--)
		if (strcmp(r->anchors[i - 1].name, name) == 0)
			return r->anchors[i - 1].json;
	return NULL;
}

static void drop_anchors(struct yamldoc_reader *r)
{
	for (size_t i = 0; i < r->n_anchors; i++) {
		free(r->anchors[i].name);
		json_decref(r->anchors[i].json);
	}
	r->n_anchors = 0;
}

static int put_member(struct level *top, json_t *json)
{
	int rc = 0;

	if (strcmp(top->key, "<<") == 0 && json_is_object(json)) {
		rc = json_object_update_missing(top->json, json);
		json_decref(json);
	} else {
		rc = json_object_set_new(top->json, top->key, json);
	}
	free(top->key);
	top->key = NULL;
	return rc == 0 ? 0 : -ENOMEM;
}

// Puts a value where it belongs; json is taken.
static int put(struct yamldoc_reader *r, json_t *json, const yaml_mark_t *mark)
{
	struct level *top = r->depth > 0 ? &r->levels[r->depth - 1] : NULL;

	if (top == NULL) {
		r->root = json;
		return 0;
	}
	if (json_is_array(top->json))
		return json_array_append_new(top->json, json) == 0 ? 0 : -ENOMEM;
	if (top->key != NULL)
		return put_member(top, json);
	if (json_is_integer(json) || json_is_boolean(json)) { // a key that looks like one
		json_decref(json);
		return fail(r, mark, "a key must be a string: put it in quotes");
	}
	top->key = json_is_string(json) ? strdup(json_string_value(json)) : NULL;
	if (!json_is_string(json)) {
		json_decref(json);
		return fail(r, mark, "a key must be a string");
	}
	json_decref(json);
	return top->key != NULL ? 0 : -ENOMEM;
}

static int on_scalar(struct yamldoc_reader *r, const yaml_event_t *ev)
{
	json_t *json = scalar(ev);

	if (json == NULL)
		return fail(r, &ev->start_mark, "not a text in UTF-8");
	if (add_anchor(r, (const char *)ev->data.scalar.anchor, json) != 0) {
		json_decref(json);
		return -ENOMEM;
	}
	return put(r, json, &ev->start_mark);
}

static int on_alias(struct yamldoc_reader *r, const yaml_event_t *ev)
{
	json_t *json = find_anchor(r, (const char *)ev->data.alias.anchor);

	if (json == NULL)
		return fail(r, &ev->start_mark, "an alias to nothing that is complete");
	return put(r, json_incref(json), &ev->start_mark);
}

static int on_open(
	struct yamldoc_reader *r, const yaml_event_t *ev, json_t *json, const char *anchor)
{
	struct level *top = r->depth > 0 ? &r->levels[r->depth - 1] : NULL;
	struct level new = {
		.json = json,
		.line = (unsigned)ev->start_mark.line + 1,
		.column = (unsigned)ev->start_mark.column + 1,
	};

	if (json == NULL || r->depth == MAX_DEPTH ||
		(top != NULL && top->key == NULL && json_is_object(top->json))) {
		json_decref(json);
		return fail(r, &ev->start_mark,
			r->depth == MAX_DEPTH ? "nested too deeply" : "a key must be a string");
	}
	new.is_items = r->cut_items && r->depth == 1 && json_is_array(json) &&
		top->key != NULL &&strcmp(top->key, "items") == 0;
	if (anchor != NULL && (new.anchor = strdup(anchor)) == NULL) {
		json_decref(json);
		return -ENOMEM;
	}
	r->levels[r->depth++] = new;
	return 0;
}

// The value is complete only now, and only now it is put into its parent.
static int on_close(struct yamldoc_reader *r, const yaml_event_t *ev)
{
	struct level done = r->levels[--r->depth];
	const struct level *parent = r->depth > 0 ? &r->levels[r->depth - 1] : NULL;
	struct yamldoc_value value = {done.json, true, done.line, done.column};
	int rc = add_anchor(r, done.anchor, done.json);

	free(done.anchor);
	free(done.key);
	if (rc != 0) {
		json_decref(done.json);
		return rc;
	}
	if (parent != NULL && parent->is_items) {
		rc = r->fn(r->user, &value);
		json_decref(done.json);
		return rc;
	}
	return put(r, done.json, &ev->start_mark);
}

static int on_document_end(struct yamldoc_reader *r, const yaml_event_t *ev)
{
	struct yamldoc_value value = {r->root, false, 1, 1};
	int rc = 0;

	value.line = (unsigned)ev->start_mark.line + 1;
	if (r->root != NULL && !json_is_null(r->root))
		rc = r->fn(r->user, &value);
	json_decref(r->root);
	r->root = NULL;
	drop_anchors(r);
	return rc;
}

static int on_event(struct yamldoc_reader *r, const yaml_event_t *ev)
{
	if (++r->nodes > MAX_NODES)
		return fail(r, &ev->start_mark, "too many values");
	switch (ev->type) {
	case YAML_SCALAR_EVENT:
		return on_scalar(r, ev);
	case YAML_ALIAS_EVENT:
		return on_alias(r, ev);
	case YAML_SEQUENCE_START_EVENT:
		return on_open(r, ev, json_array(), (const char *)ev->data.sequence_start.anchor);
	case YAML_MAPPING_START_EVENT:
		return on_open(r, ev, json_object(), (const char *)ev->data.mapping_start.anchor);
	case YAML_SEQUENCE_END_EVENT:
	case YAML_MAPPING_END_EVENT:
		return on_close(r, ev);
	case YAML_DOCUMENT_END_EVENT:
		return on_document_end(r, ev);
	case YAML_NO_EVENT:
	case YAML_STREAM_START_EVENT:
	case YAML_STREAM_END_EVENT:
	case YAML_DOCUMENT_START_EVENT:
		break;
	}
	return 0;
}

static int parse_error(struct yamldoc_reader *r)
{
	if (r->parser.error == YAML_MEMORY_ERROR)
		return -ENOMEM;
	return fail(r, &r->parser.problem_mark,
		r->parser.problem != NULL ? r->parser.problem : "cannot be read");
}

static int read_all(struct yamldoc_reader *r)
{
	bool more = true;
	int rc = 0;

	while (rc == 0 && more) {
		yaml_event_t ev;

		if (!yaml_parser_parse(&r->parser, &ev)) {
			rc = parse_error(r);
			break;
		}
		more = ev.type != YAML_STREAM_END_EVENT;
		rc = on_event(r, &ev);
		yaml_event_delete(&ev);
	}
	while (r->depth > 0) {
		struct level *top = &r->levels[--r->depth];

		free(top->key);
		free(top->anchor);
		json_decref(top->json);
	}
	json_decref(r->root);
	drop_anchors(r);
	free(r->anchors);
	yaml_parser_delete(&r->parser);
	return rc;
}

static struct yamldoc_reader *yamldoc_reader_new(
	const char *name, yamldoc_fn *fn, void *user, struct err *e)
{
	struct yamldoc_reader *r = calloc(1, sizeof(*r));

	if (r != NULL && !yaml_parser_initialize(&r->parser)) {
		free(r);
		r = NULL;
	}
	if (r == NULL)
		return NULL;
	r->name = name;
	r->fn = fn;
	r->user = user;
	r->e = e;
	return r;
}

int yamldoc_read_text(
	const char *text, size_t n, const char *name, yamldoc_fn *fn, void *user, struct err *e)
{
	struct yamldoc_reader *r = yamldoc_reader_new(name, fn, user, e);
	int rc;

	if (r == NULL)
		return -ENOMEM;
	yaml_parser_set_input_string(&r->parser, (const unsigned char *)text, n);
	rc = read_all(r);
	free(r);
	return rc;
}

int yamldoc_read_file(
	FILE *file, const char *name, bool cut_items, yamldoc_fn *fn, void *user, struct err *e)
{
	struct yamldoc_reader *r = yamldoc_reader_new(name, fn, user, e);
	int rc;

	if (r == NULL)
		return -ENOMEM;
	r->cut_items = cut_items;
	yaml_parser_set_input_file(&r->parser, file);
	rc = read_all(r);
	free(r);
	return rc;
}
