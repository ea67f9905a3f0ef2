// SPDX-License-Identifier: Apache-2.0
// Tests of zones/link: who may speak, what a message may carry, which memfds are believed, and what
// is left of a saved image.
#include "zones/base/array.h"
#include "zones/link/counters.h"
#include "zones/link/publish.h"
#include "zones/link/seqpacket.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <time.h>
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
	(void)snprintf(folder, sizeof(folder), "/tmp/burst53-link-XXXXXX");
	return mkdtemp(folder) == NULL ? -1 : 0;
}

static int remove_folder(void **state)
{
	(void)state;
	const char *names[] = {"sock", "image", "image.new", "plain"};
	for (size_t i = 0; i < ARRAY_LEN(names); i++)
		(void)unlink(in_folder(names[i]));
	return rmdir(folder);
}

static size_t open_fds(void)
{
	size_t n = 0;
	DIR *dir = opendir("/proc/self/fd");

	while (dir != NULL && readdir(dir) != NULL)
		n++;
	if (dir != NULL)
		(void)closedir(dir);
	return n;
}

// A connected pair over a real listening socket.
static void pair_open(int *server, int *client)
{
	int listener = seqpacket_listen(in_folder("sock"));

	assert_true(listener >= 0);
	*client = seqpacket_connect(in_folder("sock"));
	assert_true(*client >= 0);
	*server = seqpacket_accept(listener, geteuid());
	assert_true(*server >= 0);
	assert_int_equal(seqpacket_accept(listener, geteuid()), -EAGAIN);
	close(listener);
}

static void a_message_and_its_descriptor_arrive_whole(void **state)
{
	int a, b, fd;
	char got[8];

	(void)state;
	pair_open(&a, &b);
	int sent = memfd_create("x", MFD_CLOEXEC);
	assert_int_equal(write(sent, "hello", 5), 5);
	assert_int_equal(seqpacket_send(b, "12345678", 8, sent), 0);
	assert_int_equal(seqpacket_recv(a, got, 8, &fd), 0);
	assert_memory_equal(got, "12345678", 8);
	assert_true(fd >= 0);
	assert_true(fcntl(fd, F_GETFD) & FD_CLOEXEC);
	char text[5];
	assert_int_equal(pread(fd, text, 5, 0), 5);
	assert_memory_equal(text, "hello", 5);
	assert_int_equal(seqpacket_recv(a, got, 8, &fd), -EAGAIN);
	assert_int_equal(fd, -1);
	assert_int_equal(seqpacket_send(b, "abcdefgh", 8, -1), 0);
	assert_int_equal(seqpacket_recv(a, got, 8, &fd), 0);
	assert_int_equal(fd, -1);
	close(b);
	assert_int_equal(seqpacket_recv(a, got, 8, &fd), -ECONNRESET);
	close(a);
	close(sent);
}

// Sends size_bytes bytes with n copies of a descriptor, past the guards of seqpacket_send.
static void send_raw(int sock, size_t size_bytes, int fd, size_t n)
{
	char bytes[64] = {0};
	union {
		struct cmsghdr head;
		char bytes[CMSG_SPACE(sizeof(int) * 250)];
	} control = {.head = {.cmsg_level = SOL_SOCKET, .cmsg_type = SCM_RIGHTS}};
	struct iovec iov = {.iov_base = bytes, .iov_len = size_bytes};
	struct msghdr head = {.msg_iov = &iov, .msg_iovlen = 1};

	control.head.cmsg_len = CMSG_LEN(sizeof(int) * n);
	for (size_t i = 0; i < n; i++)
		memcpy(CMSG_DATA(&control.head) + i * sizeof(fd), &fd, sizeof(fd));
	if (n > 0) {
		head.msg_control = &control;
		head.msg_controllen = CMSG_SPACE(sizeof(int) * n);
	}
	assert_int_equal(sendmsg(sock, &head, 0), size_bytes);
}

static void a_malformed_message_is_refused_and_leaks_no_descriptor(void **state)
{
	static const struct {
		size_t size_bytes, n_fds;
	} cases[] = {{7, 0}, {9, 0}, {9, 1}, {7, 1}, {8, 2}, {8, 250}, {1, 250}, {64, 3}};
	int a, b, fd;

	(void)state;
	pair_open(&a, &b);
	for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
		char got[8];
		send_raw(b, cases[i].size_bytes, 0, cases[i].n_fds);
		size_t before = open_fds();
		assert_int_equal(seqpacket_recv(a, got, 8, &fd), -EBADMSG);
		assert_int_equal(fd, -1);
		assert_int_equal(open_fds(), before);
	}
	close(a);
	close(b);
}

