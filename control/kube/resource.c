// SPDX-License-Identifier: Apache-2.0
// The state machine of one kind. NEXT is read as a whole and becomes LIVE by one call; a watch that
// ends goes on from where it was; only what makes that impossible starts a new list.
#include "control/kube/resource.h"

#include "control/kube/explain.h"
#include "control/kube/next.h"
#include "control/kube/retry.h"
#include "zones/base/array.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define KICK_MS 200U
#define MAX_SHORTS 3U // watches that end at once, before everything is read again
#define PODS_NOT_ENDED "status.phase!=Succeeded,status.phase!=Failed,status.phase!=Unknown"
#define MULTICLUSTER "multicluster.kubernetes.io/service-name"

// LIVE cannot be followed from where it is: read all again.
static void relist(struct resource *r, enum kube_relist_reason reason, enum kube_result result)
{
	struct reader *old = r->live;
	unsigned server = old->server;
	char text[sizeof(old->text)];

	memcpy(text, old->text, sizeof(text));
	r->live = NULL;
	retry_stop(r, old);
	reader_reset(old);
	if (r->next == NULL) {
		next_begin(r, reason, 0);
		r->next->server = server;
		memcpy(r->next->text, text, sizeof(text));
		if (result != KUBE_OK)
			retry_later(r, r->next, result);
	} else if (r->settling) {
		r->settling = false;
		next_promote(r); // NEXT is whole and newer
	}
	retry_set_phase(r);
}

static void list_failed(struct resource *r, enum kube_result result)
{
	struct reader *rd = r->next;

	next_drop(r);
	if (r->live != NULL && r->reason == KUBE_RELIST_AUDIT) {
		explain_failure(r, rd, result, 0);
		reader_reset(rd);
		r->next = NULL;
		next_schedule_audit(r);
		return;
	}
	next_prepare(r, rd);
	retry_later(r, rd, result);
}

static void use_pages(struct resource *r, struct reader *rd)
{
	r->refused_until_ms = uv_now(r->env->loop) + r->env->timing.refused_ms;
	log_info("kube", "no streaming lists from this server, reading pages",
		LOG_STR("resource", object_kind_name(r->spec.kind)), LOG_STR("reason", rd->text));
	next_drop(r);
	next_prepare(r, rd);
	retry_after(r, rd, 0);
}

// A page came. All pages of a list must be of one version (api:1.3).
static void on_page(struct resource *r, struct reader *rd)
{
	struct stream *s = &rd->stream;

	if (rd->page_rv[0] != '\0' && strcmp(rd->page_rv, s->resource_version) != 0) {
		(void)snprintf(rd->text, sizeof(rd->text), "the pages of a list differ in version");
		list_failed(r, KUBE_ERR_CONTENT);
		return;
	}
	(void)snprintf(rd->page_rv, sizeof(rd->page_rv), "%s", s->resource_version);
	free(rd->next_page);
	rd->next_page = s->next_page;
	s->next_page = NULL;
	if (rd->next_page != NULL) {
		retry_after(r, rd, 0);
		return;
	}
	(void)snprintf(rd->rv, sizeof(rd->rv), "%s", rd->page_rv);
	rd->list_rv = decode_resource_version(rd->rv);
	rd->complete = true;
	rd->want = READER_WATCH;
	next_complete(r);
	if (rd == r->live || (rd == r->next && rd->complete))
		retry_after(r, rd, 0);
}

// api:F6: once per request, read the credentials again and ask at once.
static bool try_401(struct resource *r, struct reader *rd, enum kube_result result)
{
	if (result != KUBE_ERR_401 || rd->tried_401)
		return false;
	rd->tried_401 = true;
	r->env->unauthorized(r->env);
	retry_after(r, rd, 0);
	return true;
}

// Streaming is refused as a request (400, 422, ...) or, by a storage that lacks a feature, in the
// stream (F25).
static bool is_streaming_refused(const struct reader *rd, enum kube_result result)
{
	if (rd->want != READER_STREAMED || rd->complete)
		return false;
	if (result == KUBE_ERR_OTHER_4XX)
		return true;
	if (result == KUBE_ERR_TIMEOUT)
		return rd->good;
	return result == KUBE_ERR_5XX && rd->good;
}

static void list_ended(struct resource *r, struct reader *rd, enum kube_result result)
{
	if (result == KUBE_OK && rd->want == READER_PAGED) {
		on_page(r, rd);
	} else if (try_401(r, rd, result)) {
		next_drop(r);
		next_prepare(r, rd);
		rd->tried_401 = true;
	} else if (is_streaming_refused(rd, result)) {
		use_pages(r, rd);
	} else if (result == KUBE_ERR_410 && rd->next_page != NULL && !rd->unpaged) {
		next_drop(r); // the token is too old: one full list instead (api:1.3)
		next_prepare(r, rd);
		rd->want = READER_PAGED;
		rd->unpaged = true;
		retry_after(r, rd, 0);
	} else {
		list_failed(r, result == KUBE_OK ? KUBE_ERR_CUT : result);
	}
}

