// SPDX-License-Identifier: Apache-2.0
// Reads a saved cluster. JSON is cut into objects as it is read, so that a dump may be larger than
// memory.
#include "control/kube/dump.h"

#include "control/base/cleanup.h"
#include "control/base/log.h"
#include "control/kube/decode.h"
#include "control/kube/dump_kinds.h"
#include "control/kube/jsonmem.h"
#include "control/kube/selector.h"
#include "control/kube/split.h"
#include "control/kube/yamldoc.h"
#include "zones/base/array.h"

#include <dirent.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#define OBJECT_BYTES (8U << 20)
#define CHUNK_BYTES 65536U
#define TOLD_MAX 32U // objects that are named in the log, of those with something left out

// What an object says it is.
static const struct {
	const char *kind;
	const char *list; // the key under which a fixture has it
	enum object_kind object;
} kinds[] = {
	{"Namespace", "namespaces", OBJECT_NAMESPACE},
	{"Service", "services", OBJECT_SERVICE},
	{"EndpointSlice", "endpointslices", OBJECT_SLICE},
	{"Pod", "pods", OBJECT_POD},
	{"ServiceImport", "serviceimports", OBJECT_IMPORT},
};

static const char *const lists[] = {
	"namespaces", "services", "endpointslices", "pods", "serviceimports", NULL};

struct dump {
	const struct kube_spec *specs;
	size_t n_specs;
	const struct kube_events *events;
	struct err *e;
	const char *file;
	unsigned line; // of the object at hand
	unsigned column;
	bool is_json;
	struct split split;
	size_t documents; // of the file that are behind us
	struct dump_kinds document_kinds; // of the file, once they are wanted
	const char *list; // of the document at hand, as list_of_kind says it
	bool has_list; // it has been looked for
	size_t known; // objects of a kind that DNS is made from
	size_t objects; // that were handed on
	size_t objects_skipped;
	size_t values_skipped;
	size_t told; // objects with something left out
};

static int dump_fail(struct dump *d, const char *why)
{
	unsigned pos[2] = {d->line, d->column};

	return err_set_at(d->e, -EINVAL, d->file, pos, "%s", why);
}

// rel:K5: what is left out is named, the others are unaffected.
static void tell(struct dump *d, enum object_kind kind, const struct decoded *out, const char *what)
{
	if (d->told++ >= TOLD_MAX)
		return;
	log_warn("kube", what, LOG_STR("resource", object_kind_name(kind)),
		LOG_STR("namespace", out->ns), LOG_STR("name", out->name != NULL ? out->name : "?"),
		LOG_STR("field", out->skipped_field),
		LOG_NUM("values_skipped", out->values_skipped), LOG_STR("file", d->file),
		LOG_NUM("line", d->line), LOG_NUM("column", d->column));
}

static const struct kube_spec *spec_of(const struct dump *d, enum object_kind kind)
{
	for (size_t i = 0; i < d->n_specs; i++)
		if (d->specs[i].kind == kind)
			return &d->specs[i];
	return NULL;
}

static int give(struct dump *d, const struct kube_spec *spec, const json_t *json)
{
	const json_t *meta = decode_member(json, "metadata", JSON_OBJECT);
	const json_t *labels = decode_member(meta, "labels", JSON_OBJECT);
	const struct kube_events *ev = d->events;
	struct decoded out;

	if (!selector_matches(spec->label_selector, labels))
		return 0;
	enum decode_result result = decode_object(spec, json, "default", &out);
	d->values_skipped += out.values_skipped;
	if (out.values_skipped != 0)
		tell(d, spec->kind, &out, "values of an object skipped");
	switch (result) {
	case DECODE_OK:
		d->objects++;
		ev->put(ev->user, OBJECT_NEXT, out.object);
		return 0;
	case DECODE_IRRELEVANT:
		return 0;
	case DECODE_BAD:
		d->objects_skipped++;
		tell(d, spec->kind, &out, "object without a name skipped");
		return 0;
	case DECODE_NO_MEMORY:
		break;
	}
	return -ENOMEM;
}

// list is the key under which it was found, or NULL: then only the object's own kind counts.
static int take_object(struct dump *d, const json_t *json, const char *list)
{
	const char *kind = decode_str(json, "kind");
	const struct kube_spec *spec;
	int rc = 0;

	for (size_t i = 0; i < ARRAY_LEN(kinds); i++) {
		bool by_kind = kind != NULL && strcmp(kind, kinds[i].kind) == 0;
		bool by_list = kind == NULL && list != NULL && strcmp(list, kinds[i].list) == 0;

		if (!by_kind && !by_list)
			continue;
		d->known++;
		spec = spec_of(d, kinds[i].object);
		if (spec != NULL)
			rc = give(d, spec, json);
		// A slice of the clusterset has both labels, or only the other one.
		spec = spec_of(d, OBJECT_IMPORT_SLICE);
		if (rc == 0 && kinds[i].object == OBJECT_SLICE && spec != NULL)
			rc = give(d, spec, json);
	}
	return rc; // other kinds are none of ours
}

