// SPDX-License-Identifier: Apache-2.0
// Watch events and lists: type, kind and resource version are checked before anything is believed.
#include "control/kube/stream.h"

#include "control/base/cleanup.h"
#include "control/base/log.h"
#include "control/kube/jsonmem.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define OBJECT_BYTES (8U << 20) // etcd takes 1.5 MB
#define REFUSAL_BYTES 16384U

static const char *const kinds[OBJECT_KINDS] = {
	[OBJECT_NAMESPACE] = "Namespace",
	[OBJECT_SERVICE] = "Service",
	[OBJECT_SLICE] = "EndpointSlice",
	[OBJECT_POD] = "Pod",
	[OBJECT_IMPORT] = "ServiceImport",
	[OBJECT_IMPORT_SLICE] = "EndpointSlice",
};

// Objects are named one by one, but a cluster full of bad ones must not fill the log.
static bool may_tell(uint64_t *held)
{
	enum { LINES = 32, EACH_MS = 10000 }; // so many lines in so much time
	static struct log_limit limit[LINES];
	static unsigned next;

	if (!log_limit_pass(&limit[next % LINES], EACH_MS, held))
		return false;
	next++;
	return true;
}

static void skip_object(struct stream *s, const char *ns, const char *name, const char *why)
{
	uint64_t held;

	s->stats->objects_skipped++;
	if (may_tell(&held))
		log_warn("kube", "object skipped, what was known of it stays",
			LOG_STR("resource", object_kind_name(s->spec->kind)),
			LOG_STR("namespace", ns), LOG_STR("name", name != NULL ? name : "?"),
			LOG_STR("reason", why), LOG_NUM("held_back", held));
	if (name != NULL && s->handler.keep != NULL)
		s->handler.keep(s->handler.user, ns != NULL ? ns : "", name);
}

// Looks for the first "name" and "namespace" in a text that is no JSON, to say whose fault it is.
static char *find_member(const char *text, size_t n, const char *key)
{
	const char *end = text + n;
	const char *p = memmem(text, n, key, strlen(key));
	const char *q;

	if (p == NULL)
		return NULL;
	p += strlen(key);
	q = memchr(p, '"', (size_t)(end - p));
	return q != NULL && q - p <= 253 ? strndup(p, (size_t)(q - p)) : NULL;
}

// rel:K5: the object is kept without them.
static void skip_values(struct stream *s, const struct decoded *d)
{
	uint64_t held;

	s->stats->values_skipped += d->values_skipped;
	if (d->values_skipped != 0 && may_tell(&held))
		log_warn("kube", "values of an object skipped",
			LOG_STR("resource", object_kind_name(s->spec->kind)),
			LOG_STR("namespace", d->ns), LOG_STR("name", d->name),
			LOG_STR("field", d->skipped_field),
			LOG_NUM("values_skipped", d->values_skipped), LOG_NUM("held_back", held));
}

static void skip_text(struct stream *s, const struct split_piece *piece, const char *why)
{
	CLEANUP_CHAR char *name = NULL;
	CLEANUP_CHAR char *ns = NULL;

	if (piece->text != NULL) {
		name = find_member(piece->text, piece->text_bytes, "\"name\":\"");
		ns = find_member(piece->text, piece->text_bytes, "\"namespace\":\"");
	}
	skip_object(s, ns, name, why);
}

static json_t *parse(struct stream *s, const struct split_piece *piece)
{
	json_error_t error;
	json_t *json;

	if (piece->text == NULL) {
		skip_text(s, piece, "too large");
		return NULL;
	}
	(void)jsonmem_take_failure(); // what was before is not ours
	// A NUL in some annotation must not make the object unreadable.
	json = json_loadb(piece->text, piece->text_bytes, JSON_ALLOW_NUL, &error);
	if (jsonmem_take_failure()) { // no fault of the object; and members may be missing
		(void)err_set(&s->broken, -ENOMEM, "out of memory");
		json_decref(json);
		return NULL;
	}
	if (json == NULL)
		skip_text(s, piece, error.text);
	return json;
}

