// SPDX-License-Identifier: Apache-2.0
// Plain adds to counters of our own.
#include "slowpath/serve/tally.h"

#include "slowpath/serve/serve.h"

#include <string.h>
#include <time.h>

enum { LATENCY_UNIT_NS = 250000 };

// The query at work while some are told of: its reply is often written over it before it is known
// whether this one is.
static _Thread_local uint8_t query_bytes[TAP_MESSAGE_BYTES];

static uint64_t clock_ns(void)
{
	struct timespec t;

	(void)clock_gettime(CLOCK_MONOTONIC, &t); // cannot fail on Linux
	return (uint64_t)t.tv_sec * 1000000000u + (uint64_t)t.tv_nsec;
}

static struct scope_sizes *sizes_of(const struct tally *t)
{
	return t->transport == TRANSPORT_TCP ? &t->scope->tcp : &t->scope->both.udp;
}

void tally_start(struct tally *t, const struct server *s, const struct request *r)
{
	*t = (struct tally){.transport = (uint8_t)r->transport};
	if (s->scopes == NULL || r->is_own)
		return;
	t->scope = &s->scopes[SCOPE_OTHER];
	t->start_ns = clock_ns();
	if (s->tap != NULL && s->root->scopes.has_tap && !r->is_punted)
		memcpy(query_bytes, r->msg,
			r->size_bytes < sizeof(query_bytes) ? r->size_bytes : sizeof(query_bytes));
}

static void log_start(struct tally *t, const struct request *r, const struct query *q,
	const struct image_rule *rule)
{
	bool has_edns = q->edns.present;
	bool is_do = has_edns && q->edns.is_do, is_tcp = r->transport == TRANSPORT_TCP;

	t->log = (struct tally_log){.request_bytes = (uint32_t)r->size_bytes,
		.client_port = r->from.port,
		.server_port = r->to.port,
		.udp_bytes = has_edns ? q->edns.udp_bytes : 0,
		.block = rule->server,
		.family = r->to.family,
		.classes = scope_log_classes(rule),
		.tap_wish = scope_tap_wish(rule),
		.flags = (uint8_t)((is_do ? QLOG_RECORD_DO : 0) | (is_tcp ? QLOG_RECORD_TCP : 0))};
	memcpy(t->log.client, r->from.bytes, sizeof(t->log.client));
	memcpy(t->log.server, r->to.bytes, sizeof(t->log.server));
}

static struct qlog_query query_of(const struct tally *t, uint64_t now_ns, uint16_t rcode)
{
	const struct tally_log *l = &t->log;

	return (struct qlog_query){.client = l->client,
		.server = l->server,
		.now_ticks = now_ns,
		.took_ns = now_ns - t->start_ns,
		.request_bytes = l->request_bytes,
		.client_port = l->client_port,
		.server_port = l->server_port,
		.udp_bytes = l->udp_bytes,
		.rcode = rcode,
		.block = l->block,
		.family = l->family,
		.classes = l->classes,
		.flags = l->flags};
}

// What is too long for the copy is told of without its bytes.
static void tap_query(const struct tally *t, const struct request *r)
{
	const struct qlog_query q = query_of(t, t->start_ns, 0);
	const struct tap_event e = {.query = &q,
		.message = query_bytes,
		.size_bytes = r->size_bytes,
		.kind = TAP_CLIENT_QUERY,
		.wish = t->log.tap_wish};

	tap_write(t->tap, &e);
}

void tally_request(struct tally *t, const struct server *s, const struct request *r,
	const struct query *q, const struct image_rule *rule)
{
	const struct root *root = s->root;
	const struct image *top = snapshot_top(&root->snapshot);
	const struct image_listener *listener = NULL;

	if (t->scope == NULL)
		return;
	if (rule == NULL && top != NULL)
		listener = snapshot_find_listener(top, &r->to);
	if (top != NULL)
		t->scope = &s->scopes[scope_of(&root->scopes, top, listener, rule)];
	bool is_logged = s->log != NULL && root->scopes.has_log && scope_log_classes(rule) != 0;
	bool is_told = s->tap != NULL && root->scopes.has_tap && scope_tap_wish(rule) != 0;
	if (is_logged || is_told)
		log_start(t, r, q, rule);
	t->writer = is_logged ? s->log : NULL;
	t->tap = is_told ? s->tap : NULL;
	if (is_told && !r->is_punted)
		tap_query(t, r);
	if (r->is_punted)
		return; // a worker has counted it
	struct scope_sizes *sizes = sizes_of(t);
	counter_add(&sizes->types[r->to.family == 6][counters_type(q->qtype)], 1);
	counter_add(&sizes->request_bytes[counters_size_bucket(r->size_bytes)], 1);
	counter_add(&sizes->request_bytes_sum, r->size_bytes);
	if (q->edns.present && q->edns.is_do)
		counter_add(&t->scope->both.do_bits, 1);
}

static void log_reply(const struct tally *t, uint16_t rcode, const uint8_t *msg, size_t size_bytes)
{
	const struct qlog_query q = query_of(t, clock_ns(), rcode);
	const struct tap_event e = {.query = &q,
		.message = msg,
		.size_bytes = size_bytes,
		.kind = TAP_CLIENT_RESPONSE,
		.wish = t->log.tap_wish};

	if (t->writer != NULL)
		qlog_write(t->writer, &q, msg, size_bytes);
	if (t->tap != NULL)
		tap_write(t->tap, &e);
}

void tally_reply(const struct tally *t, uint16_t rcode, const uint8_t *msg, size_t size_bytes)
{
	if (t->scope == NULL)
		return;
	struct scope_counters *c = &t->scope->both;
	struct scope_sizes *sizes = sizes_of(t);
	uint64_t took_ns = clock_ns() - t->start_ns;
	counter_add(&c->responses[t->plugin][counters_rcode(rcode)], 1);
	counter_add(&sizes->response_bytes[counters_size_bucket(size_bytes)], 1);
	counter_add(&sizes->response_bytes_sum, size_bytes);
	counter_add(&c->latency[counters_latency_bucket(took_ns, LATENCY_UNIT_NS)], 1);
	counter_add(&c->latency_sum, took_ns);
	if (t->writer != NULL || t->tap != NULL)
		log_reply(t, rcode, msg, size_bytes);
}

void tally_message(const struct tally *t, const uint8_t *msg, size_t size_bytes)
{
	if (size_bytes >= DNS_HEADER_BYTES)
		tally_reply(t, msg[3] & HEADER_RCODE, msg, size_bytes);
}