// "ServiceList": the key of what its elements are, "" when they are none of ours; NULL for what is
// no typed list.
static const char *list_of_kind(const char *kind)
{
	size_t tail = strlen("List");
	size_t len = strlen(kind);

	if (len <= tail || strcmp(kind + len - tail, "List") != 0)
		return NULL;
	for (size_t i = 0; i < ARRAY_LEN(kinds); i++) {
		if (strlen(kinds[i].kind) == len - tail &&
			strncmp(kinds[i].kind, kind, len - tail) == 0)
			return kinds[i].list;
	}
	return "";
}

// The same from what stands in front of the element at hand, in JSON.
static int list_of_frame(const struct dump *d, const char **list)
{
	static const char ends[] = "]}";
	CLEANUP_CHAR char *whole = NULL;
	CLEANUP_JSON json_t *json = NULL;
	size_t n;
	const char *frame = split_frame(&d->split, &n);

	*list = NULL;
	if (frame == NULL)
		return 0;
	whole = malloc(n + sizeof(ends));
	if (whole == NULL)
		return -ENOMEM;
	memcpy(whole, frame, n);
	memcpy(whole + n, ends, sizeof(ends));
	json = json_loadb(whole, n + strlen(ends), JSON_ALLOW_NUL, NULL);
	if (jsonmem_take_failure())
		return -ENOMEM;
	const char *kind = decode_str(json, "kind");
	if (kind != NULL)
		*list = list_of_kind(kind);
	return 0;
}

// What the elements of the list at hand are when they do not say it: the list does, in front of
// them or behind them. Found once for each document.
static int list_of_document(struct dump *d, const char **list)
{
	struct dump_kinds *k = &d->document_kinds;
	int rc = 0;

	if (!d->has_list && d->is_json)
		rc = list_of_frame(d, &d->list);
	if (!d->has_list && d->list == NULL && rc == 0) {
		rc = k->is_read ? 0 : dump_kinds_read(k, d->file, d->is_json);
		d->list = list_of_kind(dump_kinds_find(k, d->documents));
	}
	d->has_list = rc == 0;
	*list = d->list;
	return rc;
}

static void end_document(struct dump *d)
{
	d->documents++;
	d->has_list = false;
	d->list = NULL;
}

// An element of some list; list is the key under which it was found, NULL for "items".
static int take_item(struct dump *d, const json_t *json, const char *list)
{
	bool has_kind = decode_str(json, "kind") != NULL;
	int rc = has_kind || list != NULL ? 0 : list_of_document(d, &list);

	if (rc != 0 || has_kind || list != NULL)
		return rc != 0 ? rc : take_object(d, json, list);
	const json_t *meta = decode_member(json, "metadata", JSON_OBJECT);
	const char *ns = decode_str(meta, "namespace");
	const char *name = decode_str(meta, "name");
	d->objects_skipped++;
	if (d->told++ < TOLD_MAX)
		log_warn("kube", "object without a kind skipped",
			LOG_STR("namespace", ns != NULL ? ns : ""),
			LOG_STR("name", name != NULL ? name : "?"), LOG_STR("file", d->file),
			LOG_NUM("line", d->line), LOG_NUM("column", d->column));
	return 0;
}

static int on_piece(void *user, const struct split_piece *piece)
{
	struct dump *d = user;
	CLEANUP_JSON json_t *json = NULL;
	json_error_t error;
	const char *list = piece->list;

	d->line = piece->line;
	d->column = piece->column;
	if (piece->text == NULL)
		return dump_fail(d, "an object that is larger than 8 MiB or nested too deeply");
	json = json_loadb(piece->text, piece->text_bytes, JSON_ALLOW_NUL, &error);
	if (jsonmem_take_failure()) // members may be missing
		return -ENOMEM;
	if (json == NULL) {
		d->column = (unsigned)error.column + (error.line <= 1 ? piece->column - 1 : 0);
		d->line = piece->line + (unsigned)(error.line > 0 ? error.line - 1 : 0);
		return dump_fail(d, error.text);
	}
	if (piece->kind == SPLIT_ITEM)
		return take_item(d, json, strcmp(list, "items") == 0 ? NULL : list);
	end_document(d);
	return take_object(d, json, NULL);
}

static int on_document(void *user, const struct yamldoc_value *value)
{
	struct dump *d = user;

	d->line = value->line;
	d->column = value->column;
	if (!json_is_object(value->json))
		return dump_fail(d, "not an object of Kubernetes");
	if (value->is_item)
		return take_item(d, value->json, NULL);
	end_document(d);
	return take_object(d, value->json, NULL);
}

