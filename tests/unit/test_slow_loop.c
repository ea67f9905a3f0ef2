// SPDX-License-Identifier: Apache-2.0
// Tests of the event loop: descriptors, timers, mail from other threads.
#include "slowpath/base/loop.h"

#include <pthread.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

struct pipe_end {
	struct watch watch; // first
	struct loop *loop;
	struct pipe_end *deletes;
	int events;
};

static void on_pipe(struct watch *w, uint32_t events)
{
	struct pipe_end *p = (struct pipe_end *)w;
	char c;

	(void)events;
	assert_int_equal(read(w->fd, &c, 1), 1);
	p->events++;
	if (p->deletes != NULL)
		loop_del(p->loop, &p->deletes->watch);
}

static void events_of_a_deleted_watch_are_forgotten(void **state)
{
	struct loop loop;
	struct pipe_end ends[2];
	int fds[2][2];

	assert_int_equal(loop_init(&loop), 0);
	for (int i = 0; i < 2; i++) {
		assert_int_equal(pipe(fds[i]), 0);
		ends[i] = (struct pipe_end){.watch = {fds[i][0], on_pipe}, .loop = &loop};
		ends[i].deletes = &ends[1 - i];
		assert_int_equal(loop_add(&loop, &ends[i].watch, EPOLLIN), 0);
		assert_int_equal(write(fds[i][1], "x", 1), 1);
	}
	loop_wait(&loop, 1000);
	assert_int_equal(loop.n_events, 2);
	loop_dispatch(&loop);
	assert_int_equal(ends[0].events + ends[1].events, 1);
	for (int i = 0; i < 2; i++) {
		(void)close(fds[i][0]);
		(void)close(fds[i][1]);
	}
	loop_fini(&loop);
}

struct clock_probe {
	struct timer timer; // first
	struct loop *loop;
	uint64_t at_ms;
};

static void on_time(struct timer *t)
{
	struct clock_probe *p = (struct clock_probe *)t;

	p->at_ms = p->loop->now_ms;
}

static void the_loop_wakes_for_its_timers(void **state)
{
	struct loop loop;

	assert_int_equal(loop_init(&loop), 0);
	struct clock_probe p = {.timer.fn = on_time, .loop = &loop};
	uint64_t start = loop.now_ms;
	loop_timer(&loop, &p.timer, 30);
	for (int i = 0; i < 10 && p.at_ms == 0; i++) {
		loop_wait(&loop, 5000);
		loop_dispatch(&loop);
	}
	assert_true(p.at_ms >= start + 30 && p.at_ms < start + 1000);
	loop_fini(&loop);
}

enum { SENDERS = 3, LETTERS = 20000 };

struct letter {
	struct mail mail; // first
	int sender, number;
};

static struct loop post_loop;
static struct letter letters[SENDERS][LETTERS];
static int last[SENDERS];
static int n_received, n_disorder;

static void on_letter(struct mail *m)
{
	struct letter *l = (struct letter *)m;

	if (l->number != last[l->sender] + 1)
		n_disorder++;
	last[l->sender] = l->number;
	n_received++;
}

static void *send_letters(void *arg)
{
	struct letter *mine = arg;

	for (int i = 0; i < LETTERS; i++)
		loop_post(&post_loop, &mine[i].mail);
	return NULL;
}

static void mail_of_many_threads_arrives_once_and_in_order(void **state)
{
	pthread_t threads[SENDERS];

	assert_int_equal(loop_init(&post_loop), 0);
	for (int s = 0; s < SENDERS; s++) {
		for (int i = 0; i < LETTERS; i++)
			letters[s][i] = (struct letter){{.fn = on_letter}, s, i + 1};
		assert_int_equal(pthread_create(&threads[s], NULL, send_letters, letters[s]), 0);
	}
	for (int i = 0; i < 100000 && n_received < SENDERS * LETTERS; i++) {
		loop_wait(&post_loop, 100);
		loop_dispatch(&post_loop);
	}
	for (int s = 0; s < SENDERS; s++)
		(void)pthread_join(threads[s], NULL);
	assert_int_equal(n_received, SENDERS * LETTERS);
	assert_int_equal(n_disorder, 0);
	loop_fini(&post_loop);
}

// An event whose handler posts mail, while the wake-up of earlier mail is still to be read.
struct poster {
	struct watch watch; // first
	struct loop *loop;
	struct letter letter;
};

static void on_ready_post(struct watch *w, uint32_t events)
{
	struct poster *p = (struct poster *)w;
	char c;

	(void)events;
	assert_int_equal(read(w->fd, &c, 1), 1);
	loop_post(p->loop, &p->letter.mail);
}

static void mail_posted_before_a_wake_up_is_read_is_not_left_lying(void **state)
{
	struct letter first = {{.fn = on_letter}, 0, 1};
	struct loop loop;
	int fds[2];

	(void)state;
	n_received = 0;
	assert_int_equal(loop_init(&loop), 0);
	assert_int_equal(pipe(fds), 0);
	struct poster p = {.watch = {fds[0], on_ready_post},
		.loop = &loop,
		.letter = {{.fn = on_letter}, 0, 2}};
	assert_int_equal(loop_add(&loop, &p.watch, EPOLLIN), 0);
	assert_int_equal(write(fds[1], "x", 1), 1); // ready before the wake-up
	loop_post(&loop, &first.mail);
	loop_wait(&loop, 60000);
	assert_int_equal(loop.n_events, 2);
	loop_dispatch(&loop);
	assert_int_equal(n_received, 2);
	(void)close(fds[0]);
	(void)close(fds[1]);
	loop_fini(&loop);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(events_of_a_deleted_watch_are_forgotten),
		cmocka_unit_test(the_loop_wakes_for_its_timers),
		cmocka_unit_test(mail_of_many_threads_arrives_once_and_in_order),
		cmocka_unit_test(mail_posted_before_a_wake_up_is_read_is_not_left_lying),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
