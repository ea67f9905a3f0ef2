// SPDX-License-Identifier: Apache-2.0
// Both look-ups give the same: the plain one of zones/snapshot is the judge of rte_hash's.
#include "dataplane/index/index.h"
#include "dataplane/index/root.h"

#include "tests/unit/eal_fixture.h"
#include "tests/unit/image_fixture.h"

#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

enum { SERVICES = 300, ENDPOINTS = 20, OTHER_VIEW = 77 };

struct pair {
	struct image_fixture base, overlay;
	struct index_secret secret;
	struct index *base_index, *overlay_index;
	uint64_t asked, found;
};

static void pair_make(struct pair *p)
{
	memset(p, 0, sizeof(*p));
	(void)eal_fixture_start();
	image_fixture_make(&p->base,
		&(struct image_fixture_spec){
			.n_services = SERVICES, .n_endpoints = ENDPOINTS, .generation = 1});
	image_fixture_make(&p->overlay,
		&(struct image_fixture_spec){.n_services = SERVICES,
			.n_endpoints = ENDPOINTS,
			.generation = 2,
			.base = &p->base.image});
	assert_int_equal(index_secret_renew(&p->secret), 0);
	assert_int_equal(index_build(&p->base.image, &p->secret, &p->base_index), 0);
	assert_int_equal(index_build(&p->overlay.image, &p->secret, &p->overlay_index), 0);
}

static void pair_free(struct pair *p)
{
	index_free(p->base_index);
	index_free(p->overlay_index);
	image_fixture_free(&p->base);
	image_fixture_free(&p->overlay);
}

static void ask_both(struct pair *p, const struct snapshot *s, const struct index_pair *ix,
	const struct name_key *key)
{
	struct found want, got;

	snapshot_find(s, key, &want);
	index_find(ix, key, &got);
	assert_ptr_equal(want.img, got.img);
	assert_ptr_equal(want.name, got.name);
	p->asked++;
	p->found += got.name != NULL;
}

// The name, each way of underscores, another view, and names one byte away.
static void ask_around(struct pair *p, const struct snapshot *s, const struct index_pair *ix,
	const struct image *img, uint32_t i)
{
	uint8_t name[DNS_NAME_MAX_BYTES];
	struct name_key key = {name, img->names[i].name_size, 0, img->names[i].view};

	memcpy(name, image_name_wire(img, &img->names[i]), key.size_bytes);
	for (key.underscores = 0; key.underscores < 4; key.underscores++)
		ask_both(p, s, ix, &key);
	key.underscores = 0;
	key.view = OTHER_VIEW;
	ask_both(p, s, ix, &key);
	key.view = img->names[i].view;
	for (size_t at = 1; at < key.size_bytes; at++) {
		name[at] ^= 1;
		ask_both(p, s, ix, &key);
		name[at] ^= 1;
	}
	key.norm = name + 1 + name[0]; // the parent
	key.size_bytes = (uint8_t)(key.size_bytes - 1 - name[0]);
	if (key.size_bytes > 0)
		ask_both(p, s, ix, &key);
}

static void both_look_ups_give_the_same_for_every_name_and_near_misses(void **state)
{
	struct pair p;

	(void)state;
	pair_make(&p);
	const struct index_pair indexes[] = {
		{p.base_index, NULL}, {p.base_index, p.overlay_index}, {NULL, NULL}};
	const struct snapshot snapshots[] = {
		{&p.base.image, NULL}, {&p.base.image, &p.overlay.image}, {NULL, NULL}};
	for (unsigned k = 0; k < 3; k++) {
		for (uint32_t i = 0; i < p.base.image.n_names; i++)
			ask_around(&p, &snapshots[k], &indexes[k], &p.base.image, i);
		for (uint32_t i = 0; i < p.overlay.image.n_names; i++)
			ask_around(&p, &snapshots[k], &indexes[k], &p.overlay.image, i);
	}
	print_message("%llu look-ups, %llu hits\n", (unsigned long long)p.asked,
		(unsigned long long)p.found);
	assert_true(p.found > 1000 && p.asked > 10 * p.found);
	pair_free(&p);
}

static unsigned n_addresses; // in cards