static void a_stranger_is_turned_away(void **state)
{
	(void)state;
	if (geteuid() != 0)
		skip();
	int listener = seqpacket_listen(in_folder("sock"));
	assert_int_equal(chmod(folder, 0755), 0);
	assert_int_equal(chmod(in_folder("sock"), 0666), 0);
	pid_t child = fork();
	if (child == 0) {
		int ok = setresuid(65534, 65534, 65534) == 0 &&
			seqpacket_connect(in_folder("sock")) >= 0;
		_exit(ok ? 0 : 1);
	}
	int status;
	assert_int_equal(waitpid(child, &status, 0), child);
	assert_int_equal(status, 0);
	assert_int_equal(seqpacket_accept(listener, 0), -EPERM);
	// The same uid is welcome once it is named.
	child = fork();
	if (child == 0) {
		int ok = setresuid(65534, 65534, 65534) == 0 &&
			seqpacket_connect(in_folder("sock")) >= 0;
		_exit(ok ? 0 : 1);
	}
	assert_int_equal(waitpid(child, &status, 0), child);
	int fd = seqpacket_accept(listener, 65534);
	assert_true(fd >= 0);
	close(fd);
	close(listener);
}

static void listening_replaces_a_stale_socket_but_no_other_file(void **state)
{
	(void)state;
	int first = seqpacket_listen(in_folder("sock"));
	assert_true(first >= 0);
	close(first);
	assert_int_equal(seqpacket_connect(in_folder("sock")), -ECONNREFUSED);
	int second = seqpacket_listen(in_folder("sock"));
	assert_true(second >= 0);
	struct stat st;
	assert_int_equal(stat(in_folder("sock"), &st), 0);
	assert_int_equal(st.st_mode & 0777, 0600);
	close(second);
	close(open(in_folder("plain"), O_CREAT | O_WRONLY, 0600));
	assert_int_equal(seqpacket_listen(in_folder("plain")), -EEXIST);
	char longer[300];
	memset(longer, 'x', sizeof(longer));
	longer[sizeof(longer) - 1] = 0;
	assert_int_equal(seqpacket_listen(longer), -ENAMETOOLONG);
}

static void fill_pattern(void *ctx, uint8_t *out)
{
	memset(out, 'z', *(size_t *)ctx);
}

static void a_sealed_memfd_is_mapped_and_cannot_be_changed(void **state)
{
	size_t size = 10000;
	struct err err = {0};
	const void *bytes;

	(void)state;
	int fd = publish_memfd("image", size, fill_pattern, &size);
	assert_true(fd >= 0);
	assert_int_equal(publish_map(fd, size, &bytes, &err), 0);
	assert_int_equal(((const char *)bytes)[size - 1], 'z');
	assert_int_equal(write(fd, "y", 1), -1);
	assert_int_equal(ftruncate(fd, 1), -1);
	assert_ptr_equal(mmap(NULL, size, PROT_WRITE, MAP_SHARED, fd, 0), MAP_FAILED);
	publish_unmap(bytes, size);
	assert_int_equal(publish_map(fd, size + 1, &bytes, &err), -EINVAL);
	assert_null(bytes);
	close(fd);
	assert_int_equal(publish_memfd("image", 0, fill_pattern, &size), -EINVAL);
}

static void a_memfd_with_a_seal_missing_is_refused(void **state)
{
	static const int seals[] = {F_SEAL_SEAL, F_SEAL_SHRINK, F_SEAL_GROW, F_SEAL_WRITE};

	(void)state;
	for (size_t without = 0; without < ARRAY_LEN(seals); without++) {
		struct err err = {0};
		const void *bytes;
		int fd = memfd_create("image", MFD_CLOEXEC | MFD_ALLOW_SEALING);
		assert_int_equal(ftruncate(fd, 4096), 0);
		int mask = F_SEAL_SEAL | F_SEAL_SHRINK | F_SEAL_GROW | F_SEAL_WRITE;
		assert_int_equal(fcntl(fd, F_ADD_SEALS, mask & ~seals[without]), 0);
		assert_int_equal(publish_map(fd, 4096, &bytes, &err), -EPERM);
		assert_non_null(strstr(err.text, "not sealed"));
		close(fd);
	}
}

static void what_is_no_memfd_is_refused(void **state)
{
	struct err err = {0}, err2 = {0};
	const void *bytes;
	int pipes[2];

	(void)state;
	assert_int_equal(pipe(pipes), 0);
	assert_int_equal(publish_map(pipes[0], 4096, &bytes, &err), -EINVAL);
	close(pipes[0]);
	close(pipes[1]);
	int fd = open("/proc/self/exe", O_RDONLY | O_CLOEXEC);
	struct stat st;
	assert_int_equal(fstat(fd, &st), 0);
	assert_int_not_equal(publish_map(fd, (uint64_t)st.st_size, &bytes, &err2), 0);
	close(fd);
}

static void a_saved_image_comes_back_with_its_age(void **state)
{
	struct publish_saved s;
	const char bytes[] = "some image";

	(void)state;
	assert_int_equal(publish_load(in_folder("image"), &s), -ENOENT);
	assert_int_equal(publish_save(in_folder("image"), bytes, sizeof(bytes)), 0);
	assert_int_equal(publish_load(in_folder("image"), &s), 0);
	assert_int_equal(s.size_bytes, sizeof(bytes));
	assert_memory_equal(s.bytes, bytes, sizeof(bytes));
	assert_true(s.same_boot);
	assert_true(s.age_s <= 2);
	free(s.bytes);
	assert_int_equal(access(in_folder("image.new"), F_OK), -1);
}

