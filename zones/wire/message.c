// SPDX-License-Identifier: Apache-2.0
// Names with pointers, records, and their text.
#include "zones/wire/message.h"

#include <arpa/inet.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

// More pointers than labels mean nothing (proto:N4); without a limit a large message of pointers to
// pointers would cost a quadratic time.
enum { HOPS_MAX = 126 };

// Copies the labels at pos up to a pointer or the root. Returns the position behind them, 0 when
// malformed; *next is where a pointer aims, or 0 at the root.
static size_t labels_read(
	const struct rdbuf *r, size_t pos, size_t end, struct dname *name, size_t *next)
{
	for (;;) {
		if (pos >= end)
			return 0;
		uint8_t len = r->base[pos];
		if (len >= 0xc0) { // RFC 1035 4.1.4
			if (pos + 2 > end)
				return 0;
			*next = (size_t)(len & 0x3f) << 8 | r->base[pos + 1];
			return *next < DNS_HEADER_BYTES ? 0 : pos + 2;
		}
		if (len > DNS_LABEL_MAX_BYTES || pos + 1 + len > end ||
			name->size_bytes + 1u + len > DNS_NAME_MAX_BYTES)
			return 0;
		memcpy(name->wire + name->size_bytes, r->base + pos, 1u + len);
		name->size_bytes = (uint8_t)(name->size_bytes + 1u + len);
		pos += 1u + len;
		if (len == 0) {
			*next = 0;
			return pos;
		}
	}
}

void message_name(struct rdbuf *r, size_t end, struct dname *name)
{
	size_t pos = r->pos;
	size_t behind = 0;

	name->size_bytes = 0;
	if (r->bad || end > r->size_bytes) {
		r->bad = true;
		return;
	}
	for (unsigned hops = 0;; hops++) {
		size_t next = 0;
		size_t stop = labels_read(r, pos, end, name, &next);
		if (stop == 0 || hops > HOPS_MAX ||
			(next != 0 && next >= pos)) { // strictly backwards: it ends
			r->bad = true;
			return;
		}
		if (behind == 0)
			behind = stop;
		if (next == 0)
			break;
		end = pos; // what a pointer reaches must stand wholly in front
		pos = next;
	}
	r->pos = behind;
}

void message_rr(struct rdbuf *r, struct message_rr *rr)
{
	message_name(r, r->size_bytes, &rr->owner);
	rr->type = rdbuf_u16(r);
	rr->class = rdbuf_u16(r);
	rr->ttl_s = rdbuf_u32(r);
	rr->rdata_size = rdbuf_u16(r);
	rr->rdata_pos = r->pos;
	(void)rdbuf_take(r, rr->rdata_size); // r->bad says it
}

struct text {
	char *buf;
	size_t size_bytes, pos;
};

__attribute__((format(printf, 2, 3))) static void text_add(struct text *t, const char *fmt, ...)
{
	va_list ap;

	if (t->pos + 1 >= t->size_bytes)
		return;
	va_start(ap, fmt);
	int n = vsnprintf(t->buf + t->pos, t->size_bytes - t->pos, fmt, ap);
	va_end(ap);
	if (n > 0)
		t->pos += (size_t)n;
	if (t->pos >= t->size_bytes)
		t->pos = t->size_bytes - 1;
}

static void text_name(struct text *t, struct rdbuf *r, size_t end)
{
	char name[DNAME_TEXT_MAX_BYTES];
	struct dname d;

	message_name(r, end, &d);
	if (!r->bad)
		text_add(t, "%s", dname_print(d.wire, name, sizeof(name)));
}

