// SPDX-License-Identifier: Apache-2.0
// An image is mapped, checked as a whole and only then published; whatever is refused changes
// nothing but a counter. The answer goes out as soon as the new root is stored; freeing the old
// one is left to a timer.
#include "slowpath/feed/feed.h"

#include "slowpath/base/log.h"
#include "zones/link/seqpacket.h"

#include <errno.h>
#include <stddef.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

static uint64_t clock_ns(void)
{
	struct timespec t;

	(void)clock_gettime(CLOCK_MONOTONIC, &t); // cannot fail on Linux
	return (uint64_t)t.tv_sec * 1000000000u + (uint64_t)t.tv_nsec;
}

// Maps and checks; NULL and *err otherwise.
static struct layer *layer_open(
	struct feed *f, int fd, uint64_t size_bytes, enum image_kind kind, struct err *err)
{
	const void *bytes = NULL;
	struct image image;
	uint64_t start = clock_ns();

	if (publish_map(fd, size_bytes, &bytes, err) != 0)
		return NULL;
	bool ok = image_check(bytes, (size_t)size_bytes, &image, err) == IMAGE_REFUSED_OK;
	if (ok && image.header->kind != (uint32_t)kind) {
		(void)err_set(err, -EINVAL, "the image is of the other kind");
		ok = false;
	}
	struct layer *l = ok ? layer_new(&image, bytes, size_bytes) : NULL;
	if (l == NULL) {
		(void)err_set(err, -ENOMEM, "memory is short"); // the first error wins
		publish_unmap(bytes, size_bytes);
		return NULL;
	}
	if (f->counters != NULL)
		counter_set(&f->counters->check_ns, clock_ns() - start);
	return l;
}

static void count_published(const struct feed *f)
{
	const struct root *root = roots_current(f->roots);
	struct snapshot_counters *c = f->counters;

	if (c == NULL || root->snapshot.base == NULL)
		return;
	uint64_t names = root->snapshot.base->n_names;
	uint64_t bytes = root->snapshot.base->size_bytes;
	if (root->snapshot.overlay != NULL) {
		names += root->snapshot.overlay->n_names;
		bytes += root->snapshot.overlay->size_bytes;
	}
	counter_set(&c->base_generation, root->snapshot.base->header->generation);
	counter_set(&c->names, names);
	counter_set(&c->image_bytes, bytes);
	counter_set(&c->published_monotonic_ns, clock_ns());
	counter_add(&c->published, 1);
	counter_set(&c->generation, root->generation);
}

static void reclaim(struct feed *f)
{
	size_t left = roots_reclaim(f->roots);

	if (f->counters != NULL)
		counter_set(&f->counters->reclaim_pending, left);
	if (left > 0)
		loop_timer(f->loop, &f->reclaim, FEED_RECLAIM_MS);
}

static void on_reclaim(struct timer *t)
{
	reclaim((struct feed *)((char *)t - offsetof(struct feed, reclaim)));
}

static struct holder *plan_for(
	struct feed *f, const struct layer *base, const struct layer *overlay)
{
	const struct image *top = overlay != NULL ? &overlay->image : &base->image;

	if (f->plan == NULL)
		return NULL;
	return f->plan(f->plan_ctx, top->policy, top->policy_bytes, roots_current(f->roots)->plan);
}

static int publish(struct feed *f, struct layer *base, struct layer *overlay, struct err *err)
{
	int rc = roots_publish(f->roots, base, overlay, plan_for(f, base, overlay));

	if (rc != 0)
		return err_set(err, rc, "memory is short");
	count_published(f);
	reclaim(f);
	return 0;
}

static int take_base(
	struct feed *f, struct feed_peer *p, const struct publish_msg *m, int fd, struct err *err)
{
	struct layer *l = layer_open(f, fd, m->size_bytes, IMAGE_BASE, err);

	if (l == NULL)
		return err->code;
	if (m->type == PUBLISH_BASE)
		return publish(f, l, NULL, err);
	layer_free(p->pending);
	p->pending = l;
	return 0;
}

// An overlay completes the pair that waits for it, or stands on the current base.
static int take_overlay(
	struct feed *f, struct feed_peer *p, const struct publish_msg *m, int fd, struct err *err)
{
	struct layer *l = layer_open(f, fd, m->size_bytes, IMAGE_OVERLAY, err);
	struct layer *base = roots_current(f->roots)->base;

	if (l == NULL)
		return err->code;
	if (p->pending != NULL && snapshot_is_pair(&p->pending->image, &l->image)) {
		base = p->pending;
		p->pending = NULL;
	} else if (base == NULL || !snapshot_is_pair(&base->image, &l->image)) {
		layer_free(l);
		return err_set(err, -EINVAL, "the overlay names another base");
	}
	return publish(f, base, l, err);
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
	if (rc != 0 && f->counters != NULL)
		counter_add(&f->counters->refused, 1);
	return rc;
}

