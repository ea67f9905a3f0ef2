// SPDX-License-Identifier: Apache-2.0
// The order of steps is that of CoreDNS' `file` (k8s:2.14): delegations and redirections on the way
// to the name, the name, the wildcard that stands for it.
#include "slowpath/plugin/file_search.h"

#include "slowpath/plugin/made.h"
#include "zones/wire/dname.h"

#include <string.h>

enum { ALIASES_MAX = 8 }; // that are followed behind the first

static int add(struct job *j, struct file_search *s, enum response_part part,
	const struct response_rr *rr, const uint8_t *owner)
{
	struct response_rr copy = *rr;

	copy.owner = owner == NULL ? rr->owner : owner;
	return response_add(&j->arena, &s->made, part, &copy);
}

static int add_all(struct job *j, struct file_search *s, enum response_part part,
	const struct response_rrs *rrs)
{
	int rc = 0;

	for (size_t i = 0; i < rrs->n && rc == 0; i++)
		rc = add(j, s, part, &rrs->items[i], NULL);
	return rc;
}

static int add_soa(struct job *j, struct file_search *s, enum response_part part)
{
	int rc = add(j, s, part, &s->zone->soa, NULL);

	return rc == 0 && s->is_do ? add_all(j, s, part, &s->zone->soa_sigs) : rc;
}

static int add_ns(struct job *j, struct file_search *s, enum response_part part)
{
	int rc = add_all(j, s, part, &s->zone->ns);

	return rc == 0 && s->is_do ? add_all(j, s, part, &s->zone->ns_sigs) : rc;
}

static const struct response_rr *find_type(const struct zone_node *node, uint16_t type)
{
	for (size_t i = 0; i < node->n; i++) {
		if (node->items[i].rr.type == type)
			return &node->items[i].rr;
	}
	return NULL;
}

// The records of a type, under another owner for wildcards.
static int add_type(struct job *j, struct file_search *s, enum response_part part,
	const struct zone_node *node, uint16_t type, const uint8_t *owner)
{
	int rc = 0;

	for (size_t i = 0; i < node->n && rc == 0; i++) {
		const struct response_rr *rr = &node->items[i].rr;
		if (rr->type == type ||
			(s->is_do && rr->type == RR_TYPE_RRSIG && zone_data_covered(rr) == type))
			rc = add(j, s, part, rr, owner);
	}
	return rc;
}

static int add_addresses(struct job *j, struct file_search *s, const uint8_t *name)
{
	struct zone_node node = zone_data_find(s->zone, name);
	int rc = add_type(j, s, RESPONSE_ADDITIONAL, &node, RR_TYPE_A, NULL);

	return rc == 0 ? add_type(j, s, RESPONSE_ADDITIONAL, &node, RR_TYPE_AAAA, NULL) : rc;
}

// Addresses of the servers that lie inside the zone they serve.
static int add_glue(struct job *j, struct file_search *s, const struct response_rr *ns)
{
	return dname_is_within(ns->rdata, ns->owner) ? add_addresses(j, s, ns->rdata) : 0;
}

// The name that a record of the answer leads to, or NULL.
static const uint8_t *target_of(const struct response_rr *rr)
{
	size_t at = rr->type == RR_TYPE_SRV ? 6 : 2;
	bool has_one = rr->type == RR_TYPE_MX || rr->type == RR_TYPE_SRV ||
		rr->type == RR_TYPE_SVCB || rr->type == RR_TYPE_HTTPS;

	if (!has_one || at >= rr->rdata_size ||
		dname_size(rr->rdata + at, rr->rdata_size - at) == 0)
		return NULL;
	return rr->rdata + at;
}

static bool has_target_before(const struct response_rrs *answer, size_t i)
{
	const uint8_t *target = target_of(&answer->items[i]);

	for (size_t k = 0; k < i; k++) {
		const uint8_t *other = target_of(&answer->items[k]);
		if (other != NULL && dname_is_equal(other, target))
			return true;
	}
	return false;
}

// Addresses of the targets inside the zone, once each.
static int add_targets(struct job *j, struct file_search *s)
{
	const struct response_rrs *answer = &s->made.part[RESPONSE_ANSWER];
	struct dname lower;
	int rc = 0;

	for (size_t i = 0; i < answer->n && rc == 0; i++) {
		const uint8_t *target = target_of(&answer->items[i]);
		if (target == NULL || !dname_is_within(target, s->zone->origin) ||
			has_target_before(answer, i))
			continue;
		lower.size_bytes = (uint8_t)dname_size(target, DNS_NAME_MAX_BYTES);
		memcpy(lower.wire, target, lower.size_bytes);
		dname_lower(&lower);
		rc = add_addresses(j, s, lower.wire);
	}
	return rc;
}

