// SPDX-License-Identifier: Apache-2.0
// Reads expectations, writes questions, compares replies as sets of records.
#include "tests/e2e/judge.h"

#include "zones/base/array.h"
#include "zones/base/wrbuf.h"
#include "zones/wire/message.h"
#include "zones/wire/rr.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { LINE_BYTES = 8192, RDATA_BYTES = 1024 };

static int by_text(const void *a, const void *b)
{
	return strcmp(*(char *const *)a, *(char *const *)b);
}

static uint16_t rcode_parse(const char *text)
{
	char name[24];

	for (uint16_t i = 0; i < 24; i++) {
		if (strcmp(rcode_print(i, name, sizeof(name)), text) == 0)
			return i;
	}
	return UINT16_MAX;
}

static int parse_case(char *line, struct judge_case *c)
{
	char *save, *name = strtok_r(line, " \t\n", &save);
	const char *type = strtok_r(NULL, " \t\n", &save);
	const char *rcode = strtok_r(NULL, " \t\n", &save);

	memset(c, 0, sizeof(*c));
	if (rcode == NULL || dname_parse(name, &c->name) != 0 || rr_type_parse(type, &c->type) != 0)
		return -EINVAL;
	c->rcode = rcode_parse(rcode);
	// Rdata of several words is written with '/' between them: 0/100/80/web.default...
	for (char *w = strtok_r(NULL, " \t\n", &save); w != NULL && c->n_rdata < JUDGE_RDATA_MAX;
		w = strtok_r(NULL, " \t\n", &save)) {
		for (char *p = w; *p != 0; p++)
			*p = *p == '/' ? ' ' : *p;
		c->rdata[c->n_rdata] = strdup(w);
		if (c->rdata[c->n_rdata++] == NULL)
			return -ENOMEM;
	}
	qsort(c->rdata, c->n_rdata, sizeof(c->rdata[0]), by_text);
	return 0;
}

static int add_case(struct judge *j, size_t *cap, char *line)
{
	struct judge_case *grown = array_grow(j->cases, cap, j->n + 1, sizeof(*j->cases));

	if (grown == NULL)
		return -ENOMEM;
	j->cases = grown;
	return parse_case(line, &j->cases[j->n++]);
}

int judge_load(struct judge *j, const char *path)
{
	static char line[LINE_BYTES];
	size_t cap = 0;
	int rc = 0;
	FILE *f = fopen(path, "re");

	if (f == NULL)
		return -errno;
	while (rc == 0 && fgets(line, sizeof(line), f) != NULL) {
		if (line[0] != '#' && line[0] != '\n')
			rc = add_case(j, &cap, line);
	}
	(void)fclose(f); // only read
	return rc == 0 && j->n == 0 ? -ENODATA : rc;
}

int judge_storm(struct judge *j, const char *name)
{
	static const char *const forms[] = {
		"%s A NOERROR", "%s SRV NOERROR", "_p._tcp.%s SRV NOERROR", "h2.%s A NOERROR"};
	char line[512];
	size_t cap = 0;
	int rc = 0;

	j->is_storm = true;
	for (size_t i = 0; i < ARRAY_LEN(forms) && rc == 0; i++) {
		const char *gap = strstr(forms[i], "%s");
		(void)snprintf(line, sizeof(line), "%.*s%s%s", (int)(gap - forms[i]), forms[i],
			name, gap + 2);
		rc = add_case(j, &cap, line);
	}
	return rc;
}

void judge_fini(struct judge *j)
{
	for (size_t i = 0; i < j->n; i++) {
		for (size_t k = 0; k < j->cases[i].n_rdata; k++)
			free(j->cases[i].rdata[k]);
	}
	free(j->cases);
	*j = (struct judge){0};
}

size_t judge_question(const struct judge *j, uint32_t question, uint16_t id, uint8_t *msg)
{
	const struct judge_case *c = &j->cases[question];
	struct wrbuf w = wrbuf_of(msg, DNS_UDP_MIN_BYTES);

	wrbuf_u16(&w, id);
	wrbuf_u16(&w, HEADER_RD);
	wrbuf_u16(&w, 1);
	wrbuf_u16(&w, 0);
	wrbuf_u16(&w, 0);
	wrbuf_u16(&w, 1);
	wrbuf_bytes(&w, c->name.wire, c->name.size_bytes);
	wrbuf_u16(&w, c->type);
	wrbuf_u16(&w, RR_CLASS_IN);
	wrbuf_u8(&w, 0); // OPT: room for 1,232 bytes
	wrbuf_u16(&w, RR_TYPE_OPT);
	wrbuf_u16(&w, DNS_UDP_MAX_BYTES);
	wrbuf_u32(&w, 0);
	wrbuf_u16(&w, 0);
	return w.pos;
}

// Counts of a reply's header; what one walk over its records found.
struct seen {
	unsigned n_an, n_ar;
	char *rdata[JUDGE_RDATA_MAX]; // of the answer section; owned
	size_t n_rdata;
	uint32_t addresses, srvs; // storm: records of each kind
	uint32_t generation; // storm: of the addresses, 0 before the first
	uint32_t port; // storm: the SRVs' port less the first one
	bool is_mixed;
};

static void see_generation(struct seen *s, uint32_t generation)
{
	if (s->generation == 0)
		s->generation = generation;
	s->is_mixed |= s->generation != generation;
}

