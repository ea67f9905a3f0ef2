// SPDX-License-Identifier: Apache-2.0
// What the snapshot thread takes, refuses and frees, with a worker's reader beside it.
#include "dataplane/feed/feed.h"

#include "tests/unit/eal_fixture.h"
#include "tests/unit/image_fixture.h"

#include "zones/link/seqpacket.h"

#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#include <cmocka.h>

struct bench {
	struct roots roots;
	struct root_addresses addresses;
	struct snapshot_counters counters;
	struct scope_table scopes;
	struct layers layers;
	struct feed feed;
	struct image_fixture base, overlay, next, next_overlay;
	int listen_fd;
	char path[64];
};

static struct bench b;

static void make(struct image_fixture *f, uint64_t generation, const struct image *base)
{
	image_fixture_make(f,
		&(struct image_fixture_spec){.n_services = 20,
			.n_endpoints = 3,
			.generation = generation,
			.base = base});
}

static int setup(void **state)
{
	(void)state;
	memset(&b, 0, sizeof(b));
	(void)eal_fixture_start();
	b.addresses.n = 1;
	b.addresses.list[0] = (struct server_address){.family = 4, .bytes = {198, 18, 0, 53}};
	assert_int_equal(roots_init(&b.roots, 1), 0);
	const struct layers_counters counters = {&b.counters, &b.scopes};
	assert_int_equal(layers_init(&b.layers, &b.roots, &b.addresses, &counters), 0);
	(void)snprintf(b.path, sizeof(b.path), "/tmp/test_dp_feed.%d", (int)getpid());
	b.listen_fd = seqpacket_listen(b.path);
	assert_true(b.listen_fd >= 0);
	feed_init(&b.feed, &b.layers, b.listen_fd, getuid());
	make(&b.base, 1, NULL);
	make(&b.overlay, 2, &b.base.image);
	make(&b.next, 3, NULL);
	make(&b.next_overlay, 4, &b.next.image);
	return 0;
}

static int teardown(void **state)
{
	(void)state;
	feed_stop(&b.feed);
	layers_fini(&b.layers);
	roots_fini(&b.roots);
	(void)close(b.listen_fd);
	(void)unlink(b.path);
	image_fixture_free(&b.base);
	image_fixture_free(&b.overlay);
	image_fixture_free(&b.next);
	image_fixture_free(&b.next_overlay);
	return 0;
}

static void fill(void *ctx, uint8_t *out)
{
	const struct image_fixture *f = ctx;

	memcpy(out, f->bytes, f->size_bytes);
}

static int memfd(struct image_fixture *f)
{
	int fd = publish_memfd("test", f->size_bytes, fill, f);

	assert_true(fd >= 0);
	return fd;
}

static struct publish_msg message(enum publish_type type, const struct image_fixture *f)
{
	return (struct publish_msg){
		.magic = PUBLISH_MAGIC, .type = type, .size_bytes = f->size_bytes};
}

static int take(struct feed_peer *p, enum publish_type type, struct image_fixture *f)
{
	struct publish_msg m = message(type, f);
	struct err err = {0};
	int fd = memfd(f);
	int rc = feed_take(&b.feed, p, &m, fd, &err);

	(void)close(fd);
	return rc;
}

static const struct root *current(void)
{
	return atomic_load(&b.roots.current);
}

static uint64_t served(void)
{
	return current()->generation;
}

static void a_base_and_its_overlay_are_published(void **state)
{
	struct feed_peer p = {.fd = -1};

	(void)state;
	assert_int_equal(served(), 0);
	assert_int_equal(take(&p, PUBLISH_BASE, &b.base), 0);
	assert_int_equal(served(), 1);
	assert_int_equal(take(&p, PUBLISH_OVERLAY, &b.overlay), 0);
	assert_int_equal(served(), 2);
	assert_non_null(current()->index.overlay);
	assert_int_equal(take(&p, PUBLISH_BASE, &b.next), 0);
	assert_int_equal(served(), 3);
	assert_null(current()->snapshot.overlay);
	assert_int_equal(counter_get(&b.counters.published), 3);
}

static void a_pair_takes_effect_by_one_store(void **state)
{
	struct feed_peer p = {.fd = -1};

	(void)state;
	assert_int_equal(take(&p, PUBLISH_BASE, &b.base), 0);
	assert_int_equal(take(&p, PUBLISH_PAIR_NEXT, &b.next), 0);
	assert_int_equal(served(), 1);
	assert_int_equal(take(&p, PUBLISH_OVERLAY, &b.overlay), 0); // the old base goes on
	assert_int_equal(served(), 2);
	assert_int_equal(take(&p, PUBLISH_OVERLAY, &b.next_overlay), 0);
	assert_int_equal(served(), 4);
	assert_int_equal(current()->snapshot.base->header->generation, 3);
	assert_null(p.pending);
}