static enum plugin_verdict finish(struct job *j, struct file_search *s, int rc)
{
	if (rc != 0)
		return made_fail(j);
	j->response = s->made;
	return PLUGIN_ANSWER;
}

// No data, or no name; proof is the node whose NSEC says so.
static enum plugin_verdict deny(struct job *j, struct file_search *s, const struct zone_node *proof)
{
	int rc = add_soa(j, s, RESPONSE_AUTHORITY);

	if (rc == 0 && s->is_do && proof != NULL)
		rc = add_type(j, s, RESPONSE_AUTHORITY, proof, RR_TYPE_NSEC, NULL);
	return finish(j, s, rc);
}

static enum plugin_verdict positive(struct job *j, struct file_search *s, int rc)
{
	if (rc == 0)
		rc = add_ns(j, s, RESPONSE_AUTHORITY);
	return finish(j, s, rc == 0 ? add_targets(j, s) : rc);
}

// Whether the zone ends at the node for this question: DS of the cut itself is the parent's.
static bool is_cut(const struct job *j, const struct zone_node *node, bool is_whole_name)
{
	return find_type(node, RR_TYPE_NS) != NULL &&
		!(is_whole_name && j->question.type == RR_TYPE_DS);
}

static enum plugin_verdict refer(struct job *j, struct file_search *s, const struct zone_node *node)
{
	int rc = 0;

	// A reply that holds the zone's own alias stays an authoritative one.
	if (s->made.part[RESPONSE_ANSWER].n == 0)
		s->made.flags &= (uint16_t)~HEADER_AA;
	for (size_t i = 0; i < node->n && rc == 0; i++) {
		if (node->items[i].rr.type == RR_TYPE_NS)
			rc = add(j, s, RESPONSE_AUTHORITY, &node->items[i].rr, NULL);
	}
	if (rc == 0 && s->is_do)
		rc = add_type(j, s, RESPONSE_AUTHORITY, node, RR_TYPE_DS, NULL);
	for (size_t i = 0; i < node->n && rc == 0; i++) {
		if (node->items[i].rr.type == RR_TYPE_NS)
			rc = add_glue(j, s, &node->items[i].rr);
	}
	return finish(j, s, rc);
}

// The part of the name that has `below` labels in front of the zone's.
static const uint8_t *part_of(const struct file_search *s, const uint8_t *name, unsigned below)
{
	unsigned skip = dname_labels(name) - dname_labels(s->zone->origin) - below;

	for (unsigned i = 0; i < skip; i++)
		name += 1u + name[0];
	return name;
}

static bool find_cut(const struct job *j, const struct file_search *s, const uint8_t *name,
	struct zone_node *cut)
{
	if (!dname_is_within(name, s->zone->origin))
		return false;
	unsigned below = dname_labels(name) - dname_labels(s->zone->origin);
	for (unsigned i = 1; i <= below; i++) {
		*cut = zone_data_find(s->zone, part_of(s, name, i));
		if (is_cut(j, cut, i == below))
			return true;
	}
	return false;
}

static enum plugin_verdict resolve(struct job *j, const uint8_t *target)
{
	j->target = j->question;
	j->target.name.size_bytes = (uint8_t)dname_size(target, DNS_NAME_MAX_BYTES);
	memcpy(j->target.name.wire, target, j->target.name.size_bytes);
	dname_lower(&j->target.name);
	return PLUGIN_RESOLVE;
}

// The alias is in the answer; follows its target in the zone as far as it goes.
static enum plugin_verdict follow(struct job *j, struct file_search *s, const uint8_t *target)
{
	uint16_t type = j->question.type;
	int rc = 0;

	for (unsigned i = 0; rc == 0; i++) {
		struct zone_node node = zone_data_find(s->zone, target);
		const struct response_rr *alias = find_type(&node, RR_TYPE_CNAME);
		bool is_apex = dname_is_equal(target, s->zone->origin);
		struct zone_node cut;
		if (find_cut(j, s, target, &cut))
			return refer(j, s, &cut);
		if (node.n == 0 || type == RR_TYPE_NS || (type == RR_TYPE_SOA && is_apex))
			return resolve(j, target);
		if (i > ALIASES_MAX)
			break;
		if (alias == NULL) {
			rc = add_type(j, s, RESPONSE_ANSWER, &node, type, NULL);
			break;
		}
		rc = add_type(j, s, RESPONSE_ANSWER, &node, RR_TYPE_CNAME, NULL);
		target = alias->rdata;
	}
	return positive(j, s, rc);
}