// Overwrites n bytes at `at` from the end of the saved file.
static void patch_end(const void *bytes, size_t n, off_t at)
{
	struct stat st;
	int fd = open(in_folder("image"), O_RDWR);

	assert_int_equal(fstat(fd, &st), 0);
	assert_int_equal(pwrite(fd, bytes, n, st.st_size - at), n);
	close(fd);
}

static void a_saved_image_of_another_boot_has_the_age_of_the_clock(void **state)
{
	struct publish_saved s;
	int64_t then = (int64_t)time(NULL) - 1000;

	(void)state;
	assert_int_equal(publish_save(in_folder("image"), "abc", 3), 0);
	patch_end("0", 1, 40); // first character of the boot id
	patch_end("0", 1, 39);
	patch_end("0", 1, 38);
	patch_end("0", 1, 37);
	patch_end(&then, sizeof(then), 56);
	assert_int_equal(publish_load(in_folder("image"), &s), 0);
	assert_false(s.same_boot);
	assert_in_range(s.age_s, 999, 1010);
	free(s.bytes);
	then += 100000; // saved in the future: the clock was set, nobody knows the age
	patch_end(&then, sizeof(then), 56);
	assert_int_equal(publish_load(in_folder("image"), &s), 0);
	assert_true(s.age_s == UINT64_MAX);
	free(s.bytes);
}

static void a_cut_or_foreign_file_is_no_saved_image(void **state)
{
	struct publish_saved s;

	(void)state;
	assert_int_equal(publish_save(in_folder("image"), "abcdefgh", 8), 0);
	for (off_t size = 79; size >= 0; size--) {
		assert_int_equal(truncate(in_folder("image"), size), 0);
		assert_int_equal(publish_load(in_folder("image"), &s), -EBADMSG);
		assert_null(s.bytes);
	}
	assert_int_equal(unlink(in_folder("image")), 0);
	assert_int_equal(symlink("/proc/self/exe", in_folder("image")), 0);
	assert_int_equal(publish_load(in_folder("image"), &s), -ELOOP);
	assert_int_equal(publish_save("/nonexistent/x", "a", 1), -ENOENT);
}

static void counters_are_seen_by_the_other_process(void **state)
{
	(void)state;
	int fd = counters_open();
	struct counters_page *page = counters_map(fd);
	const struct counters_page *view = counters_map_readonly(fd);
	assert_non_null(page);
	assert_non_null(view);
	pid_t child = fork();
	if (child == 0) {
		counter_add(&page->workers[3].drops[DROP_ACL], 5);
		_exit(0);
	}
	assert_int_equal(waitpid(child, NULL, 0), child);
	assert_int_equal(counter_get(&view->workers[3].drops[DROP_ACL]), 5);
	assert_int_equal(ftruncate(fd, 0), -1);
	munmap(page, sizeof(*page));
	close(fd);
	int other = memfd_create("x", MFD_CLOEXEC);
	assert_null(counters_map(other));
	close(other);
}

static void every_drop_reason_has_a_name_and_a_text(void **state)
{
	(void)state;
	for (int i = 0; i < DROP_REASON_COUNT; i++) {
		const char *name = drop_reason_name((enum drop_reason)i);
		assert_true(strlen(name) > 2);
		for (const char *p = name; *p != 0; p++)
			assert_true(
				*p == '_' || (*p >= 'a' && *p <= 'z') || (*p >= '0' && *p <= '9'));
		assert_true(strlen(drop_reason_text((enum drop_reason)i)) > 5);
	}
	assert_string_equal(drop_reason_name(DROP_UDP_CHECKSUM), "udp_checksum");
	assert_string_equal(drop_reason_name(DROP_REASON_COUNT), "unknown");
}

#define CASE(name) cmocka_unit_test_setup_teardown(name, make_folder, remove_folder)

int main(void)
{
	const struct CMUnitTest tests[] = {
		CASE(a_message_and_its_descriptor_arrive_whole),
		CASE(a_malformed_message_is_refused_and_leaks_no_descriptor),
		CASE(a_stranger_is_turned_away),
		CASE(listening_replaces_a_stale_socket_but_no_other_file),
		CASE(a_sealed_memfd_is_mapped_and_cannot_be_changed),
		CASE(a_memfd_with_a_seal_missing_is_refused),
		CASE(what_is_no_memfd_is_refused),
		CASE(a_saved_image_comes_back_with_its_age),
		CASE(a_saved_image_of_another_boot_has_the_age_of_the_clock),
		CASE(a_cut_or_foreign_file_is_no_saved_image),
		CASE(counters_are_seen_by_the_other_process),
		CASE(every_drop_reason_has_a_name_and_a_text),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
