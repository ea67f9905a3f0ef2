// SPDX-License-Identifier: Apache-2.0
// Mutates images and recomputes the hash after each: a mutation is refused by a structural check,
// or the image is accepted and every question on it is safe. Counts how often each check refused;
// each must have done so at least once. Header bits flipped without a new hash are always refused.
#include "tests/unit/image_fixture.h"
#include "zones/answer/answer.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

static uint64_t rng_state = 0x9e3779b97f4a7c15u;

// xorshift64*: the same sequence on every machine.
static uint64_t rng(uint64_t below)
{
	rng_state ^= rng_state >> 12;
	rng_state ^= rng_state << 25;
	rng_state ^= rng_state >> 27;
	return (rng_state * 0x2545f4914f6cdd1du >> 16) % below;
}

static unsigned refused[IMAGE_REFUSAL_COUNT];

static void ask_name(const struct snapshot *s, const uint8_t *wire, uint16_t type)
{
	static uint8_t out[65535];
	uint8_t msg[512];
	struct wrbuf m = wrbuf_of(msg, sizeof(msg));
	const struct server_address to = {.family = 4, .port = 53};
	struct answer_env env = {.udp_max_bytes = DNS_UDP_MAX_BYTES};
	struct answer_result result;
	enum query_verdict v;
	struct query q;

	wrbuf_u32(&m, (uint32_t)rng(0x10000) << 16);
	wrbuf_u16(&m, 1);
	wrbuf_u32(&m, 0);
	wrbuf_u16(&m, 0);
	wrbuf_bytes(&m, wire, dname_size(wire, DNS_NAME_MAX_BYTES));
	wrbuf_u16(&m, type);
	wrbuf_u16(&m, 1);
	for (int tcp = 0; tcp < 2; tcp++) {
		struct answer_call call = {s, &to, msg, m.pos};
		struct wrbuf w = wrbuf_of(out, sizeof(out));
		env.transport = tcp ? TRANSPORT_TCP : TRANSPORT_UDP;
		if (answer_query(&call, &env, &q, &v, &w, &result) == ANSWER_REPLY) {
			assert_false(w.full);
			assert_true(tcp || w.pos <= 1232);
		}
	}
}

// Every name in every type it has, and one that it has not.
static void ask_all(const struct image *img, uint32_t step)
{
	struct snapshot s = {.base = img};

	for (uint32_t i = 0; i < img->n_names; i += step) {
		const struct image_name *n = &img->names[i];
		const uint8_t *wire = image_name_wire(img, n);
		for (unsigned k = 0; k < n->n_sets; k++)
			ask_name(&s, wire, img->sets[n->first_set + k].type);
		ask_name(&s, wire, RR_TYPE_MX);
	}
	ask_name(&s, (const uint8_t *)"\6nosuch\7cluster\5local", RR_TYPE_A);
	ask_name(&s, (const uint8_t *)"\0121-2-3-4-55\2ns\3pod\7cluster\5local", RR_TYPE_A);
}

static void rehash(uint8_t *bytes, size_t size)
{
	((struct image_header *)(void *)bytes)->hash = image_hash(bytes, size);
}

// Bytes where a change matters most: header, policy, name entries, section structs.
static size_t choose_place(const struct image_fixture *f)
{
	const struct image_header *h = f->image.header;

	switch (rng(4)) {
	case 0:
		return rng(sizeof(*h));
	case 1: {
		unsigned part = (unsigned)rng(IMAGE_PARTS);
		uint64_t n = h->part[part].bytes;
		return h->part[part].offset + (n == 0 ? 0 : rng(n));
	}
	case 2: {
		const struct image_set *set = &f->image.sets[rng(f->image.n_sets)];
		return h->part[IMAGE_SECTIONS].offset + set->section + rng(96);
	}
	default:
		return rng(f->size_bytes);
	}
}

static void mutate_once(uint8_t *copy, const struct image_fixture *f)
{
	static const uint64_t odd[] = {0, 1, 0x7f, 0x80, 0xff, 0xc0};

	for (unsigned n = 1 + (unsigned)rng(3); n > 0; n--) {
		size_t at = choose_place(f);
		if (at >= f->size_bytes)
			at = f->size_bytes - 1;
		if (rng(2) == 0)
			copy[at] ^= (uint8_t)(1u << rng(8));
		else
			copy[at] = (uint8_t)(rng(3) == 0 ? odd[rng(6)] : rng(256));
	}
}

struct storm {
	unsigned rounds;
	uint32_t ask_step;
};