static void card_set_is_right(
	const struct index_card *c, const struct image *img, const struct image_set *set)
{
	const struct image_section *s = image_section_at(img, set->section);
	uint8_t record[CARD_ADDRESS_BYTES];

	assert_int_equal(set->flags, 0);
	if (!c->has_address) {
		assert_int_equal(c->section, set->section);
		return;
	}
	n_addresses++;
	assert_int_equal(set->type, RR_TYPE_A);
	assert_int_equal(s->n_an, 1);
	assert_int_equal(s->an_bytes, sizeof(record));
	assert_int_equal(s->ar_bytes, 0);
	card_write_address(c, record);
	assert_memory_equal(record, image_section_rrs(s), sizeof(record));
}

// A card says what the image says.
static void card_is_right(const struct index_hit *hit)
{
	const struct index_card *c = hit->card;
	const struct image *img = hit->found.img;
	const struct image_name *n = hit->found.name;

	assert_ptr_equal(&img->names[c->name], n);
	assert_int_equal(c->view, n->view);
	assert_int_equal(c->us_mask, n->us_mask);
	assert_int_equal(c->flags, n->flags);
	assert_int_equal(c->name_size, n->name_size);
	assert_memory_equal(c->text, image_name_wire(img, n),
		n->name_size < CARD_TEXT_BYTES ? n->name_size : CARD_TEXT_BYTES);
	for (uint16_t type = 1; type < 300; type++) {
		const struct image_set *set = image_find_set(img, n, type);
		if ((c->types & card_type_bit(type)) == 0)
			assert_null(set);
		if (c->type == type)
			card_set_is_right(c, img, set);
	}
}

// Names of `size` bytes that end in a number, in wire form as far as cards care.
static void name_fill(uint8_t *name, size_t size, unsigned number)
{
	memset(name, 'a', size);
	memcpy(name + size - sizeof(number), &number, sizeof(number));
}

static void a_card_holds_names_as_long_as_there_are_few_endings(void **state)
{
	enum { LONG = CARD_TEXT_BYTES + CARD_ENDING_BYTES, MANY = CARD_ENDINGS_MAX + 9 };
	static struct card_endings endings;
	uint8_t name[LONG + 1], other[LONG + 1];

	(void)state;
	for (unsigned i = 0; i < MANY; i++) {
		size_t size = 8 + (size_t)i % (LONG - 7);
		struct index_card c = {0};
		name_fill(name, size, i);
		card_name(&c, &endings, name, size);
		assert_int_equal(c.name_size, size);
		assert_true(card_is_of(&c, &endings, name));
		for (size_t k = 0; k < size; k++) {
			memcpy(other, name, size);
			other[k] ^= 1;
			assert_false(card_is_of(&c, &endings, other));
		}
	}
	for (unsigned i = 0; i < 2 * CARD_ENDINGS_MAX; i++) {
		struct index_card c = {0};
		name_fill(name, LONG, i << 16);
		card_name(&c, &endings, name, LONG);
		assert_true(c.name_size == 0 || card_is_of(&c, &endings, name));
		assert_true(i < 2 * CARD_ENDINGS_MAX - 1 || c.name_size == 0);
	}
	struct index_card c = {0};
	name_fill(name, LONG + 1, 0);
	card_name(&c, &endings, name, LONG + 1);
	assert_int_equal(c.name_size, 0);
}

static void a_bulk_of_any_size_gives_what_single_look_ups_give(void **state)
{
	unsigned n_cards = 0;
	struct pair p;
	struct name_key keys[INDEX_BULK_MAX];
	const struct name_key *pointers[INDEX_BULK_MAX];
	struct index_hit bulk[INDEX_BULK_MAX];
	struct found one;

	(void)state;
	pair_make(&p);
	const struct index_pair ix = {p.base_index, p.overlay_index};
	const struct image *img = &p.base.image;
	for (unsigned n = 0; n <= INDEX_BULK_MAX; n++) {
		for (unsigned i = 0; i < n; i++) {
			const struct image_name *name =
				&img->names[(n * 31 + i * 7) % img->n_names];
			keys[i] = (struct name_key){image_name_wire(img, name), name->name_size,
				(uint8_t)(i % 2), name->view};
			pointers[i] = &keys[i];
		}
		index_find_bulk(&ix, pointers, n, bulk);
		for (unsigned i = 0; i < n; i++) {
			index_find(&ix, &keys[i], &one);
			assert_ptr_equal(bulk[i].found.name, one.name);
			assert_ptr_equal(bulk[i].found.img, one.img);
			n_cards += bulk[i].card != NULL;
			if (bulk[i].card != NULL)
				card_is_right(&bulk[i]);
		}
	}
	assert_true(n_cards > 1000);
	assert_true(n_addresses > 100);
	pair_free(&p);
}

