// SPDX-License-Identifier: Apache-2.0
// Health and readiness as functions of the shared page and the time.
#include "zones/link/health.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <string.h>

#include <cmocka.h>

static struct counters_page page; // large
static struct health h;
static uint64_t now_ms;

// Time goes on, with the loops that are in the mask.
static void run(unsigned ms, unsigned mask)
{
	for (unsigned t = 0; t < ms; t += HEALTH_TICK_MS) {
		now_ms += HEALTH_TICK_MS;
		for (unsigned i = 0; i < 32; i++) {
			if ((mask >> i & 1) == 0)
				continue;
			counter_add(&page.workers[i].loops, 1);
			counter_add(&page.threads[i].loops, 1);
		}
		health_look(&h, &page, now_ms);
	}
}

static int fresh(void **state)
{
	(void)state;
	memset(&page, 0, sizeof(page));
	memset(&h, 0, sizeof(h));
	now_ms = 1000000;
	return 0;
}

// A dataplane with two workers that answer from a synced snapshot.
static void serve(void)
{
	page.n_workers = 2;
	counter_set(&page.link_up, 1);
	counter_set(&page.dataplane.published, 1);
	counter_set(&page.dataplane.generation, 7);
	counter_set(&page.dataplane_ready, 1);
	counter_set(&page.control.was_synced, 1);
	run(1000, 3);
}

static void what_does_not_run_is_not_healthy(void **state)
{
	(void)state;
	run(500, 0);
	assert_false(h.is_alive);
	assert_string_equal(h.reason, "dataplane does not run");
	assert_string_equal(h.waits_for, "dataplane,kubernetes");
}

static void workers_that_turn_over_a_link_that_is_up_are_healthy(void **state)
{
	(void)state;
	serve();
	assert_true(h.is_alive);
	assert_true(h.is_ready);
}

static void counters_left_by_a_dead_process_are_no_life(void **state)
{
	(void)state;
	page.n_workers = 1;
	counter_set(&page.link_up, 1);
	counter_set(&page.workers[0].loops, 123456);
	run(2000, 0);
	assert_false(h.is_alive);
}

static void one_worker_that_stands_still_shows_within_a_second(void **state)
{
	(void)state;
	serve();
	run(700, 1);
	assert_true(h.is_alive);
	run(300, 1);
	assert_false(h.is_alive);
	assert_string_equal(h.reason, "dataplane: loop 1 of 2 stands still");
	assert_string_equal(h.waits_for, "dataplane");
	run(100, 3);
	assert_true(h.is_alive);
	assert_true(h.is_ready);
}

static void a_lost_link_and_unanswered_probes_show_at_once(void **state)
{
	(void)state;
	serve();
	counter_set(&page.link_up, 0);
	run(100, 3);
	assert_string_equal(h.reason, "link down");
	counter_set(&page.link_up, 1);
	counter_set(&page.dataplane_ready, 0);
	run(100, 3);
	assert_string_equal(h.reason, "dataplane: a worker answers no probe");
	assert_false(h.is_ready);
}

// The workers answer SERVFAIL until there is a snapshot: alive, not ready.
static void before_the_first_snapshot_it_is_alive_but_not_ready(void **state)
{
	(void)state;
	page.n_workers = 1;
	counter_set(&page.link_up, 1);
	run(1000, 1);
	assert_true(h.is_alive);
	assert_false(h.is_ready);
	assert_string_equal(h.waits_for, "dataplane,kubernetes");
}

// k8s:2.13 ready: a sync, or a saved snapshot; an outage of the API or of control changes nothing.
static void readiness_needs_data_once(void **state)
{
	(void)state;
	serve();
	counter_set(&page.control.was_synced, 0);
	run(100, 3);
	assert_string_equal(h.waits_for, "kubernetes");
	counter_set(&page.control.serves_saved, 1);
	run(100, 3);
	assert_true(h.is_ready);
	counter_set(&page.control.was_synced, 1);
	counter_set(&page.control.serves_saved, 0);
	counter_set(&page.control.synced, 0); // a new control that reaches no API
	run(60000, 3);
	assert_true(h.is_ready);
}

static void who_was_kept_waiting_blames_nobody(void **state)
{
	(void)state;
	serve();
	now_ms += 5000; // nobody ran, this process neither
	health_look(&h, &page, now_ms);
	assert_true(h.is_alive);
	run(800, 2);
	assert_false(h.is_alive);
}

static void a_stopping_server_is_alive_but_not_ready(void **state)
{
	(void)state;
	serve();
	counter_set(&page.is_stopping, 1);
	run(100, 3);
	assert_true(h.is_alive);
	assert_false(h.is_ready);
	assert_string_equal(h.waits_for, "shutdown");
}

static void in_kernel_mode_the_slow_path_counts_and_no_link(void **state)
{
	(void)state;
	h.server = SERVED_BY_SLOWPATH;
	counter_set(&page.n_threads, 2);
	counter_set(&page.slowpath.generation, 1);
	counter_set(&page.control.was_synced, 1);
	run(1000, 3);
	assert_true(h.is_alive);
	assert_true(h.is_ready);
	run(900, 0);
	assert_string_equal(h.reason, "slowpath: loop 0 of 2 stands still");
	counter_set(&page.n_threads, UINT64_MAX); // nothing in the page is trusted
	run(900, ~0u);
	assert_true(h.is_alive);
}

#define CASE(name) cmocka_unit_test_setup(name, fresh)

int main(void)
{
	const struct CMUnitTest tests[] = {
		CASE(what_does_not_run_is_not_healthy),
		CASE(workers_that_turn_over_a_link_that_is_up_are_healthy),
		CASE(counters_left_by_a_dead_process_are_no_life),
		CASE(one_worker_that_stands_still_shows_within_a_second),
		CASE(a_lost_link_and_unanswered_probes_show_at_once),
		CASE(before_the_first_snapshot_it_is_alive_but_not_ready),
		CASE(readiness_needs_data_once),
		CASE(who_was_kept_waiting_blames_nobody),
		CASE(a_stopping_server_is_alive_but_not_ready),
		CASE(in_kernel_mode_the_slow_path_counts_and_no_link),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
