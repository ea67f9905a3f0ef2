// SPDX-License-Identifier: Apache-2.0
// Two jobs, three peers. A peer that owes an acknowledgement is not waited for twice: it is given
// nothing more until it has answered, then everything that is current at once.
#include "control/publish/publisher.h"

#include "control/base/log.h"

#include <errno.h>
#include <string.h>

enum {
	FIRST_MS = 100, // DESIGN 3
	SECOND_MS = 1000,
	FIRST_NEXT_MS = 10000, // a base is checked and indexed before it is acknowledged
	SECOND_NEXT_MS = 60000,
	RESYNC_MS = 1000, // after a refusal
};

static const char *const names[PEERS] = {"supervisor", "slowpath", "dataplane"};

static struct publish_msg message(enum publish_type type, const struct sealed *s)
{
	return (struct publish_msg){.magic = PUBLISH_MAGIC,
		.type = type,
		.size_bytes = s->size_bytes,
		.generation = s->generation,
		.hash = s->hash};
}

static bool send_image(
	struct publisher_peer_state *s, enum publish_type type, const struct sealed *image)
{
	const struct publish_msg msg = message(type, image);

	return peer_send(&s->peer, &msg, image->fd);
}

// Everything that is current. Base and overlay take effect together.
static void sync_peer(struct publisher *p, struct publisher_peer_state *s)
{
	bool ok = true;

	s->is_stale = false;
	if (p->base.fd >= 0)
		ok = send_image(s, p->overlay.fd >= 0 ? PUBLISH_PAIR_NEXT : PUBLISH_BASE, &p->base);
	if (ok && p->overlay.fd >= 0)
		ok = send_image(s, PUBLISH_OVERLAY, &p->overlay);
	if (ok && p->next.fd >= 0)
		ok = send_image(s, PUBLISH_PAIR_NEXT, &p->next);
	s->is_live = ok && s->peer.n_unacked == 0;
}

static unsigned deadline_ms(const struct publisher_work *w)
{
	if (w->msg.type == PUBLISH_PAIR_NEXT)
		return w->is_second ? SECOND_NEXT_MS : FIRST_NEXT_MS;
	return w->is_second ? SECOND_MS : FIRST_MS;
}

static void give(struct publisher *p, struct publisher_work *w, int peer)
{
	struct publisher_peer_state *s = &p->peers[peer];

	if (!peer_is_connected(&s->peer))
		return; // is given everything when it comes back
	if (!s->is_live) {
		s->is_stale = true;
		return;
	}
	w->waits[peer] = peer_send(&s->peer, &w->msg, w->fd);
}

static bool is_waiting(const struct publisher_work *w)
{
	bool waits = false;

	for (int i = 0; i < PEERS; i++)
		waits |= w->waits[i];
	return waits;
}

static void on_deadline(uv_timer_t *t);

static void arm(struct publisher_work *w, unsigned ms)
{
	(void)uv_timer_start(&w->deadline, on_deadline, ms, 0); // fails only when closing
}

static void finish(struct publisher *p, struct publisher_work *w)
{
	const struct publisher_done done = {.type = (enum publish_type)w->msg.type,
		.generation = w->msg.generation,
		.event_ns = w->msg.event_monotonic_ns,
		.started_ns = w->started_ns};

	w->is_active = false;
	(void)uv_timer_stop(&w->deadline); // cannot fail
	p->done(p->user, &done);
}

// Goes on as far as nobody has to be waited for.
static void advance(struct publisher *p, struct publisher_work *w)
{
	if (!w->is_active || is_waiting(w))
		return;
	if (w->is_second) {
		finish(p, w);
		return;
	}
	w->is_second = true;
	give(p, w, PEER_DATAPLANE);
	// Also without a dataplane the end comes from the loop: the caller is never called back
	// from inside publisher_send.
	arm(w, is_waiting(w) ? deadline_ms(w) : 0);
}

// Those that did not answer in time are left behind until they do.
static void on_deadline(uv_timer_t *t)
{
	struct publisher *p = t->data;

	for (int j = 0; j < JOBS; j++) {
		struct publisher_work *w = &p->jobs[j];
		if (t != &w->deadline || !w->is_active)
			continue;
		for (int i = 0; i < PEERS; i++) {
			if (!w->waits[i])
				continue;
			w->waits[i] = false;
			p->peers[i].is_live = false;
			log_warn("publish", "receiver is slow", LOG_STR("peer", names[i]),
				LOG_NUM("generation", w->msg.generation));
		}
		advance(p, w);
	}
}

static void on_resync(uv_timer_t *t)
{
	struct publisher_peer_state *s = t->data;

	if (peer_is_connected(&s->peer))
		sync_peer(s->owner, s);
}

static void on_connected(void *user, struct peer *peer)
{
	struct publisher_peer_state *s = user;

	log_info("publish", "receiver connected", LOG_STR("peer", peer->name));
	sync_peer(s->owner, s);
}

