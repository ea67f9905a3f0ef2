// SPDX-License-Identifier: Apache-2.0
// `file`: zones from zone files, answered as CoreDNS' plugin of the name does (k8s:2.14).
#include "slowpath/plugin/made.h"
#include "slowpath/plugin/plugins.h"
#include "slowpath/plugin/zone_data.h"

#include "zones/wire/dname.h"

#include <errno.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>

enum { ALIASES_MAX = 8 }; // that are followed behind the first

struct file_state {
	const struct policy_file *rule;
	struct zone_data *zones; // one per origin
	_Atomic int64_t *seen; // mark of the file that was last looked at
};

static void file_release(void *state)
{
	struct file_state *s = state;

	if (s == NULL)
		return;
	for (size_t i = 0; s->zones != NULL && i < s->rule->zones.n; i++)
		zone_data_fini(&s->zones[i]);
	free(s->zones);
	free(s->seen);
	free(s);
}

static int state_make(const struct policy_file *rule, struct file_state **out, struct err *err)
{
	struct file_state *s = calloc(1, sizeof(*s));
	int rc = 0;

	*out = s;
	if (s == NULL)
		return err_set(err, -ENOMEM, "memory is short");
	s->rule = rule;
	s->zones = calloc(rule->zones.n + 1, sizeof(s->zones[0]));
	s->seen = calloc(1, sizeof(*s->seen));
	if (s->zones == NULL || s->seen == NULL)
		return err_set(err, -ENOMEM, "memory is short");
	*s->seen = plugin_file_mark(rule->path);
	for (size_t i = 0; i < rule->zones.n && rc == 0; i++)
		rc = zone_data_load(&s->zones[i], rule->zones.items[i].wire, rule->path, err);
	return rc;
}

static bool file_prepare(const void *data, void **state, struct err *err)
{
	struct file_state *s = NULL;

	if (state_make(data, &s, err) == 0) {
		*state = s;
		return true;
	}
	file_release(s);
	return false;
}

// A file that cannot be read, or whose serial is the one that we have, changes nothing.
static bool file_is_outdated(const void *data, const void *state)
{
	const struct policy_file *rule = data;
	const struct file_state *old = state;
	struct file_state *new = NULL;
	int64_t mark = plugin_file_mark(rule->path);
	bool is_new = false;

	if (mark == 0 || (old != NULL && (rule->reload_ms == 0 || *old->seen == mark)))
		return false;
	if (state_make(rule, &new, NULL) == 0) {
		is_new = old == NULL || rule->by_mtime || rule->zones.n == 0 ||
			zone_data_serial(&old->zones[0]) != zone_data_serial(&new->zones[0]);
	}
	file_release(new);
	if (old != NULL && !is_new)
		*old->seen = mark;
	return is_new;
}

// One question at work: what has been made of the answer so far.
struct search {
	const struct zone_data *zone;
	struct response made;
};

static int add(struct job *j, struct search *s, enum response_part part,
	const struct response_rr *rr, const uint8_t *owner)
{
	struct response_rr copy = *rr;

	copy.owner = owner == NULL ? rr->owner : owner;
	return response_add(&j->arena, &s->made, part, &copy);
}

static int add_soa(struct job *j, struct search *s, enum response_part part)
{
	return add(j, s, part, &s->zone->soa, NULL);
}

