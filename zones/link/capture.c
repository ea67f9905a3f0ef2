// SPDX-License-Identifier: Apache-2.0
// A slot is marked as being written before it changes and gets its number after: a reader that
// sees the same number before and after its copy has a whole entry.
#include "zones/link/capture.h"

#include "zones/base/rdbuf.h"

#include <string.h>
#include <time.h>

enum {
	ETHERNET_ADDRESSES_BYTES = 12,
	TYPE_IP4 = 0x0800,
	TYPE_IP6 = 0x86dd,
	TYPE_VLAN = 0x8100,
	TYPE_QINQ = 0x88a8,
	PROTOCOL_UDP = 17,
	IP4_FIXED_BYTES = 20,
	IP4_FRAGMENT_MASK = 0x3fff, // more fragments, offset
	DNS_HEADER_SIZE = 12,
	LABEL_MAX_BYTES = 63,
	NS_PER_S = 1000000000,
};

static uint16_t ether_type(struct rdbuf *r)
{
	(void)rdbuf_take(r, ETHERNET_ADDRESSES_BYTES);
	uint16_t type = rdbuf_u16(r);
	for (unsigned i = 0; i < 2 && (type == TYPE_VLAN || type == TYPE_QINQ); i++) {
		(void)rdbuf_take(r, 2);
		type = rdbuf_u16(r);
	}
	return type;
}

static bool read_ip4(struct rdbuf *r, struct capture_view *v)
{
	const uint8_t *h = rdbuf_take(r, IP4_FIXED_BYTES);

	if (h == NULL || h[0] >> 4 != 4 || (h[0] & 15) * 4 < IP4_FIXED_BYTES ||
		h[9] != PROTOCOL_UDP || (be16_get(h + 6) & IP4_FRAGMENT_MASK) != 0)
		return false;
	(void)rdbuf_take(r, (size_t)(h[0] & 15) * 4 - IP4_FIXED_BYTES);
	v->family = 4;
	v->source = h + 12;
	v->destination = h + 16;
	return !r->bad;
}

static bool read_ip6(struct rdbuf *r, struct capture_view *v)
{
	const uint8_t *h = rdbuf_take(r, 40);

	if (h == NULL || h[0] >> 4 != 6 || h[6] != PROTOCOL_UDP)
		return false;
	v->family = 6;
	v->source = h + 8;
	v->destination = h + 24;
	return true;
}

// The question's name, when it is whole and plain.
static void read_name(struct capture_view *v)
{
	size_t at = DNS_HEADER_SIZE;
	const uint8_t *m = v->message;

	if (v->message_bytes < DNS_HEADER_SIZE || be16_get(m + 4) == 0)
		return;
	while (at < v->message_bytes && m[at] != 0 && m[at] <= LABEL_MAX_BYTES)
		at += 1u + m[at];
	if (at >= v->message_bytes || m[at] != 0 || at + 5 > v->message_bytes ||
		at + 1 - DNS_HEADER_SIZE > CAPTURE_NAME_BYTES)
		return;
	v->name = m + DNS_HEADER_SIZE;
	v->name_size = at + 1 - DNS_HEADER_SIZE;
}

bool capture_view_read(const uint8_t *frame, size_t size_bytes, struct capture_view *v)
{
	struct rdbuf r = rdbuf_of(frame, size_bytes);
	uint16_t type = ether_type(&r);

	*v = (struct capture_view){0};
	if (!(type == TYPE_IP4 ? read_ip4(&r, v) : type == TYPE_IP6 && read_ip6(&r, v)))
		return false;
	v->source_port = rdbuf_u16(&r);
	v->destination_port = rdbuf_u16(&r);
	(void)rdbuf_take(&r, 4); // length, checksum
	if (r.bad)
		return false;
	v->message_bytes = rdbuf_left(&r);
	v->message = frame + r.pos;
	read_name(v);
	return true;
}

static bool has_prefix(const uint8_t *address, const uint8_t *prefix, unsigned len)
{
	unsigned whole = len / 8, rest = len % 8;
	unsigned mask = 0xff00u >> rest & 0xff;

	return memcmp(address, prefix, whole) == 0 &&
		(rest == 0 || ((address[whole] ^ prefix[whole]) & mask) == 0);
}

static uint8_t lower(uint8_t c)
{
	return c >= 'A' && c <= 'Z' ? (uint8_t)(c - 'A' + 'a') : c;
}

// Label by label from the left: a suffix of bytes alone may begin inside a label.
static bool is_within(const struct capture_view *v, const struct capture_filter *f)
{
	size_t at = 0;

	if (v->name == NULL)
		return false;
	while (v->name_size - at > f->name_size)
		at += 1u + v->name[at];
	if (v->name_size - at != f->name_size)
		return false;
	for (size_t i = 0; i < f->name_size; i++) {
		if (lower(v->name[at + i]) != f->name[i])
			return false;
	}
	return true;
}