static void mutate_many(
	const struct image_fixture *f, const struct storm *storm, unsigned *accepted)
{
	uint8_t *copy = aligned_alloc(64, f->size_bytes);

	assert_non_null(copy);
	for (unsigned i = 0; i < storm->rounds; i++) {
		struct image img;
		memcpy(copy, f->bytes, f->size_bytes);
		mutate_once(copy, f);
		if (rng(64) != 0)
			rehash(copy, f->size_bytes);
		enum image_refusal r = image_check(copy, f->size_bytes, &img, NULL);
		refused[r]++;
		if (r != IMAGE_REFUSED_OK)
			continue;
		(*accepted)++;
		ask_all(&img, storm->ask_step);
	}
	free(copy);
}

// Mutations that random bytes hardly ever hit.
static void mutate_on_purpose(const struct image_fixture *f)
{
	uint8_t *copy = aligned_alloc(64, f->size_bytes);
	struct image img;

	assert_non_null(copy);
	for (size_t n = 0; n < sizeof(struct image_header); n += 7)
		refused[image_check(f->bytes, n, &img, NULL)]++;
	refused[image_check(f->bytes, f->size_bytes - 64, &img, NULL)]++;
	for (uint32_t i = 0; i + 1 < f->image.n_names && i < 40; i++) {
		memcpy(copy, f->bytes, f->size_bytes);
		size_t at =
			f->image.header->part[IMAGE_NAMES].offset + i * sizeof(struct image_name);
		uint8_t swap[sizeof(struct image_name)];
		memcpy(swap, copy + at, sizeof(swap));
		memmove(copy + at, copy + at + sizeof(swap), sizeof(swap));
		memcpy(copy + at + sizeof(swap), swap, sizeof(swap));
		rehash(copy, f->size_bytes);
		refused[image_check(copy, f->size_bytes, &img, NULL)]++;
	}
	for (uint32_t i = 0; i < f->image.n_names; i++) {
		memcpy(copy, f->bytes, f->size_bytes);
		size_t at =
			f->image.header->part[IMAGE_NAMES].offset + i * sizeof(struct image_name);
		copy[at + offsetof(struct image_name, flags)] |= NAME_TOMBSTONE; // in a base
		rehash(copy, f->size_bytes);
		refused[image_check(copy, f->size_bytes, &img, NULL)]++;
	}
	memcpy(copy, f->bytes, f->size_bytes);
	struct image_rule *rules = (void *)(copy + f->image.header->part[IMAGE_RULES].offset);
	struct image_rule first = rules[0];
	rules[0] = rules[1];
	rules[1] = first;
	rehash(copy, f->size_bytes);
	refused[image_check(copy, f->size_bytes, &img, NULL)]++;
	free(copy);
}

static unsigned rounds_wanted(void)
{
	const char *text = getenv("B53_MUTATIONS");

	return text == NULL ? 100000 : (unsigned)strtoul(text, NULL, 10);
}

static void mutated_images_are_refused_or_safe(void **state)
{
	struct image_fixture small, large;
	struct storm many = {.rounds = rounds_wanted(), .ask_step = 1};
	struct storm few = {.rounds = 200, .ask_step = 101};
	unsigned accepted = 0;
	unsigned missed = 0;

	(void)state;
	image_fixture_make(&small,
		&(struct image_fixture_spec){.n_services = 50, .n_endpoints = 12, .generation = 3});
	image_fixture_make(&large,
		&(struct image_fixture_spec){
			.n_services = 10000, .n_endpoints = 50, .generation = 4});
	mutate_on_purpose(&small);
	mutate_many(&small, &many, &accepted);
	mutate_many(&large, &few, &accepted);
	print_message("%u mutations, %u accepted and asked\n", many.rounds + few.rounds, accepted);
	for (int i = 0; i < IMAGE_REFUSAL_COUNT; i++) {
		print_message("%8u %s\n", refused[i], image_refusal_text((enum image_refusal)i));
		missed += refused[i] == 0;
	}
	image_fixture_free(&small);
	image_fixture_free(&large);
	assert_int_equal(missed, 0);
}

static void a_flipped_header_bit_without_a_new_hash_is_refused(void **state)
{
	struct image_fixture f;
	struct image img;

	(void)state;
	image_fixture_make(&f, &(struct image_fixture_spec){.n_services = 5, .generation = 1});
	uint8_t *bytes = f.bytes;
	for (size_t bit = 0; bit < sizeof(struct image_header) * 8; bit++) {
		bytes[bit / 8] ^= (uint8_t)(1u << (bit % 8));
		assert_int_not_equal(
			image_check(bytes, f.size_bytes, &img, NULL), IMAGE_REFUSED_OK);
		bytes[bit / 8] ^= (uint8_t)(1u << (bit % 8));
	}
	assert_int_equal(image_check(bytes, f.size_bytes, &img, NULL), IMAGE_REFUSED_OK);
	image_fixture_free(&f);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_flipped_header_bit_without_a_new_hash_is_refused),
		cmocka_unit_test(mutated_images_are_refused_or_safe),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
