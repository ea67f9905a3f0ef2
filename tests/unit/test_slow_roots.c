// SPDX-License-Identifier: Apache-2.0
// Tests of publishing snapshots to threads: what a reader holds is never freed, what nobody holds
// always is.
#include "slowpath/feed/roots.h"
#include "tests/unit/image_fixture.h"
#include "zones/link/publish.h"

#include <pthread.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stddef.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

static void copy_fill(void *ctx, uint8_t *out)
{
	const struct image_fixture *f = ctx;

	memcpy(out, f->bytes, f->size_bytes);
}

// A layer over a memfd of its own, as the feed makes them.
static struct layer *make_layer(uint64_t generation, const struct image *base)
{
	struct image_fixture f;
	struct image_fixture_spec spec = {
		.n_services = 10, .n_endpoints = 3, .generation = generation, .base = base};
	const void *bytes;
	struct image image;
	struct err err = {0};

	image_fixture_make(&f, &spec);
	int fd = publish_memfd("test", f.size_bytes, copy_fill, &f);
	assert_true(fd >= 0);
	assert_int_equal(publish_map(fd, f.size_bytes, &bytes, &err), 0);
	(void)close(fd);
	assert_int_equal(image_check(bytes, f.size_bytes, &image, &err), IMAGE_REFUSED_OK);
	struct layer *l = layer_new(&image, bytes, f.size_bytes);
	assert_non_null(l);
	image_fixture_free(&f);
	return l;
}

static void a_root_stays_while_a_reader_holds_it(void **state)
{
	static struct roots roots;

	assert_int_equal(roots_init(&roots, 2), 0);
	assert_int_equal(roots_publish(&roots, make_layer(1, NULL), NULL, NULL), 0);
	const struct root *held = roots_enter(&roots, 0);
	assert_int_equal(held->generation, 1);
	assert_int_equal(roots_publish(&roots, make_layer(2, NULL), NULL, NULL), 0);
	assert_int_equal(roots_reclaim(&roots), 1); // the empty one was read by nobody
	assert_int_equal(held->snapshot.base->header->generation, 1);
	assert_int_equal(roots_enter(&roots, 1)->generation, 2);
	assert_int_equal(roots_reclaim(&roots), 1);
	roots_leave(&roots, 0);
	assert_int_equal(roots_reclaim(&roots), 0);
	roots_leave(&roots, 1);
	roots_fini(&roots);
}

static void a_base_lives_as_long_as_an_overlay_stands_on_it(void **state)
{
	static struct roots roots;

	assert_int_equal(roots_init(&roots, 1), 0);
	struct layer *base = make_layer(1, NULL);
	assert_int_equal(roots_publish(&roots, base, NULL, NULL), 0);
	for (uint64_t g = 2; g < 6; g++) {
		assert_int_equal(roots_publish(&roots, base, make_layer(g, &base->image), NULL), 0);
		assert_int_equal(roots_reclaim(&roots), 0);
		assert_int_equal(base->users, 1);
		assert_int_equal(roots_current(&roots)->generation, g);
	}
	assert_int_equal(roots_publish(&roots, make_layer(9, NULL), NULL, NULL), 0);
	assert_int_equal(roots_reclaim(&roots), 0);
	roots_fini(&roots);
}

enum { READERS = 3, PUBLISHES = 300 };

static struct roots shared;
static atomic_bool is_over;
static _Atomic uint64_t turns[READERS];
static _Atomic unsigned n_wrong;

static void *read_roots(void *arg)
{
	unsigned i = *(const unsigned *)arg;
	uint64_t before = 0;

	while (!atomic_load(&is_over)) {
		const struct root *root = roots_enter(&shared, i);
		for (int k = 0; k < 20 && root->snapshot.base != NULL; k++) {
			// Reads the mapping itself: unmapped memory would end the test.
			if (root->snapshot.base->header->generation != root->generation)
				atomic_fetch_add(&n_wrong, 1);
		}
		if (root->generation < before)
			atomic_fetch_add(&n_wrong, 1);
		before = root->generation;
		roots_leave(&shared, i);
		atomic_fetch_add(&turns[i], 1);
	}
	return NULL;
}

static void readers_on_threads_never_meet_a_freed_root(void **state)
{
	pthread_t threads[READERS];
	unsigned index[READERS];

	assert_int_equal(roots_init(&shared, READERS), 0);
	for (unsigned i = 0; i < READERS; i++) {
		index[i] = i;
		assert_int_equal(pthread_create(&threads[i], NULL, read_roots, &index[i]), 0);
	}
	for (uint64_t g = 1; g <= PUBLISHES; g++) {
		assert_int_equal(roots_publish(&shared, make_layer(g, NULL), NULL, NULL), 0);
		(void)roots_reclaim(&shared); // what is held now is freed later
	}
	for (unsigned i = 0; i < READERS; i++) {
		while (atomic_load(&turns[i]) == 0)
			(void)usleep(1000);
	}
	atomic_store(&is_over, true);
	for (unsigned i = 0; i < READERS; i++)
		(void)pthread_join(threads[i], NULL);
	assert_int_equal(roots_reclaim(&shared), 0);
	assert_int_equal(atomic_load(&n_wrong), 0);
	roots_fini(&shared);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_root_stays_while_a_reader_holds_it),
		cmocka_unit_test(a_base_lives_as_long_as_an_overlay_stands_on_it),
		cmocka_unit_test(readers_on_threads_never_meet_a_freed_root),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