static int add_ns(struct job *j, struct search *s, enum response_part part)
{
	int rc = 0;

	for (size_t i = 0; i < s->zone->ns.n && rc == 0; i++)
		rc = add(j, s, part, &s->zone->ns.items[i], NULL);
	return rc;
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
static int add_type(struct job *j, struct search *s, enum response_part part,
	const struct zone_node *node, uint16_t type, const uint8_t *owner)
{
	int rc = 0;

	for (size_t i = 0; i < node->n && rc == 0; i++) {
		if (node->items[i].rr.type == type)
			rc = add(j, s, part, &node->items[i].rr, owner);
	}
	return rc;
}

static int add_addresses(struct job *j, struct search *s, const uint8_t *name)
{
	struct zone_node node = zone_data_find(s->zone, name);
	int rc = add_type(j, s, RESPONSE_ADDITIONAL, &node, RR_TYPE_A, NULL);

	return rc == 0 ? add_type(j, s, RESPONSE_ADDITIONAL, &node, RR_TYPE_AAAA, NULL) : rc;
}

// Addresses of the servers that lie inside the zone they serve.
static int add_glue(struct job *j, struct search *s, const struct response_rr *ns)
{
	return dname_is_within(ns->rdata, ns->owner) ? add_addresses(j, s, ns->rdata) : 0;
}

// Addresses of the targets of MX and SRV inside the zone.
static int add_targets(struct job *j, struct search *s)
{
	const struct response_rrs *answer = &s->made.part[RESPONSE_ANSWER];
	int rc = 0;

	for (size_t i = 0; i < answer->n && rc == 0; i++) {
		const struct response_rr *rr = &answer->items[i];
		size_t at = rr->type == RR_TYPE_MX ? 2 : 6;
		if (rr->type != RR_TYPE_MX && rr->type != RR_TYPE_SRV)
			continue;
		if (dname_is_within(rr->rdata + at, s->zone->origin))
			rc = add_addresses(j, s, rr->rdata + at);
	}
	return rc;
}

static enum plugin_verdict finish(struct job *j, struct search *s, int rc)
{
	if (rc != 0)
		return made_fail(j);
	j->response = s->made;
	return PLUGIN_ANSWER;
}

// The alias is in the answer; follows its target in the zone as far as it goes.
static enum plugin_verdict follow(struct job *j, struct search *s, const uint8_t *target)
{
	uint16_t type = j->question.type;
	int rc = 0;

	for (unsigned i = 0; i <= ALIASES_MAX && rc == 0; i++) {
		struct zone_node node = zone_data_find(s->zone, target);
		const struct response_rr *alias = find_type(&node, RR_TYPE_CNAME);
		if (node.n == 0) {
			j->target = j->question;
			j->target.name.size_bytes = (uint8_t)dname_size(target, DNS_NAME_MAX_BYTES);
			memcpy(j->target.name.wire, target, j->target.name.size_bytes);
			dname_lower(&j->target.name);
			return PLUGIN_RESOLVE;
		}
		if (alias == NULL) {
			rc = add_type(j, s, RESPONSE_ANSWER, &node, type, NULL);
			break;
		}
		rc = add_type(j, s, RESPONSE_ANSWER, &node, RR_TYPE_CNAME, NULL);
		target = alias->rdata;
	}
	return finish(j, s, rc == 0 ? add_ns(j, s, RESPONSE_AUTHORITY) : rc);
}

static enum plugin_verdict nodata(struct job *j, struct search *s)
{
	return finish(j, s, add_soa(j, s, RESPONSE_AUTHORITY));
}

static enum plugin_verdict delegate(struct job *j, struct search *s, const struct zone_node *node)
{
	int rc = add_type(j, s, RESPONSE_AUTHORITY, node, RR_TYPE_NS, NULL);

	s->made.flags &= (uint16_t)~HEADER_AA;
	for (size_t i = 0; i < node->n && rc == 0; i++) {
		if (node->items[i].rr.type == RR_TYPE_NS)
			rc = add_glue(j, s, &node->items[i].rr);
	}
	return finish(j, s, rc);
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

static enum plugin_verdict redirect(struct job *j, struct search *s,
	const struct response_rr *dname, const struct dname *target)
{
	const uint8_t *owner =
		arena_copy(&j->arena, j->question.name.wire, j->question.name.size_bytes);
	const uint8_t *to = arena_copy(&j->arena, target->wire, target->size_bytes);
	struct dname lower = *target;

	if (owner == NULL || to == NULL)
		return made_fail(j);
	const struct response_rr alias = {.owner = owner,
		.type = RR_TYPE_CNAME,
		.class = RR_CLASS_IN,
		.ttl_s = dname->ttl_s,
		.rdata = to,
		.rdata_size = target->size_bytes};
	if (add(j, s, RESPONSE_ANSWER, dname, NULL) != 0 ||
		add(j, s, RESPONSE_ANSWER, &alias, NULL) != 0)
		return made_fail(j);
	if (j->question.type == RR_TYPE_CNAME)
		return finish(j, s, add_ns(j, s, RESPONSE_AUTHORITY));
	dname_lower(&lower);
	return follow(j, s, lower.wire);
}

// The records of the name itself, or of the wildcard that stands for it (then with its owner).
static enum plugin_verdict answer(
	struct job *j, struct search *s, const struct zone_node *node, const uint8_t *owner)
{
	uint16_t type = j->question.type;
	const struct response_rr *alias = find_type(node, RR_TYPE_CNAME);
	int rc = 0;

	if (alias != NULL && (type != RR_TYPE_CNAME || owner != NULL)) {
		rc = add_type(j, s, RESPONSE_ANSWER, node, RR_TYPE_CNAME, owner);
		return rc == 0 ? follow(j, s, alias->rdata) : made_fail(j);
	}
	if (find_type(node, type) == NULL)
		return nodata(j, s);
	rc = add_type(j, s, RESPONSE_ANSWER, node, type, owner);
	if (rc == 0)
		rc = add_ns(j, s, RESPONSE_AUTHORITY);
	if (rc == 0 && owner == NULL)
		rc = add_targets(j, s);
	return finish(j, s, rc);
}

static enum plugin_verdict apex(struct job *j, struct search *s, bool *is_done)
{
	bool is_ns = j->question.type == RR_TYPE_NS;
	int rc = 0;

	*is_done = (is_ns || j->question.type == RR_TYPE_SOA) &&
		dname_is_equal(j->question.name.wire, s->zone->origin);
	if (!*is_done)
		return PLUGIN_NEXT;
	if (!is_ns) {
		rc = add_soa(j, s, RESPONSE_ANSWER);
		return finish(j, s, rc == 0 ? add_ns(j, s, RESPONSE_AUTHORITY) : rc);
	}
	rc = add_ns(j, s, RESPONSE_ANSWER);
	for (size_t i = 0; i < s->zone->ns.n && rc == 0; i++)
		rc = add_glue(j, s, &s->zone->ns.items[i]);
	return finish(j, s, rc);
}

static struct zone_node find_wildcard(const struct zone_data *z, const uint8_t *name)
{
	struct dname star = {.size_bytes = 1};

	if (name[0] == 0 || dname_append(&star, name + 1 + name[0]) != 0 ||
		dname_prepend(&star, "*", 1) != 0)
		return (struct zone_node){0};
	return zone_data_find(z, star.wire);
}

static enum plugin_verdict missing(struct job *j, struct frame *f, struct search *s)
{
	const struct policy_file *rule = f->data;

	if (zone_data_has_below(s->zone, j->question.name.wire))
		return nodata(j, s);
	if (plugin_falls(&rule->fall, &j->question.name))
		return PLUGIN_NEXT;
	s->made.rcode = RCODE_NXDOMAIN;
	return nodata(j, s);
}

// From the zone down to the name: delegations and redirections on the way come first.
static enum plugin_verdict walk(struct job *j, struct frame *f, struct search *s)
{
	const struct dname *name = &j->question.name;
	unsigned below = dname_labels(name->wire) - dname_labels(s->zone->origin);
	struct zone_node node = {0};
	struct zone_node wild = {0};

	for (unsigned i = 0; i <= below; i++) {
		const uint8_t *part = name->wire;
		struct dname target;
		for (unsigned k = i; k < below; k++)
			part += 1u + part[0];
		node = zone_data_find(s->zone, part);
		if (node.n == 0) {
			struct zone_node star = find_wildcard(s->zone, part);
			wild = star.n > 0 ? star : wild;
			continue;
		}
		const struct response_rr *dname = find_type(&node, RR_TYPE_DNAME);
		if (dname != NULL && substitute(name, dname, &target))
			return redirect(j, s, dname, &target);
		bool is_asked = i == below && j->question.type == RR_TYPE_DS;
		if (find_type(&node, RR_TYPE_NS) != NULL && !is_asked)
			return delegate(j, s, &node);
	}
	if (node.n > 0)
		return answer(j, s, &node, NULL);
	if (wild.n == 0)
		return missing(j, f, s);
	const uint8_t *owner = arena_copy(&j->arena, name->wire, name->size_bytes);
	return owner == NULL ? made_fail(j) : answer(j, s, &wild, owner);
}

static const struct zone_data *find_zone(const struct file_state *state, const struct job *j)
{
	const uint8_t *origin = plugin_zone(&state->rule->zones, &j->question.name);

	for (size_t i = 0; origin != NULL && i < state->rule->zones.n; i++) {
		if (state->zones[i].origin == origin)
			return &state->zones[i];
	}
	return NULL;
}

static enum plugin_verdict file_ask(struct job *j, struct frame *f)
{
	bool is_done = false;
	const struct zone_data *zone = find_zone(f->state, j);

	if (zone == NULL)
		return PLUGIN_NEXT;
	if (j->question.type == RR_TYPE_AXFR || j->question.type == RR_TYPE_IXFR)
		return made_empty(j, RCODE_REFUSED);
	struct search *s = arena_alloc(&j->arena, sizeof(*s));
	if (s == NULL)
		return made_fail(j);
	s->zone = zone;
	f->memory = s;
	response_init(&s->made, RCODE_NOERROR, HEADER_AA);
	enum plugin_verdict v = apex(j, s, &is_done);
	return is_done ? v : walk(j, f, s);
}

static int copy_part(struct job *j, struct search *s, enum response_part part)
{
	const struct response_rrs *more = &j->response.part[part];
	int rc = 0;

	for (size_t i = 0; i < more->n && rc == 0; i++)
		rc = add(j, s, part, &more->items[i], NULL);
	return rc;
}

static bool has_type(const struct response_rrs *rrs, uint16_t type)
{
	for (size_t i = 0; i < rrs->n; i++) {
		if (rrs->items[i].type == type)
			return true;
	}
	return false;
}

// The target of an alias lies outside of what the zone has. RFC 6604 3: its rcode counts.
static enum plugin_verdict file_resolved(struct job *j, struct frame *f)
{
	const struct response_rrs *ns = &j->response.part[RESPONSE_AUTHORITY];
	uint16_t rcode = j->response.rcode;
	struct search *s = f->memory;
	int rc = copy_part(j, s, RESPONSE_ANSWER);

	if (rcode == RCODE_NXDOMAIN || rcode == RCODE_SERVFAIL)
		s->made.rcode = rcode;
	bool is_nodata = rcode == RCODE_NOERROR && j->response.part[RESPONSE_ANSWER].n == 0;
	if (rc == 0 && is_nodata && has_type(ns, RR_TYPE_NS) && !has_type(ns, RR_TYPE_SOA)) {
		rc = copy_part(j, s, RESPONSE_AUTHORITY);
		return finish(j, s, rc == 0 ? copy_part(j, s, RESPONSE_ADDITIONAL) : rc);
	}
	if (rc == 0)
		rc = is_nodata || rcode == RCODE_NXDOMAIN ? add_soa(j, s, RESPONSE_AUTHORITY)
							  : add_ns(j, s, RESPONSE_AUTHORITY);
	s->made.flags |= j->response.flags & HEADER_TC;
	return finish(j, s, rc);
}

const struct plugin plugin_file = {.kind = POLICY_FILE,
	.prepare = file_prepare,
	.release = file_release,
	.is_outdated = file_is_outdated,
	.ask = file_ask,
	.resolved = file_resolved};
