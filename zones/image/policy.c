// SPDX-License-Identifier: Apache-2.0
// One table per struct drives both directions, so that what is written and what is read cannot
// differ.
#include "zones/image/policy.h"

#include "zones/image/policy_layouts.h"

#include "zones/base/rdbuf.h"
#include "zones/base/wrbuf.h"
#include "zones/wire/dname.h"

#include <errno.h>
#include <stddef.h>
#include <string.h>

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

typedef void write_item_fn(const struct layout *l, const uint8_t *base, struct wrbuf *w);

static void write_list(
	const struct field *f, const uint8_t *base, write_item_fn *write_item, struct wrbuf *w)
{
	const struct list *list = (const void *)(base + f->at);

	wrbuf_u16(w, (uint16_t)list->n);
	if (list->n > f->max)
		w->full = true;
	for (size_t k = 0; k < list->n && !w->full; k++)
		write_item(f->item, list->items + k * f->item->size_bytes, w);
}

// An item of a list; what lists it has hold flat ones, so there is no recursion.
static void write_item(const struct layout *l, const uint8_t *base, struct wrbuf *w)
{
	for (size_t i = 0; i < l->n; i++) {
		const struct field *f = &l->fields[i];
		if (f->type == FIELD_LIST)
			write_list(f, base, write_flat, w);
		else
			write_scalar(f, base, w);
	}
}

static void write_struct(const struct layout *l, const uint8_t *base, struct wrbuf *w)
{
	for (size_t i = 0; i < l->n; i++) {
		const struct field *f = &l->fields[i];
		if (f->type == FIELD_LIST)
			write_list(f, base, write_item, w);
		else
			write_scalar(f, base, w);
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
			wrbuf_u16(w, c->ops[k].ordinal);
			write_struct(&policy_layouts[c->ops[k].kind], c->ops[k].data, w);
		}
	}
	write_struct(&policy_set_layout, (const uint8_t *)p, w);
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

static void read_flat(struct decode *d, const struct layout *l, uint8_t *base)
{
	for (size_t i = 0; i < l->n; i++)
		read_scalar(d, &l->fields[i], base);
}

typedef void read_item_fn(struct decode *d, const struct layout *l, uint8_t *base);

static void read_list(
	struct decode *d, const struct field *f, struct list *list, read_item_fn *read_item)
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
	for (size_t i = 0; i < n && !d->r.bad; i++)
		read_item(d, f->item, items + i * size);
}

static void read_item(struct decode *d, const struct layout *l, uint8_t *base)
{
	for (size_t i = 0; i < l->n && !d->r.bad; i++) {
		const struct field *f = &l->fields[i];
		if (f->type == FIELD_LIST)
			read_list(d, f, (void *)(base + f->at), read_flat);
		else
			read_scalar(d, f, base);
	}
}

static void read_fields(struct decode *d, const struct layout *l, uint8_t *base)
{
	for (size_t i = 0; i < l->n && !d->r.bad; i++) {
		const struct field *f = &l->fields[i];
		if (f->type == FIELD_LIST)
			read_list(d, f, (void *)(base + f->at), read_item);
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
		ops[i].ordinal = rdbuf_u16(&d->r);
		if (ops[i].kind == 0 || ops[i].kind > POLICY_KIND_MAX)
			d->r.bad = true;
		else
			ops[i].data = read_struct(d, &policy_layouts[ops[i].kind]);
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

static bool is_sane_cidr(const struct policy_cidr *c)
{
	return (c->family == 4 && c->bits <= 32) || (c->family == 6 && c->bits <= 128);
}

static bool are_sane_cidrs(const struct policy_cidrs *list)
{
	for (size_t i = 0; i < list->n; i++) {
		if (!is_sane_cidr(&list->items[i]))
			return false;
	}
	return true;
}

static bool is_sane_acl(const struct policy_acl *a)
{
	for (size_t i = 0; i < a->rules.n; i++) {
		if (!are_sane_cidrs(&a->rules.items[i].sources))
			return false;
	}
	return true;
}

static bool is_sane_op(const struct policy_op *op)
{
	switch ((enum policy_kind)op->kind) {
	case POLICY_FORWARD:
		return is_sane_forward(op->data);
	case POLICY_ACL:
		return is_sane_acl(op->data);
	case POLICY_DNS64:
		return is_sane_cidr(&((const struct policy_dns64 *)op->data)->prefix);
	case POLICY_LOADBALANCE:
		return are_sane_cidrs(&((const struct policy_loadbalance *)op->data)->prefer);
	case POLICY_CACHE:
	case POLICY_REWRITE:
	case POLICY_TEMPLATE:
	case POLICY_HEADER:
	case POLICY_LOCAL:
	case POLICY_ANY:
	case POLICY_CHAOS:
	case POLICY_WHOAMI:
	case POLICY_LOOP:
	case POLICY_FILE:
	case POLICY_AUTOPATH:
	default:
		return true;
	}
}

static bool is_sane(const struct policy_set *p)
{
	for (size_t i = 0; i < p->n; i++) {
		for (size_t k = 0; k < p->chains[i].n; k++) {
			if (!is_sane_op(&p->chains[i].ops[k]))
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
	read_fields(&d, &policy_set_layout, (uint8_t *)out);
	if (d.is_short)
		return err_set(err, -ENOMEM, "policy: memory is short");
	if (d.r.bad || rdbuf_left(&d.r) != 0 || !is_sane(out))
		return err_set(err, -EINVAL, "policy: malformed");
	return 0;
}
