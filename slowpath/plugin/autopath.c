// SPDX-License-Identifier: Apache-2.0
// `autopath`: walks the client's search list for it (k8s:2.14). The list is that of a file, or the
// cluster's for the pod that asks, then the machine's own.
#include "slowpath/plugin/made.h"
#include "slowpath/plugin/plugins.h"

#include "slowpath/base/file_mark.h"
#include "zones/wire/dname.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { SEARCH_MAX = 32, LINE_BYTES = 4096 };

struct autopath_state {
	const struct policy_autopath *rule;
	struct dname search[SEARCH_MAX]; // lower case
	size_t n;
	uint64_t mark; // of the file
};

// One query that is being completed.
struct path {
	struct dname list[SEARCH_MAX + 4]; // what is tried, in order; ends with the root
	size_t n, at;
	struct dname base;
	struct response first;
};

static const char *file_of(const struct policy_autopath *rule)
{
	return rule->from_kubernetes ? "/etc/resolv.conf" : rule->resolv_conf;
}

// The last line of `search` or `domain` counts (resolv.conf(5)).
static void line_parse(struct autopath_state *s, char *line)
{
	char *end = NULL;
	const char *word = strtok_r(line, " \t\r\n", &end);
	bool is_domain = word != NULL && strcmp(word, "domain") == 0;

	if (word == NULL || (!is_domain && strcmp(word, "search") != 0))
		return;
	s->n = 0;
	while ((word = strtok_r(NULL, " \t\r\n", &end)) != NULL && s->n < SEARCH_MAX) {
		if (dname_parse(word, &s->search[s->n]) == 0)
			dname_lower(&s->search[s->n++]);
		if (is_domain)
			return;
	}
}

static bool file_read(struct autopath_state *s)
{
	FILE *f = fopen(file_of(s->rule), "re");
	char line[LINE_BYTES];

	if (f == NULL)
		return false;
	while (fgets(line, sizeof(line), f) != NULL)
		line_parse(s, line);
	(void)fclose(f); // only read
	return true;
}

static void autopath_release(void *state)
{
	free(state);
}

static bool autopath_prepare(const void *data, void **state, struct err *err)
{
	struct autopath_state *s = calloc(1, sizeof(*s));
	int rc = s == NULL ? -ENOMEM : 0;

	if (rc == 0) {
		s->rule = data;
		s->mark = file_mark(file_of(data));
	}
	// Without a file pods still have the cluster's search list.
	if (rc == 0 && !file_read(s) && !s->rule->from_kubernetes)
		rc = -ENOENT;
	if (rc == 0) {
		*state = s;
		return true;
	}
	(void)err_set(err, rc, "%.120s: %s", file_of(data), strerror(-rc)); // told by false
	autopath_release(s);
	return false;
}

static bool autopath_is_outdated(const void *data, const void *state)
{
	const struct autopath_state *s = state;
	uint64_t mark = file_mark(file_of(data));

	return mark != 0 && (s == NULL || s->mark != mark);
}

// `ns.svc.Z`, `svc.Z` and Z into the list. False: too long.
static bool list_cluster(struct path *p, const uint8_t *zone, const uint8_t *ns)
{
	for (size_t i = 0; i < 3; i++) {
		struct dname *name = &p->list[p->n++];
		name->size_bytes = (uint8_t)dname_size(zone, DNS_NAME_MAX_BYTES);
		memcpy(name->wire, zone, name->size_bytes);
		if (i < 2 && dname_prepend(name, "svc", 3) != 0)
			return false;
		if (i == 0 && dname_prepend(name, ns + 1, ns[0]) != 0)
			return false;
	}
	return true;
}

// The name that stands for a pod's address in the image: emit_place of control/synth.
static bool pod_name(const struct plugin_peer *peer, struct dname *out)
{
	static const char hex[] = "0123456789abcdef";
	size_t n = peer->family == 4 ? 4 : 16;
	char label[2 * sizeof(peer->address)];

	for (size_t i = 0; i < n; i++) {
		label[2 * i] = hex[peer->address[i] >> 4];
		label[2 * i + 1] = hex[peer->address[i] & 15];
	}
	out->size_bytes = 1;
	out->wire[0] = 0;
	return peer->family != 0 && dname_prepend(out, "@autopath", 9) == 0 &&
		dname_prepend(out, label, 2 * n) == 0;
}

// The namespace of the pod that asks, as the first label of what its address points to; NULL: no
// pod has it.
static const uint8_t *find_pod(struct job *j, uint16_t view)
{
	struct question what = {.type = RR_TYPE_PTR, .class = RR_CLASS_IN};
	struct response found;

	if (j->find == NULL || !pod_name(&j->from, &what.name) ||
		!j->find(j, view, &what, &found) || found.part[RESPONSE_ANSWER].n == 0)
		return NULL;
	return found.part[RESPONSE_ANSWER].items[0].rdata;
}

