// SPDX-License-Identifier: Apache-2.0
// The way of NEXT: begun, read, compared where there is reason to, and made LIVE in one step.
#include "control/kube/next.h"

#include "control/kube/explain.h"
#include "control/kube/retry.h"

#include <stdio.h>
#include <stdlib.h>

void next_drop(struct resource *r)
{
	const struct kube_events *ev = &r->env->events;

	if (r->begun)
		ev->abandoned(ev->user, r->spec.kind);
	r->begun = false;
	r->settling = false;
}

void next_schedule_audit(struct resource *r)
{
	unsigned ms = r->env->timing.audit_ms;

	r->settling = false;
	r->audit_due_ms = ms != 0 ? uv_now(r->env->loop) + ms + arc4random_uniform(2 * ms) : 0;
}

// Chooses streamed or paged, for a list from the start.
void next_prepare(struct resource *r, struct reader *rd)
{
	bool refused = uv_now(r->env->loop) < r->refused_until_ms;

	reader_reset(rd);
	r->known =
		decode_resource_version(r->live != NULL ? r->live->rv : r->stats.resource_version);
	r->again = false;
	rd->set = OBJECT_NEXT;
	rd->want = refused ? READER_PAGED : READER_STREAMED;
	r->stats.streaming_refused = refused;
}

void next_begin(struct resource *r, enum kube_relist_reason reason, unsigned delay_ms)
{
	struct reader *rd = r->live == &r->readers[0] ? &r->readers[1] : &r->readers[0];

	r->next = rd;
	r->reason = reason;
	r->stats.relists[reason]++;
	r->settled_once = false;
	next_prepare(r, rd);
	retry_after(r, rd, delay_ms);
}

// api:F5: true when NEXT has lost so much that a second list must say the same.
static bool is_suspicious(struct resource *r, struct object_diff *diff)
{
	const struct kube_events *ev = &r->env->events;
	const struct kube_timing *t = &r->env->timing;

	*diff = (struct object_diff){0};
	if (!r->stats.synced || ev->diff == NULL)
		return false;
	ev->diff(ev->user, r->spec.kind, UINT64_MAX, diff);
	return diff->removed > t->shrink_objects &&
		diff->removed * 100 > diff->n_live * (size_t)t->shrink_percent;
}

static void hold_back(struct resource *r, const struct object_diff *diff)
{
	r->stats.shrinks_held++;
	r->confirming = true;
	log_warn("kube", "a list lacks most of the objects, a second one must confirm it",
		LOG_STR("resource", object_kind_name(r->spec.kind)), LOG_NUM("known", diff->n_live),
		LOG_NUM("missing", diff->removed), LOG_STR("resource_version", r->next->rv));
	next_drop(r);
	retry_stop(r, r->next);
	reader_reset(r->next);
	next_begin(r, KUBE_RELIST_SHRINK, r->env->timing.confirm_ms);
}

// NEXT becomes LIVE, its reader goes on as the one of LIVE.
void next_promote(struct resource *r)
{
	const struct kube_events *ev = &r->env->events;
	struct reader *old = r->live;
	struct object_diff diff;
	bool suspicious = is_suspicious(r, &diff);

	if (suspicious && !r->confirming) {
		hold_back(r, &diff);
		return;
	}
	r->confirming = false;
	if (old != NULL) {
		reader_reset(old);
		retry_stop(r, old);
	}
	r->live = r->next;
	r->next = NULL;
	r->begun = false;
	r->live->set = OBJECT_LIVE;
	(void)snprintf(
		r->stats.resource_version, sizeof(r->stats.resource_version), "%s", r->live->rv);
	r->stats.synced_ms = uv_now(r->env->loop);
	if (!r->stats.synced || r->reason != KUBE_RELIST_AUDIT)
		log_info("kube", "synced", LOG_STR("resource", object_kind_name(r->spec.kind)),
			LOG_STR("reason", kube_relist_reason_name(r->reason)),
			LOG_STR("resource_version", r->live->rv));
	r->stats.synced = true;
	ev->synced(ev->user, r->spec.kind, r->live->rv);
	next_schedule_audit(r);
	retry_set_phase(r);
}

// All that exists has been read into NEXT.
void next_complete(struct resource *r)
{
	uint64_t known = r->known;
	uint64_t now = r->next->list_rv;

	if (r->again) {
		(void)snprintf(r->next->text, sizeof(r->next->text), "a new list was asked for");
		next_drop(r);
		next_prepare(r, r->next);
		retry_later(r, r->next, KUBE_ERR_CONTENT);
		return;
	}
	explain_success(r);
	if (r->stats.synced && now != 0 && now < known) {
		if (r->reason != KUBE_RELIST_BACKWARDS)
			r->stats.relists[KUBE_RELIST_BACKWARDS]++;
		log_warn("kube", "resource versions went back: has etcd been restored?",
			LOG_STR("resource", object_kind_name(r->spec.kind)),
			LOG_NUM("known", (int64_t)known), LOG_NUM("now", (int64_t)now));
	} else if (r->live != NULL && r->reason == KUBE_RELIST_AUDIT) {
		// Both follow the events for a moment; what differs then was lost on the way.
		r->settling = true;
		r->audit_due_ms = uv_now(r->env->loop) + r->env->timing.settle_ms;
		return;
	}
	next_promote(r);
}

// The comparison of an audit (api:F9, F10).
void next_compare(struct resource *r)
{
	const struct kube_events *ev = &r->env->events;
	struct object_diff diff = {0};
	size_t drift;

	if (ev->diff != NULL)
		ev->diff(ev->user, r->spec.kind, r->next->list_rv, &diff);
	drift = diff.added + diff.removed + diff.changed;
	if (drift != 0 && !r->settled_once) {
		r->settled_once = true; // an event may be on its way: look once more
		r->audit_due_ms = uv_now(r->env->loop) + r->env->timing.settle_ms;
		return;
	}
	if (drift == 0 && ev->diff != NULL) {
		next_drop(r);
		retry_stop(r, r->next);
		reader_reset(r->next);
		r->next = NULL;
		next_schedule_audit(r);
		return;
	}
	r->stats.drift += drift;
	log_warn("kube", "an audit found objects that the watch had missed",
		LOG_STR("resource", object_kind_name(r->spec.kind)), LOG_NUM("missing", diff.added),
		LOG_NUM("stale", diff.changed), LOG_NUM("gone", diff.removed));
	r->settling = false;
	next_promote(r);
}
