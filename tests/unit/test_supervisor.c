// SPDX-License-Identifier: Apache-2.0
// Tests of what the supervisor keeps: state file, run directory, vault, sockets, and the watch.
#include "cli/drop_rule.h"
#include "cli/run_dir.h"
#include "cli/sockets.h"
#include "cli/state.h"
#include "cli/supervisor.h"
#include "cli/tool.h"
#include "cli/vault.h"

#include "zones/base/array.h"

#include <errno.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>

static char folder[64];

static const char *in_folder(const char *name)
{
	static char path[128];

	(void)snprintf(path, sizeof(path), "%s/%s", folder, name);
	return path;
}

static int make_folder(void **state)
{
	(void)state;
	(void)snprintf(folder, sizeof(folder), "/tmp/burst53-sup-XXXXXX");
	return mkdtemp(folder) == NULL;
}

static int remove_folder(void **state)
{
	(void)state;
	(void)unlink(in_folder("state"));
	return rmdir(folder);
}

static void the_state_file_comes_back_as_written(void **state)
{
	struct state s = {.supervisor = {.pid = 7, .start_ticks = 77},
		.table = "burst53_x_1",
		.port = "af_packet:eth0",
		.counters_fd = 9,
		.n_children = 1,
		.children = {{.name = "control",
			.proc = {.pid = 8, .start_ticks = 88},
			.starts = 3}},
		.n_addresses = 2,
		.addresses = {{"198.18.0.53", MODE_OWN}, {"fd00::53", MODE_SHARED}},
		.n_listens = 3,
		.listens = {{4, {198, 18, 0, 53}, 53}, {4, {0}, 5353}, {6, {0xfd}, 53}}};
	struct state got;

	(void)state;
	assert_int_equal(state_read(in_folder("state"), &got), -ENOENT);
	assert_int_equal(state_write(in_folder("state"), &s), 0);
	assert_int_equal(state_read(in_folder("state"), &got), 0);
	assert_memory_equal(&got, &s, sizeof(s));
}

static void a_foreign_state_file_is_refused_and_a_torn_one_harmless(void **state)
{
	static const char *const lines[] = {"child\n", "child x\n", "child control 1\n",
		"address 1.2.3.4 strange\n", "listen here 53\n", "listen 1.2.3.4\n",
		"supervisor x\n", "\n", "child a b c d\n"};
	struct state got;

	(void)state;
	FILE *f = fopen(in_folder("state"), "w");
	(void)fputs("something else\n", f);
	(void)fclose(f);
	assert_int_equal(state_read(in_folder("state"), &got), -EBADMSG);
	f = fopen(in_folder("state"), "w");
	(void)fputs("burst53-state 1\n", f);
	for (size_t i = 0; i < ARRAY_LEN(lines); i++)
		(void)fputs(lines[i], f);
	for (unsigned i = 0; i < 100; i++)
		(void)fputs("child dataplane 1 1 1\naddress 10.0.0.1 own\nlisten ::1 53\n", f);
	(void)fclose(f);
	assert_int_equal(state_read(in_folder("state"), &got), 0);
	assert_int_equal(got.n_children, STATE_CHILDREN_MAX);
	assert_int_equal(got.n_addresses, RUN_ADDRESSES_MAX);
	assert_int_equal(got.n_listens, SOCKETS_MAX);
	assert_int_equal(got.supervisor.pid, 0);
}

static void one_supervisor_per_run_directory(void **state)
{
	struct run_dir a, b;
	struct err err = {0};
	const char *path = in_folder("run");

	(void)state;
	assert_int_equal(run_dir_open(path, &a, &err), 0);
	assert_int_equal(run_dir_listen(&a, RUN_DIR_DATAPLANE, &err), 0);
	assert_int_equal(run_dir_open(path, &b, &err), -EBUSY);
	assert_non_null(strstr(err.text, "another burst53"));
	run_dir_close(&a);
	assert_int_equal(access(path, F_OK), -1);
	assert_int_equal(run_dir_open(path, &b, &(struct err){0}), 0);
	run_dir_close(&b);
	run_dir_close(&b);
}

static void without_a_dataplane_there_is_no_socket_for_it(void **state)
{
	struct run_dir d;
	struct err err = {0};
	char socket_path[256];

	(void)state;
	(void)snprintf(socket_path, sizeof(socket_path), "%s/run/dataplane.sock", folder);
	assert_int_equal(run_dir_open(in_folder("run"), &d, &err), 0);
	assert_int_equal(run_dir_listen(&d, RUN_DIR_NO_DATAPLANE, &err), 0);
	assert_int_equal(access(socket_path, F_OK), -1);
	run_dir_close(&d);
	assert_int_equal(run_dir_open(in_folder("run"), &d, &err), 0);
	assert_int_equal(run_dir_listen(&d, RUN_DIR_DATAPLANE, &err), 0);
	assert_int_equal(access(socket_path, F_OK), 0);
	run_dir_close(&d);
}