bool capture_is_wanted(const struct capture_filter *f, const uint8_t *frame, size_t size_bytes,
	enum capture_way way)
{
	struct capture_view v;
	bool is_all = f->family == 0 && f->name_size == 0 && f->one_in <= 1;

	if (is_all)
		return true;
	if (!capture_view_read(frame, size_bytes, &v))
		return false;
	if (f->family != 0 &&
		(v.family != f->family ||
			!has_prefix(way == CAPTURE_IN ? v.source : v.destination, f->client,
				f->prefix_len)))
		return false;
	if (f->name_size != 0 && !is_within(&v, f))
		return false;
	if (f->one_in <= 1)
		return true;
	// Query and reply have these in common.
	uint32_t port = way == CAPTURE_IN ? v.source_port : v.destination_port;
	uint64_t id = v.message_bytes >= 2 ? be16_get(v.message) : 0;
	// Knuth's multiplier spreads neighbours over the upper bits.
	return ((id << 16 | port) * 0x9e3779b97f4a7c15u >> 40) % f->one_in == 0;
}

void capture_ask(struct capture_request *r, const struct capture_filter *f)
{
	// Odd already when the one before was killed in the middle.
	uint64_t version = counter_get(&r->version) | 1;

	counter_set(&r->version, version);
	atomic_thread_fence(memory_order_release);
	if (f != NULL)
		r->filter = *f;
	else
		r->filter.seconds = 0;
	atomic_store_explicit(&r->version, version + 1, memory_order_release);
}

// Takes a request that changed; not now when it is just being replaced.
static void take_request(struct capture_writer *w, uint64_t now_ticks)
{
	uint64_t version = atomic_load_explicit(&w->request->version, memory_order_acquire);
	struct timespec t;

	if (version % 2 != 0)
		return;
	w->filter = w->request->filter;
	atomic_thread_fence(memory_order_acquire);
	if (counter_get(&w->request->version) != version)
		return;
	w->version = version;
	w->is_on = w->filter.seconds != 0 && w->filter.prefix_len <= 8 * sizeof(w->filter.client);
	// The coarse clock is never a system call, whatever the machine's clock is; it is at most a
	// tick of the kernel late, and from here on the processor counts.
	(void)clock_gettime(CLOCK_REALTIME_COARSE, &t); // cannot fail on Linux
	w->begin_ns = (uint64_t)t.tv_sec * NS_PER_S + (uint64_t)t.tv_nsec;
	w->begin_ticks = now_ticks;
	w->end_ticks = now_ticks + w->ticks_per_s * w->filter.seconds;
}

bool capture_begin_slow(struct capture_writer *w, uint64_t version, uint64_t now_ticks)
{
	if (version != w->version)
		take_request(w, now_ticks);
	if (now_ticks >= w->end_ticks)
		w->is_on = false;
	if (!w->is_on)
		return false;
	uint64_t ticks = now_ticks - w->begin_ticks;
	w->time_ns = w->begin_ns + ticks / w->ticks_per_s * NS_PER_S +
		ticks % w->ticks_per_s * NS_PER_S / w->ticks_per_s;
	if (now_ticks - w->second_ticks >= w->ticks_per_s) {
		w->second_ticks = now_ticks;
		w->in_second = 0;
	}
	return true;
}

void capture_offer(
	struct capture_writer *w, const uint8_t *frame, size_t size_bytes, enum capture_way way)
{
	if (!capture_is_wanted(&w->filter, frame, size_bytes, way))
		return;
	if (w->in_second == CAPTURE_PER_S) {
		counter_add(&w->ring->left_out, 1);
		return;
	}
	w->in_second++;
	uint64_t number = counter_get(&w->ring->written) + 1;
	struct capture_slot *s = &w->ring->slots[number % CAPTURE_SLOTS];
	size_t kept = size_bytes < CAPTURE_BYTES ? size_bytes : CAPTURE_BYTES;
	counter_set(&s->number, 0);
	atomic_thread_fence(memory_order_release);
	s->record.time_ns = w->time_ns;
	s->record.size_bytes = (uint32_t)size_bytes;
	s->record.kept_bytes = (uint16_t)kept;
	s->record.way = (uint8_t)way;
	memcpy(s->record.bytes, frame, kept);
	atomic_store_explicit(&s->number, number, memory_order_release);
	atomic_store_explicit(&w->ring->written, number, memory_order_release);
}

bool capture_read(const struct capture_ring *r, uint64_t number, struct capture_record *out)
{
	const struct capture_slot *s = &r->slots[number % CAPTURE_SLOTS];

	if (atomic_load_explicit(&s->number, memory_order_acquire) != number)
		return false;
	memcpy(out, &s->record, sizeof(*out));
	atomic_thread_fence(memory_order_acquire);
	return counter_get(&s->number) == number && out->kept_bytes <= CAPTURE_BYTES;
}
