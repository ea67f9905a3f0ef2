// SPDX-License-Identifier: Apache-2.0
// Images on disk: the bytes and a trailer that says when and in which boot they were saved. A file
// is replaced as a whole or not at all.
#include "zones/link/publish.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

enum { BOOT_ID_LEN = 36 };

// Larger than any image (offsets inside are 32-bit per part); keeps a wrong file from eating
// memory.
static const uint64_t saved_max_bytes = UINT64_C(1) << 35;

struct trailer {
	char magic[8];
	uint64_t size_bytes; // of the image before it
	int64_t realtime_s;
	int64_t boottime_s;
	char boot_id[40]; // zero padded
};

_Static_assert(sizeof(struct trailer) == 72, "trailer layout");

static const char trailer_magic[8] = "B53SAVE1";

static int64_t now_s(clockid_t clock)
{
	struct timespec t;

	return clock_gettime(clock, &t) == 0 ? (int64_t)t.tv_sec : 0;
}

// The kernel's identity of this boot; empty when it cannot be read, which then equals nothing.
static void boot_id_read(char out[40])
{
	memset(out, 0, 40);
	int fd = open("/proc/sys/kernel/random/boot_id", O_RDONLY | O_CLOEXEC);
	if (fd < 0)
		return;
	if (read(fd, out, BOOT_ID_LEN) != BOOT_ID_LEN)
		memset(out, 0, 40);
	(void)close(fd);
}

static int write_all(int fd, const void *bytes, size_t size_bytes)
{
	const char *p = bytes;

	while (size_bytes > 0) {
		ssize_t n = write(fd, p, size_bytes);
		if (n < 0 && errno == EINTR)
			continue;
		if (n <= 0)
			return n < 0 ? -errno : -EIO;
		p += n;
		size_bytes -= (size_t)n;
	}
	return 0;
}

static int read_all(int fd, void *bytes, size_t size_bytes)
{
	char *p = bytes;

	while (size_bytes > 0) {
		ssize_t n = read(fd, p, size_bytes);
		if (n < 0 && errno == EINTR)
			continue;
		if (n <= 0)
			return n < 0 ? -errno : -EBADMSG;
		p += n;
		size_bytes -= (size_t)n;
	}
	return 0;
}

static int write_image(int fd, const void *bytes, uint64_t size_bytes)
{
	struct trailer t = {.size_bytes = size_bytes,
		.realtime_s = now_s(CLOCK_REALTIME),
		.boottime_s = now_s(CLOCK_BOOTTIME)};

	memcpy(t.magic, trailer_magic, sizeof(t.magic));
	boot_id_read(t.boot_id);
	int rc = write_all(fd, bytes, (size_t)size_bytes);
	if (rc == 0)
		rc = write_all(fd, &t, sizeof(t));
	if (rc == 0 && fsync(fd) != 0)
		rc = -errno;
	return rc;
}

enum { PATH_BYTES_MAX = 1024 }; // of a saved image: two of them fit the stack of any thread

// The rename itself must reach the disk too.
static int sync_folder(const char *path)
{
	char folder[PATH_BYTES_MAX];
	const char *slash = strrchr(path, '/');
	int len = slash == NULL ? 1 : slash == path ? 1 : (int)(slash - path);

	(void)snprintf(folder, sizeof(folder), "%.*s", len, slash == NULL ? "." : path);
	int fd = open(folder, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (fd < 0)
		return -errno;
	int rc = fsync(fd) == 0 ? 0 : -errno;
	(void)close(fd);
	return rc;
}

int publish_save(const char *path, const void *bytes, uint64_t size_bytes)
{
	char temp[PATH_BYTES_MAX];

	if (size_bytes == 0 || size_bytes > saved_max_bytes)
		return -EINVAL;
	if (snprintf(temp, sizeof(temp), "%s.new", path) >= (int)sizeof(temp))
		return -ENAMETOOLONG;
	if (unlink(temp) != 0 && errno != ENOENT)
		return -errno;
	int fd = open(temp, O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, 0600);
	if (fd < 0)
		return -errno;
	int rc = write_image(fd, bytes, size_bytes);
	if (close(fd) != 0 && rc == 0)
		rc = -errno;
	if (rc == 0 && rename(temp, path) != 0)
		rc = -errno;
	if (rc != 0) {
		(void)unlink(temp); // the first failure is the one to report
		return rc;
	}
	return sync_folder(path);
}

// How old, by a clock that nobody sets within one boot. A save from the future has no age: old.
static void age_fill(const struct trailer *t, struct publish_saved *out)
{
	char boot_id[40];

	boot_id_read(boot_id);
	out->same_boot = boot_id[0] != 0 && memcmp(boot_id, t->boot_id, sizeof(boot_id)) == 0;
	int64_t now = now_s(out->same_boot ? CLOCK_BOOTTIME : CLOCK_REALTIME);
	int64_t then = out->same_boot ? t->boottime_s : t->realtime_s;
	out->age_s = then < 0 || then > now ? UINT64_MAX : (uint64_t)(now - then);
}

static int read_image(int fd, struct publish_saved *out)
{
	struct stat st;
	struct trailer t;

	if (fstat(fd, &st) != 0)
		return -errno;
	if (!S_ISREG(st.st_mode) || st.st_size <= (off_t)sizeof(t) ||
		(uint64_t)st.st_size > saved_max_bytes + sizeof(t))
		return -EBADMSG;
	out->size_bytes = (uint64_t)st.st_size - sizeof(t);
	out->bytes = malloc((size_t)out->size_bytes);
	if (out->bytes == NULL)
		return -ENOMEM;
	int rc = read_all(fd, out->bytes, (size_t)out->size_bytes);
	if (rc == 0)
		rc = read_all(fd, &t, sizeof(t));
	if (rc == 0 &&
		(memcmp(t.magic, trailer_magic, sizeof(t.magic)) != 0 ||
			t.size_bytes != out->size_bytes))
		rc = -EBADMSG;
	if (rc == 0)
		age_fill(&t, out);
	return rc;
}

int publish_load(const char *path, struct publish_saved *out)
{
	memset(out, 0, sizeof(*out));
	int fd = open(path, O_RDONLY | O_NOFOLLOW | O_CLOEXEC | O_NONBLOCK);
	if (fd < 0)
		return -errno;
	int rc = read_image(fd, out);
	(void)close(fd);
	if (rc != 0) {
		free(out->bytes);
		memset(out, 0, sizeof(*out));
	}
	return rc;
}
