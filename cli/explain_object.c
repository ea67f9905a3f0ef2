// SPDX-License-Identifier: Apache-2.0
// Reads the name by its shape, and its sets for what kind of service it is.
#include "cli/explain_object.h"

#include "zones/wire/message.h"

#include <arpa/inet.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

enum { OWNERS_SHOWN = 8 };

struct text {
	char *buf;
	size_t size_bytes, len;
};

__attribute__((format(printf, 2, 3))) static void add(struct text *t, const char *fmt, ...)
{
	va_list ap;

	va_start(ap, fmt);
	int n = vsnprintf(t->buf + t->len, t->size_bytes - t->len, fmt, ap);
	va_end(ap);
	if (n > 0)
		t->len += (size_t)n;
	if (t->len >= t->size_bytes)
		t->len = t->size_bytes - 1; // cut
}

// The first SRV record's target, or false.
static bool first_target(const struct snapshot *s, const struct ask *question, struct dname *out)
{
	static struct ask_reply reply; // too large for a stack frame
	struct ask a = *question;
	struct message_rr rr;

	a.type = RR_TYPE_SRV;
	a.transport = TRANSPORT_TCP;
	ask_snapshot(s, &a, &reply);
	struct rdbuf r = rdbuf_of(reply.msg, reply.size_bytes);
	(void)rdbuf_take(&r, DNS_HEADER_BYTES);
	message_name(&r, r.size_bytes, out);
	(void)rdbuf_take(&r, 4);
	message_rr(&r, &rr);
	if (r.bad || rr.type != RR_TYPE_SRV)
		return false;
	r.pos = rr.rdata_pos + 6;
	message_name(&r, r.size_bytes, out);
	return !r.bad;
}

// Sets tell the kinds of services apart (k8s:2.5): an ExternalName has a CNAME and nothing of its
// own; the SRV records of cluster IPs aim at the service itself, those of headless ones at names
// below it.
static const char *kind_of(const struct snapshot *s, const struct ask *a, const struct found *f)
{
	struct dname target;

	if (image_find_set(f->img, f->name, RR_TYPE_CNAME) != NULL)
		return " (ExternalName)";
	if (!first_target(s, a, &target) || dname_is_equal(target.wire, a->name))
		return "";
	return " (headless)";
}

static void add_service(struct text *t, const struct subject *u)
{
	add(t, "service %s/%s", u->ns, u->service);
}

static const char *without_underscore(const char *label)
{
	return label + (label[0] == '_');
}

static void add_below_service(struct text *t, const struct subject *u)
{
	if (u->shape == SUBJECT_PORT)
		add(t, "port %s over %s of ",
			strcmp(u->port, "_") == 0 ? "of any name" : without_underscore(u->port),
			strcmp(u->protocol, "_") == 0 ? "any protocol"
						      : without_underscore(u->protocol));
	else if (u->endpoint[0] == '_')
		add(t, "ports over %s of ", without_underscore(u->endpoint));
	else if (u->shape == SUBJECT_ENDPOINT)
		add(t, "endpoint %s of ", u->endpoint);
	else
		add(t, "a name below ");
	add_service(t, u);
}

static void add_address(struct text *t, const struct subject *u)
{
	char address[INET6_ADDRSTRLEN];

	if (u->family == 0) {
		add(t, "part of an address");
		return;
	}
	// The buffer is large enough.
	(void)inet_ntop(u->family == 4 ? AF_INET : AF_INET6, u->address, address, sizeof(address));
	add(t, "address %s", address);
}

// The owners of an address are what its PTR records aim at.
static void add_owners(
	struct text *t, const struct ask_reply *reply, const struct subject_zones *zones)
{
	struct rdbuf r = rdbuf_of(reply->msg, reply->size_bytes);
	struct dname name;
	struct subject owner;

	(void)rdbuf_take(&r, 6);
	unsigned n = rdbuf_u16(&r);
	(void)rdbuf_take(&r, 4);
	message_name(&r, r.size_bytes, &name);
	(void)rdbuf_take(&r, 4);
	for (unsigned i = 0; i < n && i < OWNERS_SHOWN && !r.bad; i++) {
		struct message_rr rr;
		message_rr(&r, &rr);
		struct rdbuf data = r;
		data.pos = rr.rdata_pos;
		message_name(&data, data.size_bytes, &name);
		if (r.bad || data.bad || rr.type != RR_TYPE_PTR)
			continue;
		subject_of(zones, name.wire, &owner);
		add(t, "%s", i == 0 ? " of " : ", ");
		if (owner.shape == SUBJECT_SERVICE)
			add_service(t, &owner);
		else
			add_below_service(t, &owner);
	}
}

static void add_pod(struct text *t, const struct subject *u, const struct found *f)
{
	if (f->name != NULL && (f->name->flags & NAME_POD_NS) != 0)
		add(t, "made from the name; pods insecure looks at namespace %s only", u->ns);
	else
		add(t, "pod with address %s in namespace %s", u->endpoint, u->ns);
}

