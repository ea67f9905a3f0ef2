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

// A control that comes back sends what we have: that need not be indexed again.
static bool is_served_base(const struct feed *f, const struct publish_msg *m)
{
	const struct layer *base = f->layers->current->base;

	return base != NULL && base->size_bytes == m->size_bytes &&
		base->image.header->generation == m->generation &&
		base->image.header->hash == m->hash;
}

static int take_base(
	struct feed *f, struct feed_peer *p, const struct publish_msg *m, int fd, struct err *err)
{
	if (is_served_base(f, m))
		return m->type == PUBLISH_BASE
			? layers_publish(f->layers, f->layers->current->base, NULL, err)
			: 0;
	struct layer *base = layer_open(&f->layers->maker, fd, m->size_bytes, IMAGE_BASE, err);

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
	struct layer *overlay =
		layer_open(&f->layers->maker, fd, m->size_bytes, IMAGE_OVERLAY, err);
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

static void peer_close(struct feed *f, struct feed_peer *p)
{
	if (p->fd >= 0)
		(void)close(p->fd);
	if (p->is_held && p->held_fd >= 0)
		(void)close(p->held_fd);
	layer_free(p->pending);
	if (f->building == p - f->peers)
		f->building = -1;
	*p = (struct feed_peer){.fd = -1, .held_fd = -1};
}

// Tells the peer what became of its message. False: it is gone.
static bool peer_answer(
	const struct feed_peer *p, const struct publish_msg *m, int status, const struct err *err)
{
	struct publish_msg ack = *m;

	if (status != 0)
		log_line(LOG_LEVEL_WARN, "feed", "snapshot refused",
			"generation=%llu reason=\"%s\"", (unsigned long long)m->generation,
			err->text);
	ack.magic = PUBLISH_MAGIC;
	ack.type = PUBLISH_ACK;
	ack.status = status;
	memcpy(ack.reason, err->text, sizeof(ack.reason));
	return seqpacket_send(p->fd, &ack, sizeof(ack), -1) == 0;
}

// Does the overlay in fd stand on the base that is being built? Its header is all that is read;
// whether it is an overlay at all is checked when its turn comes.
static bool is_on_next(const struct feed *f, const struct publish_msg *m, int fd)
{
	struct image_header h;
	struct err err = {0};
	const void *bytes = NULL;

	if (fd < 0 || m->size_bytes < sizeof(h) ||
		publish_map(fd, m->size_bytes, &bytes, &err) != 0)
		return false;
	memcpy(&h, bytes, sizeof(h));
	publish_unmap(bytes, m->size_bytes);
	return h.base_generation == f->builder.msg.generation && h.base_hash == f->builder.msg.hash;
}

// Must the message wait for the builder?
static bool must_wait(const struct feed *f, const struct publish_msg *m, int fd)
{
	if (!f->builder.is_busy || m->magic != PUBLISH_MAGIC)
		return false;
	return m->type != PUBLISH_OVERLAY || is_on_next(f, m, fd);
}

// A new base while an old one is served is built beside: overlays on the old one go on.
static bool is_built_beside(const struct feed *f, const struct publish_msg *m, int fd)
{
	return m->type == PUBLISH_PAIR_NEXT && m->magic == PUBLISH_MAGIC && fd >= 0 &&
		f->layers->current->base != NULL && !is_served_base(f, m);
}

// Deals with one message, whose descriptor it takes. False: the peer is gone.
static bool peer_take(struct feed *f, struct feed_peer *p, const struct publish_msg *m, int fd)
{
	struct err err = {0};

	if (must_wait(f, m, fd)) {
		p->is_held = true;
		p->held = *m;
		p->held_fd = fd;
		return true;
	}
	if (is_built_beside(f, m, fd)) {
		int rc = builder_start(&f->builder, &f->layers->maker, m, fd);
		if (rc != 0)
			return peer_answer(p, m, err_set(&err, rc, "no thread for it"), &err);
		f->building = (int)(p - f->peers);
		return true; // answered when it is built
	}
	int rc = feed_take(f, p, m, fd, &err);
	if (fd >= 0)
		(void)close(fd);
	return peer_answer(p, m, rc, &err);
}

static bool peer_serve(struct feed *f, struct feed_peer *p)
{
	struct publish_msg m;
	int fd = -1;
	int rc = seqpacket_recv(p->fd, &m, sizeof(m), &fd);

	return rc == 0 ? peer_take(f, p, &m, fd) : rc == -EAGAIN;
}

// The builder is done: its peer is answered, and messages that waited have their turn.
static void builder_serve(struct feed *f)
{
	struct err err = {0};
	const struct publish_msg m = f->builder.msg;
	struct layer *base = builder_take(&f->builder, &err);
	struct feed_peer *p = f->building < 0 ? NULL : &f->peers[f->building];

	f->building = -1;
	if (base == NULL)
		counter_add(&f->layers->counters->refused, 1);
	if (p == NULL) {
		layer_free(base);
	} else {
		layer_free(p->pending);
		p->pending = base;
		if (!peer_answer(p, &m, base == NULL ? err.code : 0, &err))
			peer_close(f, p);
	}
	for (unsigned i = 0; i < FEED_PEERS_MAX; i++) {
		p = &f->peers[i];
		if (!p->is_held)
			continue;
		p->is_held = false;
		if (!peer_take(f, p, &p->held, p->held_fd))
			peer_close(f, p);
	}
}

static struct feed_peer *peer_place(struct feed *f)
{
	for (unsigned i = 0; i < FEED_PEERS_MAX; i++) {
		if (f->peers[i].fd < 0)
			return &f->peers[i];
	}
	struct feed_peer *oldest = &f->peers[f->next_victim++ % FEED_PEERS_MAX];
	peer_close(f, oldest);
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

// A peer whose message waits is not read: what it sends next comes after.
static void poll_peers(const struct feed *f, struct pollfd fds[FEED_PEERS_MAX])
{
	for (unsigned i = 0; i < FEED_PEERS_MAX; i++)
		fds[i] = (struct pollfd){
			.fd = f->peers[i].is_held ? -1 : f->peers[i].fd, .events = POLLIN};
}

static void *run(void *arg)
{
	struct feed *f = arg;
	struct pollfd fds[3 + FEED_PEERS_MAX];

	fds[0] = (struct pollfd){.fd = f->stop_fd, .events = POLLIN};
	fds[1] = (struct pollfd){.fd = f->listen_fd, .events = POLLIN};
	fds[2] = (struct pollfd){.fd = f->builder.done_fd, .events = POLLIN};
	while (!(fds[0].revents & POLLIN)) {
		int timeout_ms = layers_reclaim(f->layers) > 0 ? RECLAIM_MS : -1;
		poll_peers(f, fds + 3);
		int n = poll(fds, 3 + FEED_PEERS_MAX, timeout_ms);
		// One message a turn: a talkative peer does not starve the others.
		for (unsigned i = 0; n > 0 && i < FEED_PEERS_MAX; i++) {
			if (fds[3 + i].revents != 0 && !peer_serve(f, &f->peers[i]))
				peer_close(f, &f->peers[i]);
		}
		if (n > 0 && fds[2].revents != 0)
			builder_serve(f);
		if (n > 0 && fds[1].revents != 0)
			peer_accept(f);
	}
	return NULL;
}

void feed_init(struct feed *f, struct layers *layers, int listen_fd, uid_t peer_uid)
{
	*f = (struct feed){.layers = layers,
		.listen_fd = listen_fd,
		.peer_uid = peer_uid,
		.stop_fd = -1,
		.building = -1,
		.builder = {.fd = -1, .done_fd = -1}};
	for (unsigned i = 0; i < FEED_PEERS_MAX; i++)
		f->peers[i] = (struct feed_peer){.fd = -1, .held_fd = -1};
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
	int rc = builder_init(&f->builder);
	if (rc != 0)
		return rc;
	rc = -pthread_create(&f->thread, NULL, run, f);
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
	builder_fini(&f->builder);
	for (unsigned i = 0; i < FEED_PEERS_MAX; i++)
		peer_close(f, &f->peers[i]);
	if (f->stop_fd >= 0)
		(void)close(f->stop_fd);
	f->stop_fd = -1;
}
