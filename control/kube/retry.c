// SPDX-License-Identifier: Apache-2.0
// When the next request of a reader starts: at once, or after a back-off.
#include "control/kube/retry.h"

#include "control/kube/explain.h"

#include <stdlib.h>

#define WAIT_CREDS_MS 50U
#define MAX_RETRY_AFTER_S 120

static uv_timer_t *timer_of(struct resource *r, const struct reader *rd)
{
	return &r->retry[rd - r->readers];
}

void retry_set_phase(struct resource *r)
{
	const struct reader *rd = r->live != NULL ? r->live : r->next;

	if (rd == NULL || rd->request == NULL)
		r->stats.phase = KUBE_IDLE;
	else
		r->stats.phase = rd->complete ? KUBE_WATCHING : KUBE_LISTING;
}

static void begin_next(struct resource *r)
{
	const struct kube_events *ev = &r->env->events;

	r->begun = true;
	ev->begin(ev->user, r->spec.kind);
}

static void on_retry(uv_timer_t *timer)
{
	struct reader *rd = timer->data;
	struct resource *r = rd->user;

	r->stats.backoff_ms = 0;
	if (rd != r->live && rd != r->next)
		return;
	if (!r->env->creds_ready) {
		(void)uv_timer_start(timer, on_retry, WAIT_CREDS_MS, 0); // the timer is open
		return;
	}
	r->down = false;
	if (rd == r->next && !r->begun)
		begin_next(r);
	reader_start(rd);
	retry_set_phase(r);
}

void retry_after(struct resource *r, struct reader *rd, unsigned delay_ms)
{
	(void)uv_timer_start(timer_of(r, rd), on_retry, delay_ms, 0); // the timer is open
	retry_set_phase(r);
}

// Starts after a back-off, which becomes longer each time.
void retry_later(struct resource *r, struct reader *rd, enum kube_result result)
{
	const struct kube_timing *t = &r->env->timing;
	struct backoff_rule rule = {t->backoff_ms, t->backoff_max_ms, t->backoff_reset_ms};
	long asked_s = rd->retry_after_s;
	unsigned wait_ms;

	// A server that is back, but refuses us at first (its RBAC is not loaded yet, it still
	// starts), shall not be left alone for as long as it was away.
	if (result != KUBE_ERR_CONNECT && r->unreachable)
		r->backoff.next_ms = 0;
	r->unreachable = result == KUBE_ERR_CONNECT;
	if (result == KUBE_ERR_CONNECT) {
		rule.max_ms = t->backoff_connect_max_ms;
		r->down = true;
		if (rd->server == r->env->server && r->env->config->servers[rd->server + 1] != NULL)
			r->env->server++;
		else if (rd->server == r->env->server)
			r->env->server = 0;
	}
	wait_ms = backoff_take(&r->backoff, &rule, uv_now(r->env->loop), arc4random());
	if (asked_s > MAX_RETRY_AFTER_S)
		asked_s = MAX_RETRY_AFTER_S;
	// The server's wish, with jitter so that not all come back in the same moment.
	if (asked_s > 0 && wait_ms < (unsigned)asked_s * 1000)
		wait_ms = (unsigned)asked_s * 1000 + arc4random_uniform(1000);
	r->stats.backoff_ms = wait_ms;
	explain_failure(r, rd, result, wait_ms);
	retry_after(r, rd, wait_ms);
	r->stats.backoff_ms = wait_ms;
}

void retry_stop(struct resource *r, const struct reader *rd)
{
	(void)uv_timer_stop(timer_of(r, rd)); // cannot fail
}
