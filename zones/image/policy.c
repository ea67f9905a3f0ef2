// SPDX-License-Identifier: Apache-2.0
// One table per struct drives both directions, so that what is written and what is read cannot
// differ.
#include "zones/image/policy.h"

#include "zones/base/array.h"
#include "zones/base/rdbuf.h"
#include "zones/base/wrbuf.h"
#include "zones/wire/dname.h"

#include <errno.h>
#include <stddef.h>
#include <string.h>

enum field_type {
	FIELD_U8,
	FIELD_BOOL,
	FIELD_U16,
	FIELD_U32,
	FIELD_U64,
	FIELD_NAME,
	FIELD_TEXT,
	FIELD_LIST
};

struct layout;

struct field {
	enum field_type type;
	size_t at;
	uint64_t max; // numbers: largest value; lists: most items
	const struct layout *item; // lists
};

// A struct with fields. Lists are a pointer followed by a size_t.
struct layout {
	const struct field *fields;
	size_t n;
	size_t size_bytes;
};

struct list {
	const uint8_t *items;
	size_t n;
};

_Static_assert(offsetof(struct policy_names, n) == offsetof(struct list, n), "lists look alike");
_Static_assert(
	offsetof(struct policy_timeouts_list, n) == offsetof(struct list, n), "lists look alike");
_Static_assert(offsetof(struct policy_u16s, n) == offsetof(struct list, n), "lists look alike");
_Static_assert(
	offsetof(struct policy_upstreams, n) == offsetof(struct list, n), "lists look alike");

enum { LIST_MAX = 65535 };

static const struct field name_fields[] = {
	{FIELD_NAME, offsetof(struct policy_name, wire), 0, NULL},
};
static const struct layout name_layout = {name_fields, 1, sizeof(struct policy_name)};

static const struct field u16_fields[] = {{FIELD_U16, 0, UINT16_MAX, NULL}};
static const struct layout u16_layout = {u16_fields, 1, sizeof(uint16_t)};

#define AT(member) offsetof(struct policy_upstream, member)
static const struct field upstream_fields[] = {
	{FIELD_U8, AT(kind), POLICY_UPSTREAM_KIND_MAX, NULL},
	{FIELD_U16, AT(port), UINT16_MAX, NULL},
	{FIELD_TEXT, AT(host), 0, NULL},
	{FIELD_TEXT, AT(server_name), 0, NULL},
};
#undef AT
static const struct layout upstream_layout = {
	upstream_fields, ARRAY_LEN(upstream_fields), sizeof(struct policy_upstream)};

#define AT(member) offsetof(struct policy_forward, member)
static const struct field forward_fields[] = {
	{FIELD_NAME, AT(from), 0, NULL},
	{FIELD_LIST, AT(to), POLICY_UPSTREAMS_MAX, &upstream_layout},
	{FIELD_LIST, AT(except), LIST_MAX, &name_layout},
	{FIELD_U8, AT(balance), POLICY_BALANCES - 1, NULL},
	{FIELD_U32, AT(max_fails), UINT32_MAX, NULL},
	{FIELD_U32, AT(max_concurrent), UINT32_MAX, NULL},
	{FIELD_U32, AT(max_connect_attempts), UINT32_MAX, NULL},
	{FIELD_U32, AT(max_idle_conns), UINT32_MAX, NULL},
	{FIELD_U64, AT(expire_ms), UINT64_MAX, NULL},
	{FIELD_U64, AT(max_age_ms), UINT64_MAX, NULL},
	{FIELD_U64, AT(read_timeout_ms), UINT64_MAX, NULL},
	{FIELD_U64, AT(health_check_ms), UINT64_MAX, NULL},
	{FIELD_BOOL, AT(health_check_no_rec), 1, NULL},
	{FIELD_NAME, AT(health_check_domain), 0, NULL},
	{FIELD_BOOL, AT(force_tcp), 1, NULL},
	{FIELD_BOOL, AT(prefer_udp), 1, NULL},
	{FIELD_BOOL, AT(failfast_all_unhealthy), 1, NULL},
	{FIELD_BOOL, AT(next_on_nodata), 1, NULL},
	{FIELD_LIST, AT(next), LIST_MAX, &u16_layout},
	{FIELD_LIST, AT(failover), LIST_MAX, &u16_layout},
	{FIELD_TEXT, AT(tls_cert), 0, NULL},
	{FIELD_TEXT, AT(tls_key), 0, NULL},
	{FIELD_TEXT, AT(tls_ca), 0, NULL},
	{FIELD_TEXT, AT(tls_servername), 0, NULL},
	{FIELD_TEXT, AT(source_address), 0, NULL},
};
#undef AT