// False: there is nothing to walk for this client.
static bool list_make(struct job *j, const struct autopath_state *s, struct path *p)
{
	const struct policy_autopath *rule = s->rule;
	const uint8_t *zone = rule->cluster_zone.wire;

	if (rule->from_kubernetes) {
		if (!dname_is_within(j->question.name.wire, zone))
			return false;
		const uint8_t *ns = find_pod(j, rule->view);
		plugin_count(j, ns == NULL ? RULE_AUTOPATH_STRANGERS : RULE_AUTOPATH_PODS, NULL);
		if (ns == NULL || !list_cluster(p, zone, ns))
			return false;
	}
	for (size_t i = 0; i < s->n; i++)
		p->list[p->n++] = s->search[i];
	if (p->n == 0)
		return false;
	p->list[p->n] = (struct dname){.size_bytes = 1};
	p->n++;
	return true;
}

// What is left of the first element of the list. False: the name is not below it.
static bool base_take(const struct dname *name, struct path *p)
{
	const struct dname *first = &p->list[0];

	if (name->size_bytes <= first->size_bytes || !dname_is_within(name->wire, first->wire))
		return false;
	p->base.size_bytes = (uint8_t)(name->size_bytes - first->size_bytes + 1);
	memcpy(p->base.wire, name->wire, p->base.size_bytes - 1u);
	p->base.wire[p->base.size_bytes - 1] = 0;
	return true;
}

static enum plugin_verdict autopath_ask(struct job *j, struct frame *f)
{
	const struct autopath_state *s = f->state;

	if (plugin_zone(&s->rule->zones, &j->question.name) == NULL)
		return PLUGIN_NEXT;
	struct path *p = arena_alloc(&j->arena, sizeof(*p));
	if (p == NULL)
		return made_fail(j);
	if (list_make(j, s, p) && base_take(&j->question.name, p))
		f->memory = p;
	return PLUGIN_NEXT;
}

// The client asked for one name and gets the records of another: an alias leads there.
static int lead_there(struct job *j)
{
	struct response_rrs *answer = &j->response.part[RESPONSE_ANSWER];
	const uint8_t *asked = made_owner(j);

	for (size_t i = 0; asked != NULL && i < answer->n; i++) {
		const struct response_rr rr = answer->items[i];
		if (dname_is_equal(rr.owner, asked))
			continue;
		const struct response_rr alias = {.owner = asked,
			.type = RR_TYPE_CNAME,
			.class = RR_CLASS_IN,
			.ttl_s = rr.ttl_s,
			.rdata = rr.owner,
			.rdata_size = (uint16_t)dname_size(rr.owner, DNS_NAME_MAX_BYTES)};
		if (response_add(&j->arena, &j->response, RESPONSE_ANSWER, &alias) != 0)
			return -ENOMEM;
		memmove(answer->items + 1, answer->items, (answer->n - 1) * sizeof(rr));
		answer->items[0] = alias;
		return 0;
	}
	return asked == NULL ? -ENOMEM : 0;
}

// The next name of the list. False: there is none.
static bool advance(struct job *j, struct path *p)
{
	while (++p->at < p->n) {
		j->question.name = p->base;
		if (dname_append(&j->question.name, p->list[p->at].wire) == 0)
			return true;
	}
	return false;
}

static enum plugin_verdict autopath_reply(struct job *j, struct frame *f)
{
	struct path *p = f->memory;

	if (p == NULL)
		return PLUGIN_ANSWER;
	if (p->at == 0)
		p->first = j->response;
	if (j->response.author == RESPONSE_FAILED) // nothing else is tried
		return PLUGIN_ANSWER;
	if (j->response.rcode == RCODE_NXDOMAIN || j->response.author == RESPONSE_UNWRITTEN) {
		if (advance(j, p))
			return PLUGIN_AGAIN;
		j->response = p->first;
		return PLUGIN_ANSWER;
	}
	plugin_count(j, RULE_AUTOPATH_SUCCESSES, NULL);
	j->question = f->saved;
	return lead_there(j) == 0 ? PLUGIN_ANSWER : made_fail(j);
}

const struct plugin plugin_autopath = {.kind = POLICY_AUTOPATH,
	.prepare = autopath_prepare,
	.release = autopath_release,
	.is_outdated = autopath_is_outdated,
	.ask = autopath_ask,
	.reply = autopath_reply};
