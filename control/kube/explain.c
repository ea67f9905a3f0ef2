// SPDX-License-Identifier: Apache-2.0
// Failures as sentences: an operator reads them and knows what to change.
#include "control/kube/explain.h"

#include "control/base/log.h"

#include "zones/base/url.h"

#include <stdio.h>
#include <string.h>

#define REPEAT_MS 180000U // while it goes on
#define FLAP_MS 20000U // between an end and the next beginning

static const char *const groups[OBJECT_KINDS] = {
	[OBJECT_NAMESPACE] = "",
	[OBJECT_SERVICE] = "",
	[OBJECT_SLICE] = "discovery.k8s.io",
	[OBJECT_POD] = "",
	[OBJECT_IMPORT] = "multicluster.x-k8s.io",
	[OBJECT_IMPORT_SLICE] = "discovery.k8s.io",
};

// The most common breakage of upgrades (api:1.7): so say the very rule.
static void say_forbidden(const struct resource *r, const struct reader *rd)
{
	enum object_kind kind = r->spec.kind;
	char rule[160];

	(void)snprintf(rule, sizeof(rule),
		"{apiGroups: [\"%s\"], resources: [\"%s\"], verbs: [\"list\", \"watch\"]}",
		groups[kind], object_kind_name(kind == OBJECT_IMPORT_SLICE ? OBJECT_SLICE : kind));
	log_error("kube", "not allowed to list and watch: the ClusterRole lacks a rule",
		LOG_STR("resource", object_kind_name(kind)), LOG_STR("rule", rule),
		LOG_STR("reason", rd->text));
}

static void say_failure(const struct resource *r, const struct reader *rd, enum kube_result result,
	unsigned wait_ms)
{
	char text[URL_SHOWN_BYTES];
	const char *server = url_without_user(rd->env->config->servers[rd->server], text);

	log_warn("kube",
		r->stats.synced ? "cannot follow the API, the last data stays"
				: "cannot read from the API yet",
		LOG_STR("resource", object_kind_name(r->spec.kind)),
		LOG_STR("result", kube_result_name(result)), LOG_STR("reason", rd->text),
		LOG_STR("server", server), LOG_NUM("retry_ms", wait_ms));
}

void explain_failure(
	struct resource *r, const struct reader *rd, enum kube_result result, unsigned wait_ms)
{
	struct kube_stats *st = &r->stats;
	uint64_t held;

	(void)snprintf(st->last_error, sizeof(st->last_error), "%s: %.120s",
		kube_result_name(result), rd->text); // longer ones are in the log
	if (st->failing_since_ms == 0)
		st->failing_since_ms = uv_now(r->env->loop);
	// Another cause than those said before is news: the server is back, but refuses us.
	bool is_news = r->said != 0 && (r->said & 1U << result) == 0;
	if (!is_news && !log_limit_pass(&r->failing, REPEAT_MS, &held))
		return;
	r->said |= 1U << result;
	if (result == KUBE_ERR_403)
		say_forbidden(r, rd);
	else
		say_failure(r, rd, result, wait_ms);
}

void explain_success(struct resource *r)
{
	struct kube_stats *st = &r->stats;
	uint64_t after_ms = uv_now(r->env->loop) - st->failing_since_ms;

	st->backoff_ms = 0;
	if (st->failing_since_ms == 0)
		return;
	st->failing_since_ms = 0;
	if (r->said == 0)
		return;
	log_info("kube", "the API can be followed again",
		LOG_STR("resource", object_kind_name(r->spec.kind)), LOG_NUM("after_ms", after_ms));
	r->failing.next_ms = uv_now(r->env->loop) + FLAP_MS; // the same clock
	r->said = 0;
}