#define AT(member) offsetof(struct policy_cache, member)
static const struct field cache_fields[] = {
	{FIELD_TEXT, AT(server), 0, NULL},
	{FIELD_LIST, AT(zones), LIST_MAX, &name_layout},
	{FIELD_U32, AT(success.capacity), UINT32_MAX, NULL},
	{FIELD_U32, AT(success.ttl_s), INT32_MAX, NULL},
	{FIELD_U32, AT(success.min_ttl_s), INT32_MAX, NULL},
	{FIELD_U32, AT(denial.capacity), UINT32_MAX, NULL},
	{FIELD_U32, AT(denial.ttl_s), INT32_MAX, NULL},
	{FIELD_U32, AT(denial.min_ttl_s), INT32_MAX, NULL},
	{FIELD_U32, AT(prefetch), UINT32_MAX, NULL},
	{FIELD_U64, AT(prefetch_window_ms), UINT64_MAX, NULL},
	{FIELD_U32, AT(prefetch_percent), 100, NULL},
	{FIELD_U64, AT(stale_ms), UINT64_MAX, NULL},
	{FIELD_BOOL, AT(stale_verify), 1, NULL},
	{FIELD_U64, AT(stale_timeout_ms), UINT64_MAX, NULL},
	{FIELD_U32, AT(stale_ttl_s), INT32_MAX, NULL},
	{FIELD_U64, AT(stale_recheck_ms), UINT64_MAX, NULL},
	{FIELD_BOOL, AT(stale_prefer_positive), 1, NULL},
	{FIELD_U64, AT(servfail_ms), UINT64_MAX, NULL},
	{FIELD_LIST, AT(no_success), LIST_MAX, &name_layout},
	{FIELD_LIST, AT(no_denial), LIST_MAX, &name_layout},
	{FIELD_BOOL, AT(keep_ttl), 1, NULL},
};
#undef AT

static const struct layout layouts[POLICY_KIND_MAX + 1] = {
	[POLICY_CACHE] = {cache_fields, ARRAY_LEN(cache_fields), sizeof(struct policy_cache)},
	[POLICY_FORWARD] = {forward_fields, ARRAY_LEN(forward_fields),
		sizeof(struct policy_forward)},
};

#define AT(member) offsetof(struct policy_timeouts, member)
static const struct field timeouts_fields[] = {
	{FIELD_U16, AT(port), UINT16_MAX, NULL},
	{FIELD_U32, AT(read_ms), UINT32_MAX, NULL},
	{FIELD_U32, AT(write_ms), UINT32_MAX, NULL},
	{FIELD_U32, AT(idle_ms), UINT32_MAX, NULL},
	{FIELD_U32, AT(max_queries), UINT32_MAX, NULL},
};
#undef AT
static const struct layout timeouts_layout = {
	timeouts_fields, ARRAY_LEN(timeouts_fields), sizeof(struct policy_timeouts)};

// What a policy has besides its chains.
static const struct field set_fields[] = {
	{FIELD_LIST, offsetof(struct policy_set, timeouts), POLICY_TIMEOUTS_MAX, &timeouts_layout},
};
static const struct layout set_layout = {
	set_fields, ARRAY_LEN(set_fields), sizeof(struct policy_set)};

static void write_text(const char *text, struct wrbuf *w)
{
	size_t len = strlen(text);

	wrbuf_u16(w, (uint16_t)len);
	if (len > UINT16_MAX)
		w->full = true;
	wrbuf_bytes(w, text, len);
}

// A field that is no list.
static void write_scalar(const struct field *f, const uint8_t *base, struct wrbuf *w)
{
	const void *p = base + f->at;

	switch (f->type) {
	case FIELD_U8:
		wrbuf_u8(w, *(const uint8_t *)p);
		break;
	case FIELD_BOOL:
		wrbuf_u8(w, *(const bool *)p);
		break;
	case FIELD_U16:
		wrbuf_u16(w, *(const uint16_t *)p);
		break;
	case FIELD_U32:
		wrbuf_u32(w, *(const uint32_t *)p);
		break;
	case FIELD_U64:
		wrbuf_u32(w, (uint32_t)(*(const uint64_t *)p >> 32));
		wrbuf_u32(w, (uint32_t) * (const uint64_t *)p);
		break;
	case FIELD_NAME: {
		const uint8_t *wire = *(const uint8_t *const *)p;
		wrbuf_bytes(w, wire, dname_size(wire, DNS_NAME_MAX_BYTES));
		break;
	}
	case FIELD_TEXT:
		write_text(*(const char *const *)p, w);
		break;
	case FIELD_LIST:
	default:
		break;
	}
}

