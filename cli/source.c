// SPDX-License-Identifier: Apache-2.0
// Maps and checks images as every reader does.
#include "cli/source.h"

#include "cli/child.h"
#include "cli/proc.h"
#include "cli/running.h"

#include "zones/link/publish.h"
#include "zones/link/seqpacket.h"

#include <errno.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

enum { BUILD_MS = 120000, STOP_MS = 2000 };

static int map_image(
	int fd, uint64_t size_bytes, const void **bytes, struct image *image, struct err *err)
{
	int rc = publish_map(fd, size_bytes, bytes, err);

	if (rc != 0)
		return rc;
	return image_check(*bytes, (size_t)size_bytes, image, err) == IMAGE_REFUSED_OK ? 0
										       : -EINVAL;
}

int source_take_base(struct source *s, int fd, uint64_t size_bytes, struct err *err)
{
	s->base_size_bytes = size_bytes;
	int rc = map_image(fd, size_bytes, &s->base_bytes, &s->base, err);
	if (rc == 0)
		s->snapshot.base = &s->base;
	return rc;
}

int source_take_overlay(struct source *s, int fd, uint64_t size_bytes, struct err *err)
{
	s->overlay_size_bytes = size_bytes;
	int rc = map_image(fd, size_bytes, &s->overlay_bytes, &s->overlay, err);
	if (rc == 0 && !snapshot_is_pair(&s->base, &s->overlay))
		rc = err_set(err, -EINVAL, "the overlay stands on another base");
	if (rc == 0)
		s->snapshot.overlay = &s->overlay;
	return rc;
}

int source_from_running(const char *run_dir, struct source *s, struct err *err)
{
	struct running r;

	memset(s, 0, sizeof(*s));
	int rc = running_open(run_dir, &r, err);
	if (rc == 0 && !r.is_supervised)
		rc = err_set(err, -ENOTCONN, "the supervisor of %.100s does not answer", run_dir);
	if (rc == 0 && r.base_fd < 0)
		rc = err_set(err, -ENODATA, "nothing was published yet on %.100s", run_dir);
	if (rc == 0)
		rc = source_take_base(s, r.base_fd, r.base.size_bytes, err);
	if (rc == 0 && r.overlay_fd >= 0)
		rc = source_take_overlay(s, r.overlay_fd, r.overlay.size_bytes, err);
	s->is_kernel = rc == 0 && !state_has_child(&r.state, "dataplane");
	running_close(&r);
	return rc;
}

// A directory and the socket on which control finds us as if we were its supervisor.
struct stage {
	char dir[32];
	char socket[64];
	int listen_fd, sock, counters_fd;
	struct child control;
};

static int stage_open(struct stage *t, struct err *err)
{
	*t = (struct stage){.dir = "/tmp/burst53-XXXXXX",
		.listen_fd = -1,
		.sock = -1,
		.counters_fd = -1,
		.control = {.name = "control", .netns_fd = -1, .pidfd = -1, .rights = RIGHTS_ALL}};
	if (child_find(&t->control) != 0)
		return err_set(err, -ENOENT, "there is no program burst53-control");
	if (mkdtemp(t->dir) == NULL) {
		t->dir[0] = 0;
		return err_set(err, -errno, "no directory in /tmp: %s", strerror(errno));
	}
	(void)snprintf(t->socket, sizeof(t->socket), "%s/supervisor.sock", t->dir);
	t->listen_fd = seqpacket_listen(t->socket);
	t->counters_fd = counters_open();
	if (t->listen_fd < 0 || t->counters_fd < 0)
		return err_set(err, -EIO, "%s: no socket", t->dir);
	return 0;
}

static void stage_close(struct stage *t)
{
	const struct proc p = {.pid = t->control.pid, .start_ticks = t->control.start_ticks};
	const char *const saved[] = {"base.img", "overlay.img", "base.img.new", "overlay.img.new",
		"corefile.bound", "corefile.taken"};
	const int fds[] = {t->listen_fd, t->sock, t->counters_fd};
	char path[64];

	if (p.pid > 0) {
		proc_end_all(&p, 1, STOP_MS);
		(void)child_reap(&t->control);
	}
	for (size_t i = 0; i < sizeof(fds) / sizeof(fds[0]); i++) {
		if (fds[i] >= 0)
			(void)close(fds[i]);
	}
	if (t->dir[0] == 0)
		return;
	(void)unlink(t->socket);
	for (size_t i = 0; i < sizeof(saved) / sizeof(saved[0]); i++) {
		(void)snprintf(path, sizeof(path), "%s/%s", t->dir, saved[i]);
		(void)unlink(path);
	}
	(void)rmdir(t->dir);
}

static int run_control(struct stage *t, const char *dump, const char *conf, struct err *err)
{
	struct child_args a = {0};

	child_args_add(&a, "burst53-control");
	child_args_option(&a, "--conf", conf);
	child_args_option(&a, "--dump", dump);
	child_args_option(&a, "--run-dir", t->dir);
	child_args_option(&a, "--state-dir", t->dir);
	child_args_option(&a, "--address", "127.0.0.1");
	child_args_option(&a, "--log-level", "warn"); // the command says what matters
	child_args_fd(&a, "--counters-fd", t->counters_fd);
	int rc = child_start(&t->control, &a);
	child_args_fini(&a);
	return rc == 0 ? 0 : err_set(err, rc, "control: %s", strerror(-rc));
}

// One event: control connects, sends or dies. *fd is the base once it came.
static int stage_turn(struct stage *t, struct publish_msg *msg, int *fd, struct err *err)
{
	struct pollfd pfds[] = {{.fd = t->control.pidfd, .events = POLLIN},
		{.fd = t->sock >= 0 ? t->sock : t->listen_fd, .events = POLLIN}};

	if (poll(pfds, 2, BUILD_MS) <= 0)
		return err_set(err, -ETIMEDOUT, "control makes no snapshot");
	if (pfds[1].revents == 0)
		return err_set(err, -ECHILD, "control ended without a snapshot");
	if (t->sock < 0) {
		t->sock = seqpacket_accept(t->listen_fd, geteuid());
		return t->sock >= 0 || t->sock == -EAGAIN
			? 0
			: err_set(err, t->sock, "control: %s", strerror(-t->sock));
	}
	int rc = seqpacket_recv(t->sock, msg, sizeof(*msg), fd);
	if (rc != 0 && rc != -EAGAIN)
		return err_set(err, rc, "control: %s", strerror(-rc));
	return 0;
}

int source_from_dump(const char *dump, const char *conf, struct source *s, struct err *err)
{
	struct stage t;
	struct publish_msg msg = {0};
	int fd = -1;

	memset(s, 0, sizeof(*s));
	int rc = stage_open(&t, err);
	if (rc == 0)
		rc = run_control(&t, dump, conf, err);
	while (rc == 0 && fd < 0)
		rc = stage_turn(&t, &msg, &fd, err);
	if (rc == 0)
		rc = source_take_base(s, fd, msg.size_bytes, err);
	if (fd >= 0)
		(void)close(fd);
	stage_close(&t);
	return rc;
}

void source_close(struct source *s)
{
	publish_unmap(s->base_bytes, s->base_size_bytes);
	publish_unmap(s->overlay_bytes, s->overlay_size_bytes);
	memset(s, 0, sizeof(*s));
}
