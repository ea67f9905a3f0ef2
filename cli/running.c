// SPDX-License-Identifier: Apache-2.0
// Asks the supervisor by PUBLISH_WANT; without it, looks at a child's descriptors in /proc.
#include "cli/running.h"

#include "zones/link/seqpacket.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

enum { ANSWER_MS = 2000, MESSAGES_MAX = 8 };

static void keep(int *slot, int fd)
{
	if (*slot >= 0)
		(void)close(*slot);
	*slot = fd;
}

// Takes one message; *is_last after the ack.
static void take(struct running *r, const struct publish_msg *msg, int fd, bool *is_last)
{
	*is_last = msg->type == PUBLISH_ACK;
	if (msg->type == PUBLISH_BASE && fd >= 0) {
		keep(&r->base_fd, fd);
		r->base = *msg;
		return;
	}
	if (msg->type == PUBLISH_OVERLAY && fd >= 0) {
		keep(&r->overlay_fd, fd);
		r->overlay = *msg;
		return;
	}
	if (msg->type == PUBLISH_COUNTERS && fd >= 0 && r->counters == NULL)
		r->counters = counters_map_readonly(fd);
	if (fd >= 0)
		(void)close(fd);
}

static int converse(struct running *r, int sock)
{
	const struct publish_msg want = {.magic = PUBLISH_MAGIC, .type = PUBLISH_WANT};
	bool is_last = false;
	int rc = seqpacket_send(sock, &want, sizeof(want), -1);

	for (unsigned i = 0; i < MESSAGES_MAX && rc == 0 && !is_last; i++) {
		struct pollfd pfd = {.fd = sock, .events = POLLIN};
		struct publish_msg msg;
		int fd;
		if (poll(&pfd, 1, ANSWER_MS) <= 0)
			return -ETIMEDOUT;
		rc = seqpacket_recv(sock, &msg, sizeof(msg), &fd);
		if (rc == 0)
			take(r, &msg, fd, &is_last);
	}
	return rc;
}

static int connect_supervisor(const char *run_dir)
{
	char path[1024];

	if (snprintf(path, sizeof(path), "%s/supervisor.sock", run_dir) >= (int)sizeof(path))
		return -ENAMETOOLONG;
	return seqpacket_connect(path);
}

static int ask_supervisor(const char *run_dir, struct running *r)
{
	int sock = connect_supervisor(run_dir);

	if (sock < 0)
		return sock;
	int rc = converse(r, sock);
	(void)close(sock);
	return rc;
}

// Children go on without their supervisor, and inherited the counters from it.
static void counters_of_child(struct running *r)
{
	char path[64];

	for (size_t i = 0; i < r->state.n_children && r->counters == NULL; i++) {
		const struct proc *p = &r->state.children[i].proc;
		if (!proc_is_alive(p))
			continue;
		(void)snprintf(
			path, sizeof(path), "/proc/%d/fd/%d", (int)p->pid, r->state.counters_fd);
		int fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK);
		if (fd < 0)
			continue;
		r->counters = counters_map_readonly(fd);
		(void)close(fd);
	}
}

// The state is written last of all, the socket is there from the begin.
static int report_absence(const char *run_dir, struct err *err)
{
	int sock = connect_supervisor(run_dir);

	if (sock < 0)
		return err_set(err, -ENOENT, "no burst53 runs on %.120s", run_dir);
	(void)close(sock);
	return err_set(
		err, -ENOENT, "the burst53 on %.100s starts, nothing is served yet", run_dir);
}

int running_open(const char *run_dir, struct running *r, struct err *err)
{
	char path[1024];

	memset(r, 0, sizeof(*r));
	r->base_fd = r->overlay_fd = -1;
	if (snprintf(path, sizeof(path), "%s/state", run_dir) >= (int)sizeof(path))
		return err_set(err, -ENAMETOOLONG, "%.100s: too long", run_dir);
	int rc = state_read(path, &r->state);
	if (rc == -ENOENT)
		return report_absence(run_dir, err);
	if (rc != 0)
		return err_set(err, rc, "%.120s: %s", path, strerror(-rc));
	// Who is stopped would be waited for in vain.
	r->is_supervised = proc_state_of(&r->state.supervisor) != PROC_STOPPED &&
		ask_supervisor(run_dir, r) == 0;
	if (r->counters == NULL)
		counters_of_child(r);
	return 0;
}

void running_close(struct running *r)
{
	union {
		const struct counters_page *page;
		void *map;
	} u = {.page = r->counters};

	keep(&r->base_fd, -1);
	keep(&r->overlay_fd, -1);
	if (u.map != NULL)
		(void)munmap(u.map, sizeof(struct counters_page));
	r->counters = NULL;
}
