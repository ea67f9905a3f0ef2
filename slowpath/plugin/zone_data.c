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

enum { DEFAULT_TTL_S = 3600, SOA_NUMBERS_BYTES = 20 };

// The labels of a name in reverse order. Returns their bytes.
static size_t key_make(const uint8_t *name, uint8_t key[DNS_NAME_MAX_BYTES])
{
	size_t size = dname_size(name, DNS_NAME_MAX_BYTES) - 1;
	size_t end = size;

	for (size_t at = 0; at < size; at += 1u + name[at]) {
		end -= 1u + name[at];
		memcpy(key + end, name + at, 1u + name[at]);
	}
	return size;
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

// Bytes of the data that are names in lower case, as CoreDNS keeps them.
static size_t lower_bytes(uint16_t type, size_t size_bytes)
{
	switch (type) {
	case RR_TYPE_NS:
	case RR_TYPE_CNAME:
	case RR_TYPE_MX:
	case RR_TYPE_SRV:
		return size_bytes;
	case RR_TYPE_SOA:
		return size_bytes - SOA_NUMBERS_BYTES;
	default:
		return 0;
	}
}

static size_t lower_from(uint16_t type)
{
	return type == RR_TYPE_MX ? 2 : type == RR_TYPE_SRV ? 6 : 0;
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
	for (size_t i = lower_from(out->type); i < lower_bytes(out->type, size); i++)
		data[i] = dname_lower_byte(data[i]);
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
	uint8_t key[DNS_NAME_MAX_BYTES];
	size_t n = key_make(rr->owner, key);
	void *grown = array_grow(z->records, &z->cap, z->n + 1, sizeof(z->records[0]));

	if (grown == NULL)
		return -ENOMEM;
	z->records = grown;
	struct zone_record *r = &z->records[z->n];
	*r = (struct zone_record){.key = arena_copy(&z->arena, key, n),
		.key_bytes = (uint8_t)n,
		.at = z->n,
		.rr = *rr};
	z->n++;
	return r->key == NULL ? -ENOMEM : 0;
}

static int ns_add(struct zone_data *z, const struct response_rr *rr)
{
	void *grown = array_grow(z->ns.items, &z->ns_cap, z->ns.n + 1, sizeof(*rr));

	if (grown == NULL)
		return -ENOMEM;
	z->ns.items = grown;
	z->ns.items[z->ns.n++] = *rr;
	return 0;
}

static int take(struct zone_data *z, const ldns_rr *from)
{
	struct response_rr rr;
	int rc = rr_take(&z->arena, from, &rr);

	if (rc != 0)
		return rc;
	if (rr.type == RR_TYPE_SOA) {
		z->soa = rr;
		return 0;
	}
	if (rr.type == RR_TYPE_NS && dname_is_equal(rr.owner, z->origin))
		return ns_add(z, &rr);
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
			rc = take(z, rr);
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

struct zone_node zone_data_find(const struct zone_data *z, const uint8_t *name)
{
	uint8_t key[DNS_NAME_MAX_BYTES];
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
	uint8_t key[DNS_NAME_MAX_BYTES];
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
