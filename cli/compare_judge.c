// SPDX-License-Identifier: Apache-2.0
// Two rounds over the exchange: all questions, then those with unexplained differences.
#include "cli/compare_judge.h"

#include "zones/base/array.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

struct judge {
	const struct compare_job *job;
	struct arena arena; // of the question in work
	uint8_t *whole[2]; // replies over TCP, DNS_MSG_MAX_BYTES each
	const struct question **again; // owned
	size_t n_again, cap_again;
	bool is_last; // round
	const struct question *now;
	bool is_short; // of memory
};

static void read_facts(struct judge *j, const uint8_t *msg, size_t size_bytes, struct facts *out)
{
	if (facts_read(msg, size_bytes, &j->arena, out) != 0)
		j->is_short = true;
}

static void fetch(void *user, struct facts *a, struct facts *b)
{
	struct judge *j = user;
	struct facts *both[] = {a, b};

	for (unsigned i = 0; i < 2; i++) {
		size_t n =
			exchange_tcp(j->job->exchange, i, j->now, j->whole[i], DNS_MSG_MAX_BYTES);
		read_facts(j, j->whole[i], n, both[i]);
	}
}

// `ns.svc.zone` does not exist on B.
static bool is_gone(void *user, const struct subject *target)
{
	struct judge *j = user;
	struct dname name;
	char text[SUBJECT_LABEL_BYTES + 8];
	union {
		struct question question;
		uint8_t bytes[sizeof(struct question) + DNS_NAME_MAX_BYTES];
	} u;
	struct facts f;

	(void)snprintf(text, sizeof(text), "%s.svc.", target->ns);
	if (target->zone == NULL || dname_parse(text, &name) != 0 ||
		dname_append(&name, target->zone->wire) != 0)
		return false;
	u.question.type = RR_TYPE_A;
	u.question.size_bytes = name.size_bytes;
	memcpy(u.bytes + offsetof(struct question, name), name.wire, name.size_bytes);
	size_t n = exchange_tcp(j->job->exchange, 1, &u.question, j->whole[1], DNS_MSG_MAX_BYTES);
	read_facts(j, j->whole[1], n, &f);
	return !f.is_silent && f.rcode == RCODE_NXDOMAIN;
}

static void note_quirk(struct compare_finding *f, const struct quirk *quirk)
{
	for (size_t i = 0; i < f->n_quirks; i++) {
		if (f->quirks[i] == quirk)
			return;
	}
	f->quirks[f->n_quirks++] = quirk;
}

static void ask_again(struct judge *j, const struct question *q)
{
	const struct question **again =
		array_grow(j->again, &j->cap_again, j->n_again + 1, sizeof(*again));

	if (again == NULL) {
		j->is_short = true;
		return;
	}
	j->again = again;
	again[j->n_again++] = q;
}

static void explain(struct judge *j, const struct quirk_case *c, const struct differences *all,
	struct compare_finding *out)
{
	for (size_t i = 0; i < all->n; i++) {
		const struct quirk *quirk = quirk_explain(&all->items[i], c);
		if (quirk != NULL)
			note_quirk(out, quirk);
		else
			out->unexplained.items[out->unexplained.n++] = all->items[i];
	}
}

static void judge_one(void *user, const struct question *q, const struct exchange_replies *replies)
{
	struct judge *j = user;
	const struct exchange_options *o = &j->job->options;
	const struct compare_question question = {.name = q->name,
		.type = q->type,
		.is_tcp = o->is_tcp,
		.edns_bytes = o->edns_bytes,
		.our_limit = DNS_UDP_MAX_BYTES};
	static struct compare_finding finding; // these are too large for a stack frame
	static struct differences all;
	static struct subject subject;
	static struct facts a, b;

	j->now = q;
	finding = (struct compare_finding){.question = q};
	read_facts(j, replies->msg[0], replies->size_bytes[0], &a);
	read_facts(j, replies->msg[1], replies->size_bytes[1], &b);
	subject_of(j->job->zones, q->name, &subject);
	compare_replies(&question, &a, &b, fetch, j, &all);
	const struct quirk_case c = {.question = &question,
		.subject = &subject,
		.a = &a,
		.b = &b,
		.is_gone = is_gone,
		.user = j,
		.zones = j->job->zones};
	finding.a = &a;
	finding.b = &b;
	explain(j, &c, &all, &finding);
	if (finding.unexplained.n > 0 && !j->is_last)
		ask_again(j, q);
	else
		compare_report_add(j->job->report, &finding);
	arena_fini(&j->arena);
}

static int run(struct judge *j)
{
	const struct questions *q = j->job->questions;
	// Longer than a lost packet takes, and than a change takes to arrive.
	unsigned settle_ms = j->job->options.wait_ms + j->job->options.wait_ms / 3;
	const struct timespec settle = {settle_ms / 1000, settle_ms % 1000 * 1000000L};
	int rc = exchange_run(j->job->exchange, q->items, q->n, judge_one, j);

	j->is_last = true;
	if (rc == 0 && j->n_again > 0) {
		(void)nanosleep(&settle, NULL); // shorter when interrupted
		rc = exchange_run(j->job->exchange, j->again, j->n_again, judge_one, j);
	}
	return rc == 0 && j->is_short ? -ENOMEM : rc;
}

int compare_judge(const struct compare_job *job)
{
	struct judge j = {.job = job};
	uint8_t *whole = malloc((size_t)2 * DNS_MSG_MAX_BYTES);

	if (whole == NULL)
		return -ENOMEM;
	j.whole[0] = whole;
	j.whole[1] = whole + DNS_MSG_MAX_BYTES;
	int rc = run(&j);
	free(j.again);
	free(whole);
	return rc;
}