static void read_status(struct stream *s, const json_t *json)
{
	struct stream_status *st = &s->status;
	const json_t *details = decode_member(json, "details", JSON_OBJECT);
	const json_t *causes = decode_member(details, "causes", JSON_ARRAY);
	const char *reason = decode_str(json, "reason");
	const char *message = decode_str(json, "message");

	st->code = (long)json_integer_value(json_object_get(json, "code"));
	st->retry_after_s = (long)json_integer_value(json_object_get(details, "retryAfterSeconds"));
	reason = reason != NULL ? reason : "";
	message = message != NULL ? message : "";
	(void)snprintf(st->text, sizeof(st->text), "%s", *message != '\0' ? message : reason);
	st->expired =
		st->code == 410 || strcmp(reason, "Expired") == 0 || strcmp(reason, "Gone") == 0;
	st->too_large = strstr(message, "Too large resource version") != NULL; // older servers
	for (size_t i = 0; i < json_array_size(causes); i++) {
		const char *cause = decode_str(json_array_get(causes, i), "reason");

		if (cause != NULL && strcmp(cause, "ResourceVersionTooLarge") == 0)
			st->too_large = true;
	}
	if (st->code == 0)
		st->code = st->expired ? 410 : 500;
}

// kind may be absent inside lists.
static bool is_of_kind(const struct stream *s, const json_t *object)
{
	const char *kind = decode_str(object, "kind");

	return json_is_object(object) &&
		(json_object_get(object, "kind") == NULL ||
			(kind != NULL && strcmp(kind, kinds[s->spec->kind]) == 0));
}

// Hands on one object that exists. Returns 0 or what ends the stream.
static int take_object(struct stream *s, const json_t *object, struct decoded *d)
{
	enum decode_result result;

	if (!is_of_kind(s, object)) {
		*d = (struct decoded){.resource_version = ""};
		skip_object(s, NULL, NULL, "of another kind");
		return 0;
	}
	result = decode_object(s->spec, object, NULL, d);
	skip_values(s, d);
	switch (result) {
	case DECODE_OK:
		s->handler.put(s->handler.user, d->object);
		return 0;
	case DECODE_IRRELEVANT:
		if (s->kind == STREAM_WATCH)
			s->handler.del(s->handler.user, d->ns, d->name);
		return 0;
	case DECODE_BAD:
		skip_object(s, d->ns, d->name, "no name or namespace");
		return 0;
	case DECODE_NO_MEMORY:
		break;
	}
	return err_set(&s->broken, -EBADMSG, "out of memory");
}

static void take_bookmark(struct stream *s, const json_t *object)
{
	const json_t *meta = decode_member(object, "metadata", JSON_OBJECT);
	const json_t *notes = decode_member(meta, "annotations", JSON_OBJECT);
	const char *end = decode_str(notes, "k8s.io/initial-events-end");
	const char *rv = decode_str(meta, "resourceVersion");
	bool initial_end = end != NULL && strcmp(end, "true") == 0;

	s->stats->bookmarks++;
	if (rv == NULL || *rv == '\0') {
		(void)err_set(&s->broken, -EBADMSG, "a bookmark without a resource version");
		return;
	}
	if (s->initial && !initial_end) {
		// The server does not know sendInitialEvents: there would never be an end.
		s->status = (struct stream_status){.code = 400, .text = "no streaming list"};
		return;
	}
	s->initial = s->initial && !initial_end;
	s->handler.progress(s->handler.user, rv, initial_end);
}

static void take_deleted(struct stream *s, const json_t *object)
{
	const json_t *meta = decode_member(object, "metadata", JSON_OBJECT);
	const char *name = decode_str(meta, "name");
	const char *ns = decode_str(meta, "namespace");

	if (!is_of_kind(s, object) || name == NULL)
		skip_object(s, ns, NULL, "deleted, but nameless or of another kind");
	else
		s->handler.del(s->handler.user, ns != NULL ? ns : "", name);
}

// After an event that moves the watch on. Go in: proto api:1.5, missing versions break the stream.
static int note_version(struct stream *s, const json_t *object)
{
	const char *rv =
		decode_str(decode_member(object, "metadata", JSON_OBJECT), "resourceVersion");

	if (rv == NULL || *rv == '\0')
		return err_set(&s->broken, -EBADMSG, "an object without a resource version");
	if (!s->initial) // api:1.2: initial events come in the order of keys
		s->handler.progress(s->handler.user, rv, false);
	return 0;
}

static int take_event(struct stream *s, const json_t *json)
{
	const json_t *object = decode_member(json, "object", JSON_OBJECT);
	const char *type = decode_str(json, "type");
	struct decoded d;
	int rc = 0;

	if (type == NULL || object == NULL)
		return err_set(&s->broken, -EBADMSG, "a watch event without type or object");
	if (strcmp(type, "ERROR") == 0) {
		read_status(s, object);
		return -ECANCELED;
	}
	if (strcmp(type, "BOOKMARK") == 0) {
		take_bookmark(s, object);
		return s->broken.code != 0 || s->status.code != 0 ? -ECANCELED : 0;
	}
	s->events++;
	if (strcmp(type, "DELETED") == 0) {
		take_deleted(s, object);
	} else if (strcmp(type, "ADDED") == 0 || strcmp(type, "MODIFIED") == 0) {
		rc = take_object(s, object, &d);
	} else {
		skip_object(s, NULL, NULL, "unknown type of event");
		return 0;
	}
	return rc != 0 ? rc : note_version(s, object);
}

