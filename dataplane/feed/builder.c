// SPDX-License-Identifier: Apache-2.0
// The job's thread touches nothing but the builder, and the builder is left alone until it is done.
#include "dataplane/feed/builder.h"

#include <errno.h>
#include <sys/eventfd.h>
#include <unistd.h>

int builder_init(struct builder *b)
{
	*b = (struct builder){.fd = -1, .done_fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK)};
	return b->done_fd < 0 ? -errno : 0;
}

static void *run(void *arg)
{
	struct builder *b = arg;
	const uint64_t one = 1;

	b->result = layer_open(&b->maker, b->fd, b->msg.size_bytes, IMAGE_BASE, &b->err);
	ssize_t ignored = write(b->done_fd, &one, sizeof(one));
	(void)ignored; // an eventfd at 0 takes it
	return NULL;
}

int builder_start(
	struct builder *b, const struct layer_maker *maker, const struct publish_msg *msg, int fd)
{
	b->maker = *maker; // its own secret: another one is taken when names collide
	b->msg = *msg;
	b->fd = fd;
	b->result = NULL;
	b->err = (struct err){0};
	int rc = -pthread_create(&b->thread, NULL, run, b);
	b->is_busy = rc == 0;
	if (rc == 0) {
		(void)pthread_setname_np(b->thread, "base");
		return 0;
	}
	(void)close(b->fd);
	b->fd = -1;
	return rc;
}

struct layer *builder_take(struct builder *b, struct err *err)
{
	uint64_t n;

	(void)pthread_join(b->thread, NULL);
	ssize_t ignored = read(b->done_fd, &n, sizeof(n));
	(void)ignored; // only to make it unreadable again
	(void)close(b->fd);
	b->fd = -1;
	b->is_busy = false;
	*err = b->err;
	return b->result;
}

void builder_fini(struct builder *b)
{
	struct err err;

	if (b->is_busy)
		layer_free(builder_take(b, &err));
	if (b->done_fd >= 0)
		(void)close(b->done_fd);
	b->done_fd = -1;
}