// RFC 6672 2.2. False: the name is not below the record's owner, or gets too long.
static bool substitute(const struct dname *name, const struct response_rr *dname, struct dname *out)
{
	size_t tail = dname_size(dname->owner, DNS_NAME_MAX_BYTES);

	if (name->size_bytes <= tail)
		return false;
	out->size_bytes = (uint8_t)(name->size_bytes - tail + 1);
	memcpy(out->wire, name->wire, name->size_bytes - tail);
	out->wire[out->size_bytes - 1] = 0;
	return dname_append(out, dname->rdata) == 0;
}

static enum plugin_verdict redirect(struct job *j, struct file_search *s,
	const struct zone_node *node, const struct dname *target)
{
	const struct response_rr *dname = find_type(node, RR_TYPE_DNAME);
	const uint8_t *owner =
		arena_copy(&j->arena, j->question.name.wire, j->question.name.size_bytes);
	const uint8_t *to = arena_copy(&j->arena, target->wire, target->size_bytes);
	struct dname lower = *target;

	// One that changes nothing leads nowhere.
	if (owner == NULL || to == NULL || dname_is_equal(owner, to))
		return made_fail(j);
	const struct response_rr alias = {.owner = owner,
		.type = RR_TYPE_CNAME,
		.class = RR_CLASS_IN,
		.ttl_s = dname->ttl_s,
		.rdata = to,
		.rdata_size = target->size_bytes};
	if (add_type(j, s, RESPONSE_ANSWER, node, RR_TYPE_DNAME, NULL) != 0 ||
		add(j, s, RESPONSE_ANSWER, &alias, NULL) != 0)
		return made_fail(j);
	if (j->question.type == RR_TYPE_CNAME)
		return positive(j, s, 0);
	dname_lower(&lower);
	return follow(j, s, lower.wire);
}

// The records of the name itself, or of the wildcard that stands for it (then with its owner).
static enum plugin_verdict answer(
	struct job *j, struct file_search *s, const struct zone_node *node, const uint8_t *owner)
{
	uint16_t type = j->question.type;
	const struct response_rr *alias = find_type(node, RR_TYPE_CNAME);

	if (alias != NULL && type != RR_TYPE_CNAME) {
		int rc = add_type(j, s, RESPONSE_ANSWER, node, RR_TYPE_CNAME, owner);
		return rc == 0 ? follow(j, s, alias->rdata) : made_fail(j);
	}
	if (find_type(node, type) == NULL)
		return deny(j, s, node);
	int rc = add_type(j, s, RESPONSE_ANSWER, node, type, owner);
	if (rc == 0)
		rc = add_ns(j, s, RESPONSE_AUTHORITY);
	if (rc == 0 && s->is_do && owner != NULL) {
		// RFC 4035 3.1.3.3: that the name itself is missing.
		struct zone_node before = zone_data_before(s->zone, owner);
		rc = add_type(j, s, RESPONSE_AUTHORITY, &before, RR_TYPE_NSEC, NULL);
	}
	return finish(j, s, rc == 0 ? add_targets(j, s) : rc);
}

static enum plugin_verdict apex(struct job *j, struct file_search *s)
{
	int rc = 0;

	if (j->question.type == RR_TYPE_SOA) {
		rc = add_soa(j, s, RESPONSE_ANSWER);
		return finish(j, s, rc == 0 ? add_ns(j, s, RESPONSE_AUTHORITY) : rc);
	}
	rc = add_ns(j, s, RESPONSE_ANSWER);
	for (size_t i = 0; i < s->zone->ns.n && rc == 0; i++)
		rc = add_glue(j, s, &s->zone->ns.items[i]);
	return finish(j, s, rc);
}

// RFC 4035 3.1.3.2: that no wildcard stands for the name.
static int add_wildcard_proof(struct job *j, struct file_search *s, const struct zone_node *first)
{
	const uint8_t *name = j->question.name.wire;
	struct dname star = {.size_bytes = 1};

	while (!dname_is_equal(name, s->zone->origin) && zone_data_find(s->zone, name).n == 0)
		name += 1u + name[0];
	if (dname_append(&star, name) != 0 || dname_prepend(&star, "*", 1) != 0)
		return 0; // no such name can be
	struct zone_node second = zone_data_before(s->zone, star.wire);
	if (second.n == 0 || second.items == first->items)
		return 0;
	return add_type(j, s, RESPONSE_AUTHORITY, &second, RR_TYPE_NSEC, NULL);
}

