// SPDX-License-Identifier: Apache-2.0
// What is refused changes nothing but a counter; the peer learns why.
#include "dataplane/feed/feed.h"

#include "dataplane/base/log.h"

#include "zones/link/seqpacket.h"

#include <errno.h>
#include <poll.h>
#include <string.h>
#include <sys/eventfd.h>
#include <sys/stat.h>
#include <unistd.h>

enum { RECLAIM_MS = 10 };

static int take_base(
	struct feed *f, struct feed_peer *p, const struct publish_msg *m, int fd, struct err *err)
{
	struct layer *base = layer_open(f->layers, fd, m->size_bytes, IMAGE_BASE, err);

	if (base == NULL)
		return err->code;
	if (m->type == PUBLISH_BASE)
		return layers_publish(f->layers, base, NULL, err);
	layer_free(p->pending);
	p->pending = base;
	return 0;
}

// An overlay completes the pair that waits for it, or stands on the base that is served.
static int take_overlay(
	struct feed *f, struct feed_peer *p, const struct publish_msg *m, int fd, struct err *err)
{
	struct layer *overlay = layer_open(f->layers, fd, m->size_bytes, IMAGE_OVERLAY, err);
	struct layer *base = f->layers->current->base;

	if (overlay == NULL)
		return err->code;
	if (p->pending != NULL && snapshot_is_pair(&p->pending->image, &overlay->image)) {
		base = p->pending;
		p->pending = NULL;
	} else if (base == NULL || !snapshot_is_pair(&base->image, &overlay->image)) {
		layer_free(overlay);
		return err_set(err, -EINVAL, "the overlay names another base");
	}
	return layers_publish(f->layers, base, overlay, err);
}

int feed_take(
	struct feed *f, struct feed_peer *p, const struct publish_msg *m, int fd, struct err *err)
{
	int rc;

	if (m->magic != PUBLISH_MAGIC || fd < 0)
		rc = err_set(err, -EINVAL, fd < 0 ? "no descriptor came along" : "wrong magic");
	else if (m->type == PUBLISH_BASE || m->type == PUBLISH_PAIR_NEXT)
		rc = take_base(f, p, m, fd, err);
	else if (m->type == PUBLISH_OVERLAY)
		rc = take_overlay(f, p, m, fd, err);
	else
		rc = err_set(err, -EINVAL, "unknown type of message");
	if (rc != 0)
		counter_add(&f->layers->counters->refused, 1);
	return rc;
}

static void peer_close(struct feed_peer *p)
{
	if (p->fd >= 0)
		(void)close(p->fd);
	layer_free(p->pending);
	*p = (struct feed_peer){.fd = -1};
}

// Takes one message and answers it. False: the peer is gone or does not speak our language.
static bool peer_serve(struct feed *f, struct feed_peer *p)
{
	struct publish_msg m;
	struct err err = {0};
	int fd = -1;
	int rc = seqpacket_recv(p->fd, &m, sizeof(m), &fd);

	if (rc != 0)
		return rc == -EAGAIN;
	rc = feed_take(f, p, &m, fd, &err);
	if (fd >= 0)
		(void)close(fd);
	if (rc != 0)
		log_line(LOG_LEVEL_WARN, "feed", "snapshot refused",
			"generation=%llu reason=\"%s\"", (unsigned long long)m.generation,
			err.text);
	m.magic = PUBLISH_MAGIC;
	m.type = PUBLISH_ACK;
	m.status = rc;
	memcpy(m.reason, err.text, sizeof(m.reason));
	return seqpacket_send(p->fd, &m, sizeof(m), -1) == 0;
}

static struct feed_peer *peer_place(struct feed *f)
{
	for (unsigned i = 0; i < FEED_PEERS_MAX; i++) {
		if (f->peers[i].fd < 0)
			return &f->peers[i];
	}
	struct feed_peer *oldest = &f->peers[f->next_victim++ % FEED_PEERS_MAX];
	peer_close(oldest);
	return oldest;
}

static void peer_accept(struct feed *f)
{
	int fd = seqpacket_accept(f->listen_fd, f->peer_uid);

	if (fd == -EPERM)
		log_line(LOG_LEVEL_WARN, "feed", "connection of a stranger refused", "%s", "");
	if (fd >= 0)
		peer_place(f)->fd = fd;
}

static void *run(void *arg)
{
	struct feed *f = arg;
	struct pollfd fds[2 + FEED_PEERS_MAX];

	fds[0] = (struct pollfd){.fd = f->stop_fd, .events = POLLIN};
	fds[1] = (struct pollfd){.fd = f->listen_fd, .events = POLLIN};
	while (!(fds[0].revents & POLLIN)) {
		int timeout_ms = layers_reclaim(f->layers) > 0 ? RECLAIM_MS : -1;
		for (unsigned i = 0; i < FEED_PEERS_MAX; i++)
			fds[2 + i] = (struct pollfd){.fd = f->peers[i].fd, .events = POLLIN};
		int n = poll(fds, 2 + FEED_PEERS_MAX, timeout_ms);
		// One message a turn: a talkative peer does not starve the others.
		for (unsigned i = 0; n > 0 && i < FEED_PEERS_MAX; i++) {
			if (fds[2 + i].revents != 0 && !peer_serve(f, &f->peers[i]))
				peer_close(&f->peers[i]);
		}
		if (n > 0 && fds[1].revents != 0)
			peer_accept(f);
	}
	return NULL;
}

void feed_init(struct feed *f, struct layers *layers, int listen_fd, uid_t peer_uid)
{
	*f = (struct feed){
		.layers = layers, .listen_fd = listen_fd, .peer_uid = peer_uid, .stop_fd = -1};
	for (unsigned i = 0; i < FEED_PEERS_MAX; i++)
		f->peers[i].fd = -1;
}

static int load(struct feed *f, enum publish_type type, int fd, struct err *err)
{
	struct feed_peer nobody = {.fd = -1};
	struct stat st;

	if (fstat(fd, &st) != 0 || st.st_size < 0)
		return err_set(err, -EINVAL, "inherited image: %s", strerror(errno));
	const struct publish_msg m = {
		.magic = PUBLISH_MAGIC, .type = type, .size_bytes = (uint64_t)st.st_size};
	return feed_take(f, &nobody, &m, fd, err);
}

int feed_load(struct feed *f, int base_fd, int overlay_fd, struct err *err)
{
	int rc = base_fd < 0 ? 0 : load(f, PUBLISH_BASE, base_fd, err);

	if (rc == 0 && overlay_fd >= 0)
		rc = load(f, PUBLISH_OVERLAY, overlay_fd, err);
	return rc;
}

int feed_start(struct feed *f)
{
	f->stop_fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
	if (f->stop_fd < 0)
		return -errno;
	int rc = -pthread_create(&f->thread, NULL, run, f);
	f->is_running = rc == 0;
	if (rc == 0)
		(void)pthread_setname_np(f->thread, "snapshots");
	return rc;
}

void feed_stop(struct feed *f)
{
	const uint64_t one = 1;

	if (f->is_running && write(f->stop_fd, &one, sizeof(one)) == sizeof(one))
		(void)pthread_join(f->thread, NULL);
	f->is_running = false;
	for (unsigned i = 0; i < FEED_PEERS_MAX; i++)
		peer_close(&f->peers[i]);
	if (f->stop_fd >= 0)
		(void)close(f->stop_fd);
	f->stop_fd = -1;
}