static void what_is_refused_changes_nothing(void **state)
{
	struct feed_peer p = {.fd = -1};
	struct err err = {0};
	struct publish_msg m = message(PUBLISH_BASE, &b.base);

	(void)state;
	assert_int_equal(take(&p, PUBLISH_BASE, &b.base), 0);
	assert_int_equal(take(&p, PUBLISH_OVERLAY, &b.next_overlay), -EINVAL); // another base
	assert_int_equal(take(&p, PUBLISH_OVERLAY, &b.base), -EINVAL); // no overlay
	assert_int_equal(take(&p, PUBLISH_BASE, &b.overlay), -EINVAL); // no base
	assert_true(feed_take(&b.feed, &p, &m, -1, &err) != 0);
	m.magic++;
	int fd = memfd(&b.next);
	assert_true(feed_take(&b.feed, &p, &m, fd, &err) != 0);
	m = message(PUBLISH_ACK, &b.next);
	assert_true(feed_take(&b.feed, &p, &m, fd, &err) != 0);
	m = message(PUBLISH_BASE, &b.next);
	m.size_bytes--;
	assert_true(feed_take(&b.feed, &p, &m, fd, &err) != 0);
	(void)close(fd);
	((uint8_t *)b.next.bytes)[b.next.size_bytes / 2] ^= 1; // the hash is wrong now
	assert_int_equal(take(&p, PUBLISH_BASE, &b.next), -EINVAL);
	assert_int_equal(served(), 1);
	assert_int_equal(counter_get(&b.counters.refused), 8);
}

// DESIGN 3: reclaim polls and never blocks; a reader that holds an old root keeps it whole.
static void a_root_is_freed_only_when_no_worker_can_hold_it(void **state)
{
	struct feed_peer p = {.fd = -1};
	struct found found;

	(void)state;
	rte_rcu_qsbr_thread_online(b.roots.qsbr, 0);
	assert_int_equal(take(&p, PUBLISH_BASE, &b.base), 0);
	rte_rcu_qsbr_quiescent(b.roots.qsbr, 0);
	(void)layers_reclaim(&b.layers);
	const struct root *held = current();
	assert_int_equal(take(&p, PUBLISH_BASE, &b.next), 0);
	assert_true(layers_reclaim(&b.layers) > 0);
	const struct dname name = image_fixture_name("svc3.ns.svc.cluster.local");
	const struct name_key key = {name.wire, name.size_bytes, 0, 1};
	index_find(&held->index, &key, &found);
	assert_non_null(found.name);
	rte_rcu_qsbr_quiescent(b.roots.qsbr, 0);
	assert_int_equal(layers_reclaim(&b.layers), 0);
	rte_rcu_qsbr_thread_offline(b.roots.qsbr, 0);
}

static void a_stuck_worker_bounds_what_is_kept(void **state)
{
	struct feed_peer p = {.fd = -1};
	int rc = 0;
	unsigned n = 0;

	(void)state;
	rte_rcu_qsbr_thread_online(b.roots.qsbr, 0);
	for (; n < 2 * LAYERS_RETIRED_MAX && rc == 0; n++)
		rc = take(&p, PUBLISH_BASE, &b.base);
	assert_int_equal(rc, -EBUSY);
	assert_int_equal(n, LAYERS_RETIRED_MAX + 1);
	rte_rcu_qsbr_quiescent(b.roots.qsbr, 0);
	assert_int_equal(layers_reclaim(&b.layers), 0);
	assert_int_equal(take(&p, PUBLISH_BASE, &b.base), 0);
	rte_rcu_qsbr_thread_offline(b.roots.qsbr, 0);
}

static int connect_retry(void)
{
	int fd = seqpacket_connect(b.path);

	assert_true(fd >= 0);
	return fd;
}

static int receive_ack(int sock, struct publish_msg *m)
{
	int fd = -1, rc = -EAGAIN;

	for (unsigned i = 0; i < 400 && rc == -EAGAIN; i++) {
		(void)nanosleep(&(struct timespec){.tv_nsec = 5000000}, NULL);
		rc = seqpacket_recv(sock, m, sizeof(*m), &fd);
	}
	return rc;
}

