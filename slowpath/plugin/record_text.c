// SPDX-License-Identifier: Apache-2.0
// Records from text, by libldns.
#include "slowpath/plugin/record_text.h"

#include "zones/wire/rr.h"

#include <ldns/ldns.h>

#include <errno.h>
#include <stdlib.h>
#include <string.h>

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
	if (owner == NULL || dname_size(ldns_rdf_data(owner), ldns_rdf_size(owner)) == 0)
		return -EINVAL;
	out->owner = arena_copy(a, ldns_rdf_data(owner), ldns_rdf_size(owner));
	return out->owner == NULL ? -ENOMEM : data_copy(a, rr, out);
}

int record_text_parse(struct arena *a, const char *text, struct response_rr *out)
{
	ldns_rdf *root = ldns_dname_new_frm_str(".");
	ldns_rr *rr = NULL;
	int rc = -EINVAL;

	if (root == NULL)
		return -ENOMEM;
	if (ldns_rr_new_frm_str(&rr, text, DEFAULT_TTL_S, root, NULL) == LDNS_STATUS_OK &&
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
