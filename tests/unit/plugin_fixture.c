// SPDX-License-Identifier: Apache-2.0
// A walk of plugins without the engine, and the text of a reply.
#include "tests/unit/plugin_fixture.h"

#include "slowpath/plugin/record_text.h"

#include <ldns/ldns.h>

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

const uint8_t *play_wire(const char *text)
{
	static struct dname names[32];
	static size_t next;
	struct dname *name = &names[next++ % 32];

	assert_int_equal(dname_parse(text, name), 0);
	return name->wire;
}

static void world_answer(struct job *j, const struct play *p, const struct question *q)
{
	char name[DNAME_TEXT_MAX_BYTES];

	(void)dname_print(q->name.wire, name, sizeof(name)); // returns name
	response_init(&j->response, RCODE_NXDOMAIN, 0);
	for (size_t i = 0; i < p->n_world; i++) {
		const struct play_reply *w = &p->world[i];
		bool is_named = strcmp(w->name, "*") == 0 || strcmp(w->name, name) == 0;
		if (!is_named || w->type != q->type)
			continue;
		response_init(&j->response, w->rcode, w->flags);
		for (size_t k = 0; k < 4 && w->answer[k] != NULL; k++) {
			bool is_ns = w->answer[k][0] == '!';
			struct response_rr rr;
			assert_int_equal(
				record_text_parse(&j->arena, w->answer[k] + is_ns, &rr), 0);
			assert_int_equal(response_add(&j->arena, &j->response,
						 is_ns ? RESPONSE_AUTHORITY : RESPONSE_ANSWER, &rr),
				0);
		}
		return;
	}
}

// Resolves as long as the plugin asks for it.
static enum plugin_verdict settle(struct job *j, struct play *p, struct frame *f,
	const struct plugin *plugin, enum plugin_verdict v)
{
	while (v == PLUGIN_RESOLVE) {
		p->resolved++;
		world_answer(j, p, &j->target);
		v = plugin->resolved(j, f);
	}
	return v;
}

static void note_question(struct play *p, const struct job *j)
{
	char name[DNAME_TEXT_MAX_BYTES];
	char type[16];
	size_t n = 0;

	(void)snprintf(p->behind, sizeof(p->behind), "%s %s%s",
		dname_print(j->question.name.wire, name, sizeof(name)),
		rr_type_print(j->question.type, type, sizeof(type)),
		j->question.class == RR_CLASS_CH ? " CH" : "");
	p->options[0] = '\0';
	for (size_t i = 0; i < j->n_options; i++) {
		n += (size_t)snprintf(p->options + n, sizeof(p->options) - n,
			"%s%u:", i == 0 ? "" : " ", j->options[i].code);
		for (size_t k = 0; k < j->options[i].size; k++)
			n += (size_t)snprintf(p->options + n, sizeof(p->options) - n, "%02x",
				j->options[i].data[k]);
	}
}

static void walk(struct job *j, struct play *p, struct frame *frames)
{
	size_t i = 0;
	enum plugin_verdict v = PLUGIN_NEXT;

	for (; i < p->n && v == PLUGIN_NEXT; i++) {
		const struct plugin *plugin = p->ops[i].plugin;
		frames[i].saved = j->question;
		frames[i].data = p->ops[i].data;
		v = plugin->ask == NULL ? PLUGIN_NEXT : plugin->ask(j, &frames[i]);
		v = settle(j, p, &frames[i], plugin, v);
	}
	p->is_dropped = v == PLUGIN_DROP;
	if (v == PLUGIN_NEXT) {
		note_question(p, j);
		world_answer(j, p, &j->question);
		i++; // nobody to leave out
	}
	for (i--; i > 0; i--) {
		const struct plugin *plugin = p->ops[i - 1].plugin;
		while (plugin->reply != NULL &&
			settle(j, p, &frames[i - 1], plugin, plugin->reply(j, &frames[i - 1])) ==
				PLUGIN_AGAIN)
			world_answer(j, p, &j->question);
		j->question = frames[i - 1].saved;
	}
}

