// SPDX-License-Identifier: Apache-2.0
// `acl`: who may ask what (k8s:2.14). The first rule of a directive that matches decides; `allow`
// ends all acl directives of the block.
#include "slowpath/plugin/made.h"
#include "slowpath/plugin/plugins.h"

enum phase {
	PHASE_FIRST = 1, // of the block's directives that the question meets
	PHASE_ALLOWED = 2,
};

static bool has_type(const struct policy_u16s *types, uint16_t type)
{
	for (size_t i = 0; i < types->n; i++) {
		if (types->items[i] == type)
			return true;
	}
	return types->n == 0;
}

static bool has_source(const struct policy_cidrs *nets, const struct plugin_peer *peer)
{
	for (size_t i = 0; i < nets->n; i++) {
		if (plugin_is_in(&nets->items[i], peer))
			return true;
	}
	return nets->n == 0;
}

static const struct policy_acl_rule *find_rule(const struct policy_acl *acl, const struct job *j)
{
	for (size_t i = 0; i < acl->rules.n; i++) {
		const struct policy_acl_rule *r = &acl->rules.items[i];
		if (has_type(&r->types, j->question.type) && has_source(&r->sources, &j->from))
			return r;
	}
	return NULL;
}

static enum plugin_verdict refuse(
	struct job *j, const struct frame *f, uint16_t rcode, enum ede ede)
{
	// Its own reply() is not called, that of the first one is.
	j->acl_refused = !(f->phase & PHASE_FIRST);
	j->acl_met = j->acl_refused;
	response_init(&j->response, rcode, 0);
	j->response.ede = ede;
	return PLUGIN_ANSWER;
}

static enum plugin_verdict acl_ask(struct job *j, struct frame *f)
{
	const struct policy_acl *acl = f->data;
	const uint8_t *zone = plugin_zone(&acl->zones, &j->question.name);

	if (j->acl_allowed || zone == NULL)
		return PLUGIN_NEXT;
	f->phase = j->acl_met ? 0 : PHASE_FIRST;
	j->acl_met = true;
	j->acl_refused = false;
	// CoreDNS blocks whose address it cannot tell.
	if (j->from.family == 0)
		return refuse(j, f, RCODE_REFUSED, EDE_BLOCKED);
	const struct policy_acl_rule *r = find_rule(acl, j);
	if (r == NULL)
		return PLUGIN_NEXT;
	switch ((enum policy_acl_action)r->action) {
	case POLICY_BLOCK:
		plugin_count(j, RULE_ACL_BLOCKED, zone);
		return refuse(j, f, RCODE_REFUSED, EDE_BLOCKED);
	case POLICY_FILTER:
		plugin_count(j, RULE_ACL_FILTERED, zone);
		return refuse(j, f, RCODE_NOERROR, EDE_FILTERED);
	case POLICY_DROP:
		plugin_count(j, RULE_ACL_DROPPED, zone);
		return PLUGIN_DROP;
	case POLICY_ALLOW:
	case POLICY_ACL_ACTIONS:
	default:
		f->phase |= PHASE_ALLOWED;
		j->acl_allowed = true;
		return PLUGIN_NEXT;
	}
}

// Who asks again (autopath) meets every rule again. The first one counts what none has refused.
static enum plugin_verdict acl_reply(struct job *j, struct frame *f)
{
	static const char *const view[] = {""};

	if (f->phase & PHASE_ALLOWED)
		j->acl_allowed = false;
	if (!(f->phase & PHASE_FIRST))
		return PLUGIN_ANSWER;
	j->acl_met = false;
	if (!j->acl_refused)
		plugin_count_more(j, RULE_ACL_ALLOWED, NULL, view, 1);
	return PLUGIN_ANSWER;
}

const struct plugin plugin_acl = {.kind = POLICY_ACL, .ask = acl_ask, .reply = acl_reply};