static enum plugin_verdict missing(struct job *j, struct file_search *s, bool falls)
{
	const uint8_t *name = j->question.name.wire;
	struct zone_node before = zone_data_before(s->zone, name);
	bool is_empty = zone_data_has_below(s->zone, name);

	if (falls)
		return PLUGIN_NEXT;
	s->made.rcode = is_empty ? RCODE_NOERROR : RCODE_NXDOMAIN;
	enum plugin_verdict v = deny(j, s, &before);
	if (is_empty || !s->is_do || before.n == 0)
		return v;
	return finish(j, s, add_wildcard_proof(j, s, &before));
}

// The wildcard in place of the first label.
struct wildcard {
	bool exists; // it may be there without records
	struct zone_node node;
	struct dname name;
};

static void look_for_wildcard(
	const struct zone_data *z, const uint8_t *name, struct wildcard *found)
{
	struct dname star = {.size_bytes = 1};

	if (name[0] == 0 || dname_append(&star, name + 1 + name[0]) != 0 ||
		dname_prepend(&star, "*", 1) != 0)
		return;
	struct zone_node node = zone_data_find(z, star.wire);
	if (node.n == 0 && !zone_data_has_below(z, star.wire))
		return;
	*found = (struct wildcard){true, node, star};
}

// RFC 4592 2.2.2, 3.3.1: a name without records between the wildcard's parent and the question's
// name is the closest encloser, for which that wildcard does not stand.
static bool has_closer(const struct file_search *s, const uint8_t *name, const struct wildcard *w)
{
	const uint8_t *parent = w->name.wire + 2;

	for (name += 1u + name[0]; dname_is_within(name, parent); name += 1u + name[0]) {
		if (dname_is_equal(name, parent))
			return false;
		if (zone_data_has_below(s->zone, name))
			return true;
	}
	return false;
}

static enum plugin_verdict walk(struct job *j, struct file_search *s, bool falls)
{
	const struct dname *name = &j->question.name;
	unsigned below = dname_labels(name->wire) - dname_labels(s->zone->origin);
	struct zone_node node = {0};
	struct wildcard wild = {0};

	for (unsigned i = 0; i <= below; i++) {
		const uint8_t *part = part_of(s, name->wire, i);
		struct dname target;
		node = zone_data_find(s->zone, part);
		if (node.n == 0) {
			look_for_wildcard(s->zone, part, &wild);
			continue;
		}
		const struct response_rr *dname = find_type(&node, RR_TYPE_DNAME);
		if (dname != NULL && substitute(name, dname, &target))
			return redirect(j, s, &node, &target);
		if (is_cut(j, &node, i == below))
			return refer(j, s, &node);
	}
	if (node.n > 0)
		return answer(j, s, &node, NULL);
	if (!wild.exists || has_closer(s, name->wire, &wild))
		return missing(j, s, falls);
	if (wild.node.n == 0)
		return deny(j, s, NULL);
	const uint8_t *owner = arena_copy(&j->arena, name->wire, name->size_bytes);
	return owner == NULL ? made_fail(j) : answer(j, s, &wild.node, owner);
}

enum plugin_verdict file_search(struct job *j, struct file_search *s, bool falls)
{
	uint16_t type = j->question.type;

	s->is_do = j->query->edns.present && j->query->edns.is_do;
	response_init(&s->made, RCODE_NOERROR, HEADER_AA);
	if ((type == RR_TYPE_SOA || type == RR_TYPE_NS) &&
		dname_is_equal(j->question.name.wire, s->zone->origin))
		return apex(j, s);
	return walk(j, s, falls);
}

// RFC 6604 3: the rcode of the target counts.
enum plugin_verdict file_search_resolved(struct job *j, struct file_search *s)
{
	const struct response_rrs *more = &j->response.part[RESPONSE_ANSWER];
	uint16_t rcode = j->response.rcode;
	bool is_denied = rcode == RCODE_NXDOMAIN || (rcode == RCODE_NOERROR && more->n == 0);
	int rc = add_all(j, s, RESPONSE_ANSWER, more);

	if (rcode == RCODE_NXDOMAIN || rcode == RCODE_SERVFAIL)
		s->made.rcode = rcode;
	s->made.flags |= j->response.flags & HEADER_TC;
	if (rc == 0)
		rc = is_denied ? add_soa(j, s, RESPONSE_AUTHORITY)
			       : add_ns(j, s, RESPONSE_AUTHORITY);
	return finish(j, s, rc == 0 ? add_targets(j, s) : rc);
}
