// SPDX-License-Identifier: Apache-2.0
// Tests of the history file: what is kept, what a reader sees, what is not believed.
#include "zones/link/history.h"

#include <errno.h>
#include <pthread.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cmocka.h>

static char path[64];

static int make_path(void **state)
{
	(void)state;
	(void)snprintf(path, sizeof(path), "/tmp/burst53-history-%d", (int)getpid());
	(void)unlink(path);
	return 0;
}

static int remove_file(void **state)
{
	(void)state;
	(void)unlink(path);
	return 0;
}

static void add(struct history_writer *w, unsigned n)
{
	struct history_change c = {.time_ns = n,
		.resource_version = n * 10u,
		.what = HISTORY_CHANGED,
		.about = HISTORY_SERVICE};

	(void)snprintf(c.ns, sizeof(c.ns), "ns%u", n);
	(void)snprintf(c.name, sizeof(c.name), "svc%u", n);
	(void)snprintf(c.object, sizeof(c.object), "svc%u", n);
	history_add(w, &c);
}

struct seen {
	size_t n;
	unsigned first, last;
	uint64_t generations[8]; // of the first ones
};

// Each record must be whole and newer than the one before.
static void on_change(void *user, const struct history_change *c)
{
	struct seen *s = user;
	unsigned n = (unsigned)c->time_ns;
	char name[32];

	(void)snprintf(name, sizeof(name), "svc%u", n);
	assert_string_equal(c->name, name);
	assert_string_equal(c->object, name);
	assert_int_equal(c->resource_version, n * 10u);
	assert_true(s->n == 0 || n > s->last);
	if (s->n == 0)
		s->first = n;
	if (s->n < 8)
		s->generations[s->n] = c->generation;
	s->last = n;
	s->n++;
}

static struct seen read_all(void)
{
	struct seen s = {0};

	assert_int_equal(history_read(path, on_change, &s), 0);
	return s;
}

static void changes_come_back_with_the_generation_that_showed_them(void **state)
{
	struct history_writer w;

	(void)state;
	assert_int_equal(history_open(&w, path), 0);
	assert_int_equal(read_all().n, 0);
	add(&w, 1);
	add(&w, 2);
	history_publish(&w, 7);
	add(&w, 3);
	struct seen s = read_all();
	assert_int_equal(s.n, 3);
	assert_int_equal(s.generations[0], 7);
	assert_int_equal(s.generations[1], 7);
	assert_int_equal(s.generations[2], 0);
	history_publish(&w, 8);
	assert_int_equal(read_all().generations[1], 7);
	assert_int_equal(read_all().generations[2], 8);
	history_close(&w);
}

static void the_ring_keeps_the_newest(void **state)
{
	struct history_writer w;

	(void)state;
	assert_int_equal(history_open(&w, path), 0);
	for (unsigned i = 1; i <= HISTORY_RECORDS + 10; i++)
		add(&w, i);
	history_publish(&w, 3); // more are unpublished than the ring holds
	struct seen s = read_all();
	assert_int_equal(s.n, HISTORY_RECORDS);
	assert_int_equal(s.first, 11);
	assert_int_equal(s.last, HISTORY_RECORDS + 10);
	assert_int_equal(s.generations[0], 3);
	history_close(&w);
}

static void a_new_writer_goes_on_where_the_old_one_died(void **state)
{
	struct history_writer w;

	(void)state;
	assert_int_equal(history_open(&w, path), 0);
	add(&w, 1);
	history_publish(&w, 1);
	add(&w, 2);
	history_close(&w); // killed before it could publish
	assert_int_equal(history_open(&w, path), 0);
	add(&w, 3);
	history_publish(&w, 9);
	struct seen s = read_all();
	assert_int_equal(s.n, 3);
	assert_int_equal(s.generations[0], 1);
	assert_int_equal(s.generations[1], 9);
	assert_int_equal(s.generations[2], 9);
	history_close(&w);
}

static void a_closed_writer_adds_nothing(void **state)
{
	struct history_writer w = {0};

	(void)state;
	add(&w, 1);
	history_publish(&w, 1);
	history_close(&w);
	struct seen s = {0};
	assert_int_equal(history_read(path, on_change, &s), -ENOENT);
}

static void other_files_are_not_believed(void **state)
{
	struct seen s = {0};
	struct history_writer w;
	struct stat st;

	(void)state;
	FILE *f = fopen(path, "wb");
	assert_non_null(f);
	assert_true(fputs("not a history", f) >= 0);
	assert_int_equal(fclose(f), 0);
	assert_int_equal(history_read(path, on_change, &s), -EBADMSG);
	assert_int_equal(history_open(&w, path), 0); // made new
	history_close(&w);
	assert_int_equal(read_all().n, 0);
	assert_int_equal(stat(path, &st), 0);
	assert_int_equal(truncate(path, st.st_size - 1), 0);
	assert_int_equal(history_read(path, on_change, &s), -EBADMSG);
	assert_int_equal(history_read("/dev", on_change, &s), -EBADMSG);
	assert_true(history_open(&w, "/dev") < 0);
}

static _Atomic int is_over;

static void *write_on(void *user)
{
	struct history_writer *w = user;

	for (unsigned i = 1; i <= 300000 && !atomic_load(&is_over); i++) {
		add(w, i);
		if (i % 100 == 0)
			history_publish(w, i);
	}
	return NULL;
}

static void a_reader_beside_the_writer_sees_only_whole_records(void **state)
{
	struct history_writer w;
	pthread_t thread;

	(void)state;
	assert_int_equal(history_open(&w, path), 0);
	atomic_store(&is_over, 0);
	assert_int_equal(pthread_create(&thread, NULL, write_on, &w), 0);
	for (unsigned i = 0; i < 30; i++)
		(void)read_all(); // checks each record
	atomic_store(&is_over, 1);
	assert_int_equal(pthread_join(thread, NULL), 0);
	history_close(&w);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(
			changes_come_back_with_the_generation_that_showed_them, make_path,
			remove_file),
		cmocka_unit_test_setup_teardown(the_ring_keeps_the_newest, make_path, remove_file),
		cmocka_unit_test_setup_teardown(
			a_new_writer_goes_on_where_the_old_one_died, make_path, remove_file),
		cmocka_unit_test_setup_teardown(
			a_closed_writer_adds_nothing, make_path, remove_file),
		cmocka_unit_test_setup_teardown(
			other_files_are_not_believed, make_path, remove_file),
		cmocka_unit_test_setup_teardown(
			a_reader_beside_the_writer_sees_only_whole_records, make_path, remove_file),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