static void a_run_directory_that_others_can_write_is_refused(void **state)
{
	struct run_dir d;
	struct err err = {0};
	char path[128];

	(void)state;
	(void)snprintf(path, sizeof(path), "%s/open", folder);
	assert_int_equal(mkdir(path, 0700), 0);
	assert_int_equal(chmod(path, 0777), 0);
	assert_int_equal(run_dir_open(path, &d, &err), -EPERM);
	assert_int_equal(rmdir(path), 0);
}

struct made {
	struct image_header header;
	uint8_t rest[64];
};

static void fill_made(void *ctx, uint8_t *out)
{
	memcpy(out, ctx, sizeof(struct made));
}

// A memfd with a header of an image, and the message that brings it.
static int make_image(const struct image_header *like, struct publish_msg *msg)
{
	struct made m = {.header = *like};

	memcpy(m.header.magic, IMAGE_MAGIC, sizeof(m.header.magic));
	m.header.version = IMAGE_VERSION;
	m.header.total_bytes = sizeof(m);
	*msg = (struct publish_msg){.magic = PUBLISH_MAGIC,
		.type = like->kind == IMAGE_BASE ? PUBLISH_BASE : PUBLISH_OVERLAY,
		.size_bytes = sizeof(m),
		.generation = like->generation};
	int fd = publish_memfd("image", sizeof(m), fill_made, &m);
	assert_true(fd >= 0);
	return fd;
}

static int take(struct vault *v, const struct image_header *like, enum publish_type type)
{
	struct publish_msg msg;
	struct err err = {0};
	int fd = make_image(like, &msg);

	if (type != 0)
		msg.type = type;
	int rc = vault_take(v, &msg, fd, &err);
	if (rc != 0)
		(void)close(fd);
	return rc;
}

static void the_vault_keeps_only_pairs(void **state)
{
	const struct image_header base1 = {.kind = IMAGE_BASE, .generation = 1, .hash = 11};
	const struct image_header base5 = {.kind = IMAGE_BASE, .generation = 5, .hash = 55};
	const struct image_header on1 = {
		.kind = IMAGE_OVERLAY, .generation = 2, .base_generation = 1, .base_hash = 11};
	const struct image_header on5 = {
		.kind = IMAGE_OVERLAY, .generation = 6, .base_generation = 5, .base_hash = 55};
	struct vault v;

	(void)state;
	vault_init(&v);
	assert_int_equal(take(&v, &on1, 0), -EINVAL);
	assert_int_equal(take(&v, &base1, 0), 0);
	assert_int_equal(take(&v, &on1, 0), 0);
	assert_int_equal(take(&v, &on5, 0), -EINVAL);
	assert_true(v.overlay.fd >= 0);
	// A new base waits for its overlay; until then the old pair stands.
	assert_int_equal(take(&v, &base5, PUBLISH_PAIR_NEXT), 0);
	assert_int_equal(v.base.header.generation, 1);
	assert_int_equal(take(&v, &on1, 0), 0);
	assert_int_equal(v.base.header.generation, 1);
	assert_int_equal(take(&v, &on5, 0), 0);
	assert_int_equal(v.base.header.generation, 5);
	assert_int_equal(v.overlay.header.generation, 6);
	assert_int_equal(v.next.fd, -1);
	// A base alone drops the overlay on the old one.
	assert_int_equal(take(&v, &base1, 0), 0);
	assert_int_equal(v.overlay.fd, -1);
	assert_int_equal(take(&v, &base1, PUBLISH_OVERLAY), -EINVAL);
	assert_int_equal(take(&v, &on1, PUBLISH_BASE), -EINVAL);
	assert_int_equal(
		vault_take(&v, &(struct publish_msg){.type = PUBLISH_BASE}, -1, NULL), -EBADMSG);
	vault_fini(&v);
}

static void a_worker_that_stands_still_is_noticed_after_a_second(void **state)
{
	static struct counters_page page;
	struct watch w = {0};
	uint64_t now = 1000, first = 0;

	(void)state;
	page.n_workers = 2;
	counter_set(&page.workers[0].loops, 5);
	for (unsigned i = 0; i < 20 && first == 0; i++, now += WATCH_TICK_MS) {
		counter_add(&page.workers[1].loops, 1);
		if (watch_is_hung(&w, &page, now))
			first = now - 1000;
	}
	assert_in_range(first, 1000, 1200);
}

