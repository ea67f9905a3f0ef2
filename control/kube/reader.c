// SPDX-License-Identifier: Apache-2.0
// Builds the queries of api:1.3 and api:1.4, and sorts the ways in which a request can end.
#include "control/kube/reader.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define LIST_SILENCE_MS 60000U // while a list streams there are no pauses like those of a watch
#define DEADLINE_MARGIN_MS 30000U

static const char *const paths[OBJECT_KINDS] = {
	[OBJECT_NAMESPACE] = "/api/v1/namespaces",
	[OBJECT_SERVICE] = "/api/v1/services",
	[OBJECT_SLICE] = "/apis/discovery.k8s.io/v1/endpointslices",
	[OBJECT_POD] = "/api/v1/pods",
	[OBJECT_IMPORT] = "/apis/multicluster.x-k8s.io/v1alpha1/serviceimports",
	[OBJECT_IMPORT_SLICE] = "/apis/discovery.k8s.io/v1/endpointslices",
};

const char *reader_path(enum object_kind kind)
{
	return paths[kind];
}

// Adds &key=value, escaped. The string is owned by the caller; NULL stays NULL.
static char *query_add(char *query, const char *key, const char *value)
{
	char *escaped = query != NULL && value != NULL ? curl_easy_escape(NULL, value, 0) : NULL;
	char *longer = NULL;

	if (query == NULL || value == NULL || *value == '\0')
		return query;
	if (escaped == NULL || asprintf(&longer, "%s&%s=%s", query, key, escaped) < 0)
		longer = NULL;
	curl_free(escaped);
	free(query);
	return longer;
}

static char *query_add_num(char *query, const char *key, unsigned value)
{
	char text[16];

	(void)snprintf(text, sizeof(text), "%u", value); // fits
	return query_add(query, key, text);
}

static char *query_of(struct reader *rd)
{
	const struct kube_timing *t = &rd->env->timing;
	unsigned watch_ms = t->watch_ms + arc4random_uniform(t->watch_ms + 1);
	char *q = strdup(paths[rd->spec->kind]);

	q = query_add(q, "labelSelector", rd->spec->label_selector);
	q = query_add(q, "fieldSelector", rd->spec->field_selector);
	if (rd->want == READER_PAGED) {
		if (!rd->unpaged)
			q = query_add_num(q, "limit", t->page);
		q = query_add(q, "continue", rd->next_page);
	} else {
		q = query_add(q, "watch", "true");
		q = query_add(q, "allowWatchBookmarks", "true");
		q = query_add_num(q, "timeoutSeconds", watch_ms >= 1000 ? watch_ms / 1000 : 1);
		rd->deadline_ms = uv_now(rd->env->loop) + watch_ms + DEADLINE_MARGIN_MS;
	}
	if (rd->want == READER_STREAMED) {
		q = query_add(q, "sendInitialEvents", "true");
		q = query_add(q, "resourceVersionMatch", "NotOlderThan");
	}
	if (rd->want == READER_WATCH)
		q = query_add(q, "resourceVersion", rd->rv);
	if (q != NULL && strchr(q, '&') != NULL)
		*strchr(q, '&') = '?'; // values are escaped: the first one begins the query
	return q;
}

static enum kube_result result_of_code(long code)
{
	switch (code) {
	case 401:
		return KUBE_ERR_401;
	case 403:
		return KUBE_ERR_403;
	case 404:
		return KUBE_ERR_404;
	case 410:
		return KUBE_ERR_410;
	case 429:
		return KUBE_ERR_429;
	default:
		break;
	}
	if (code >= 500)
		return KUBE_ERR_5XX;
	return code >= 400 ? KUBE_ERR_OTHER_4XX : KUBE_ERR_CONTENT; // also redirects
}

static enum kube_result sort_outcome(struct reader *rd, const struct http_outcome *o)
{
	struct stream *s = &rd->stream;
	bool whole =
		split_is_at_end(&s->split) && (rd->want == READER_PAGED ? s->listed : rd->complete);

	rd->retry_after_s =
		s->status.retry_after_s != 0 ? s->status.retry_after_s : o->retry_after_s;
	if (s->status.code != 0) {
		(void)snprintf(rd->text, sizeof(rd->text), "%s", s->status.text);
		return s->status.expired ? KUBE_ERR_410 : result_of_code(s->status.code);
	}
	if (s->broken.code != 0) {
		(void)snprintf(rd->text, sizeof(rd->text), "%s", s->broken.text);
		return KUBE_ERR_CONTENT;
	}
	(void)snprintf(rd->text, sizeof(rd->text), "%s", o->text);
	if (o->code == CURLE_OK && whole)
		return KUBE_OK;
	if (o->code == CURLE_OK)
		(void)snprintf(rd->text, sizeof(rd->text), "the reply ends in the middle");
	return o->connected ? KUBE_ERR_CUT : KUBE_ERR_CONNECT;
}

static void count(struct reader *rd, enum kube_result result)
{
	if (rd->want == READER_WATCH || rd->complete)
		rd->stats->watch_results[result]++;
	else
		rd->stats->list_results[result]++;
}

static void count_reply(struct reader *rd)
{
	static const uint16_t bounds_ms[KUBE_REPLY_BUCKETS - 1] = {
		5, 10, 25, 50, 100, 250, 500, 1000, 2500, 5000, 10000};
	uint64_t took_ns = uv_hrtime() - rd->started_ns;
	unsigned i = 0;

	while (i + 1 < KUBE_REPLY_BUCKETS && took_ns > bounds_ms[i] * UINT64_C(1000000))
		i++;
	rd->stats->replies[i]++;
	rd->stats->replies_ns += took_ns;
}

