// SPDX-License-Identifier: Apache-2.0
// Says what a query asks, and what its reply says.
#include "cli/capture_text.h"

#include "zones/base/be.h"
#include "zones/wire/dname.h"

#include <arpa/inet.h>
#include <stdio.h>
#include <string.h>
#include <time.h>

enum { PLACE_BYTES = INET6_ADDRSTRLEN + 10, NS_PER_S = 1000000000, TYPE_TEXT_BYTES = 24 };

// What is said of a frame.
struct told {
	char source[PLACE_BYTES], destination[PLACE_BYTES];
	char name[DNAME_TEXT_MAX_BYTES], type[TYPE_TEXT_BYTES], rcode[TYPE_TEXT_BYTES];
	bool is_udp, is_dns, is_reply, has_question, is_truncated;
	unsigned id, answers;
};

static void print_place(
	uint8_t family, const uint8_t *address, unsigned port, char out[PLACE_BYTES])
{
	char text[INET6_ADDRSTRLEN] = "?";

	(void)inet_ntop(family == 4 ? AF_INET : AF_INET6, address, text, sizeof(text));
	(void)snprintf(out, PLACE_BYTES, family == 4 ? "%s:%u" : "[%s]:%u", text, port);
}

static void read_frame(const struct capture_record *r, struct told *t)
{
	struct capture_view v;

	memset(t, 0, sizeof(*t));
	t->is_udp = capture_view_read(r->bytes, r->kept_bytes, &v);
	if (!t->is_udp)
		return;
	print_place(v.family, v.source, v.source_port, t->source);
	print_place(v.family, v.destination, v.destination_port, t->destination);
	t->is_dns = v.message_bytes >= DNS_HEADER_BYTES;
	if (!t->is_dns)
		return;
	unsigned flags = be16_get(v.message + 2);
	t->id = be16_get(v.message);
	t->is_reply = (flags & HEADER_QR) != 0;
	t->is_truncated = (flags & HEADER_TC) != 0;
	t->answers = be16_get(v.message + 6);
	(void)rcode_print(flags & HEADER_RCODE, t->rcode, sizeof(t->rcode));
	t->has_question = v.name != NULL && dname_size(v.name, v.name_size) == v.name_size;
	if (!t->has_question)
		return;
	(void)dname_print(v.name, t->name, sizeof(t->name));
	(void)rr_type_print(be16_get(v.name + v.name_size), t->type, sizeof(t->type));
}

static void print_time(uint64_t time_ns, char *out, size_t size_bytes)
{
	time_t s = (time_t)(time_ns / NS_PER_S);
	char clock[16];
	struct tm tm;

	if (localtime_r(&s, &tm) == NULL || strftime(clock, sizeof(clock), "%H:%M:%S", &tm) == 0)
		clock[0] = 0;
	(void)snprintf(out, size_bytes, "%s.%06u", clock, (unsigned)(time_ns % NS_PER_S / 1000));
}

const char *capture_text(
	const struct capture_record *r, unsigned worker, char line[CAPTURE_LINE_BYTES])
{
	static struct told t; // large
	char when[32], outcome[64] = "";
	const char *way = r->way == CAPTURE_IN ? "in" : "out";

	read_frame(r, &t);
	print_time(r->time_ns, when, sizeof(when));
	if (t.is_reply)
		(void)snprintf(outcome, sizeof(outcome), " %s answers %u%s", t.rcode, t.answers,
			t.is_truncated ? " truncated" : "");
	if (!t.is_udp)
		(void)snprintf(line, CAPTURE_LINE_BYTES, "%s %u %s no UDP %u bytes", when, worker,
			way, r->size_bytes);
	else if (!t.is_dns)
		(void)snprintf(line, CAPTURE_LINE_BYTES, "%s %u %s %s > %s no DNS %u bytes", when,
			worker, way, t.source, t.destination, r->size_bytes);
	else
		(void)snprintf(line, CAPTURE_LINE_BYTES, "%s %u %s %s > %s id %u %s %s%s %u bytes",
			when, worker, way, t.source, t.destination, t.id,
			t.has_question ? t.type : "no", t.has_question ? t.name : "question",
			outcome, r->size_bytes);
	return line;
}

json_t *capture_json(const struct capture_record *r, unsigned worker)
{
	static struct told t; // large
	json_t *doc =
		json_pack("{sI si ss si}", "time_ns", (json_int_t)r->time_ns, "worker", (int)worker,
			"way", r->way == CAPTURE_IN ? "in" : "out", "bytes", (int)r->size_bytes);

	read_frame(r, &t);
	if (doc == NULL || !t.is_udp)
		return doc;
	(void)json_object_set_new(doc, "source", json_string(t.source));
	(void)json_object_set_new(doc, "destination", json_string(t.destination));
	if (!t.is_dns)
		return doc;
	(void)json_object_set_new(doc, "id", json_integer(t.id));
	if (t.has_question) {
		(void)json_object_set_new(doc, "name", json_string(t.name));
		(void)json_object_set_new(doc, "type", json_string(t.type));
	}
	if (!t.is_reply)
		return doc;
	(void)json_object_set_new(doc, "rcode", json_string(t.rcode));
	(void)json_object_set_new(doc, "answers", json_integer(t.answers));
	(void)json_object_set_new(doc, "truncated", json_boolean(t.is_truncated));
	return doc;
}
