// SPDX-License-Identifier: Apache-2.0
// Words for results and reasons, as metrics and logs show them; and the default times.
#include "control/kube/kube.h"

static const char *const results[KUBE_RESULTS] = {
	[KUBE_OK] = "ok",
	[KUBE_ERR_CONNECT] = "connect",
	[KUBE_ERR_TIMEOUT] = "timeout",
	[KUBE_ERR_CUT] = "cut",
	[KUBE_ERR_401] = "unauthorized",
	[KUBE_ERR_403] = "forbidden",
	[KUBE_ERR_404] = "not_found",
	[KUBE_ERR_410] = "gone",
	[KUBE_ERR_429] = "too_many_requests",
	[KUBE_ERR_OTHER_4XX] = "client_error",
	[KUBE_ERR_5XX] = "server_error",
	[KUBE_ERR_CONTENT] = "content",
};

static const char *const reasons[KUBE_RELIST_REASONS] = {
	[KUBE_RELIST_FIRST] = "first",
	[KUBE_RELIST_GONE] = "gone",
	[KUBE_RELIST_TOO_LARGE] = "too_large",
	[KUBE_RELIST_BACKWARDS] = "backwards",
	[KUBE_RELIST_BROKEN] = "broken",
	[KUBE_RELIST_SHORT] = "short_watches",
	[KUBE_RELIST_SHRINK] = "shrink",
	[KUBE_RELIST_AUDIT] = "audit",
};

const char *kube_result_name(enum kube_result result)
{
	return (unsigned)result < KUBE_RESULTS ? results[result] : "unknown";
}

const char *kube_relist_reason_name(enum kube_relist_reason reason)
{
	return (unsigned)reason < KUBE_RELIST_REASONS ? reasons[reason] : "unknown";
}

void kube_timing_default(struct kube_timing *timing)
{
	*timing = (struct kube_timing){
		.watch_ms = 300000,
		.backoff_ms = 800,
		.backoff_max_ms = 30000,
		.backoff_connect_max_ms = 4000,
		.backoff_reset_ms = 120000,
		.short_watch_ms = 1000,
		.connect_ms = 10000,
		.silence_ms = 150000,
		.audit_ms = 600000,
		.settle_ms = 2000,
		.confirm_ms = 10000,
		.refused_ms = 600000,
		.credentials_ms = 60000,
		.page = 500,
		.shrink_percent = 50,
		.shrink_objects = 100,
	};
}
