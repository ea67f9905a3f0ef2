// SPDX-License-Identifier: Apache-2.0
// One walk over the message makes a JSON value; the text form is printed from that value.
#include "cli/reply_text.h"

#include "cli/explain.h"

#include "zones/wire/message.h"

#include <errno.h>
#include <jansson.h>
#include <string.h>

enum { RR_TEXT_BYTES = 4096 };

static const char *const sections[] = {"answer", "authority", "additional"};

static json_t *flags_json(uint16_t flags)
{
	static const struct {
		uint16_t bit;
		const char *name;
	} known[] = {{HEADER_AA, "aa"}, {HEADER_TC, "tc"}, {HEADER_RD, "rd"}, {HEADER_RA, "ra"},
		{HEADER_AD, "ad"}, {HEADER_CD, "cd"}};
	json_t *list = json_array();

	for (size_t i = 0; i < sizeof(known) / sizeof(known[0]); i++) {
		if ((flags & known[i].bit) != 0)
			(void)json_array_append_new(
				list, json_string(known[i].name)); // short: shows
	}
	return list;
}

// n records from where r stands. NULL when the message is malformed.
static json_t *records_json(struct rdbuf *r, unsigned n)
{
	static char text[RR_TEXT_BYTES];
	json_t *list = json_array();

	for (unsigned i = 0; i < n; i++) {
		struct message_rr rr;
		message_rr(r, &rr);
		if (r->bad) {
			json_decref(list);
			return NULL;
		}
		(void)message_rr_print(r, &rr, text, sizeof(text));
		(void)json_array_append_new(list, json_string(text)); // a short list shows
	}
	return list;
}

static int add_message(const struct reply_text *t, json_t *doc)
{
	struct rdbuf r = rdbuf_of(t->reply->msg, t->reply->size_bytes);
	char rcode[24];
	struct dname name;

	(void)rdbuf_u16(&r);
	uint16_t flags = rdbuf_u16(&r);
	(void)rdbuf_u16(&r);
	unsigned counts[3];
	for (unsigned i = 0; i < 3; i++)
		counts[i] = rdbuf_u16(&r);
	message_name(&r, r.size_bytes, &name);
	(void)rdbuf_take(&r, 4);
	(void)rcode_print(t->reply->result.rcode, rcode, sizeof(rcode));
	int rc = json_object_set_new(doc, "status", json_string(rcode));
	rc |= json_object_set_new(doc, "flags", flags_json(flags));
	rc |= json_object_set_new(doc, "size", json_integer((json_int_t)t->reply->size_bytes));
	for (unsigned i = 0; i < 3 && rc == 0; i++)
		rc = json_object_set_new(doc, sections[i], records_json(&r, counts[i]));
	return rc == 0 && !r.bad ? 0 : -EBADMSG;
}

static json_t *document(const struct reply_text *t)
{
	json_t *doc = json_object();
	char name[DNAME_TEXT_MAX_BYTES], type[16];
	int rc = 0;

	(void)dname_print(t->ask->name, name, sizeof(name));
	(void)rr_type_print(t->ask->type, type, sizeof(type));
	rc |= json_object_set_new(doc, "question", json_sprintf("%s %s", name, type));
	if (t->reply->size_bytes > 0)
		rc |= add_message(t, doc);
	else
		rc |= json_object_set_new(doc, "status",
			json_string(t->reply->verdict == ANSWER_PUNT ? "for the slow path"
								     : "no reply is sent"));
	if (t->is_explained)
		rc |= json_object_set_new(doc, "explain", explain_json(t));
	if (rc == 0)
		return doc;
	json_decref(doc);
	return NULL;
}

int reply_text_json(const struct reply_text *t, FILE *out)
{
	json_t *doc = document(t);

	if (doc == NULL)
		return -EBADMSG;
	int rc = json_dumpf(doc, out, JSON_INDENT(2) | JSON_PRESERVE_ORDER);
	(void)fputc('\n', out);
	json_decref(doc);
	return rc == 0 ? 0 : -EIO;
}

static void print_list(const json_t *list, const char *before, const char *after, FILE *out)
{
	for (size_t i = 0; i < json_array_size(list); i++)
		(void)fprintf(
			out, "%s%s%s", before, json_string_value(json_array_get(list, i)), after);
}

static void print_explanation(json_t *why, FILE *out)
{
	const char *key;
	json_t *value;

	json_object_foreach(why, key, value)
	{
		if (json_is_integer(value))
			(void)fprintf(out, ";; %s: %" JSON_INTEGER_FORMAT "\n", key,
				json_integer_value(value));
		else
			(void)fprintf(out, ";; %s: %s\n", key, json_string_value(value));
	}
}

int reply_text_print(const struct reply_text *t, FILE *out)
{
	json_t *doc = document(t);

	if (doc == NULL)
		return -EBADMSG;
	(void)fprintf(out, ";; %s: %s", json_string_value(json_object_get(doc, "question")),
		json_string_value(json_object_get(doc, "status")));
	print_list(json_object_get(doc, "flags"), " ", "", out);
	(void)fputc('\n', out);
	for (unsigned i = 0; i < 3; i++) {
		const json_t *list = json_object_get(doc, sections[i]);
		if (json_array_size(list) > 0)
			(void)fprintf(out, ";; %s\n", sections[i]);
		print_list(list, "", "\n", out);
	}
	print_explanation(json_object_get(doc, "explain"), out);
	json_decref(doc);
	return 0;
}
