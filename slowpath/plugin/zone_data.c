// SPDX-License-Identifier: Apache-2.0
// Zone files by libldns, record by record.
#include "slowpath/plugin/zone_data.h"

#include "zones/base/array.h"
#include "zones/base/be.h"
#include "zones/wire/dname.h"

#include <ldns/ldns.h>

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { DEFAULT_TTL_S = 3600, SOA_NUMBERS_BYTES = 20, KEY_MAX_BYTES = 2 * DNS_NAME_MAX_BYTES };

// A name as bytes that compare like names in canonical order (RFC 4034 6.1): the labels from the
// root on, each ended by a 0; what would be mistaken for an end is escaped.
static size_t key_make(const uint8_t *name, uint8_t key[KEY_MAX_BYTES])
{
	const uint8_t *labels[DNS_NAME_MAX_BYTES / 2 + 1];
	size_t n_labels = 0;
	size_t n = 0;

	for (; name[0] != 0; name += 1u + name[0])
		labels[n_labels++] = name;
	while (n_labels > 0) {
		const uint8_t *label = labels[--n_labels];
		for (size_t i = 1; i <= label[0]; i++) {
			if (label[i] <= 1)
				key[n++] = 1;
			key[n++] = label[i] <= 1 ? (uint8_t)(label[i] + 1) : label[i];
		}
		key[n++] = 0;
	}
	return n;
}

static int key_compare(const uint8_t *a, size_t n_a, const uint8_t *b, size_t n_b)
{
	int c = memcmp(a, b, n_a < n_b ? n_a : n_b);

	return c != 0 ? c : (n_a > n_b) - (n_a < n_b);
}

static int record_compare(const void *a, const void *b)
{
	const struct zone_record *x = a;
	const struct zone_record *y = b;
	int c = key_compare(x->key, x->key_bytes, y->key, y->key_bytes);

	return c != 0 ? c : (x->at > y->at) - (x->at < y->at);
}

// Where the data of a type has names in lower case, as CoreDNS keeps them.
static void rdata_lower(uint16_t type, uint8_t *data, size_t size_bytes)
{
	size_t at = 0;
	size_t end = size_bytes;

	switch (type) {
	case RR_TYPE_NS:
	case RR_TYPE_CNAME:
		break;
	case RR_TYPE_MX:
		at = 2;
		break;
	case RR_TYPE_SVCB:
	case RR_TYPE_HTTPS:
		at = 2;
		end = size_bytes < at ? 0 : at + dname_size(data + at, size_bytes - at);
		break;
	case RR_TYPE_SOA:
		end -= SOA_NUMBERS_BYTES; // rr_take has counted the fields
		break;
	default:
		return;
	}
	for (; at < end; at++)
		data[at] = dname_lower_byte(data[at]);
}

static int rdata_take(struct arena *a, const ldns_rr *from, struct response_rr *out)
{
	size_t size = 0;
	size_t at = 0;

	for (size_t i = 0; i < ldns_rr_rd_count(from); i++)
		size += ldns_rdf_size(ldns_rr_rdf(from, i));
	uint8_t *data = size > UINT16_MAX ? NULL : arena_alloc(a, size + 1);
	if (data == NULL)
		return size > UINT16_MAX ? -EINVAL : -ENOMEM;
	for (size_t i = 0; i < ldns_rr_rd_count(from); i++) {
		const ldns_rdf *field = ldns_rr_rdf(from, i);
		if (ldns_rdf_size(field) > 0)
			memcpy(data + at, ldns_rdf_data(field), ldns_rdf_size(field));
		at += ldns_rdf_size(field);
	}
	rdata_lower(out->type, data, size);
	out->rdata = data;
	out->rdata_size = (uint16_t)size;
	return 0;
}