static void on_head(void *user, long status)
{
	struct reader *rd = user;

	rd->last_byte_ms = uv_now(rd->env->loop);
	count_reply(rd);
	if (status != 200)
		return;
	rd->stats->last_contact_ms = rd->last_byte_ms;
	rd->good = true;
	rd->progress(rd);
}

static int on_body(void *user, long status, const char *type, const char *bytes, size_t n)
{
	struct reader *rd = user;

	rd->last_byte_ms = uv_now(rd->env->loop);
	if (status == 200)
		rd->stats->last_contact_ms = rd->last_byte_ms;
	return stream_body(&rd->stream, status, type, bytes, n);
}

static void on_done(void *user, const struct http_outcome *outcome)
{
	struct reader *rd = user;
	enum kube_result result;

	rd->request = NULL;
	stream_end(&rd->stream, outcome->status);
	result = sort_outcome(rd, outcome);
	count(rd, result);
	rd->ended(rd, result);
}

static void on_put(void *user, struct object_meta *object)
{
	struct reader *rd = user;
	const struct kube_events *ev = &rd->env->events;

	if (rd->set == OBJECT_LIVE) {
		rd->stats->events++;
		rd->stats->last_event_ms = rd->last_byte_ms;
	}
	ev->put(ev->user, rd->set, object);
}

static void on_del(void *user, const char *ns, const char *name)
{
	struct reader *rd = user;
	const struct kube_events *ev = &rd->env->events;

	if (rd->set == OBJECT_LIVE) {
		rd->stats->events++;
		rd->stats->last_event_ms = rd->last_byte_ms;
	}
	ev->del(ev->user, rd->set, rd->spec->kind, ns, name);
}

static void on_keep(void *user, const char *ns, const char *name)
{
	struct reader *rd = user;
	const struct kube_events *ev = &rd->env->events;

	if (rd->set == OBJECT_NEXT && ev->keep != NULL)
		ev->keep(ev->user, rd->spec->kind, ns, name);
}

static void on_progress(void *user, const char *rv, bool initial_end)
{
	struct reader *rd = user;
	uint64_t before = decode_resource_version(rd->rv);
	uint64_t now = decode_resource_version(rv);

	if (rd->set == OBJECT_LIVE)
		rd->stats->last_bookmark_ms = rd->last_byte_ms;
	// api:F9: etcd was restored to an older state behind our back.
	if (rd->complete && now != 0 && now < before)
		rd->backwards = true;
	(void)snprintf(rd->rv, sizeof(rd->rv), "%s", rv);
	if (initial_end) {
		rd->complete = true;
		rd->list_rv = now;
	}
	if (initial_end || rd->backwards)
		rd->progress(rd);
}

static void fail_to_start(struct reader *rd, const char *why)
{
	(void)snprintf(rd->text, sizeof(rd->text), "%s", why);
	count(rd, KUBE_ERR_CONNECT);
	rd->ended(rd, KUBE_ERR_CONNECT);
}

void reader_start(struct reader *rd)
{
	struct reader_env *env = rd->env;
	struct stream_handler handler = {rd, on_put, on_del, on_keep, on_progress};
	struct http_handler http = {rd, on_head, on_body, on_done};
	struct http_options o = {
		.server = env->config->servers[env->server],
		.creds = &env->creds,
		.connect_ms = env->timing.connect_ms,
		.fresh = rd->fresh,
	};
	struct err e = {0};
	char *path;

	stream_fini(&rd->stream);
	stream_init(&rd->stream, rd->want == READER_PAGED ? STREAM_PAGE : STREAM_WATCH, rd->spec,
		rd->stats, &handler);
	rd->stream.initial = rd->want == READER_STREAMED;
	rd->started_ns = uv_hrtime();
	rd->started_ms = uv_now(env->loop);
	rd->last_byte_ms = rd->started_ms;
	rd->deadline_ms = 0;
	rd->good = false;
	rd->checked = false;
	rd->server = env->server;
	path = query_of(rd);
	o.path = path;
	rd->stats->requests++;
	rd->request = path != NULL ? http_get(env->http, &o, &http, &e) : NULL;
	free(path);
	rd->fresh = false;
	if (rd->request == NULL)
		fail_to_start(rd, path == NULL ? "out of memory" : e.text);
}

void reader_check_silence(struct reader *rd)
{
	uint64_t now = uv_now(rd->env->loop);
	bool listing = rd->want != READER_WATCH && !rd->complete;
	unsigned limit = rd->env->timing.silence_ms;

	if (rd->request == NULL)
		return;
	if (listing && limit > LIST_SILENCE_MS)
		limit = LIST_SILENCE_MS;
	if (now - rd->last_byte_ms < limit && (rd->deadline_ms == 0 || now < rd->deadline_ms))
		return;
	http_cancel(rd->request);
	rd->request = NULL;
	rd->fresh = true; // api:F11: the connection may be half open
	(void)snprintf(rd->text, sizeof(rd->text), "nothing came for %llu s",
		(unsigned long long)((now - rd->last_byte_ms) / 1000));
	count(rd, KUBE_ERR_TIMEOUT);
	rd->ended(rd, KUBE_ERR_TIMEOUT);
}

void reader_reset(struct reader *rd)
{
	http_cancel(rd->request);
	rd->request = NULL;
	stream_fini(&rd->stream);
	free(rd->next_page);
	rd->next_page = NULL;
	rd->complete = false;
	rd->backwards = false;
	rd->tried_401 = false;
	rd->rv[0] = '\0';
	rd->page_rv[0] = '\0';
	rd->list_rv = 0;
	rd->shorts = 0;
	rd->unpaged = false;
	rd->generation++;
}
