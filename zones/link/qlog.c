// SPDX-License-Identifier: Apache-2.0
// A slot is marked as being written before it changes and gets its number after: a reader that
// sees the same number before and after its copy has a whole entry.
#include "zones/link/qlog.h"

#include "zones/base/be.h"

#include <string.h>

enum {
	HEADER_BYTES = 12,
	RCODE_MASK = 15,
	RCODE_NAME_ERROR = 3,
	LABEL_MAX_BYTES = 63,
};

enum qlog_class_bit qlog_class_of(const uint8_t *reply, size_t size_bytes)
{
	if (size_bytes < HEADER_BYTES)
		return QLOG_CLASS_ERROR;
	unsigned rcode = reply[3] & RCODE_MASK;
	bool has_answer = be16_get(reply + 6) != 0, has_authority = be16_get(reply + 8) != 0;
	if (rcode == 0 && (has_answer || !has_authority))
		return QLOG_CLASS_SUCCESS;
	// A denial names its zone.
	return (rcode == 0 || rcode == RCODE_NAME_ERROR) && has_authority ? QLOG_CLASS_DENIAL
									  : QLOG_CLASS_ERROR;
}

// The size of the name behind the header, 0 for none that is whole and plain.
static size_t name_size(const uint8_t *msg, size_t size_bytes)
{
	size_t at = HEADER_BYTES;

	while (at < size_bytes && msg[at] != 0 && msg[at] <= LABEL_MAX_BYTES)
		at += 1u + msg[at];
	at++;
	return at + 4 > size_bytes || at - HEADER_BYTES > QLOG_NAME_BYTES || msg[at - 1] != 0
		? 0
		: at - HEADER_BYTES;
}

// False: this second has had its share.
static bool take_turn(struct qlog_writer *w, uint64_t now_ticks)
{
	if (now_ticks - w->second_ticks >= w->ticks_per_s) {
		w->second_ticks = now_ticks;
		w->in_second = 0;
	}
	if (w->in_second == QLOG_PER_S) {
		counter_add(&w->ring->left_out, 1);
		return false;
	}
	w->in_second++;
	return true;
}

void qlog_record_fill(
	struct qlog_record *r, const struct qlog_query *q, const uint8_t *reply, size_t size_bytes)
{
	size_t address_bytes = q->family == 4 ? 4 : 16;
	size_t n = be16_get(reply + 4) == 0 ? 0 : name_size(reply, size_bytes);

	*r = (struct qlog_record){.took_ns = q->took_ns,
		.client_port = q->client_port,
		.server_port = q->server_port,
		.id = be16_get(reply),
		.header_flags = be16_get(reply + 2),
		.rcode = q->rcode,
		.request_bytes = (uint16_t)q->request_bytes,
		.reply_bytes = (uint16_t)size_bytes,
		.udp_bytes = q->udp_bytes,
		.block = q->block,
		.family = q->family,
		.flags = q->flags,
		.name_size = (uint8_t)n};
	memcpy(r->client, q->client, address_bytes);
	memcpy(r->server, q->server, address_bytes);
	if (n == 0)
		return;
	memcpy(r->name, reply + HEADER_BYTES, n);
	r->type = be16_get(reply + HEADER_BYTES + n);
	r->class = be16_get(reply + HEADER_BYTES + n + 2);
}

// The next slot, closed to readers until slot_end.
static struct qlog_slot *slot_begin(struct qlog_writer *w)
{
	uint64_t number = counter_get(&w->ring->written) + 1;
	struct qlog_slot *s = &w->ring->slots[number % QLOG_SLOTS];

	counter_set(&s->number, 0);
	atomic_thread_fence(memory_order_release);
	return s;
}

static void slot_end(struct qlog_writer *w, struct qlog_slot *s)
{
	uint64_t number = counter_get(&w->ring->written) + 1;

	atomic_store_explicit(&s->number, number, memory_order_release);
	atomic_store_explicit(&w->ring->written, number, memory_order_release);
}

void qlog_write(
	struct qlog_writer *w, const struct qlog_query *q, const uint8_t *reply, size_t size_bytes)
{
	if (w->ring == NULL || size_bytes < HEADER_BYTES ||
		((unsigned)q->classes & qlog_class_of(reply, size_bytes)) == 0 ||
		!take_turn(w, q->now_ticks))
		return;
	struct qlog_slot *s = slot_begin(w);
	qlog_record_fill(&s->record, q, reply, size_bytes);
	slot_end(w, s);
}

void qlog_fail(struct qlog_writer *w, const struct qlog_failure *f)
{
	if (w->ring == NULL || !take_turn(w, f->now_ticks))
		return;
	struct qlog_slot *s = slot_begin(w);
	s->record = (struct qlog_record){.rcode = f->rcode,
		.type = f->type,
		.class = f->class,
		.flags = QLOG_RECORD_ERROR | (f->flags & QLOG_RECORD_TCP),
		.reason = f->reason,
		.name_size = f->name_size};
	memcpy(s->record.name, f->name, f->name_size);
	size_t n = strnlen(f->upstream, QLOG_UPSTREAM_BYTES - 1);
	memcpy(s->record.upstream, f->upstream, n); // what is too long is cut
	slot_end(w, s);
}

bool qlog_read(const struct qlog_ring *r, uint64_t number, struct qlog_record *out)
{
	const struct qlog_slot *s = &r->slots[number % QLOG_SLOTS];

	if (atomic_load_explicit(&s->number, memory_order_acquire) != number)
		return false;
	memcpy(out, &s->record, sizeof(*out));
	atomic_thread_fence(memory_order_acquire);
	return counter_get(&s->number) == number;
}
