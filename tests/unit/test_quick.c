// SPDX-License-Identifier: Apache-2.0
// The quick way to an answer gives the bytes and the result of the general one, or nothing.
#include "zones/answer/quick.h"

#include "tests/unit/image_fixture.h"
#include "zones/base/bytes.h"
#include "zones/wire/dname.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

enum { ROUNDS = 200000, MSG_BYTES = 2048, VIEW = 1 };

struct data {
	struct image_fixture base, overlay;
	struct snapshot snapshot;
};

static void find(const void *ctx, const struct name_key *key, struct found *out)
{
	snapshot_find(ctx, key, out);
}

static int setup(void **state)
{
	static struct data d;

	image_fixture_make(&d.base,
		&(struct image_fixture_spec){.n_services = 40, .n_endpoints = 60, .generation = 1});
	image_fixture_make(&d.overlay,
		&(struct image_fixture_spec){
			.n_services = 40, .generation = 2, .base = &d.base.image});
	d.snapshot = (struct snapshot){.base = &d.base.image, .overlay = &d.overlay.image};
	*state = &d;
	return 0;
}

static int teardown(void **state)
{
	struct data *d = *state;

	image_fixture_free(&d->base);
	image_fixture_free(&d->overlay);
	return 0;
}

// A name of the image, or something near it, in any spelling.
static void name_choose(const struct data *d, struct dname *name)
{
	const struct image *img = rand() % 2 ? &d->base.image : &d->overlay.image;
	const struct image_name *n = &img->names[(unsigned)rand() % img->n_names];
	static const char *const others[] = {"nope.ns.svc.cluster.local", "cluster.local",
		"a.b.c.d.ns.svc.cluster.local", "1-2-3-4.ns.pod.cluster.local", "example.com", ".",
		"9.9.9.10.in-addr.arpa"};

	name->size_bytes = n->name_size;
	memcpy(name->wire, image_name_wire(img, n), n->name_size);
	if (rand() % 4 == 0)
		assert_int_equal(dname_parse(others[rand() % 7], name), 0);
	if (rand() % 8 == 0)
		(void)dname_prepend(name, "x", 1);
	for (size_t i = 0; rand() % 2 && i < name->size_bytes; i++) {
		if (name->wire[i] >= 'a' && name->wire[i] <= 'z' && rand() % 3 == 0)
			name->wire[i] -= 0x20;
	}
}

static size_t edns_write(uint8_t *p)
{
	static const uint16_t sizes[] = {0, 512, 600, 1232, 4096};
	unsigned options = (unsigned)rand() % 4;

	memset(p, 0, 40);
	p[2] = RR_TYPE_OPT;
	be16_put(p + 3, sizes[rand() % 5]);
	p[7] = rand() % 4 == 0 ? 0x80 : 0;
	if (options == 0) { // a cookie
		p[10] = 12;
		p[12] = EDNS_COOKIE;
		p[14] = 8;
	} else if (options == 1) { // NSID
		p[10] = 4;
		p[12] = EDNS_NSID;
	}
	return DNS_OPT_BYTES + (size_t)p[10];
}

static size_t message_make(const struct data *d, uint8_t *msg)
{
	static const uint16_t types[] = {RR_TYPE_A, RR_TYPE_A, RR_TYPE_AAAA, RR_TYPE_SRV,
		RR_TYPE_PTR, RR_TYPE_SOA, RR_TYPE_TXT};
	struct dname name;

	name_choose(d, &name);
	memset(msg, 0, DNS_HEADER_BYTES);
	be16_put(msg, (uint16_t)rand());
	msg[2] = (uint8_t)(rand() % 2);
	msg[3] = rand() % 4 ? 0 : 0x10;
	msg[5] = 1;
	memcpy(msg + 12, name.wire, name.size_bytes);
	size_t pos = 12u + name.size_bytes;
	be16_put(msg + pos, types[rand() % 7]);
	be16_put(msg + pos + 2, RR_CLASS_IN);
	pos += 4;
	msg[11] = rand() % 3 != 0;
	return msg[11] ? pos + edns_write(msg + pos) : pos;
}

static void env_make(const struct data *d, struct answer_env *env)
{
	static const uint8_t nsid[] = "me";
	static const uint16_t limits[] = {1232, 512, 100, 900};

	*env = (struct answer_env){.transport = rand() % 8 ? TRANSPORT_UDP : TRANSPORT_TCP,
		.udp_max_bytes = limits[rand() % 4],
		.cookie_size = rand() % 2 ? 24 : 0,
		.nsid_size = rand() % 2 ? 2 : 0,
		.nsid = nsid,
		.find = find,
		.find_ctx = &d->snapshot};
	memset(env->cookie, 0xc0, sizeof(env->cookie));
}

static void minimal_set(const struct image_fixture *f)
{
	uint8_t *bytes = f->bytes; // the test's own
	struct image_rule *rules = (void *)(bytes + f->image.header->part[IMAGE_RULES].offset);

	for (unsigned i = 0; i < f->image.n_rules; i++)
		rules[i].flags |= RULE_MINIMAL;
}