// A watch that ended as it should, or by a cut connection: goes on from its last version.
static void watch_over(struct resource *r, struct reader *rd, enum kube_result result)
{
	uint64_t lasted_ms = uv_now(r->env->loop) - rd->started_ms;

	rd->want = READER_WATCH;
	if (lasted_ms >= r->env->timing.short_watch_ms) {
		rd->shorts = 0;
		retry_after(r, rd, 0);
		return;
	}
	// api:F21. The answer was good, so what is wrong is that it ended.
	rd->shorts = rd->stream.events == 0 ? rd->shorts + 1 : 0;
	if (rd == r->live && rd->shorts >= MAX_SHORTS) {
		relist(r, KUBE_RELIST_SHORT, result != KUBE_OK ? result : KUBE_ERR_CUT);
		return;
	}
	if (result == KUBE_OK)
		(void)snprintf(rd->text, sizeof(rd->text), "the watch ended as soon as it began");
	retry_later(r, rd, result != KUBE_OK ? result : KUBE_ERR_CUT);
}

// What makes going on from the last version impossible.
static bool must_relist(
	const struct reader *rd, enum kube_result result, enum kube_relist_reason *reason)
{
	*reason = KUBE_RELIST_BROKEN;
	if (rd->stream.status.too_large) {
		*reason = KUBE_RELIST_TOO_LARGE;
		return true;
	}
	if (result == KUBE_ERR_410) {
		*reason = KUBE_RELIST_GONE;
		return true;
	}
	return result == KUBE_ERR_CONTENT || result == KUBE_ERR_OTHER_4XX;
}

static void watch_ended(struct resource *r, struct reader *rd, enum kube_result result)
{
	enum kube_relist_reason reason;

	rd->want = READER_WATCH;
	if (try_401(r, rd, result))
		return;
	if (must_relist(rd, result, &reason)) {
		if (rd == r->next)
			list_failed(r, result);
		else
			relist(r, reason, reason == KUBE_RELIST_GONE ? KUBE_OK : result);
		return;
	}
	if (result == KUBE_OK || result == KUBE_ERR_CUT)
		watch_over(r, rd, result);
	else
		retry_later(r, rd, result);
}

// What was noticed inside libcurl: it is done now.
static void decide(struct resource *r)
{
	if (r->next != NULL && r->next->complete && r->next->want == READER_STREAMED) {
		r->next->want = READER_WATCH;
		r->next->checked = true; // by having listed
		r->stats.list_results[KUBE_OK]++; // the same request goes on as a watch
		next_complete(r);
	}
	if (r->live != NULL && r->live->backwards) {
		log_warn("kube", "a watch went back to older resource versions, reading all again",
			LOG_STR("resource", object_kind_name(r->spec.kind)));
		relist(r, KUBE_RELIST_BACKWARDS, KUBE_OK);
	}
}

// A watch that goes on from an older request: is the server where we think it is?
static void check_version(struct resource *r)
{
	struct reader *rd = r->live;

	if (rd == NULL || !rd->good || rd->checked || rd->want != READER_WATCH ||
		rd->request == NULL)
		return;
	rd->checked = true;
	check_start(&r->check, decode_resource_version(rd->rv));
}

static void on_backwards(struct check *c, uint64_t now)
{
	struct resource *r = c->user;

	if (r->live == NULL)
		return;
	log_warn("kube", "the server is behind what was read from it: has etcd been restored?",
		LOG_STR("resource", object_kind_name(r->spec.kind)),
		LOG_NUM("known", (int64_t)c->known), LOG_NUM("now", (int64_t)now));
	relist(r, KUBE_RELIST_BACKWARDS, KUBE_OK);
}

static void on_decide(uv_timer_t *timer)
{
	struct resource *r = timer->data;

	if ((r->live != NULL && r->live->good) || (r->next != NULL && r->next->good)) {
		explain_success(r);
		r->env->reached(r->env);
	}
	decide(r);
	check_version(r);
	retry_set_phase(r);
}

static void on_progress(struct reader *rd)
{
	struct resource *r = rd->user;

	rd->tried_401 = false;
	(void)uv_timer_start(&r->decide, on_decide, 0, 0); // the timer is open
}

static void on_ended(struct reader *rd, enum kube_result result)
{
	struct resource *r = rd->user;
	unsigned generation = rd->generation;

	decide(r); // the stream may have become complete with its last bytes
	if ((rd != r->live && rd != r->next) || rd->generation != generation)
		return; // it is not needed any more, or has begun anew
	if (rd->complete)
		watch_ended(r, rd, result);
	else
		list_ended(r, rd, result);
	retry_set_phase(r);
}