// The entry that says why there is no such name, or NULL. Nobody looks such entries up but we.
static const struct image_name *find_reason(const struct explain_question *q)
{
	const struct image *const layers[] = {q->snapshot->overlay, q->snapshot->base};
	const struct image_step *step = q->reply->result.step;
	static struct query query;

	if (step == NULL)
		return NULL;
	query_make(&query, q->ask->name, RR_TYPE_A);
	const struct name_key key = {query.norm, query.norm_size, query.underscores, step->view};
	for (size_t l = 0; l < 2; l++) {
		const struct image *img = layers[l];
		for (uint32_t i = 0; img != NULL && i < img->n_names; i++) {
			const struct image_name *n = snapshot_match(img, i, &key);
			if (n != NULL)
				return n;
		}
	}
	return NULL;
}

static bool add_reason(struct text *t, const struct explain_question *q, const struct subject *u)
{
	const struct image_name *n = u->shape == SUBJECT_SERVICE ? find_reason(q) : NULL;

	if (n == NULL || (n->flags & (NAME_FOR_ADDRESS | NAME_UNREADY)) == 0)
		return false;
	add_service(t, u);
	add(t, "%s",
		(n->flags & NAME_FOR_ADDRESS) != 0
			? ": an ExternalName whose target is an address; no alias can point to "
			  "one, so there is no such name, as in CoreDNS"
			: ": none of its endpoints is ready, so there is no such name, as in "
			  "CoreDNS");
	return true;
}

static bool has_namespace(
	const struct snapshot *s, const struct subject *u, const struct answer_result *result)
{
	char text[SUBJECT_LABEL_BYTES + 8];
	struct dname name;
	static struct query q;
	struct found f;

	(void)snprintf(text, sizeof(text), "%s.svc.", u->ns);
	if (result->step == NULL || u->ns[0] == 0 || dname_parse(text, &name) != 0 ||
		dname_append(&name, u->zone->wire) != 0)
		return true; // not known to be missing
	query_make(&q, name.wire, RR_TYPE_A);
	const struct name_key key = {q.norm, q.norm_size, q.underscores, result->step->view};
	snapshot_find(s, &key, &f);
	return f.name != NULL;
}

static void add_subject(struct text *t, const struct explain_question *q, const struct subject *u)
{
	const struct found *f = &q->reply->result.found;

	switch (u->shape) {
	case SUBJECT_APEX:
	case SUBJECT_REVERSE_APEX:
		add(t, "the zone itself");
		break;
	case SUBJECT_REVERSE:
		add_address(t, u);
		add_owners(t, q->reply, q->zones);
		break;
	case SUBJECT_NS_DNS:
		add(t, "addresses of this DNS service");
		break;
	case SUBJECT_DNS_VERSION:
		add(t, "version of the DNS specification");
		break;
	case SUBJECT_SVC:
		add(t, "all services");
		break;
	case SUBJECT_POD:
		add(t, "all pods");
		break;
	case SUBJECT_NS_SVC:
	case SUBJECT_NS_POD:
		add(t, "namespace %s", u->ns);
		break;
	case SUBJECT_SERVICE:
		add_service(t, u);
		if (f->name != NULL)
			add(t, "%s", kind_of(q->snapshot, q->ask, f));
		break;
	case SUBJECT_ENDPOINT:
	case SUBJECT_PORT:
	case SUBJECT_DEEP:
		add_below_service(t, u);
		break;
	case SUBJECT_POD_NAME:
		add_pod(t, u, f);
		break;
	case SUBJECT_OUTSIDE:
	case SUBJECT_POD_EXTRA:
	case SUBJECT_POD_DEEP:
	case SUBJECT_OTHER:
	case SUBJECT_SHAPE_COUNT:
		break;
	}
}

// Whether a directive in front of the cluster's names has the question: what the name spells may
// be another name's business, and need not exist.
static bool is_unseen(const struct explain_question *q, const struct subject *u)
{
	const struct answer_result *r = &q->reply->result;
	const struct image *top = snapshot_top(q->snapshot);

	if (q->reply->verdict != ANSWER_PUNT || r->rule == NULL || r->step == NULL ||
		r->found.name != NULL || u->shape == SUBJECT_REVERSE)
		return false;
	const struct image_step *steps = &top->steps[r->rule->first_step];
	for (const struct image_step *step = steps; step < r->step; step++) {
		if (step->kind == STEP_LOOKUP)
			return false;
	}
	return true;
}

const char *explain_object(const struct explain_question *q, const struct subject *subject,
	char *buf, size_t size_bytes)
{
	struct text t = {.buf = buf, .size_bytes = size_bytes};
	const struct answer_result *result = &q->reply->result;
	bool is_missing = result->rcode == RCODE_NXDOMAIN;

	buf[0] = 0;
	if (is_missing && !has_namespace(q->snapshot, subject, result)) {
		add(&t, "none; there is no namespace %s, or it is not served", subject->ns);
		return buf;
	}
	if (is_missing && add_reason(&t, q, subject))
		return buf;
	if (is_missing)
		add(&t, "none; it would be ");
	else if (is_unseen(q, subject))
		add(&t, "not looked up; by its name it would be ");
	size_t before = t.len;
	add_subject(&t, q, subject);
	if (t.len == before)
		buf[is_missing ? strlen("none") : 0] = 0;
	return buf;
}