static void write_flat(const struct layout *l, const uint8_t *base, struct wrbuf *w)
{
	for (size_t i = 0; i < l->n; i++)
		write_scalar(&l->fields[i], base, w);
}

// Items of lists hold no lists themselves, so there is no recursion.
static void write_struct(const struct layout *l, const uint8_t *base, struct wrbuf *w)
{
	for (size_t i = 0; i < l->n; i++) {
		const struct field *f = &l->fields[i];
		if (f->type != FIELD_LIST) {
			write_scalar(f, base, w);
			continue;
		}
		const struct list *list = (const void *)(base + f->at);
		wrbuf_u16(w, (uint16_t)list->n);
		if (list->n > f->max)
			w->full = true;
		for (size_t k = 0; k < list->n && !w->full; k++)
			write_flat(f->item, list->items + k * f->item->size_bytes, w);
	}
}

static void write_policy(const struct policy_set *p, struct wrbuf *w)
{
	wrbuf_u16(w, (uint16_t)p->n);
	for (size_t i = 0; i < p->n; i++) {
		const struct policy_chain *c = &p->chains[i];
		wrbuf_u16(w, (uint16_t)c->n);
		for (size_t k = 0; k < c->n; k++) {
			wrbuf_u8(w, c->ops[k].kind);
			wrbuf_u16(w, c->ops[k].line);
			write_struct(&layouts[c->ops[k].kind], c->ops[k].data, w);
		}
	}
	write_struct(&set_layout, (const uint8_t *)p, w);
}

const uint8_t *policy_encode(const struct policy_set *p, struct arena *a, size_t *size_bytes)
{
	const size_t most = (size_t)64 << 20;

	for (size_t size = 4096; size <= most; size *= 4) {
		uint8_t *bytes = arena_alloc(a, size);
		if (bytes == NULL)
			return NULL;
		struct wrbuf w = wrbuf_of(bytes, size);
		write_policy(p, &w);
		if (!w.full) {
			*size_bytes = w.pos;
			return bytes;
		}
	}
	return NULL;
}

// Decoding: the cursor, where things go, and whether memory was short.
struct decode {
	struct rdbuf r;
	struct arena *arena;
	bool is_short;
};

static void *take_memory(struct decode *d, size_t size_bytes)
{
	void *p = arena_alloc(d->arena, size_bytes);

	if (p == NULL) {
		d->is_short = true;
		d->r.bad = true;
	}
	return p;
}

static const uint8_t *read_name(struct decode *d)
{
	size_t left = rdbuf_left(&d->r);
	size_t size = left == 0 ? 0 : dname_size(d->r.base + d->r.pos, left);
	const uint8_t *wire = rdbuf_take(&d->r, size);
	uint8_t *copy = size == 0 ? NULL : take_memory(d, size);

	if (wire == NULL || copy == NULL) {
		d->r.bad = true;
		return NULL;
	}
	for (size_t i = 0; i < size; i++) {
		copy[i] = wire[i];
		d->r.bad |= dname_lower_byte(wire[i]) != wire[i];
	}
	return copy;
}

static const char *read_text(struct decode *d)
{
	uint16_t len = rdbuf_u16(&d->r);
	const uint8_t *text = rdbuf_take(&d->r, len);
	char *copy = text == NULL ? NULL : take_memory(d, len + 1u);

	if (copy == NULL)
		return NULL;
	memcpy(copy, text, len);
	d->r.bad |= memchr(copy, 0, len) != NULL;
	return copy;
}

static uint64_t read_number(struct decode *d, const struct field *f)
{
	uint64_t v = 0;

	switch (f->type) {
	case FIELD_U8:
	case FIELD_BOOL:
		v = rdbuf_u8(&d->r);
		break;
	case FIELD_U16:
		v = rdbuf_u16(&d->r);
		break;
	case FIELD_U32:
		v = rdbuf_u32(&d->r);
		break;
	case FIELD_U64:
		v = (uint64_t)rdbuf_u32(&d->r) << 32;
		v |= rdbuf_u32(&d->r);
		break;
	case FIELD_NAME:
	case FIELD_TEXT:
	case FIELD_LIST:
	default:
		break;
	}
	if (v > f->max)
		d->r.bad = true;
	return v;
}

