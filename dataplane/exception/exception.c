// SPDX-License-Identifier: Apache-2.0
// Frames keep their virtio header on the way between packet socket and TAP, so that sizes of
// segments and unfinished checksums arrive as the sender's kernel left them. A real port has
// neither: there the TAP gets and gives whole packets.
#include "dataplane/exception/exception.h"

#include "dataplane/exception/raw_socket.h"
#include "dataplane/net/frame.h"
#include "dataplane/net/vlan.h"

#include <rte_mbuf.h>
#include <rte_ring.h>

#include <errno.h>
#include <linux/if_tun.h>
#include <linux/virtio_net.h>
#include <net/if.h>
#include <net/if_arp.h>
#include <poll.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/uio.h>
#include <unistd.h>

enum {
	FRAMES_PER_TURN = 64,
	HEADER_BYTES = sizeof(struct virtio_net_hdr),
	PACKET_BYTES = HEADER_BYTES + 65536 + 64, // an IP packet with its link header
	BUFFER_BYTES = VLAN_BYTES + PACKET_BYTES,
	RING_REST_US = 100, // rings wake nobody
	STOP_CHECK_MS = 100,
};

// True for UDP to a port that the current snapshot does not serve: the kernel tells the sender.
static bool is_unserved(const struct exception *e, const struct frame *f)
{
	bool is_served = true;

	rte_rcu_qsbr_thread_online(e->roots->qsbr, e->reader);
	const struct root *r = atomic_load_explicit(&e->roots->current, memory_order_acquire);
	(void)root_listener(r, f->address, f->server_port, &is_served);
	rte_rcu_qsbr_thread_offline(e->roots->qsbr, e->reader);
	return !is_served;
}

// Is a frame that came over the packet socket the kernel side's?
static bool is_wanted(const struct exception *e, uint8_t *bytes, size_t size_bytes)
{
	struct frame f = {.bytes = bytes,
		.size_bytes = (uint16_t)(size_bytes > UINT16_MAX ? UINT16_MAX : size_bytes)};

	switch (frame_parse(&e->untagged, &f)) {
	case VERDICT_EXCEPTION:
		return true;
	case VERDICT_QUERY:
		return !e->host->addresses[f.address].is_shared && is_unserved(e, &f);
	case VERDICT_DROP:
	case VERDICT_ANSWER:
	case VERDICT_PUNT:
	default:
		return false;
	}
}

static void lose(const struct exception *e)
{
	counter_add(&e->counters->exceptions_lost, 1);
}

// Packet socket to TAP; returns how many frames came.
static unsigned take_raw(const struct exception *e)
{
	unsigned n = 0;

	while (n < FRAMES_PER_TURN) {
		ssize_t size = recv(e->raw_fd, e->buffer, PACKET_BYTES, MSG_DONTWAIT | MSG_TRUNC);
		if (size < 0)
			break;
		n++;
		if (size <= HEADER_BYTES || size > PACKET_BYTES)
			continue;
		if (!is_wanted(e, e->buffer + HEADER_BYTES, (size_t)size - HEADER_BYTES))
			continue;
		if (write(e->tun_fd, e->buffer, (size_t)size) != size)
			lose(e);
	}
	return n;
}

// Workers' rings to TAP.
static unsigned take_ring(const struct exception *e, const struct punt_lane *lane)
{
	struct virtio_net_hdr header = {0};
	struct rte_mbuf *frames[FRAMES_PER_TURN];
	unsigned n =
		rte_ring_sc_dequeue_burst(lane->exceptions, (void **)frames, FRAMES_PER_TURN, NULL);

	for (unsigned i = 0; i < n; i++) {
		uint8_t *frame = rte_pktmbuf_mtod(frames[i], uint8_t *);
		size_t size_bytes = rte_pktmbuf_data_len(frames[i]);
		if (e->host->vlan != 0) { // workers let nothing without the tag come here
			frame = vlan_take(frame);
			size_bytes -= VLAN_BYTES;
		}
		const struct iovec iov[2] = {{&header, sizeof(header)}, {frame, size_bytes}};
		if (writev(e->tun_fd, iov, 2) < 0)
			lose(e);
	}
	rte_pktmbuf_free_bulk(frames, n);
	return n;
}

// A frame of the kernel side becomes one of worker 0's to send.
static bool give_worker(const struct exception *e, const uint8_t *bytes, size_t size_bytes)
{
	struct rte_mbuf *m = rte_pktmbuf_alloc(e->pool);

	if (m == NULL)
		return false;
	if (size_bytes > rte_pktmbuf_tailroom(m) || size_bytes < ETH_BYTES) {
		rte_pktmbuf_free(m);
		return false;
	}
	memcpy(rte_pktmbuf_mtod(m, void *), bytes, size_bytes);
	m->data_len = (uint16_t)size_bytes;
	m->pkt_len = (uint32_t)size_bytes;
	if (rte_ring_enqueue(e->lanes[0].frames, m) == 0)
		return true;
	rte_pktmbuf_free(m);
	return false;
}

