// SPDX-License-Identifier: Apache-2.0
// What single directives count: coredns_template_*, coredns_acl_* and others by CoreDNS' names, and
// who of the Corefile sends queries to the slow path.
#include "control/monitor/metrics.h"

#include <string.h>

struct rule_text {
	const char *name, *help;
	const char *labels[RULE_VALUES_MAX];
};

static const struct rule_text texts[RULE_METRICS] = {
	[RULE_PUNTS] = {"burst53_rule_punts_total",
		"Queries that the slow path answers because of a line of the Corefile.",
		{"zone", "directive", "line"}},
	[RULE_TEMPLATE_MATCHES] = {"coredns_template_matches_total",
		"Counter of template regex matches.", {"server", "zone", "view", "class", "type"}},
	[RULE_TEMPLATE_FAILURES] = {"coredns_template_template_failures_total",
		"Counter of go template failures.",
		{"server", "zone", "view", "class", "type", "section", "template"}},
	[RULE_RR_FAILURES] = {"coredns_template_rr_failures_total", "Counter of mis-templated RRs.",
		{"server", "zone", "view", "class", "type", "section", "template"}},
	[RULE_AUTOPATH_SUCCESSES] = {"coredns_autopath_success_total",
		"Counter of requests that did autopath.", {"server"}},
	[RULE_AUTOPATH_PODS] = {"burst53_autopath_pods_total",
		"Questions for autopath whose client is a pod.", {"server"}},
	[RULE_AUTOPATH_STRANGERS] = {"burst53_autopath_strangers_total",
		"Questions for autopath whose client's address is no pod's.", {"server"}},
	[RULE_ACL_BLOCKED] = {"coredns_acl_blocked_requests_total",
		"Counter of DNS requests being blocked.", {"server", "zone", "view"}},
	[RULE_ACL_FILTERED] = {"coredns_acl_filtered_requests_total",
		"Counter of DNS requests being filtered.", {"server", "zone", "view"}},
	[RULE_ACL_DROPPED] = {"coredns_acl_dropped_requests_total",
		"Counter of DNS requests being dropped.", {"server", "zone", "view"}},
	[RULE_ACL_ALLOWED] = {"coredns_acl_allowed_requests_total",
		"Counter of DNS requests being allowed.", {"server", "view"}},
	[RULE_DNS64_TRANSLATED] = {"coredns_dns64_requests_translated_total",
		"Counter of DNS requests translated by dns64.", {"server"}},
	[RULE_LOCALHOST] = {"coredns_local_localhost_requests_total",
		"Counter of localhost.<domain> requests.", {NULL}},
};

// The values in their order; nothing in the page is trusted.
static void labels_of(const struct rule_text *text, struct rule_series *s, struct labels *out)
{
	size_t pos = 0;

	s->values[RULE_LABELS_BYTES - 1] = 0;
	out->n = 0;
	for (size_t i = 0; i < RULE_VALUES_MAX && text->labels[i] != NULL; i++) {
		bool has_value = pos < s->size_bytes && pos < RULE_LABELS_BYTES;
		const char *value = has_value ? s->values + pos : "";
		out->list[out->n++] = (struct label){text->labels[i], value};
		pos += strlen(value) + 1;
	}
}

static void one(const struct metrics *m, enum rule_metric metric, struct text *out)
{
	const struct rule_counters *c = &m->page->outside.rules;
	const struct rule_text *text = &texts[metric];
	uint64_t left_out = counter_get(&c->left_out[metric]);
	bool has_series = left_out != 0 || text->labels[0] == NULL;
	static struct rule_series series; // a copy; there is one thread
	uint64_t sum = 0;
	struct labels l;

	text_metric(out, text->name, METRIC_COUNTER, text->help);
	for (uint32_t i = 0; i < rule_counters_n(c); i++) {
		if (c->series[i].metric != metric)
			continue;
		memcpy(&series, &c->series[i], sizeof(series));
		sum += counter_get(&c->series[i].n);
		labels_of(text, &series, &l);
		if (l.n > 0)
			text_count(out, text->name, &l, counter_get(&c->series[i].n));
	}
	if (!has_series)
		return;
	memset(&series, 0, sizeof(series));
	labels_of(text, &series, &l);
	for (size_t i = 0; i < l.n; i++)
		l.list[i].value = strcmp(l.list[i].name, "view") == 0 ? "" : "other";
	text_count(out, text->name, &l, l.n == 0 ? sum + left_out : left_out);
}

void metrics_rules(const struct metrics *m, struct text *out)
{
	for (unsigned i = 0; i < RULE_METRICS; i++)
		one(m, (enum rule_metric)i, out);
	text_counter(out, "burst53_regex_given_up_total",
		"Matches of regular expressions that took too long and count as none.",
		counter_get(&m->page->outside.regex_given_up));
}