static int rr_take(struct arena *a, const ldns_rr *from, struct response_rr *out)
{
	const ldns_rdf *owner = ldns_rr_owner(from);
	struct dname name;

	*out = (struct response_rr){.type = (uint16_t)ldns_rr_get_type(from),
		.class = (uint16_t)ldns_rr_get_class(from),
		.ttl_s = ldns_rr_ttl(from)};
	name.size_bytes = (uint8_t)dname_size(ldns_rdf_data(owner), ldns_rdf_size(owner));
	if (name.size_bytes == 0 || (out->type == RR_TYPE_SOA && ldns_rr_rd_count(from) != 7))
		return -EINVAL;
	memcpy(name.wire, ldns_rdf_data(owner), name.size_bytes);
	dname_lower(&name);
	out->owner = arena_copy(a, name.wire, name.size_bytes);
	return out->owner == NULL ? -ENOMEM : rdata_take(a, from, out);
}

static int record_add(struct zone_data *z, const struct response_rr *rr)
{
	uint8_t key[KEY_MAX_BYTES];
	size_t n = key_make(rr->owner, key);
	void *grown = array_grow(z->records, &z->cap, z->n + 1, sizeof(z->records[0]));

	if (grown == NULL)
		return -ENOMEM;
	z->records = grown;
	struct zone_record *r = &z->records[z->n];
	*r = (struct zone_record){.key = arena_copy(&z->arena, key, n),
		.key_bytes = (uint16_t)n,
		.at = z->n,
		.rr = *rr};
	z->n++;
	return r->key == NULL ? -ENOMEM : 0;
}

static int apex_add(struct response_rrs *list, const struct response_rr *rr)
{
	void *grown = array_grow(list->items, &list->cap, list->n + 1, sizeof(*rr));

	if (grown == NULL)
		return -ENOMEM;
	list->items = grown;
	list->items[list->n++] = *rr;
	return 0;
}

uint16_t zone_data_covered(const struct response_rr *sig)
{
	return sig->rdata_size < 2 ? 0 : be16_get(sig->rdata);
}

static int take(struct zone_data *z, const ldns_rr *from, struct err *err)
{
	struct response_rr rr;
	int rc = rr_take(&z->arena, from, &rr);

	if (rc != 0)
		return rc;
	uint16_t covered = rr.type == RR_TYPE_RRSIG ? zone_data_covered(&rr) : 0;
	bool is_apex = dname_is_equal(rr.owner, z->origin);
	if (rr.type == RR_TYPE_NSEC3 || rr.type == LDNS_RR_TYPE_NSEC3PARAM)
		return err_set(
			err, -EINVAL, "zones with NSEC3 cannot be served, in CoreDNS neither");
	if (rr.type == RR_TYPE_SOA) {
		z->soa = rr;
		return 0;
	}
	if (covered == RR_TYPE_SOA)
		return apex_add(&z->soa_sigs, &rr);
	if (covered == RR_TYPE_NS && is_apex)
		return apex_add(&z->ns_sigs, &rr);
	if (rr.type == RR_TYPE_NS && is_apex)
		return apex_add(&z->ns, &rr);
	return record_add(z, &rr);
}

static int read_all(
	struct zone_data *z, FILE *f, ldns_rdf **origin, const char *path, struct err *err)
{
	uint32_t ttl_s = DEFAULT_TTL_S;
	ldns_rdf *previous = NULL;
	int line = 0;
	int rc = 0;

	while (rc == 0 && !feof(f)) {
		ldns_rr *rr = NULL;
		ldns_status status = ldns_rr_new_frm_fp_l(&rr, f, &ttl_s, origin, &previous, &line);
		bool is_record = status == LDNS_STATUS_OK && rr != NULL;
		if (is_record)
			rc = take(z, rr, err);
		else if (status != LDNS_STATUS_OK && status != LDNS_STATUS_SYNTAX_EMPTY &&
			status != LDNS_STATUS_SYNTAX_TTL && status != LDNS_STATUS_SYNTAX_ORIGIN)
			rc = err_set(err, -EINVAL, "%.120s:%d: %s", path, line,
				ldns_get_errorstr_by_id(status));
		ldns_rr_free(rr);
	}
	ldns_rdf_deep_free(previous);
	return rc;
}