static void layers_with_different_secrets_are_read_together(void **state)
{
	struct pair p;
	struct index *other = NULL;

	(void)state;
	pair_make(&p);
	assert_int_equal(index_secret_renew(&p.secret), 0);
	assert_int_equal(index_build(&p.overlay.image, &p.secret, &other), 0);
	const struct index_pair ix = {p.base_index, other};
	const struct snapshot s = {&p.base.image, &p.overlay.image};
	for (uint32_t i = 0; i < p.base.image.n_names; i++)
		ask_around(&p, &s, &ix, &p.base.image, i);
	index_free(other);
	pair_free(&p);
}

static unsigned bad_calls;

// All names on one key, as long as the secret is the first one.
static uint64_t bad_id;
static struct index_key bad_key(const struct index_secret *s, const struct name_key *key)
{
	if (s->id != bad_id)
		return index_key_of(s, key);
	bad_calls++;
	return (struct index_key){1};
}

static struct index_key always_bad_key(const struct index_secret *s, const struct name_key *key)
{
	(void)s;
	(void)key;
	return (struct index_key){1};
}

static void names_on_one_key_are_indexed_anew_with_another_secret(void **state)
{
	struct pair p;
	struct index *ix = NULL;

	(void)state;
	pair_make(&p);
	bad_id = p.secret.id;
	bad_calls = 0;
	assert_int_equal(index_build_with(&p.base.image, &p.secret, bad_key, &ix), 0);
	assert_true(bad_calls > 1);
	assert_true(p.secret.id != bad_id);
	const struct index_pair pair = {ix, NULL};
	const struct snapshot s = {&p.base.image, NULL};
	for (uint32_t i = 0; i < p.base.image.n_names; i++)
		ask_around(&p, &s, &pair, &p.base.image, i);
	index_free(ix);
	ix = NULL;
	assert_int_equal(index_build_with(&p.base.image, &p.secret, always_bad_key, &ix), -EIO);
	assert_null(ix);
	pair_free(&p);
}

static void secrets_differ(void **state)
{
	struct index_secret a, b;

	(void)state;
	assert_int_equal(index_secret_renew(&a), 0);
	assert_int_equal(index_secret_renew(&b), 0);
	const struct dname name = image_fixture_name("svc1.ns.svc.cluster.local");
	struct name_key key = {name.wire, name.size_bytes, 0, 1};
	assert_true(index_key_of(&a, &key).hash != index_key_of(&b, &key).hash);
	uint64_t low = index_key_of(&a, &key).hash;
	key.view = 2;
	assert_true(index_key_of(&a, &key).hash != low);
}

// proto:S11: without a snapshot port 53 is served; with one, what its listeners say.
static void a_root_knows_which_ports_are_served(void **state)
{
	struct pair p;
	static struct root r;
	struct root_addresses addresses = {.n = 2};
	bool found = true;

	(void)state;
	pair_make(&p);
	addresses.list[0] = (struct server_address){.family = 4, .bytes = {198, 18, 0, 53}};
	addresses.list[1] = (struct server_address){.family = 6, .bytes = {0xfd}};
	assert_int_equal(root_init(&r, &(struct snapshot){0}, &addresses), 0);
	assert_null(root_listener(&r, 0, 53, &found));
	assert_true(found);
	assert_null(root_listener(&r, 0, 54, &found));
	assert_false(found);
	const struct snapshot s = {&p.base.image, NULL};
	assert_int_equal(root_init(&r, &s, &addresses), 0);
	assert_ptr_equal(root_listener(&r, 1, 53, &found), &p.base.image.listeners[0]);
	assert_true(found);
	assert_null(root_listener(&r, 0, 5353, &found));
	assert_false(found);
	pair_free(&p);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(both_look_ups_give_the_same_for_every_name_and_near_misses),
		cmocka_unit_test(a_bulk_of_any_size_gives_what_single_look_ups_give),
		cmocka_unit_test(a_card_holds_names_as_long_as_there_are_few_endings),
		cmocka_unit_test(layers_with_different_secrets_are_read_together),
		cmocka_unit_test(names_on_one_key_are_indexed_anew_with_another_secret),
		cmocka_unit_test(secrets_differ),
		cmocka_unit_test(a_root_knows_which_ports_are_served),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