static void on_tick(uv_timer_t *timer)
{
	struct resource *r = timer->data;

	reader_check_silence(&r->readers[0]);
	reader_check_silence(&r->readers[1]);
	if (r->audit_due_ms == 0 || uv_now(r->env->loop) < r->audit_due_ms)
		return;
	r->audit_due_ms = 0;
	if (r->settling && r->next != NULL)
		next_compare(r);
	else if (r->live != NULL && r->next == NULL)
		next_begin(r, KUBE_RELIST_AUDIT, 0);
}

static int copy_spec(struct kube_spec *to, const struct kube_spec *from)
{
	const char *labels = from->label_selector;
	const char *fields = from->field_selector;
	char *all = NULL;

	if (fields == NULL && from->kind == OBJECT_POD)
		fields = PODS_NOT_ENDED;
	if (from->kind == OBJECT_IMPORT_SLICE &&
		asprintf(&all, "%s%s%s", MULTICLUSTER, labels != NULL ? "," : "",
			labels != NULL ? labels : "") < 0)
		return -ENOMEM;
	if (all == NULL && labels != NULL && (all = strdup(labels)) == NULL)
		return -ENOMEM;
	*to = *from;
	to->label_selector = all;
	to->field_selector = fields != NULL ? strdup(fields) : NULL;
	if (fields != NULL && to->field_selector == NULL) {
		free(all);
		return -ENOMEM;
	}
	return 0;
}

static void timer_init(struct resource *r, uv_timer_t *timer, void *data)
{
	(void)uv_timer_init(r->env->loop, timer); // always 0
	timer->data = data;
	r->handles++;
}

int resource_init(struct resource *r, struct reader_env *env, const struct kube_spec *spec)
{
	int rc;

	*r = (struct resource){.env = env, .stats.watched = true};
	rc = copy_spec(&r->spec, spec);
	if (rc != 0)
		return rc;
	for (size_t i = 0; i < 2; i++) {
		r->readers[i] = (struct reader){
			.env = env,
			.spec = &r->spec,
			.stats = &r->stats,
			.ended = on_ended,
			.progress = on_progress,
			.user = r,
		};
		timer_init(r, &r->retry[i], &r->readers[i]);
	}
	r->check =
		(struct check){.env = env, .spec = &r->spec, .backwards = on_backwards, .user = r};
	timer_init(r, &r->decide, r);
	timer_init(r, &r->tick, r);
	return 0;
}

void resource_start(struct resource *r)
{
	const struct kube_timing *t = &r->env->timing;
	unsigned tick_ms = (t->silence_ms < t->settle_ms ? t->silence_ms : t->settle_ms) / 4;

	tick_ms = tick_ms > 1000 ? 1000 : tick_ms + 1;
	(void)uv_timer_start(&r->tick, on_tick, tick_ms, tick_ms); // the timer is open
	next_begin(r, KUBE_RELIST_FIRST, 0);
}

void resource_relist(struct resource *r)
{
	if (r->next != NULL)
		r->again = true;
	else if (r->live != NULL)
		next_begin(r, KUBE_RELIST_AUDIT, 0);
}

void resource_kick(struct resource *r)
{
	struct reader *rd = r->live != NULL ? r->live : r->next;

	if (!r->down || rd == NULL || rd->request != NULL)
		return;
	r->down = false;
	retry_after(r, rd, arc4random_uniform(KICK_MS));
}

void resource_reconnect(struct resource *r)
{
	struct reader *rd = r->live;

	if (rd == NULL || rd->request == NULL)
		return;
	http_cancel(rd->request);
	rd->request = NULL;
	rd->fresh = true;
	rd->want = READER_WATCH;
	retry_after(r, rd, 0);
}

static void on_handle_closed(struct resource *r)
{
	r->handles--;
	if (r->handles == 0)
		r->closed(r);
}

static void on_timer_closed(uv_handle_t *handle)
{
	on_handle_closed(handle->data);
}

void resource_close(struct resource *r, void (*closed)(struct resource *r))
{
	uv_timer_t *timers[] = {&r->retry[0], &r->retry[1], &r->decide, &r->tick};

	r->closed = closed;
	r->live = NULL;
	r->next = NULL;
	reader_reset(&r->readers[0]);
	reader_reset(&r->readers[1]);
	check_cancel(&r->check);
	free((void *)(uintptr_t)r->spec.label_selector); // copied by copy_spec
	free((void *)(uintptr_t)r->spec.field_selector);
	for (size_t i = 0; i < ARRAY_LEN(timers); i++) {
		timers[i]->data = r;
		uv_close((uv_handle_t *)timers[i], on_timer_closed);
	}
}