static void a_thread_of_the_slow_path_that_stands_still_is_noticed_after_five(void **state)
{
	static struct counters_page page;
	struct watch w = {0};
	uint64_t now = 1000, first = 0;

	(void)state;
	counter_set(&page.n_threads, 3); // the last has not begun
	counter_set(&page.threads[1].loops, 7);
	for (unsigned i = 0; i < 100 && first == 0; i++, now += WATCH_TICK_MS) {
		counter_add(&page.threads[0].loops, 1);
		if (watch_is_slowpath_hung(&w, &page, now))
			first = now - 1000;
	}
	assert_in_range(first, 5000, 5200);
	counter_set(&page.n_threads, 0); // it ended
	assert_false(watch_is_slowpath_hung(&w, &page, now));
}

static unsigned looks_until_the_monitor_is_hung(struct watch *w, int fd, uint64_t *now)
{
	unsigned n = 0;

	while (n < 100 && !watch_is_monitor_hung(w, fd, *now += WATCH_TICK_MS))
		n++;
	return n;
}

static void a_monitor_that_beat_once_must_go_on(void **state)
{
	int fd = eventfd(0, EFD_NONBLOCK | EFD_CLOEXEC);
	struct watch w = {0};
	uint64_t now = 1000;

	(void)state;
	assert_true(fd >= 0);
	assert_int_equal(looks_until_the_monitor_is_hung(&w, fd, &now), 100); // not there yet
	for (unsigned i = 0; i < 100; i++) {
		assert_int_equal(eventfd_write(fd, 1 + i % 3), 0);
		assert_false(watch_is_monitor_hung(&w, fd, now += WATCH_TICK_MS));
	}
	assert_int_equal(looks_until_the_monitor_is_hung(&w, fd, &now), WATCH_THREAD_STILL_MAX - 1);
	(void)close(fd);
}

static void a_watch_that_was_late_itself_counts_again(void **state)
{
	static struct counters_page page;
	struct watch w = {0};

	(void)state;
	page.n_workers = 1;
	counter_set(&page.workers[0].loops, 5);
	for (uint64_t i = 0; i < 5; i++)
		assert_false(watch_is_hung(&w, &page, 1000 + i * WATCH_TICK_MS));
	assert_false(watch_is_hung(&w, &page, 60000));
	// A worker that has not begun, and one that is not there, hang never.
	counter_set(&page.workers[0].loops, 0);
	for (uint64_t i = 0; i < 20; i++)
		assert_false(watch_is_hung(&w, &page, 60000 + i * WATCH_TICK_MS));
}

static void the_drop_rule_covers_what_the_mode_says(void **state)
{
	struct address a[2];
	const enum drop_scope own[] = {DROP_EVERYTHING, DROP_EVERYTHING};
	const enum drop_scope shared[] = {DROP_SERVED_UDP, DROP_SERVED_UDP};
	const uint16_t ports[] = {53, 5353};
	struct drop_rule r = {.table = "t",
		.ifname = "eth0",
		.addresses = a,
		.scopes = own,
		.n_addresses = 2,
		.ports = ports,
		.n_ports = 2};
	char text[2048];

	(void)state;
	assert_int_equal(address_parse("198.18.0.53", &a[0], NULL), 0);
	assert_int_equal(address_parse("fd00:53::53", &a[1], NULL), 0);
	assert_int_equal(drop_rule_print(&r, text, sizeof(text)), 0);
	assert_non_null(strstr(text, "\t\tip daddr 198.18.0.53 drop\n"));
	assert_non_null(strstr(text, "arp daddr ip 198.18.0.53 drop"));
	assert_non_null(strstr(text, "0xfd000053000000000000000000000053 drop"));
	assert_null(strstr(text, "udp"));
	r.scopes = shared;
	assert_int_equal(drop_rule_print(&r, text, sizeof(text)), 0);
	assert_non_null(strstr(text, "ip daddr 198.18.0.53 udp dport { 53, 5353 } drop"));
	assert_non_null(strstr(text, "ip6 daddr fd00:53::53 udp dport { 53, 5353 } drop"));
	assert_null(strstr(text, "53 drop\n\t\tarp"));
	assert_int_equal(drop_rule_print(&r, text, 100), -ENOSPC);
}

static void tables_of_two_instances_differ(void **state)
{
	char a[DROP_TABLE_BYTES], b[DROP_TABLE_BYTES], c[DROP_TABLE_BYTES];

	(void)state;
	drop_rule_name("/run/burst53", a);
	drop_rule_name("/var/run/burst53", b);
	drop_rule_name(
		"/run/a name; with {odd} characters that is much longer than a table's may be", c);
	assert_string_not_equal(a, b);
	assert_int_equal(strspn(c, "abcdefghijklmnopqrstuvwxyz0123456789_"), strlen(c));
}