static int read_json(struct dump *d, FILE *f)
{
	CLEANUP_CHAR char *chunk = malloc(CHUNK_BYTES);
	struct split *s = &d->split;
	int rc = chunk != NULL ? 0 : -ENOMEM;
	size_t n;

	*s = (struct split){.piece = on_piece,
		.user = d,
		.lists = lists,
		.cut = true,
		.max_bytes = OBJECT_BYTES};
	while (rc == 0 && (n = fread(chunk, 1, CHUNK_BYTES, f)) != 0) {
		rc = split_feed(s, chunk, n);
		if (rc == -EINVAL && d->e->code == 0) {
			split_position(s, &d->line, &d->column);
			rc = dump_fail(d, "not a sequence of JSON objects");
		}
	}
	split_position(s, &d->line, &d->column);
	if (rc == -EMSGSIZE)
		rc = dump_fail(d, "too much around the list of objects");
	if (rc == 0 && ferror(f))
		rc = err_set(d->e, -EIO, "cannot read %.120s", d->file);
	if (rc == 0 && !split_is_at_end(s))
		rc = dump_fail(d, "the file ends in the middle of an object");
	split_fini(s);
	return rc;
}

static int read_file(struct dump *d, const char *path)
{
	CLEANUP_FILE FILE *f = fopen(path, "re");
	int c;

	d->file = path;
	if (f == NULL)
		return err_set(d->e, -errno, "cannot read %.100s: %s", path, strerror(errno));
	do
		c = getc(f);
	while (c == ' ' || c == '\n' || c == '\r' || c == '\t');
	rewind(f);
	d->is_json = c == '{';
	d->documents = 0;
	d->has_list = false;
	d->list = NULL;
	int rc = d->is_json ? read_json(d, f)
			    : yamldoc_read_file(f, path, true, on_document, d, d->e);
	dump_kinds_free(&d->document_kinds);
	return rc;
}

static int is_dump_file(const struct dirent *entry)
{
	const char *dot = strrchr(entry->d_name, '.');

	if (entry->d_name[0] == '.' || dot == NULL)
		return 0;
	return strcmp(dot, ".json") == 0 || strcmp(dot, ".yaml") == 0 || strcmp(dot, ".yml") == 0;
}

static int read_entry(struct dump *d, const char *folder, const char *name)
{
	CLEANUP_CHAR char *path = NULL;
	int rc;

	if (asprintf(&path, "%s/%s", folder, name) < 0) {
		path = NULL;
		return -ENOMEM;
	}
	rc = read_file(d, path);
	d->file = NULL;
	return rc;
}

// In the order of names, so that of two objects with one name always the same wins.
static int read_folder(struct dump *d, const char *path)
{
	struct dirent **entries = NULL;
	int n = scandir(path, &entries, is_dump_file, alphasort);
	int rc = 0;

	if (n < 0)
		return err_set(d->e, -errno, "cannot read %.100s: %s", path, strerror(errno));
	for (int i = 0; i < n; i++) {
		if (rc == 0)
			rc = read_entry(d, path, entries[i]->d_name);
		free(entries[i]);
	}
	free(entries);
	return rc;
}

static int read_path(struct dump *d, const char *path)
{
	struct stat st;
	int rc;

	if (stat(path, &st) != 0)
		return err_set(d->e, -errno, "cannot read %.100s: %s", path, strerror(errno));
	rc = S_ISDIR(st.st_mode) ? read_folder(d, path) : read_file(d, path);
	if (rc == 0 && d->known == 0)
		rc = err_set(d->e, -EINVAL, "%.100s has no objects that DNS is made from", path);
	return rc;
}

int kube_dump_load(const char *path, const struct kube_spec *specs, size_t n,
	const struct kube_events *events, struct err *e)
{
	struct dump d = {.specs = specs, .n_specs = n, .events = events, .e = e};
	int rc = 0;

	jsonmem_init();
	(void)jsonmem_take_failure(); // what was before is not ours
	for (size_t i = 0; i < n; i++)
		if (!selector_is_valid(specs[i].label_selector))
			return err_set(e, -EINVAL, "not a label selector: %.100s",
				specs[i].label_selector);
	for (size_t i = 0; i < n; i++)
		events->begin(events->user, specs[i].kind);
	rc = read_path(&d, path);
	if (rc == -ENOMEM)
		(void)err_set(e, rc, "out of memory"); // keeps what was said before
	for (size_t i = 0; i < n; i++) {
		if (rc != 0)
			events->abandoned(events->user, specs[i].kind);
		else
			events->synced(events->user, specs[i].kind, "0");
	}
	if (rc == 0 && d.told > TOLD_MAX)
		log_warn("kube", "more objects with something left out",
			LOG_NUM("objects", d.told - TOLD_MAX));
	if (rc == 0)
		log_info("kube", "dump loaded", LOG_STR("path", path),
			LOG_NUM("objects", d.objects),
			LOG_NUM("objects_skipped", d.objects_skipped),
			LOG_NUM("values_skipped", d.values_skipped));
	return rc;
}