static void text_strings(struct text *t, struct rdbuf *r, size_t end)
{
	const char *gap = "";

	while (!r->bad && r->pos < end) {
		uint8_t len = rdbuf_u8(r);
		const uint8_t *p = rdbuf_take(r, len);
		text_add(t, "%s\"", gap);
		for (unsigned i = 0; p != NULL && i < len; i++) {
			if (p[i] < ' ' || p[i] > '~')
				text_add(t, "\\%03u", p[i]);
			else
				text_add(t, p[i] == '"' || p[i] == '\\' ? "\\%c" : "%c", p[i]);
		}
		text_add(t, "\"");
		gap = " ";
	}
}

// RFC 3597 5: \# size hex.
static void text_unknown(struct text *t, struct rdbuf *r, uint16_t size)
{
	const uint8_t *p = rdbuf_take(r, size);

	text_add(t, "\\# %u%s", size, size == 0 ? "" : " ");
	for (unsigned i = 0; p != NULL && i < size; i++)
		text_add(t, "%02x", p[i]);
}

static void text_address(struct text *t, struct rdbuf *r, int family)
{
	char addr[INET6_ADDRSTRLEN];
	const uint8_t *p = rdbuf_take(r, family == AF_INET ? 4 : 16);

	if (p != NULL && inet_ntop(family, p, addr, sizeof(addr)) != NULL)
		text_add(t, "%s", addr);
}

static void text_soa(struct text *t, struct rdbuf *r, size_t end)
{
	text_name(t, r, end);
	text_add(t, " ");
	text_name(t, r, end);
	for (int i = 0; i < 5; i++)
		text_add(t, " %u", rdbuf_u32(r));
}

static void text_rdata(struct text *t, struct rdbuf *r, const struct message_rr *rr)
{
	size_t end = rr->rdata_pos + rr->rdata_size;

	switch (rr->type) {
	case RR_TYPE_A:
		text_address(t, r, AF_INET);
		break;
	case RR_TYPE_AAAA:
		text_address(t, r, AF_INET6);
		break;
	case RR_TYPE_NS:
	case RR_TYPE_CNAME:
	case RR_TYPE_PTR:
	case RR_TYPE_DNAME:
		text_name(t, r, end);
		break;
	case RR_TYPE_MX:
		text_add(t, "%u ", rdbuf_u16(r));
		text_name(t, r, end);
		break;
	case RR_TYPE_SRV:
		text_add(t, "%u ", rdbuf_u16(r));
		text_add(t, "%u ", rdbuf_u16(r));
		text_add(t, "%u ", rdbuf_u16(r));
		text_name(t, r, end);
		break;
	case RR_TYPE_SOA:
		text_soa(t, r, end);
		break;
	case RR_TYPE_TXT:
	case RR_TYPE_HINFO:
		text_strings(t, r, end);
		break;
	default:
		text_unknown(t, r, rr->rdata_size);
	}
}

const char *message_rdata_print(
	const struct rdbuf *msg, const struct message_rr *rr, char *buf, size_t size_bytes)
{
	struct text t = {buf, size_bytes, 0};
	struct rdbuf r = *msg;

	r.pos = rr->rdata_pos;
	r.bad = false;
	buf[0] = '\0';
	text_rdata(&t, &r, rr);
	if (r.bad || r.pos != rr->rdata_pos + rr->rdata_size) { // not what its type says
		t.pos = 0;
		r.pos = rr->rdata_pos;
		r.bad = false;
		text_unknown(&t, &r, rr->rdata_size);
	}
	return buf;
}

const char *message_rr_print(
	const struct rdbuf *msg, const struct message_rr *rr, char *buf, size_t size_bytes)
{
	char name[DNAME_TEXT_MAX_BYTES];
	char type[16];
	struct text t = {buf, size_bytes, 0};

	text_add(&t, "%s %u %s %s ", dname_print(rr->owner.wire, name, sizeof(name)), rr->ttl_s,
		rr->class == RR_CLASS_IN ? "IN" : "CLASS?",
		rr_type_print(rr->type, type, sizeof(type)));
	(void)message_rdata_print(msg, rr, buf + t.pos, size_bytes - t.pos); // returns its argument
	return buf;
}