static void both_ways_agree(void **state)
{
	const struct data *d = *state;
	const struct server_address to = {.family = 4, .port = 53};
	static uint8_t msg[MSG_BYTES], quick[MSG_BYTES], walked[MSG_BYTES];
	unsigned n_quick = 0, by_rcode[16] = {0};

	srand(53);
	for (unsigned i = 0; i < ROUNDS; i++) {
		if (i == ROUNDS / 2) {
			minimal_set(&d->base);
			minimal_set(&d->overlay);
		}
		struct snapshot s = d->snapshot;
		struct answer_result a = {0}, b = {0};
		struct answer_plan plan;
		struct answer_env env;
		struct found found = {0};
		struct query q;
		if (rand() % 2)
			s.overlay = NULL;
		size_t size = message_make(d, msg);
		enum query_verdict v = query_parse(msg, size, TRANSPORT_UDP, &q);
		env_make(d, &env);
		answer_plan(&s, snapshot_find_listener(snapshot_top(&s), &to), &q, v, &plan);
		if (plan.needs_find)
			snapshot_find(&s, &plan.key, &found);
		memcpy(quick, msg, sizeof(quick));
		memcpy(walked, msg, sizeof(walked));
		size_t room = 512 + (size_t)rand() % 1024;
		struct wrbuf w = wrbuf_of(quick, room), x = wrbuf_of(walked, room);
		if (!answer_quick(&plan, &found, &q, &env, &w, &a)) {
			assert_memory_equal(quick, msg, sizeof(quick)); // nothing written
			continue;
		}
		n_quick++;
		by_rcode[a.rcode]++;
		assert_int_equal(answer_walk(&plan, &found, &q, &env, &x, &b), ANSWER_REPLY);
		assert_int_equal(w.pos, x.pos);
		assert_int_equal(w.full, x.full);
		assert_memory_equal(quick, walked, x.pos);
		assert_memory_equal(quick + x.pos, msg + x.pos, sizeof(quick) - x.pos);
		assert_int_equal(a.rcode, b.rcode);
		assert_int_equal(a.is_truncated, b.is_truncated);
		assert_ptr_equal(a.rule, b.rule);
		assert_ptr_equal(a.step, b.step);
		assert_ptr_equal(a.found.name, b.found.name);
		assert_ptr_equal(a.found.img, b.found.img);
	}
	print_message("quick %u of %u, NOERROR %u, NXDOMAIN %u\n", n_quick, (unsigned)ROUNDS,
		by_rcode[0], by_rcode[3]);
	assert_true(n_quick > ROUNDS / 3);
	assert_true(by_rcode[RCODE_NXDOMAIN] > ROUNDS / 50);
}

static void blocks_copy_and_compare_like_memcpy_and_memcmp(void **state)
{
	uint8_t a[96], b[96], c[96];

	(void)state;
	srand(7);
	for (size_t n = 0; n < 80; n++) {
		for (size_t i = 0; i < sizeof(a); i++) {
			a[i] = (uint8_t)rand();
			b[i] = c[i] = (uint8_t)~a[i];
		}
		bytes_copy(b + 1, a, n);
		memcpy(c + 1, a, n);
		assert_memory_equal(b, c, sizeof(b));
		assert_true(bytes_are_equal(a, b + 1, n));
		for (size_t i = 0; i < n; i++) {
			b[1 + i] ^= 0x80;
			assert_false(bytes_are_equal(a, b + 1, n));
			b[1 + i] ^= 0x80;
		}
		b[1 + n] = (uint8_t)~a[n];
		assert_true(bytes_are_equal(a, b + 1, n));
	}
}

// Random bytes in n labels, as far as there is room.
static struct dname random_name(size_t n)
{
	struct dname name = {.size_bytes = 1};
	uint8_t label[63];

	for (size_t i = 0; i < n; i++) {
		size_t len = 1 + (size_t)rand() % (n > 20 ? 1 : 12);
		for (size_t k = 0; k < len; k++)
			label[k] = (uint8_t)rand();
		if (dname_prepend(&name, label, len) != 0)
			break;
	}
	return name;
}

// Names of every size are lower-cased as dname_lower does, one byte at a time.
static void questions_are_lowered_whatever_their_size(void **state)
{
	uint8_t msg[400];
	struct query q;

	(void)state;
	srand(11);
	for (size_t labels = 0; labels < 127; labels++) {
		for (unsigned round = 0; round < 50; round++) {
			struct dname name = random_name(labels);
			memset(msg, 0, sizeof(msg));
			msg[5] = 1;
			memcpy(msg + 12, name.wire, name.size_bytes);
			msg[12 + name.size_bytes + 1] = RR_TYPE_A;
			msg[12 + name.size_bytes + 3] = RR_CLASS_IN;
			assert_int_equal(query_parse(msg, 16u + name.size_bytes, TRANSPORT_UDP, &q),
				QUERY_OK);
			struct dname lower = name;
			dname_lower(&lower);
			assert_int_equal(q.qname_size, name.size_bytes);
			assert_int_equal(q.nlabels, dname_labels(name.wire));
			assert_memory_equal(q.name, lower.wire, lower.size_bytes);
			assert_int_equal(
				q.has_upper, memcmp(lower.wire, name.wire, name.size_bytes) != 0);
		}
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(both_ways_agree, setup, teardown),
		cmocka_unit_test(blocks_copy_and_compare_like_memcpy_and_memcmp),
		cmocka_unit_test(questions_are_lowered_whatever_their_size),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