static void a_stranger_on_the_port_is_noticed_even_if_he_shares_it(void **state)
{
	struct socket_place place = {.port = 15353};
	const int one = 1;
	struct sockaddr_storage sa;
	struct sockets s = {0};
	struct err err = {0};
	const struct sockets_plan plan = {.places = &place, .n_places = 1, .threads = 3};

	(void)state;
	assert_int_equal(address_parse("127.0.0.53", &place.address, NULL), 0);
	socklen_t size = address_to_sockaddr(&place.address, place.port, &sa);
	int other = socket(AF_INET, SOCK_DGRAM, 0);
	assert_int_equal(setsockopt(other, SOL_SOCKET, SO_REUSEPORT, &one, sizeof(one)), 0);
	assert_int_equal(bind(other, (struct sockaddr *)&sa, size), 0);
	assert_int_equal(sockets_open(&plan, &s, &err), -EADDRINUSE);
	assert_non_null(strstr(err.text, "another program"));
	sockets_close(&s);
	close(other);
	assert_int_equal(sockets_open(&plan, &s, &(struct err){0}), 0);
	assert_int_equal(s.n_udp, 3);
	assert_int_equal(s.n_tcp, 1);
	sockets_close(&s);
}

static void a_tool_that_fails_or_hangs_is_reported(void **state)
{
	char sh[] = "sh", c[] = "-c", bad[] = "cat; echo why; exit 3", slow[] = "exec sleep 60";
	char none[] = "/nonexistent/tool";
	char *bad_argv[] = {sh, c, bad, NULL}, *slow_argv[] = {sh, c, slow, NULL};
	char *none_argv[] = {none, NULL};
	struct err err = {0}, err2 = {0}, err3 = {0};

	(void)state;
	assert_int_equal(tool_run(bad_argv, "first\n", &err), -EIO);
	assert_non_null(strstr(err.text, "first"));
	assert_int_equal(tool_run(slow_argv, "", &err2), -ETIMEDOUT);
	assert_int_equal(tool_run(none_argv, "", &err3), -EIO);
	assert_non_null(strstr(err3.text, "No such file"));
}

static void a_number_that_was_used_again_is_not_the_process(void **state)
{
	struct proc self = {.pid = getpid(), .start_ticks = proc_start_ticks(getpid())};

	(void)state;
	assert_true(proc_is_alive(&self));
	self.start_ticks++;
	assert_false(proc_is_alive(&self));
	pid_t pid = fork();
	if (pid == 0) {
		(void)signal(SIGTERM, SIG_IGN);
		(void)pause();
		_exit(0);
	}
	struct proc child = {.pid = pid, .start_ticks = proc_start_ticks(pid)};
	assert_int_equal(proc_state_of(&child), PROC_RUNNING);
	assert_int_equal(kill(pid, SIGSTOP), 0);
	assert_int_equal(waitpid(pid, NULL, WUNTRACED), pid);
	assert_int_equal(proc_state_of(&child), PROC_STOPPED);
	assert_true(proc_is_alive(&child));
	proc_end_all(&child, 1, 50);
	assert_false(proc_is_alive(&child)); // a zombie counts as gone
	assert_int_equal(waitpid(pid, NULL, 0), pid);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(the_state_file_comes_back_as_written),
		cmocka_unit_test(a_foreign_state_file_is_refused_and_a_torn_one_harmless),
		cmocka_unit_test(one_supervisor_per_run_directory),
		cmocka_unit_test(without_a_dataplane_there_is_no_socket_for_it),
		cmocka_unit_test(a_run_directory_that_others_can_write_is_refused),
		cmocka_unit_test(the_vault_keeps_only_pairs),
		cmocka_unit_test(a_worker_that_stands_still_is_noticed_after_a_second),
		cmocka_unit_test(a_thread_of_the_slow_path_that_stands_still_is_noticed_after_five),
		cmocka_unit_test(a_monitor_that_beat_once_must_go_on),
		cmocka_unit_test(a_watch_that_was_late_itself_counts_again),
		cmocka_unit_test(the_drop_rule_covers_what_the_mode_says),
		cmocka_unit_test(tables_of_two_instances_differ),
		cmocka_unit_test(a_stranger_on_the_port_is_noticed_even_if_he_shares_it),
		cmocka_unit_test(a_tool_that_fails_or_hangs_is_reported),
		cmocka_unit_test(a_number_that_was_used_again_is_not_the_process),
	};

	return cmocka_run_group_tests(tests, make_folder, remove_folder);
}