static void see_storm(struct seen *s, const struct rdbuf *r, const struct message_rr *rr)
{
	const uint8_t *p = r->base + rr->rdata_pos;

	if (rr->type == RR_TYPE_A && rr->rdata_size == 4) {
		s->addresses++;
		see_generation(s, (be32_get(p) & 0xffffff) / STORM_ENDPOINTS);
		return;
	}
	if (rr->type != RR_TYPE_SRV || rr->rdata_size < 7)
		return;
	s->srvs++;
	uint32_t port = (uint32_t)be16_get(p + 4) - STORM_PORT_FIRST;
	s->is_mixed |= s->srvs > 1 && s->port != port;
	s->port = port;
}

static void see_record(
	struct seen *s, unsigned i, const struct rdbuf *r, const struct message_rr *rr)
{
	char text[RDATA_BYTES];

	see_storm(s, r, rr);
	if (i >= s->n_an || s->n_rdata == JUDGE_RDATA_MAX)
		return;
	(void)message_rdata_print(r, rr, text, sizeof(text));
	s->rdata[s->n_rdata] = strdup(text);
	s->n_rdata += s->rdata[s->n_rdata] != NULL;
}

static bool walk(const struct judge_reply *reply, struct seen *s, uint16_t *flags)
{
	struct rdbuf r = rdbuf_of(reply->msg, reply->size_bytes);
	struct dname name;

	(void)rdbuf_u16(&r);
	*flags = rdbuf_u16(&r);
	(void)rdbuf_u16(&r);
	s->n_an = rdbuf_u16(&r);
	unsigned n_ns = rdbuf_u16(&r);
	s->n_ar = rdbuf_u16(&r);
	message_name(&r, r.size_bytes, &name);
	(void)rdbuf_take(&r, 4);
	for (unsigned i = 0; i < s->n_an + n_ns + s->n_ar && !r.bad; i++) {
		struct message_rr rr;
		message_rr(&r, &rr);
		if (!r.bad)
			see_record(s, i, &r, &rr);
	}
	return !r.bad && rdbuf_left(&r) == 0;
}

static bool has_echo(const struct judge *j, const struct judge_reply *r)
{
	uint8_t question[DNS_UDP_MIN_BYTES];
	size_t end = DNS_HEADER_BYTES + j->cases[r->question].name.size_bytes + 4u;

	(void)judge_question(j, r->question, 0, question);
	return r->size_bytes >= end &&
		memcmp(r->msg + DNS_HEADER_BYTES, question + DNS_HEADER_BYTES,
			end - DNS_HEADER_BYTES) == 0;
}

static bool is_storm_right(struct judge *j, struct judge_reply *r, const struct seen *s)
{
	const struct judge_case *c = &j->cases[r->question];
	bool is_host = c->name.wire[1] == 'h' && c->name.wire[0] == 2;
	unsigned n = is_host ? 1 : STORM_ENDPOINTS;

	if (s->addresses != n || s->srvs != (c->type == RR_TYPE_SRV ? n : 0)) {
		(void)snprintf(
			r->why, sizeof(r->why), "%u addresses and %u SRV", s->addresses, s->srvs);
		return false;
	}
	if (s->is_mixed || (s->srvs > 0 && s->port != s->generation % STORM_PORTS)) {
		(void)snprintf(r->why, sizeof(r->why), "mixed generations near %u", s->generation);
		return false;
	}
	if (s->generation < r->floor) {
		(void)snprintf(r->why, sizeof(r->why), "generation %u after %u was seen",
			s->generation, r->floor);
		return false;
	}
	j->generations += s->generation > j->newest;
	j->newest = s->generation > j->newest ? s->generation : j->newest;
	return true;
}

static bool is_set_right(const struct judge *j, struct judge_reply *r, struct seen *s)
{
	const struct judge_case *c = &j->cases[r->question];
	char name[DNAME_TEXT_MAX_BYTES];
	bool is_equal = s->n_rdata == c->n_rdata;

	qsort(s->rdata, s->n_rdata, sizeof(s->rdata[0]), by_text);
	for (size_t i = 0; i < s->n_rdata && is_equal; i++)
		is_equal = strcmp(s->rdata[i], c->rdata[i]) == 0;
	if (!is_equal)
		(void)snprintf(r->why, sizeof(r->why), "%.120s type %u: %zu records, first %.60s",
			dname_print(c->name.wire, name, sizeof(name)), c->type, s->n_rdata,
			s->n_rdata > 0 ? s->rdata[0] : "none");
	return is_equal;
}

bool judge_is_right(struct judge *j, struct judge_reply *r)
{
	const struct judge_case *c = &j->cases[r->question];
	struct seen s = {0};
	uint16_t flags = 0;
	bool is_right = false;

	if (!has_echo(j, r))
		(void)snprintf(r->why, sizeof(r->why), "the question is not echoed");
	else if (!walk(r, &s, &flags))
		(void)snprintf(r->why, sizeof(r->why), "the reply is malformed");
	else if ((flags & (HEADER_QR | HEADER_TC)) != HEADER_QR ||
		(flags & HEADER_RCODE) != c->rcode)
		(void)snprintf(r->why, sizeof(r->why), "flags %04x", flags);
	else
		is_right = j->is_storm ? is_storm_right(j, r, &s) : is_set_right(j, r, &s);
	for (size_t i = 0; i < s.n_rdata; i++)
		free(s.rdata[i]);
	return is_right;
}