static size_t print_rr(const struct response_rr *rr, char *out, size_t size_bytes)
{
	uint8_t wire[4096];
	size_t n = dname_size(rr->owner, DNS_NAME_MAX_BYTES);
	ldns_rr *parsed = NULL;
	size_t pos = 0;

	memcpy(wire, rr->owner, n);
	const uint8_t fixed[10] = {(uint8_t)(rr->type >> 8), (uint8_t)rr->type,
		(uint8_t)(rr->class >> 8), (uint8_t)rr->class, (uint8_t)(rr->ttl_s >> 24),
		(uint8_t)(rr->ttl_s >> 16), (uint8_t)(rr->ttl_s >> 8), (uint8_t)rr->ttl_s,
		(uint8_t)(rr->rdata_size >> 8), (uint8_t)rr->rdata_size};
	memcpy(wire + n, fixed, sizeof(fixed));
	memcpy(wire + n + sizeof(fixed), rr->rdata, rr->rdata_size);
	n += sizeof(fixed) + rr->rdata_size;
	assert_int_equal(ldns_wire2rr(&parsed, wire, n, &pos, LDNS_SECTION_ANSWER), LDNS_STATUS_OK);
	char *text = ldns_rr2str(parsed);
	assert_non_null(text);
	for (char *c = text; *c != '\0'; c++)
		*c = *c == '\t' ? ' ' : *c;
	text[strcspn(text, "\n")] = '\0';
	int len = snprintf(out, size_bytes, "%s", text);
	free(text);
	ldns_rr_free(parsed);
	return (size_t)len;
}

static void print_reply(struct play *p, const struct job *j)
{
	static const char *const marks[] = {
		[RESPONSE_ANSWER] = "", [RESPONSE_AUTHORITY] = "!", [RESPONSE_ADDITIONAL] = "+"};
	const struct response *r = &j->response;
	char rcode[16];
	size_t n = (size_t)snprintf(p->reply, sizeof(p->reply), "%s%s%s",
		rcode_print(r->rcode, rcode, sizeof(rcode)), r->flags & HEADER_AA ? " aa" : "",
		r->flags & HEADER_TC ? " tc" : "");

	if (r->ede != EDE_NONE)
		n += (size_t)snprintf(p->reply + n, sizeof(p->reply) - n, " ede=%d(%s)", r->ede,
			r->ede_text == NULL ? "" : r->ede_text);
	for (size_t k = 0; k < RESPONSE_PARTS; k++) {
		for (size_t i = 0; i < r->part[k].n; i++) {
			n += (size_t)snprintf(
				p->reply + n, sizeof(p->reply) - n, " | %s", marks[k]);
			n += print_rr(&r->part[k].items[i], p->reply + n, sizeof(p->reply) - n);
		}
	}
}

const char *play(struct play *p, const char *name)
{
	struct frame frames[PLAY_OPS_MAX] = {0};
	void *states[PLAY_OPS_MAX] = {NULL};
	struct dname spelled;
	struct query query;
	struct err err = {0};
	struct job j = {.query = &query, .from = p->from, .to = p->to, .transport = p->transport};

	j.find = p->find;
	j.counters = p->counters;
	j.metric_server = "dns://:53";
	assert_int_equal(dname_parse(name, &spelled), 0);
	j.spelled = spelled.wire;
	j.question = (struct question){.name = spelled,
		.type = p->type == 0 ? RR_TYPE_A : p->type,
		.class = p->class == 0 ? RR_CLASS_IN : p->class};
	dname_lower(&j.question.name);
	query_make(&query, j.question.name.wire, j.question.type);
	query.edns.has_nsid = p->has_nsid;
	p->behind[0] = '\0';
	p->resolved = 0;
	for (size_t i = 0; i < p->n; i++) {
		const struct plugin *plugin = p->ops[i].plugin;
		if (plugin->prepare != NULL && !plugin->prepare(p->ops[i].data, &states[i], &err))
			fail_msg("%s", err.text);
		frames[i].state = states[i];
	}
	walk(&j, p, frames);
	// Who asks twice must meet every rule again.
	assert_false(j.rewrite_stopped);
	assert_false(j.acl_allowed && !p->is_dropped && p->behind[0] != '\0');
	print_reply(p, &j);
	if (p->is_dropped)
		(void)snprintf(p->reply, sizeof(p->reply), "DROP");
	for (size_t i = 0; i < p->n; i++) {
		if (p->ops[i].plugin->release != NULL)
			p->ops[i].plugin->release(states[i]);
	}
	arena_fini(&j.arena);
	return p->reply;
}