static int take_list(struct stream *s, const json_t *json)
{
	const json_t *meta = decode_member(json, "metadata", JSON_OBJECT);
	const char *rv = decode_str(meta, "resourceVersion");
	const char *more = decode_str(meta, "continue");
	const char *kind = decode_str(json, "kind");
	size_t len = strlen(kinds[s->spec->kind]);

	if (kind == NULL || strncmp(kind, kinds[s->spec->kind], len) != 0 ||
		strcmp(kind + len, "List") != 0)
		return err_set(
			&s->broken, -EBADMSG, "a reply that is no %sList", kinds[s->spec->kind]);
	if (s->listed || rv == NULL || *rv == '\0')
		return err_set(
			&s->broken, -EBADMSG, "a list without a resource version, or two of them");
	(void)snprintf(s->resource_version, sizeof(s->resource_version), "%s", rv);
	if (more != NULL && *more != '\0' && (s->next_page = strdup(more)) == NULL)
		return err_set(&s->broken, -EBADMSG, "out of memory");
	s->listed = true;
	return 0;
}

static int on_piece(void *user, const struct split_piece *piece)
{
	struct stream *s = user;
	CLEANUP_JSON json_t *json = parse(s, piece);
	struct decoded d;

	if (s->broken.code != 0)
		return s->broken.code;
	if (piece->kind == SPLIT_ITEM)
		return json != NULL ? take_object(s, json, &d) : 0;
	if (s->kind == STREAM_WATCH)
		return json != NULL ? take_event(s, json) : 0;
	if (json != NULL)
		return take_list(s, json);
	return err_set(&s->broken, -EBADMSG, "a list that cannot be read");
}

void stream_init(struct stream *s, enum stream_kind kind, const struct kube_spec *spec,
	struct kube_stats *stats, const struct stream_handler *handler)
{
	*s = (struct stream){.spec = spec, .stats = stats, .handler = *handler, .kind = kind};
	s->split = (struct split){
		.piece = on_piece,
		.user = s,
		.drop = decode_drop_list(spec),
		.drop_text = decode_drop_text(spec),
		.cut = kind == STREAM_PAGE,
		.max_bytes = OBJECT_BYTES,
	};
}

static int add_refusal(struct stream *s, const char *bytes, size_t n)
{
	if (s->refusal == NULL)
		s->refusal = malloc(REFUSAL_BYTES);
	if (s->refusal == NULL)
		return -ENOMEM;
	if (n > REFUSAL_BYTES - s->refusal_bytes)
		n = REFUSAL_BYTES - s->refusal_bytes;
	memcpy(s->refusal + s->refusal_bytes, bytes, n);
	s->refusal_bytes += n;
	return 0;
}

int stream_body(
	struct stream *s, long status, const char *content_type, const char *bytes, size_t n)
{
	static const char json[] = "application/json";
	int rc;

	s->stats->bytes_read += n;
	if (status != 200)
		return add_refusal(s, bytes, n);
	// api:F23: a proxy's log-in page also comes with 200.
	if (strncmp(content_type, json, sizeof(json) - 1) != 0)
		return err_set(&s->broken, -EBADMSG, "content of type %.60s", content_type);
	rc = split_feed(&s->split, bytes, n);
	if (rc == -EINVAL)
		return err_set(&s->broken, -EBADMSG, "a body that is no JSON");
	if (rc == -EMSGSIZE || rc == -ENOMEM)
		return err_set(&s->broken, -EBADMSG,
			rc == -ENOMEM ? "out of memory" : "a list with a frame that is too large");
	return rc;
}

void stream_end(struct stream *s, long status)
{
	json_t *json = NULL;

	if (status == 200 || status == 0)
		return;
	if (s->refusal != NULL)
		json = json_loadb(s->refusal, s->refusal_bytes, JSON_ALLOW_NUL, NULL);
	if (json != NULL && json_is_object(json))
		read_status(s, json);
	else
		(void)snprintf(s->status.text, sizeof(s->status.text), "HTTP status %ld", status);
	s->status.code = status;
	s->status.expired = s->status.expired || status == 410;
	json_decref(json);
}

void stream_fini(struct stream *s)
{
	split_fini(&s->split);
	free(s->next_page);
	free(s->refusal);
	*s = (struct stream){0};
}