// Where the frame of the kernel side begins, with the tag and a header that knows of it.
static uint8_t *tag(const struct exception *e)
{
	struct virtio_net_hdr h;

	if (e->host->vlan == 0)
		return e->buffer + VLAN_BYTES;
	memcpy(&h, e->buffer + VLAN_BYTES, sizeof(h));
	if (h.flags & VIRTIO_NET_HDR_F_NEEDS_CSUM)
		h.csum_start = (uint16_t)(h.csum_start + VLAN_BYTES);
	if (h.hdr_len != 0)
		h.hdr_len = (uint16_t)(h.hdr_len + VLAN_BYTES);
	memcpy(e->buffer, &h, sizeof(h));
	vlan_put(e->buffer + HEADER_BYTES, e->host->vlan);
	return e->buffer;
}

// TAP to port.
static unsigned take_tun(const struct exception *e)
{
	unsigned n = 0;

	while (n < FRAMES_PER_TURN) {
		ssize_t got = read(e->tun_fd, e->buffer + VLAN_BYTES, PACKET_BYTES);
		if (got <= HEADER_BYTES + VLAN_MACS_BYTES)
			break;
		n++;
		uint8_t *frame = tag(e);
		size_t size = (size_t)(e->buffer + VLAN_BYTES + got - frame);
		bool is_sent = e->raw_fd >= 0
			? send(e->raw_fd, frame, size, MSG_DONTWAIT) == (ssize_t)size
			: give_worker(e, frame + HEADER_BYTES, size - HEADER_BYTES);
		if (is_sent)
			counter_add(&e->counters->kernel_frames, 1);
		else
			lose(e);
	}
	return n;
}

static unsigned turn(const struct exception *e)
{
	unsigned n = take_tun(e);

	if (e->raw_fd >= 0)
		return n + take_raw(e);
	for (unsigned i = 0; i < e->n_lanes; i++)
		n += take_ring(e, &e->lanes[i]);
	return n;
}

static void rest(const struct exception *e)
{
	struct pollfd fds[2] = {
		{.fd = e->tun_fd, .events = POLLIN}, {.fd = e->raw_fd, .events = POLLIN}};
	const struct timespec t = {
		.tv_nsec = e->raw_fd >= 0 ? STOP_CHECK_MS * 1000000L : RING_REST_US * 1000L};

	(void)ppoll(fds, 2, &t, NULL);
	// The interface went down or the TAP is gone: errors stay readable, so do not spin on them.
	if ((fds[0].revents | fds[1].revents) & (POLLERR | POLLHUP | POLLNVAL))
		(void)nanosleep(&(struct timespec){.tv_nsec = RING_REST_US * 1000L}, NULL);
}

static void *run(void *arg)
{
	const struct exception *e = arg;

	(void)prctl(PR_SET_TIMERSLACK, 1UL);
	while (!atomic_load_explicit(&e->is_stopping, memory_order_relaxed)) {
		if (turn(e) == 0)
			rest(e);
	}
	return NULL;
}

static int tun_prepare(const struct exception *e, struct err *err)
{
	// A real port sends what it is given: the kernel side cuts and sums itself.
	unsigned offloads =
		e->raw_fd >= 0 ? TUN_F_CSUM | TUN_F_TSO4 | TUN_F_TSO6 | TUN_F_TSO_ECN : 0;
	struct ifreq r = {0};

	if (ioctl(e->tun_fd, TUNGETIFF, &r) != 0)
		return err_set(err, -errno, "--tun-fd is no TAP: %s", strerror(errno));
	if ((r.ifr_flags & IFF_TAP) == 0 || (r.ifr_flags & IFF_VNET_HDR) == 0)
		return err_set(err, -EINVAL, "--tun-fd is no TAP with virtio headers");
	if (ioctl(e->tun_fd, TUNSETOFFLOAD, offloads) != 0)
		return err_set(err, -errno, "offloads of the TAP: %s", strerror(errno));
	// Both sides of an address have one MAC; of a real port only we know it.
	r.ifr_hwaddr.sa_family = ARPHRD_ETHER;
	memcpy(r.ifr_hwaddr.sa_data, e->host->mac, sizeof(e->host->mac));
	if (ioctl(e->tun_fd, SIOCSIFHWADDR, &r) != 0)
		return err_set(err, -errno, "MAC of the TAP: %s", strerror(errno));
	return 0;
}

int exception_open(struct exception *e, const char *ifname, struct err *err)
{
	e->raw_fd = -1;
	e->untagged = *e->host;
	e->untagged.vlan = 0;
	host_index(&e->untagged);
	if (ifname[0] != 0) {
		e->raw_fd = raw_socket_open(ifname, e->host->vlan, err);
		if (e->raw_fd < 0)
			return e->raw_fd;
	}
	e->buffer = malloc(BUFFER_BYTES);
	if (e->buffer == NULL)
		return err_set(err, -ENOMEM, "memory is short");
	return tun_prepare(e, err);
}

int exception_start(struct exception *e)
{
	int rc = -pthread_create(&e->thread, NULL, run, e);

	e->is_running = rc == 0;
	if (rc == 0)
		(void)pthread_setname_np(e->thread, "exception");
	return rc;
}

void exception_stop(struct exception *e)
{
	if (e->is_running) {
		atomic_store(&e->is_stopping, true);
		(void)pthread_join(e->thread, NULL);
	}
	e->is_running = false;
	if (e->raw_fd >= 0)
		(void)close(e->raw_fd);
	e->raw_fd = -1;
	free(e->buffer);
	e->buffer = NULL;
}
