// SPDX-License-Identifier: Apache-2.0
// Directory, lock and sockets. The lock is flock on a file of its own, so that it ends with the
// process however that ends.
#include "cli/run_dir.h"

#include "zones/link/seqpacket.h"

#include <errno.h>
#include <fcntl.h>
#include <ftw.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

enum { LOCK_TRIES = 10, SOCKET_PATH_MAX_LEN = 80 };

static const char *const left_files[] = {"supervisor.sock", "dataplane.sock", "slowpath.sock",
	"state", "state.new", "history", "net", "corefile.bound", "corefile.taken", "lock"};

// Of an earlier supervisor's sockets.
static const char *const stale_files[] = {"corefile.bound", "corefile.taken"};

bool run_dir_file(const struct run_dir *d, const char *name, char out[PATH_MAX])
{
	return snprintf(out, PATH_MAX, "%s/%s", d->path, name) < PATH_MAX;
}

static int make_directory(const char *path, struct run_dir *d, struct err *err)
{
	struct stat st;

	if (mkdir(path, 0700) == 0)
		d->is_made = true;
	else if (errno != EEXIST)
		return err_set(err, -errno, "run directory %.80s: %s", path, strerror(errno));
	if (realpath(path, d->path) == NULL || lstat(d->path, &st) != 0)
		return err_set(err, -errno, "run directory %.80s: %s", path, strerror(errno));
	if (!S_ISDIR(st.st_mode))
		return err_set(err, -ENOTDIR, "run directory %.80s is no directory", path);
	// Who can write here can speak as control.
	if (st.st_uid != geteuid() || (st.st_mode & 022) != 0)
		return err_set(err, -EPERM,
			"run directory %.80s belongs to or is writable by somebody else", path);
	if (strlen(d->path) > SOCKET_PATH_MAX_LEN)
		return err_set(err, -ENAMETOOLONG, "run directory %.80s... is longer than %d",
			d->path, SOCKET_PATH_MAX_LEN);
	return 0;
}

static int report_busy(struct run_dir *d, int fd, struct err *err)
{
	char pid[16] = "?";
	ssize_t n = pread(fd, pid, sizeof(pid) - 1, 0);

	if (n > 0)
		pid[n] = 0;
	pid[strcspn(pid, "\n")] = 0;
	return err_set(err, -EBUSY, "another burst53 (process %s) runs on %.80s", pid, d->path);
}

// One try: -EAGAIN when a supervisor that just ended removed the file under us.
static int try_lock(struct run_dir *d, const char *path, struct err *err)
{
	struct stat mine, there;
	int fd = open(path, O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0600);

	if (fd < 0)
		return err_set(err, -errno, "%.100s: %s", path, strerror(errno));
	if (flock(fd, LOCK_EX | LOCK_NB) != 0) {
		int rc = errno == EWOULDBLOCK
			? report_busy(d, fd, err)
			: err_set(err, -errno, "%.100s: %s", path, strerror(errno));
		(void)close(fd);
		return rc;
	}
	if (fstat(fd, &mine) != 0 || stat(path, &there) != 0 || mine.st_ino != there.st_ino) {
		(void)close(fd);
		return -EAGAIN;
	}
	(void)!ftruncate(fd, 0); // the number in it only helps people
	(void)dprintf(fd, "%d\n", (int)getpid());
	d->lock_fd = fd;
	return 0;
}

int run_dir_open(const char *path, struct run_dir *d, struct err *err)
{
	char lock[PATH_MAX];

	*d = (struct run_dir){
		.lock_fd = -1, .supervisor_fd = -1, .dataplane_fd = -1, .slowpath_fd = -1};
	int rc = make_directory(path, d, err);
	if (rc != 0)
		goto failed;
	(void)run_dir_file(d, "lock", lock); // the path is short: checked above
	rc = -EAGAIN;
	for (unsigned i = 0; i < LOCK_TRIES && rc == -EAGAIN; i++)
		rc = try_lock(d, lock, err);
	for (size_t i = 0; i < sizeof(stale_files) / sizeof(stale_files[0]) && rc == 0; i++) {
		(void)run_dir_file(d, stale_files[i], lock); // as short as the path of the lock
		(void)unlink(lock);
	}
	if (rc == 0)
		return 0;
	(void)err_set(err, rc, "%.100s cannot be locked", lock);
failed:
	if (d->is_made)
		(void)rmdir(d->path[0] != 0 ? d->path : path);
	return rc;
}

static int listen_one(const struct run_dir *d, const char *name, int *fd, struct err *err)
{
	char path[PATH_MAX];

	(void)run_dir_file(d, name, path); // the path is short: checked in make_directory
	*fd = seqpacket_listen(path);
	if (*fd < 0)
		return err_set(err, *fd, "%.100s: %s", path, strerror(-*fd));
	return 0;
}

int run_dir_listen(struct run_dir *d, enum run_dir_dataplane dataplane, struct err *err)
{
	int rc = listen_one(d, "supervisor.sock", &d->supervisor_fd, err);

	if (rc == 0 && dataplane == RUN_DIR_DATAPLANE)
		rc = listen_one(d, "dataplane.sock", &d->dataplane_fd, err);
	if (rc == 0)
		rc = listen_one(d, "slowpath.sock", &d->slowpath_fd, err);
	return rc;
}

static int remove_entry(const char *path, const struct stat *st, int kind, struct FTW *at)
{
	(void)st;
	(void)at;
	// What cannot be removed stays; the next start tries again.
	(void)(kind == FTW_DP ? rmdir(path) : unlink(path));
	return 0;
}

__attribute__((noinline)) void run_dir_clean_dpdk(const struct run_dir *d)
{
	char path[PATH_MAX];

	if (run_dir_file(d, "dpdk", path))
		(void)nftw(path, remove_entry, 8, FTW_DEPTH | FTW_PHYS | FTW_MOUNT);
}

void run_dir_close(struct run_dir *d)
{
	const int fds[] = {d->supervisor_fd, d->dataplane_fd, d->slowpath_fd};
	char path[PATH_MAX];

	if (d->path[0] == 0 || d->lock_fd < 0)
		return;
	for (size_t i = 0; i < sizeof(fds) / sizeof(fds[0]); i++) {
		if (fds[i] >= 0)
			(void)close(fds[i]);
	}
	for (size_t i = 0; i < sizeof(left_files) / sizeof(left_files[0]); i++) {
		if (run_dir_file(d, left_files[i], path))
			(void)unlink(path);
	}
	run_dir_clean_dpdk(d);
	(void)rmdir(d->path); // stays when somebody put files there
	(void)close(d->lock_fd);
	d->path[0] = 0;
}
