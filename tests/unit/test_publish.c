// SPDX-License-Identifier: Apache-2.0
// Tests of control/publish: when to publish and to fold, and which saved pair may be served. Order,
// acknowledgements and reconnects are tested against real sockets in tests/control.
#include "control/publish/pacer.h"
#include "control/publish/saver.h"
#include "zones/base/array.h"

#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

enum { MS = 1000000 };

static void an_isolated_change_does_not_wait(void **state)
{
	struct pacer p = {0};

	(void)state;
	assert_int_equal(pacer_wait_ns(&p, 5 * MS), 0);
	pacer_published(&p, 5 * MS, 1 * MS);
	assert_int_equal(pacer_wait_ns(&p, 5 * MS), 4 * MS);
	assert_int_equal(pacer_wait_ns(&p, 9 * MS), 0);
}

static void publishing_takes_at_most_a_fifth_of_the_time(void **state)
{
	static const uint64_t costs[] = {1 * MS, 3 * MS, 200 * MS, 10000};
	struct pacer p = {0};
	uint64_t now = 1;
	uint64_t spent = 0;

	(void)state;
	for (int i = 0; i < 4000; i++) {
		uint64_t cost = costs[(size_t)i % ARRAY_LEN(costs)];
		now += pacer_wait_ns(&p, now) + cost; // as soon as it is allowed
		spent += cost;
		pacer_published(&p, now, cost);
	}
	now += pacer_wait_ns(&p, now);
	assert_true(spent * 5 <= now + MS);
}

static void a_fold_is_due_when_publishes_cost_as_much(void **state)
{
	struct pacer p = {0};

	(void)state;
	assert_false(pacer_wants_fold(&p));
	pacer_folded(&p, 50 * MS);
	for (int i = 0; i < 49; i++)
		pacer_published(&p, 1, 1 * MS);
	assert_false(pacer_wants_fold(&p));
	pacer_published(&p, 1, 1 * MS);
	assert_true(pacer_wants_fold(&p));
	pacer_folded(&p, 1000);
	pacer_published(&p, 1, 4 * MS); // dearer than a fold, but not worth an index
	assert_false(pacer_wants_fold(&p));
}

static char folder[64];

static int make_folder(void **state)
{
	(void)state;
	strcpy(folder, "/tmp/burst53-saver-XXXXXX");
	return mkdtemp(folder) == NULL ? -1 : 0;
}

static int remove_folder(void **state)
{
	char path[128];

	(void)state;
	for (int i = 0; i < 2; i++) {
		(void)snprintf(
			path, sizeof(path), "%s/%s.img", folder, i == 0 ? "base" : "overlay");
		(void)unlink(path);
	}
	return rmdir(folder);
}

static struct sealed image(
	enum image_kind kind, uint64_t generation, const struct sealed *base, uint32_t serial)
{
	const struct image_build_id id = {.kind = kind,
		.generation = generation,
		.base_generation = base == NULL ? 0 : base->generation,
		.base_hash = base == NULL ? 0 : base->hash,
		.serial = serial};
	struct sealed out;
	struct err e = {0};

	assert_int_equal(sealed_make(image_build_new(&id), &out, &e), 0);
	return out;
}

static void save(const char *name, const struct sealed *s)
{
	char path[128];
	const void *bytes;
	struct err e = {0};

	(void)snprintf(path, sizeof(path), "%s/%s", folder, name);
	assert_int_equal(publish_map(s->fd, s->size_bytes, &bytes, &e), 0);
	assert_int_equal(publish_save(path, bytes, s->size_bytes), 0);
	publish_unmap(bytes, s->size_bytes);
}

static void a_saved_pair_comes_back_whole(void **state)
{
	struct sealed base = image(IMAGE_BASE, 7, NULL, 100);
	struct sealed overlay = image(IMAGE_OVERLAY, 9, &base, 130);
	struct saver_loaded loaded;
	struct err e = {0};

	(void)state;
	assert_int_equal(saver_load(folder, 900, &loaded, &e), -ENOENT);
	save("base.img", &base);
	save("overlay.img", &overlay);
	assert_int_equal(saver_load(folder, 0, &loaded, &(struct err){0}), 0); // of this boot
	assert_int_equal(loaded.base.generation, 7);
	assert_int_equal(loaded.base.hash, base.hash);
	assert_int_equal(loaded.overlay.generation, 9);
	assert_int_equal(loaded.serial, 130);
	sealed_close(&loaded.base);
	sealed_close(&loaded.overlay);
	sealed_close(&base);
	sealed_close(&overlay);
}

static void an_overlay_of_another_base_is_left_out(void **state)
{
	struct sealed old = image(IMAGE_BASE, 7, NULL, 100);
	struct sealed base = image(IMAGE_BASE, 8, NULL, 110);
	struct sealed overlay = image(IMAGE_OVERLAY, 9, &old, 130);
	struct saver_loaded loaded;

	(void)state;
	save("base.img", &base);
	save("overlay.img", &overlay);
	assert_int_equal(saver_load(folder, 900, &loaded, &(struct err){0}), 0);
	assert_int_equal(loaded.overlay.fd, -1);
	assert_int_equal(loaded.base.generation, 8);
	sealed_close(&loaded.base);
	sealed_close(&old);
	sealed_close(&base);
	sealed_close(&overlay);
}

static void a_damaged_image_is_not_served(void **state)
{
	struct sealed base = image(IMAGE_BASE, 7, NULL, 100);
	struct saver_loaded loaded;
	struct err e = {0};
	char path[128];

	(void)state;
	save("base.img", &base);
	(void)snprintf(path, sizeof(path), "%s/base.img", folder);
	FILE *f = fopen(path, "r+b");
	assert_non_null(f);
	assert_int_equal(fseek(f, 40, SEEK_SET), 0);
	assert_int_equal(fputc(0x5a, f), 0x5a);
	assert_int_equal(fclose(f), 0);
	assert_true(saver_load(folder, 900, &loaded, &e) < 0);
	assert_non_null(strstr(e.text, "refused"));
	sealed_close(&base);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(an_isolated_change_does_not_wait),
		cmocka_unit_test(publishing_takes_at_most_a_fifth_of_the_time),
		cmocka_unit_test(a_fold_is_due_when_publishes_cost_as_much),
		cmocka_unit_test_setup_teardown(
			a_saved_pair_comes_back_whole, make_folder, remove_folder),
		cmocka_unit_test_setup_teardown(
			an_overlay_of_another_base_is_left_out, make_folder, remove_folder),
		cmocka_unit_test_setup_teardown(
			a_damaged_image_is_not_served, make_folder, remove_folder),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
