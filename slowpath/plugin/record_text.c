// SPDX-License-Identifier: Apache-2.0
// Records from text, by libldns.
#include "slowpath/plugin/record_text.h"

#include "zones/wire/rr.h"

#include <ldns/ldns.h>

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

enum { DEFAULT_TTL_S = 3600 }; // of CoreDNS' library

// The data of a record is the bytes of its fields one after the other.
static int data_copy(struct arena *a, const ldns_rr *rr, struct response_rr *out)
{
	size_t size = 0;
	size_t at = 0;

	for (size_t i = 0; i < ldns_rr_rd_count(rr); i++)
		size += ldns_rdf_size(ldns_rr_rdf(rr, i));
	if (size > UINT16_MAX)
		return -EINVAL;
	uint8_t *bytes = arena_alloc(a, size + 1);
	if (bytes == NULL)
		return -ENOMEM;
	for (size_t i = 0; i < ldns_rr_rd_count(rr); i++) {
		const ldns_rdf *field = ldns_rr_rdf(rr, i);
		if (ldns_rdf_size(field) > 0)
			memcpy(bytes + at, ldns_rdf_data(field), ldns_rdf_size(field));
		at += ldns_rdf_size(field);
	}
	out->rdata = bytes;
	out->rdata_size = (uint16_t)size;
	return 0;
}

static int rr_copy(struct arena *a, const ldns_rr *rr, struct response_rr *out)
{
	const ldns_rdf *owner = ldns_rr_owner(rr);

	*out = (struct response_rr){.type = (uint16_t)ldns_rr_get_type(rr),
		.class = (uint16_t)ldns_rr_get_class(rr),
		.ttl_s = ldns_rr_ttl(rr)};
	// libldns gives a word that it does not know as type 0.
	if (out->type == 0 || out->class >= RR_CLASS_NONE)
		return -EINVAL;
	if (owner == NULL || dname_size(ldns_rdf_data(owner), ldns_rdf_size(owner)) == 0)
		return -EINVAL;
	out->owner = arena_copy(a, ldns_rdf_data(owner), ldns_rdf_size(owner));
	return out->owner == NULL ? -ENOMEM : data_copy(a, rr, out);
}

// Where the first record of the text ends; NULL when a quote or a parenthesis is left open.
static const char *record_end(const char *s)
{
	bool is_quoted = false;
	bool has_words = false;
	unsigned depth = 0;

	for (; *s != '\0' && (*s != '\n' || is_quoted || depth > 0 || !has_words); s++) {
		has_words |= *s != ' ' && *s != '\t' && *s != '\n';
		if (*s == '\\' && s[1] != '\0')
			s++;
		else if (*s == '"')
			is_quoted = !is_quoted;
		else if (is_quoted)
			continue;
		else if (*s == ';')
			s += strcspn(s, "\n") - 1;
		else if (*s == '(')
			depth++;
		else if (*s == ')' && depth-- == 0)
			return NULL;
	}
	return is_quoted || depth > 0 ? NULL : s;
}

static bool is_class(const char *s, size_t n)
{
	return n == 2 &&
		(strncasecmp(s, "IN", 2) == 0 || strncasecmp(s, "CH", 2) == 0 ||
			strncasecmp(s, "HS", 2) == 0);
}

static bool is_too_large(const char *s)
{
	size_t n = strspn(s, "0123456789");

	return n > 10 || (n == 10 && strtoull(s, NULL, 10) > UINT32_MAX);
}

// libldns takes only \\DDD for bytes that end a word of a name.
static bool ends_words(char c)
{
	return c != '\0' && strchr(" \t;()\"@'", c) != NULL;
}

// A copy with such escapes spelled out, outside quotes. 0 or -ENOMEM.
static int spell_out(struct arena *a, const char *text, char **out)
{
	bool is_quoted = false;
	size_t n = 0;

	*out = arena_alloc(a, 2 * strlen(text) + 1); // "\\(" becomes "\\040"
	if (*out == NULL)
		return -ENOMEM;
	for (const char *s = text; *s != '\0'; s++) {
		bool is_escape = *s == '\\' && s[1] != '\0';
		is_quoted ^= *s == '"';
		if (is_escape && !is_quoted && ends_words(s[1])) {
			n += (size_t)snprintf(
				*out + n, sizeof("\\040"), "\\%03u", (unsigned char)s[1]);
			s++;
			continue;
		}
		(*out)[n++] = *s;
		if (is_escape)
			(*out)[n++] = *++s;
	}
	return 0;
}

// The first record of the text, with its TTL in front of its class: they may stand in any order
// (RFC 1035 5.1), but libldns wants this one. 0, -EINVAL or -ENOMEM.
static int prepare(struct arena *a, const char *text, char **out)
{
	text += strspn(text, "\r\n"); // blanks are kept: a line that begins with them has no owner
	const char *end = record_end(text);
	const char *class = text + strcspn(text, " \t");

	class += strspn(class, " \t");
	size_t n_class = strcspn(class, " \t");
	const char *ttl = class + n_class + strspn(class + n_class, " \t");
	size_t n_ttl = strcspn(ttl, " \t");
	bool is_swapped = is_class(class, n_class) && *ttl >= '0' && *ttl <= '9';
	if (end == NULL || is_too_large(is_swapped ? ttl : class))
		return -EINVAL;
	size_t size = (size_t)(end - text) + 2;
	*out = arena_alloc(a, size);
	if (*out == NULL)
		return -ENOMEM;
	if (is_swapped && ttl + n_ttl <= end)
		(void)snprintf(*out, size, "%.*s%.*s %.*s%.*s", (int)(class - text), text,
			(int)n_ttl, ttl, (int)n_class, class, (int)(end - ttl - n_ttl),
			ttl + n_ttl); // fits
	else
		memcpy(*out, text, (size_t)(end - text));
	return 0;
}

int record_text_parse(struct arena *a, const char *text, struct response_rr *out)
{
	ldns_rdf *root = NULL;
	ldns_rr *rr = NULL;
	char *line = NULL;
	char *spelled = NULL;
	int rc = spell_out(a, text, &spelled);

	if (rc == 0)
		rc = prepare(a, spelled, &line);
	if (rc != 0)
		return rc;
	root = ldns_dname_new_frm_str(".");
	if (root == NULL)
		return -ENOMEM;
	rc = -EINVAL;
	if (ldns_rr_new_frm_str(&rr, line, DEFAULT_TTL_S, root, NULL) == LDNS_STATUS_OK &&
		rr != NULL)
		rc = rr_copy(a, rr, out);
	ldns_rr_free(rr);
	ldns_rdf_deep_free(root);
	return rc;
}

const char *record_type_text(struct arena *a, uint16_t type)
{
	char *text = ldns_rr_type2str((ldns_rr_type)type);
	const char *out = NULL;

	if (text != NULL && strncmp(text, "TYPE", 4) == 0)
		out = "";
	else if (text != NULL)
		out = arena_copy(a, text, strlen(text) + 1);
	free(text);
	return out;
}
