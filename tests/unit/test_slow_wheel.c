// SPDX-License-Identifier: Apache-2.0
// Tests of the timer wheel against what a sorted list of times would do.
#include "slowpath/base/wheel.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

struct probe {
	struct timer timer; // first
	uint64_t ran_ms; // 0: not yet
	struct timer *deletes, *sets;
};

static struct wheel wheel;
static uint64_t now_ms;

static void on_time(struct timer *t)
{
	struct probe *p = (struct probe *)t;

	p->ran_ms = now_ms;
	if (p->deletes != NULL)
		wheel_del(&wheel, p->deletes);
	if (p->sets != NULL)
		wheel_set(&wheel, p->sets, now_ms + 50);
}

static void run_until(uint64_t end_ms)
{
	while (now_ms < end_ms) {
		now_ms++;
		wheel_run(&wheel, now_ms);
	}
}

static void start(void)
{
	now_ms = 1000;
	wheel_init(&wheel, now_ms);
}

static void timers_run_once_and_never_early(void **state)
{
	static const uint64_t in_ms[] = {0, 1, 3, 4, 5, 100, 4095, 4096, 4097, 5000, 12345, 30000};
	enum { N = sizeof(in_ms) / sizeof(in_ms[0]) };
	struct probe p[N] = {0};

	start();
	for (int i = 0; i < N; i++) {
		p[i].timer.fn = on_time;
		wheel_set(&wheel, &p[i].timer, now_ms + in_ms[i]);
	}
	run_until(40000);
	for (int i = 0; i < N; i++) {
		assert_true(p[i].ran_ms >= 1000 + in_ms[i]);
		assert_true(p[i].ran_ms <= 1000 + in_ms[i] + 2 * WHEEL_TICK_MS);
		assert_null(p[i].timer.pprev);
	}
}

static void deleted_timers_do_not_run(void **state)
{
	struct probe p[3] = {0};

	start();
	for (int i = 0; i < 3; i++) {
		p[i].timer.fn = on_time;
		wheel_set(&wheel, &p[i].timer, now_ms + 10);
	}
	wheel_del(&wheel, &p[1].timer);
	wheel_del(&wheel, &p[1].timer);
	run_until(1100);
	assert_int_not_equal(p[0].ran_ms, 0);
	assert_int_equal(p[1].ran_ms, 0);
	assert_int_not_equal(p[2].ran_ms, 0);
}

static void a_timer_may_delete_and_set_others_of_its_own_slot(void **state)
{
	struct probe p[4] = {0};
	int ran = 0;

	start();
	for (int i = 0; i < 4; i++) {
		p[i].timer.fn = on_time;
		wheel_set(&wheel, &p[i].timer, now_ms + 10);
	}
	// Whichever of the two runs first keeps the other one from running.
	p[1].deletes = &p[2].timer;
	p[2].deletes = &p[1].timer;
	p[3].sets = &p[3].timer;
	run_until(1030);
	ran += p[1].ran_ms != 0;
	ran += p[2].ran_ms != 0;
	assert_int_equal(ran, 1);
	assert_int_not_equal(p[0].ran_ms, 0);
	uint64_t first = p[3].ran_ms;
	p[3].sets = NULL;
	run_until(1200);
	assert_true(p[3].ran_ms >= first + 50);
}

static void the_wait_ends_when_the_next_timer_is_due(void **state)
{
	struct probe p = {.timer.fn = on_time};

	start();
	assert_int_equal(wheel_wait_ms(&wheel, now_ms, 777), 777);
	for (uint64_t in = 1; in < 4000; in += 13) {
		wheel_set(&wheel, &p.timer, now_ms + in);
		int wait = wheel_wait_ms(&wheel, now_ms, 10000);
		assert_true(wait >= (int)in && wait <= (int)in + WHEEL_TICK_MS);
		now_ms += (uint64_t)wait;
		p.ran_ms = 0;
		wheel_run(&wheel, now_ms);
		assert_int_equal(p.ran_ms, now_ms);
	}
}

static void a_long_sleep_misses_nothing(void **state)
{
	struct probe p[100] = {0};

	start();
	for (int i = 0; i < 100; i++) {
		p[i].timer.fn = on_time;
		wheel_set(&wheel, &p[i].timer, now_ms + (uint64_t)i * 97);
	}
	now_ms += 3600 * 1000;
	wheel_run(&wheel, now_ms);
	for (int i = 0; i < 100; i++)
		assert_int_equal(p[i].ran_ms, now_ms);
}

// Each timer that is due has run, and one that has run is in no slot.
static void expect_due_ones_ran(const struct probe *p, uint64_t *due, int n)
{
	for (int k = 0; k < n; k++) {
		if (due[k] != 0 && due[k] + 2 * WHEEL_TICK_MS <= now_ms) {
			assert_int_not_equal(p[k].ran_ms, 0);
			due[k] = 0;
		}
		assert_true(p[k].ran_ms == 0 || p[k].timer.pprev == NULL);
	}
}

static void random_use_matches_a_plain_list(void **state)
{
	enum { N = 200 };
	struct probe p[N] = {0};
	uint64_t due[N] = {0};

	start();
	srandom(53);
	for (int round = 0; round < 20000; round++) {
		int i = (int)(random() % N);
		p[i].timer.fn = on_time;
		if (random() % 3 == 0) {
			wheel_del(&wheel, &p[i].timer);
			due[i] = 0;
		} else {
			due[i] = now_ms + (uint64_t)(random() % 9000);
			wheel_set(&wheel, &p[i].timer, due[i]);
		}
		p[i].ran_ms = 0;
		now_ms += (uint64_t)(random() % 7);
		wheel_run(&wheel, now_ms);
		expect_due_ones_ran(p, due, N);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(timers_run_once_and_never_early),
		cmocka_unit_test(deleted_timers_do_not_run),
		cmocka_unit_test(a_timer_may_delete_and_set_others_of_its_own_slot),
		cmocka_unit_test(the_wait_ends_when_the_next_timer_is_due),
		cmocka_unit_test(a_long_sleep_misses_nothing),
		cmocka_unit_test(random_use_matches_a_plain_list),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
