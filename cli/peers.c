// SPDX-License-Identifier: Apache-2.0
// supervisor.sock: control brings what it publishes, commands ask for it.
#include "cli/supervisor.h"

#include "cli/say.h"

#include "zones/link/publish.h"
#include "zones/link/seqpacket.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

enum { MESSAGES_PER_TURN = 16 }; // then the loop looks at everything else

static void close_peer(struct supervisor *s, unsigned peer)
{
	(void)close(s->peers[peer]);
	s->peers[peer] = -1;
	if (s->capture_peer == (int)peer) {
		capture_ask(&s->counters->capture, NULL);
		s->capture_peer = -1;
	}
}

void peers_accept(struct supervisor *s)
{
	int fd = seqpacket_accept(s->dir.supervisor_fd, s->user.uid);

	if (fd < 0)
		return;
	for (unsigned i = 0; i < PEERS_MAX; i++) {
		if (s->peers[i] < 0) {
			s->peers[i] = fd;
			return;
		}
	}
	(void)close(fd); // it will come again
}

static int send_ack(int sock, const struct publish_msg *about, int status, const struct err *err)
{
	struct publish_msg ack = {.magic = PUBLISH_MAGIC,
		.type = PUBLISH_ACK,
		.generation = about->generation,
		.hash = about->hash,
		.status = status};

	(void)snprintf(ack.reason, sizeof(ack.reason), "%s", err->text);
	return seqpacket_send(sock, &ack, sizeof(ack), -1);
}

static int send_all(const struct supervisor *s, int sock, const struct publish_msg *want)
{
	const struct vault_image *images[] = {&s->vault.base, &s->vault.overlay};
	const struct publish_msg counters = {.magic = PUBLISH_MAGIC,
		.type = PUBLISH_COUNTERS,
		.size_bytes = sizeof(struct counters_page)};
	const struct err none = {0};
	int rc = 0;

	for (unsigned i = 0; i < 2 && rc == 0; i++) {
		struct publish_msg msg = images[i]->msg;
		msg.type = i == 0 ? PUBLISH_BASE : PUBLISH_OVERLAY;
		if (images[i]->fd >= 0)
			rc = seqpacket_send(sock, &msg, sizeof(msg), images[i]->fd);
	}
	if (rc == 0)
		rc = seqpacket_send(sock, &counters, sizeof(counters), s->counters_ro_fd);
	return rc == 0 ? send_ack(sock, want, 0, &none) : rc;
}

static int check_filter(const struct capture_filter *f, struct err *err)
{
	bool is_good = f->seconds >= 1 && f->seconds <= CAPTURE_SECONDS_MAX &&
		f->one_in <= CAPTURE_ONE_IN_MAX &&
		(f->family == 0 || (f->family == 4 && f->prefix_len <= 32) ||
			(f->family == 6 && f->prefix_len <= 128));

	return is_good ? 0 : err_set(err, -EINVAL, "no such capture");
}

static int start_capture(struct supervisor *s, unsigned peer, int fd, struct err *err)
{
	const void *filter = NULL;

	if (s->o->port_kind == PORT_NONE)
		return err_set(err, -ENODEV,
			"there is no port: the kernel has all packets, tcpdump shows them");
	if (s->capture_peer >= 0)
		return err_set(err, -EBUSY, "somebody else captures just now");
	int rc = publish_map(fd, sizeof(struct capture_filter), &filter, err);
	if (rc == 0)
		rc = check_filter(filter, err);
	if (rc == 0) {
		capture_ask(&s->counters->capture, filter);
		s->capture_peer = (int)peer;
	}
	publish_unmap(filter, sizeof(struct capture_filter));
	return rc;
}

// 0 when the connection stays. *fd is -1 afterwards or the caller's to close.
static int take_message(struct supervisor *s, unsigned peer, const struct publish_msg *msg, int *fd)
{
	int sock = s->peers[peer];
	struct err err = {0};

	if (msg->magic != PUBLISH_MAGIC)
		return -EBADMSG;
	if (msg->type == PUBLISH_WANT)
		return send_all(s, sock, msg);
	if (msg->type == PUBLISH_CAPTURE) {
		int refused = start_capture(s, peer, *fd, &err);
		return send_ack(sock, msg, refused, &err);
	}
	if (msg->type != PUBLISH_BASE && msg->type != PUBLISH_OVERLAY &&
		msg->type != PUBLISH_PAIR_NEXT)
		return -EBADMSG;
	int rc = vault_take(&s->vault, msg, *fd, &err);
	if (rc == 0)
		*fd = -1;
	else
		say_warn("image refused reason=\"%s\"", err.text);
	return send_ack(sock, msg, rc, &err);
}

void peers_read(struct supervisor *s, unsigned peer)
{
	for (unsigned i = 0; i < MESSAGES_PER_TURN; i++) {
		struct publish_msg msg;
		int fd, rc = seqpacket_recv(s->peers[peer], &msg, sizeof(msg), &fd);

		if (rc == -EAGAIN)
			return;
		if (rc == 0)
			rc = take_message(s, peer, &msg, &fd);
		if (fd >= 0)
			(void)close(fd);
		if (rc != 0) {
			close_peer(s, peer);
			return;
		}
	}
}

void peers_close(struct supervisor *s)
{
	for (unsigned i = 0; i < PEERS_MAX; i++) {
		if (s->peers[i] >= 0)
			close_peer(s, i);
	}
}
