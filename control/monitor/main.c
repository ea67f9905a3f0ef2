// SPDX-License-Identifier: Apache-2.0
// burst53-monitor: looks at the counters ten times a second and answers who asks. It has no rights
// and writes nothing that others read but a sign of life.
#include "control/base/log.h"
#include "control/monitor/http.h"
#include "control/monitor/metrics.h"
#include "control/monitor/options.h"
#include "control/monitor/qlog_writer.h"
#include "control/monitor/tap_thread.h"

#include "zones/link/health.h"
#include "zones/sandbox/sandbox.h"

#include <errno.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/signalfd.h>
#include <time.h>
#include <unistd.h>

enum { CHECK_MS = 1000, FDS_MAX = PLACES_MAX + 1 };

static const char version[] = "burst53-" B53_VERSION;

struct monitor {
	struct options o;
	const struct counters_page *page;
	struct health health;
	struct checks checks;
	struct http *http;
	struct qlog_thread *qlog;
	struct tap_threads *taps;
	int signal_fd;
	uint64_t check_us; // when the next check of ourselves is due
};

static uint64_t clock_ns(void)
{
	struct timespec t;

	(void)clock_gettime(CLOCK_MONOTONIC, &t); // cannot fail on Linux
	return (uint64_t)t.tv_sec * 1000000000u + (uint64_t)t.tv_nsec;
}

// The check of ourselves takes from when it was due until it is made: what a client would wait for.
static void look(struct monitor *m)
{
	uint64_t now_us = clock_ns() / 1000;

	health_look(&m->health, m->page, now_us / 1000);
	if (now_us < m->check_us)
		return;
	if (m->check_us != 0)
		checks_add(&m->checks, now_us - m->check_us, m->health.is_alive);
	m->check_us = now_us + CHECK_MS * 1000;
}

static void answer_health(const struct monitor *m, struct http_reply *out)
{
	out->status = m->health.is_alive ? 200 : 503;
	text_format(&out->body, "%s", m->health.is_alive ? "OK" : m->health.reason);
}

static void answer_ready(const struct monitor *m, struct http_reply *out)
{
	out->status = m->health.is_ready ? 200 : 503;
	text_format(&out->body, "%s", m->health.is_ready ? "OK" : m->health.waits_for);
}

static void answer_metrics(const struct monitor *m, struct http_reply *out)
{
	const struct metrics metrics = {.page = m->page,
		.health = &m->health,
		.checks = &m->checks,
		.qlog = qlog_thread_stats(m->qlog),
		.tap = tap_threads_stats(m->taps),
		.version = version,
		.now_ns = clock_ns()};

	out->status = 200;
	out->type = "text/plain; version=0.0.4; charset=utf-8";
	metrics_write(&metrics, &out->body);
}

static void answer(void *ctx, enum place_serves what, struct http_reply *out)
{
	struct monitor *m = ctx;

	look(m); // the answer is about now
	switch (what) {
	case SERVES_HEALTH:
		answer_health(m, out);
		break;
	case SERVES_READY:
		answer_ready(m, out);
		break;
	case SERVES_METRICS:
	default:
		answer_metrics(m, out);
		break;
	}
}

static int signals_start(void)
{
	sigset_t set;

	(void)signal(SIGPIPE, SIG_IGN); // cannot fail with these arguments
	(void)sigemptyset(&set);
	(void)sigaddset(&set, SIGTERM);
	(void)sigaddset(&set, SIGINT);
	if (sigprocmask(SIG_BLOCK, &set, NULL) != 0)
		return -errno;
	int fd = signalfd(-1, &set, SFD_CLOEXEC | SFD_NONBLOCK);
	return fd < 0 ? -errno : fd;
}

static int start(struct monitor *m, struct err *err)
{
	m->page = counters_map_readonly(m->o.counters_fd);
	if (m->page == NULL)
		return err_set(err, -errno, "counters: %s", strerror(errno));
	m->health.server = m->o.server;
	m->signal_fd = signals_start();
	if (m->signal_fd < 0)
		return err_set(err, m->signal_fd, "signals: %s", strerror(-m->signal_fd));
	m->qlog = qlog_thread_start(m->page, STDOUT_FILENO);
	if (m->qlog == NULL)
		return err_set(err, -ENOMEM, "no thread for the query log");
	m->taps = tap_threads_start(m->page, version);
	if (m->taps == NULL)
		return err_set(err, -ENOMEM, "no threads for dnstap");
	m->http = http_open(m->o.places, m->o.n_places, answer, m, err);
	return m->http == NULL ? err->code : sandbox_enter(SANDBOX_MONITOR, sandbox_manner(), err);
}

// The supervisor replaces who is silent for too long.
static void beat(const struct monitor *m)
{
	const uint64_t one = 1;

	if (m->o.beat_fd >= 0)
		(void)!write(m->o.beat_fd, &one, sizeof(one)); // full: nobody reads it
}

static void serve(struct monitor *m)
{
	struct pollfd fds[FDS_MAX] = {{.fd = m->signal_fd, .events = POLLIN}};

	while (fds[0].revents == 0) {
		int timeout_ms = HEALTH_TICK_MS;
		size_t n = http_poll(m->http, &fds[1], &timeout_ms);
		if (poll(fds, n + 1, timeout_ms) < 0)
			fds[0].revents = 0; // interrupted: look at everything
		look(m);
		http_turn(m->http);
		beat(m);
	}
}

int main(int argc, char **argv)
{
	static struct monitor m;
	struct err err = {0};
	char text[512];

	switch (options_parse(argc, argv, &m.o)) {
	case OPTIONS_PARSED:
		break;
	case OPTIONS_HELP:
		return 0;
	case OPTIONS_WRONG:
	default:
		return 2;
	}
	if (start(&m, &err) != 0) {
		log_error("main", "cannot start",
			LOG_STR("reason", err_print(&err, text, sizeof(text))));
		return 1;
	}
	log_info("main", "started", LOG_NUM("places", m.o.n_places));
	serve(&m);
	http_close(m.http);
	qlog_thread_stop(m.qlog);
	tap_threads_stop(m.taps);
	return 0;
}