static void peer_close(struct feed_peer *p)
{
	if (p->watch.fd < 0)
		return;
	loop_del(p->feed->loop, &p->watch);
	(void)close(p->watch.fd);
	p->watch.fd = -1;
	layer_free(p->pending);
	p->pending = NULL;
}

// Takes one message and answers it. False: the peer is gone or does not speak our language.
static bool peer_message(struct feed_peer *p)
{
	struct publish_msg m;
	struct err err = {0};
	int fd = -1;
	int rc = seqpacket_recv(p->watch.fd, &m, sizeof(m), &fd);

	if (rc != 0)
		return rc == -EAGAIN;
	rc = feed_take(p->feed, p, &m, fd, &err);
	if (fd >= 0)
		(void)close(fd);
	if (rc != 0)
		log_line(LOG_WARN, "feed", "snapshot refused", "generation=%llu reason=\"%s\"",
			(unsigned long long)m.generation, err.text);
	m.magic = PUBLISH_MAGIC;
	m.type = PUBLISH_ACK;
	m.status = rc;
	(void)memcpy(m.reason, err.text, sizeof(m.reason));
	return seqpacket_send(p->watch.fd, &m, sizeof(m), -1) == 0;
}

static void on_peer(struct watch *w, uint32_t events)
{
	struct feed_peer *p = (struct feed_peer *)((char *)w - offsetof(struct feed_peer, watch));

	(void)events;
	// One message a turn: a talkative peer does not starve the reclaim timer.
	if (!peer_message(p))
		peer_close(p);
}

static struct feed_peer *peer_free_place(struct feed *f)
{
	for (unsigned i = 0; i < FEED_PEERS_MAX; i++) {
		if (f->peers[i].watch.fd < 0)
			return &f->peers[i];
	}
	struct feed_peer *oldest = &f->peers[f->next_victim++ % FEED_PEERS_MAX];
	peer_close(oldest);
	return oldest;
}

static void on_listening(struct watch *w, uint32_t events)
{
	struct feed *f = (struct feed *)((char *)w - offsetof(struct feed, listening));
	int fd = seqpacket_accept(w->fd, f->peer_uid);

	(void)events;
	if (fd == -EPERM)
		log_line(LOG_WARN, "feed", "connection of a stranger refused", "%s", "");
	if (fd < 0)
		return;
	struct feed_peer *p = peer_free_place(f);
	p->watch.fd = fd;
	if (loop_add(f->loop, &p->watch, EPOLLIN) != 0) {
		(void)close(fd);
		p->watch.fd = -1;
	}
}

int feed_init(struct feed *f, struct loop *loop, struct roots *roots, const struct feed_options *o)
{
	*f = (struct feed){.loop = loop,
		.roots = roots,
		.counters = o->counters,
		.plan = o->plan,
		.plan_ctx = o->plan_ctx,
		.peer_uid = o->peer_uid,
		.listening = {o->listen_fd, on_listening},
		.reclaim = {.fn = on_reclaim}};
	for (unsigned i = 0; i < FEED_PEERS_MAX; i++)
		f->peers[i] = (struct feed_peer){.watch = {-1, on_peer}, .feed = f};
	return o->listen_fd < 0 ? 0 : loop_add(loop, &f->listening, EPOLLIN);
}

void feed_fini(struct feed *f)
{
	for (unsigned i = 0; i < FEED_PEERS_MAX; i++)
		peer_close(&f->peers[i]);
	loop_timer_stop(f->loop, &f->reclaim);
}

static int load(
	struct feed *f, struct feed_peer *p, enum publish_type type, int fd, struct err *err)
{
	struct stat st;

	if (fstat(fd, &st) != 0 || st.st_size < 0)
		return err_set(err, -EINVAL, "inherited image: %s", strerror(errno));
	struct publish_msg m = {
		.magic = PUBLISH_MAGIC, .type = type, .size_bytes = (uint64_t)st.st_size};
	return feed_take(f, p, &m, fd, err);
}

int feed_load(struct feed *f, int base_fd, int overlay_fd, struct err *err)
{
	struct feed_peer none = {.watch.fd = -1, .feed = f};
	int rc = 0;

	if (base_fd >= 0)
		rc = load(f, &none, PUBLISH_BASE, base_fd, err);
	if (rc == 0 && overlay_fd >= 0)
		rc = load(f, &none, PUBLISH_OVERLAY, overlay_fd, err);
	return rc;
}

void feed_refresh(struct feed *f)
{
	const struct root *root = roots_current(f->roots);

	if (root->base == NULL)
		return;
	struct holder *plan = plan_for(f, root->base, root->overlay);
	if (plan == root->plan || plan == NULL) {
		holder_drop(plan);
		return;
	}
	// When memory is short the old plan goes on, and the next round tries again.
	if (roots_publish(f->roots, root->base, root->overlay, plan) == 0)
		reclaim(f);
}