static void read_scalar(struct decode *d, const struct field *f, uint8_t *base)
{
	void *p = base + f->at;
	uint64_t v = read_number(d, f);

	switch (f->type) {
	case FIELD_U8:
		*(uint8_t *)p = (uint8_t)v;
		break;
	case FIELD_BOOL:
		*(bool *)p = v != 0;
		break;
	case FIELD_U16:
		*(uint16_t *)p = (uint16_t)v;
		break;
	case FIELD_U32:
		*(uint32_t *)p = (uint32_t)v;
		break;
	case FIELD_U64:
		*(uint64_t *)p = v;
		break;
	case FIELD_NAME:
		*(const uint8_t **)p = read_name(d);
		break;
	case FIELD_TEXT:
		*(const char **)p = read_text(d);
		break;
	case FIELD_LIST:
	default:
		break;
	}
}

static void read_list(struct decode *d, const struct field *f, struct list *list)
{
	size_t n = rdbuf_u16(&d->r);
	size_t size = f->item->size_bytes;

	// Each item takes a byte at least, so a wrong count cannot ask for much memory.
	if (n > f->max || n > rdbuf_left(&d->r)) {
		d->r.bad = true;
		return;
	}
	uint8_t *items = n == 0 ? NULL : take_memory(d, n * size);
	if (items == NULL)
		return;
	list->items = items;
	list->n = n;
	for (size_t i = 0; i < n && !d->r.bad; i++) {
		for (size_t k = 0; k < f->item->n; k++)
			read_scalar(d, &f->item->fields[k], items + i * size);
	}
}

static void read_fields(struct decode *d, const struct layout *l, uint8_t *base)
{
	for (size_t i = 0; i < l->n && !d->r.bad; i++) {
		const struct field *f = &l->fields[i];
		if (f->type == FIELD_LIST)
			read_list(d, f, (void *)(base + f->at));
		else
			read_scalar(d, f, base);
	}
}

static const void *read_struct(struct decode *d, const struct layout *l)
{
	uint8_t *base = take_memory(d, l->size_bytes);

	if (base != NULL)
		read_fields(d, l, base);
	return base;
}

static void read_chain(struct decode *d, struct policy_chain *c)
{
	size_t n = rdbuf_u16(&d->r);
	struct policy_op *ops = n > POLICY_OPS_MAX ? NULL : take_memory(d, n * sizeof(*ops) + 1);

	if (ops == NULL) {
		d->r.bad = true;
		return;
	}
	*c = (struct policy_chain){ops, n};
	for (size_t i = 0; i < n && !d->r.bad; i++) {
		ops[i].kind = rdbuf_u8(&d->r);
		ops[i].line = rdbuf_u16(&d->r);
		if (ops[i].kind == 0 || ops[i].kind > POLICY_KIND_MAX)
			d->r.bad = true;
		else
			ops[i].data = read_struct(d, &layouts[ops[i].kind]);
	}
}

// What the tables cannot say.
static bool is_sane_forward(const struct policy_forward *f)
{
	for (size_t i = 0; i < f->to.n; i++) {
		if (f->to.items[i].kind == 0)
			return false;
	}
	return f->to.n > 0 && f->read_timeout_ms > 0;
}

static bool is_sane(const struct policy_set *p)
{
	for (size_t i = 0; i < p->n; i++) {
		for (size_t k = 0; k < p->chains[i].n; k++) {
			const struct policy_op *op = &p->chains[i].ops[k];
			if (op->kind == POLICY_FORWARD && !is_sane_forward(op->data))
				return false;
		}
	}
	return true;
}

int policy_decode(const uint8_t *bytes, size_t size_bytes, struct arena *a, struct policy_set *out,
	struct err *err)
{
	struct decode d = {.r = rdbuf_of(bytes, size_bytes), .arena = a};

	*out = (struct policy_set){0};
	if (size_bytes == 0)
		return 0;
	size_t n = rdbuf_u16(&d.r);
	if (n > POLICY_CHAINS_MAX)
		return err_set(err, -EINVAL, "policy: too many chains");
	struct policy_chain *chains = take_memory(&d, n * sizeof(*chains) + 1);
	for (size_t i = 0; i < n && !d.r.bad; i++)
		read_chain(&d, &chains[i]);
	*out = (struct policy_set){.chains = chains, .n = n};
	read_fields(&d, &set_layout, (uint8_t *)out);
	if (d.is_short)
		return err_set(err, -ENOMEM, "policy: memory is short");
	if (d.r.bad || rdbuf_left(&d.r) != 0 || !is_sane(out))
		return err_set(err, -EINVAL, "policy: malformed");
	return 0;
}