static int origin_make(const uint8_t *wire, ldns_rdf **out)
{
	*out = ldns_rdf_new_frm_data(
		LDNS_RDF_TYPE_DNAME, dname_size(wire, DNS_NAME_MAX_BYTES), wire);
	return *out == NULL ? -ENOMEM : 0;
}

int zone_data_load(struct zone_data *z, const uint8_t *origin, const char *path, struct err *err)
{
	ldns_rdf *at = NULL;

	memset(z, 0, sizeof(*z));
	z->origin = origin;
	FILE *f = fopen(path, "re");
	int rc = f == NULL ? -errno : origin_make(origin, &at);
	if (rc == 0)
		rc = read_all(z, f, &at, path, err);
	ldns_rdf_deep_free(at);
	if (f != NULL)
		(void)fclose(f); // only read
	if (rc == 0 && z->soa.type == 0)
		rc = err_set(err, -EINVAL, "%.120s: no SOA record", path);
	if (z->n > 0)
		qsort(z->records, z->n, sizeof(z->records[0]), record_compare);
	return rc == 0 ? 0 : err_set(err, rc, "%.120s: %s", path, strerror(-rc)); // first reason
}

void zone_data_fini(struct zone_data *z)
{
	arena_fini(&z->arena);
	free(z->records);
	free(z->ns.items);
	free(z->soa_sigs.items);
	free(z->ns_sigs.items);
	memset(z, 0, sizeof(*z));
}

// The first record whose key is not before this one.
static size_t lower_bound(const struct zone_data *z, const uint8_t *key, size_t n)
{
	size_t low = 0;
	size_t high = z->n;

	while (low < high) {
		size_t mid = low + (high - low) / 2;
		const struct zone_record *r = &z->records[mid];
		if (key_compare(r->key, r->key_bytes, key, n) < 0)
			low = mid + 1;
		else
			high = mid;
	}
	return low;
}

// The records that begin at a place.
static struct zone_node node_at(const struct zone_data *z, size_t at)
{
	const struct zone_record *first = z->records + at;
	struct zone_node out = {.items = first};

	while (at + out.n < z->n &&
		key_compare(z->records[at + out.n].key, z->records[at + out.n].key_bytes,
			first->key, first->key_bytes) == 0)
		out.n++;
	return out;
}

struct zone_node zone_data_before(const struct zone_data *z, const uint8_t *name)
{
	struct zone_node same = zone_data_find(z, name);
	uint8_t key[KEY_MAX_BYTES];
	size_t at = lower_bound(z, key, key_make(name, key));

	if (same.n > 0 || at == 0)
		return same;
	const struct zone_record *last = &z->records[at - 1];
	return node_at(z, lower_bound(z, last->key, last->key_bytes));
}

struct zone_node zone_data_find(const struct zone_data *z, const uint8_t *name)
{
	uint8_t key[KEY_MAX_BYTES];
	size_t n = key_make(name, key);
	size_t at = lower_bound(z, key, n);
	struct zone_node out = {.items = z->records == NULL ? NULL : z->records + at};

	while (out.items != NULL && at + out.n < z->n && z->records[at + out.n].key_bytes == n &&
		memcmp(z->records[at + out.n].key, key, n) == 0)
		out.n++;
	return out;
}

bool zone_data_has_below(const struct zone_data *z, const uint8_t *name)
{
	uint8_t key[KEY_MAX_BYTES];
	size_t n = key_make(name, key);
	size_t at = lower_bound(z, key, n);

	while (at < z->n && z->records[at].key_bytes == n &&
		memcmp(z->records[at].key, key, n) == 0)
		at++;
	return at < z->n && z->records[at].key_bytes > n && memcmp(z->records[at].key, key, n) == 0;
}

uint32_t zone_data_serial(const struct zone_data *z)
{
	return z->soa.type == 0 ? 0
				: be32_get(z->soa.rdata + z->soa.rdata_size - SOA_NUMBERS_BYTES);
}