static void the_thread_answers_peers_and_survives_garbage(void **state)
{
	struct publish_msg m = message(PUBLISH_BASE, &b.base);

	(void)state;
	assert_int_equal(feed_start(&b.feed), 0);
	int noise = connect_retry();
	assert_int_equal(send(noise, "garbage", 7, MSG_NOSIGNAL), 7);
	assert_int_equal(receive_ack(noise, &(struct publish_msg){0}), -ECONNRESET);
	(void)close(noise);
	int many[8];
	for (unsigned i = 0; i < 8; i++)
		many[i] = connect_retry();
	int sock = connect_retry();
	int fd = memfd(&b.base);
	assert_int_equal(seqpacket_send(sock, &m, sizeof(m), fd), 0);
	struct publish_msg ack;
	assert_int_equal(receive_ack(sock, &ack), 0);
	assert_int_equal(ack.type, PUBLISH_ACK);
	assert_int_equal(ack.status, 0);
	assert_int_equal(served(), 1);
	m.type = PUBLISH_OVERLAY; // it is a base
	assert_int_equal(seqpacket_send(sock, &m, sizeof(m), fd), 0);
	assert_int_equal(receive_ack(sock, &ack), 0);
	assert_true(ack.status != 0 && ack.reason[0] != 0);
	assert_int_equal(served(), 1);
	(void)close(fd);
	(void)close(sock);
	for (unsigned i = 0; i < 8; i++)
		(void)close(many[i]);
}

static void send_image(int sock, enum publish_type type, struct image_fixture *f)
{
	struct publish_msg m = message(type, f);
	int fd = memfd(f);

	m.generation = f->image.header->generation;
	m.hash = f->image.header->hash;
	assert_int_equal(seqpacket_send(sock, &m, sizeof(m), fd), 0);
	(void)close(fd);
}

static void expect_ack(int sock, uint64_t generation)
{
	struct publish_msg ack;

	assert_int_equal(receive_ack(sock, &ack), 0);
	assert_int_equal(ack.status, 0);
	assert_int_equal(ack.generation, generation);
}

// DESIGN 3: while a new base is built and indexed, overlays on the old one go on.
static void a_large_base_is_built_beside_overlays_on_the_old_one(void **state)
{
	struct image_fixture large, large_overlay;

	(void)state;
	image_fixture_make(&large,
		&(struct image_fixture_spec){
			.n_services = 20000, .n_endpoints = 3, .generation = 5});
	make(&large_overlay, 6, &large.image);
	assert_int_equal(feed_start(&b.feed), 0);
	int sock = connect_retry();
	send_image(sock, PUBLISH_BASE, &b.base);
	expect_ack(sock, 1);
	send_image(sock, PUBLISH_PAIR_NEXT, &large);
	send_image(sock, PUBLISH_OVERLAY, &b.overlay);
	expect_ack(sock, 2);
	assert_int_equal(served(), 2);
	send_image(sock, PUBLISH_OVERLAY, &large_overlay); // waits for its base
	expect_ack(sock, 5);
	expect_ack(sock, 6);
	assert_int_equal(served(), 6);
	send_image(sock, PUBLISH_PAIR_NEXT, &large); // served already: nothing is built
	send_image(sock, PUBLISH_OVERLAY, &large_overlay);
	expect_ack(sock, 5);
	expect_ack(sock, 6);
	send_image(sock, PUBLISH_PAIR_NEXT, &b.next); // nobody waits for this one
	(void)close(sock);
	sock = connect_retry();
	send_image(sock, PUBLISH_BASE, &large);
	expect_ack(sock, 5);
	assert_null(current()->snapshot.overlay);
	(void)close(sock);
	image_fixture_free(&large);
	image_fixture_free(&large_overlay);
}

static void inherited_images_are_served_at_once(void **state)
{
	struct err err = {0};
	int base = memfd(&b.base), overlay = memfd(&b.overlay), other = memfd(&b.next_overlay);

	(void)state;
	assert_int_equal(feed_load(&b.feed, base, overlay, &err), 0);
	assert_int_equal(served(), 2);
	assert_true(feed_load(&b.feed, base, other, &err) != 0);
	assert_int_equal(served(), 1); // what is good of the two
	(void)close(base);
	(void)close(overlay);
	(void)close(other);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(
			a_base_and_its_overlay_are_published, setup, teardown),
		cmocka_unit_test_setup_teardown(a_pair_takes_effect_by_one_store, setup, teardown),
		cmocka_unit_test_setup_teardown(what_is_refused_changes_nothing, setup, teardown),
		cmocka_unit_test_setup_teardown(
			a_root_is_freed_only_when_no_worker_can_hold_it, setup, teardown),
		cmocka_unit_test_setup_teardown(
			a_stuck_worker_bounds_what_is_kept, setup, teardown),
		cmocka_unit_test_setup_teardown(
			the_thread_answers_peers_and_survives_garbage, setup, teardown),
		cmocka_unit_test_setup_teardown(
			a_large_base_is_built_beside_overlays_on_the_old_one, setup, teardown),
		cmocka_unit_test_setup_teardown(
			inherited_images_are_served_at_once, setup, teardown),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