static void stop_waiting(struct publisher *p, int peer, uint64_t generation)
{
	for (int j = 0; j < JOBS; j++) {
		struct publisher_work *w = &p->jobs[j];
		if (!w->is_active || (generation != 0 && w->msg.generation != generation))
			continue;
		w->waits[peer] = false;
		advance(p, w);
	}
}

static void on_acked(void *user, struct peer *peer, const struct publish_msg *ack)
{
	struct publisher_peer_state *s = user;
	struct publisher *p = s->owner;

	if (ack->status != 0) {
		log_error("publish", "receiver refuses a snapshot", LOG_STR("peer", peer->name),
			LOG_NUM("generation", ack->generation), LOG_STR("reason", ack->reason));
		s->is_live = false;
		s->is_stale = false; // the timer does it
		(void)uv_timer_start(
			&s->resync, on_resync, RESYNC_MS, 0); // fails only when closing
	} else if (!s->is_live && peer->n_unacked == 0 &&
		!uv_is_active((uv_handle_t *)&s->resync)) {
		if (s->is_stale)
			sync_peer(p, s);
		else
			s->is_live = true;
	}
	stop_waiting(p, (int)(s - p->peers), ack->generation);
}

static void on_lost(void *user, struct peer *peer)
{
	struct publisher_peer_state *s = user;
	struct publisher *p = s->owner;

	(void)peer;
	s->is_live = false;
	s->is_stale = false;
	stop_waiting(p, (int)(s - p->peers), 0);
}

int publisher_open(struct publisher *p, uv_loop_t *loop, const char *run_dir,
	publisher_done_fn *done, void *user)
{
	int rc = 0;

	memset(p, 0, sizeof(*p));
	p->base.fd = p->next.fd = p->overlay.fd = -1;
	p->done = done;
	p->user = user;
	for (int j = 0; j < JOBS; j++) {
		(void)uv_timer_init(loop, &p->jobs[j].deadline); // cannot fail
		p->jobs[j].deadline.data = p;
	}
	for (int i = 0; i < PEERS && rc == 0; i++) {
		struct publisher_peer_state *s = &p->peers[i];
		const struct peer_events events = {s, on_connected, on_acked, on_lost};
		s->owner = p;
		(void)uv_timer_init(loop, &s->resync); // cannot fail
		s->resync.data = s;
		rc = peer_open(&s->peer, loop, run_dir, names[i], &events);
	}
	return rc;
}

static enum publisher_job job_of(enum publish_type type)
{
	return type == PUBLISH_PAIR_NEXT ? JOB_NEXT : JOB_SERVED;
}

bool publisher_is_busy(const struct publisher *p, enum publish_type type)
{
	return p->jobs[job_of(type)].is_active;
}

static void replace(struct sealed *to, struct sealed *from)
{
	sealed_close(to);
	*to = *from;
	from->fd = -1;
}

// The header of the image at hand says which base an overlay stands on; all that matters here is
// whether that is the next one.
static bool is_on_next(const struct publisher *p, const struct sealed *overlay)
{
	return p->next.fd >= 0 && overlay->base_generation == p->next.generation &&
		overlay->base_hash == p->next.hash;
}

static struct sealed *keep(struct publisher *p, enum publish_type type, struct sealed *image)
{
	if (type == PUBLISH_PAIR_NEXT) {
		replace(&p->next, image);
		return &p->next;
	}
	if (type == PUBLISH_BASE) {
		sealed_close(&p->overlay);
		sealed_close(&p->next);
		replace(&p->base, image);
		return &p->base;
	}
	if (is_on_next(p, image))
		replace(&p->base, &p->next);
	replace(&p->overlay, image);
	return &p->overlay;
}

void publisher_send(
	struct publisher *p, enum publish_type type, struct sealed *image, uint64_t event_ns)
{
	struct publisher_work *w = &p->jobs[job_of(type)];
	const struct sealed *kept = keep(p, type, image);

	w->is_active = true;
	w->is_second = false;
	w->msg = message(type, kept);
	w->msg.event_monotonic_ns = event_ns;
	w->fd = kept->fd;
	w->started_ns = uv_hrtime();
	memset(w->waits, 0, sizeof(w->waits));
	give(p, w, PEER_SUPERVISOR);
	give(p, w, PEER_SLOWPATH);
	arm(w, deadline_ms(w));
	advance(p, w);
}

void publisher_restore(struct publisher *p, struct sealed *base, struct sealed *overlay)
{
	replace(&p->base, base);
	replace(&p->overlay, overlay);
}

void publisher_close(struct publisher *p)
{
	for (int i = 0; i < PEERS; i++) {
		peer_close(&p->peers[i].peer);
		uv_close((uv_handle_t *)&p->peers[i].resync, NULL);
	}
	for (int j = 0; j < JOBS; j++) {
		p->jobs[j].is_active = false;
		uv_close((uv_handle_t *)&p->jobs[j].deadline, NULL);
	}
	sealed_close(&p->base);
	sealed_close(&p->next);
	sealed_close(&p->overlay);
}
