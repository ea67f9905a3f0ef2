// SPDX-License-Identifier: Apache-2.0
// SOCK_SEQPACKET Unix sockets: peers are known by their uid, messages have a fixed size, and every
// descriptor that was not asked for is closed at once.
#include "zones/link/seqpacket.h"

#include <errno.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

enum {
	BACKLOG = 16,
	FDS_MAX = 253, // SCM_MAX_FD of Linux: room for all a peer can send, to close them
};

union control_buffer {
	struct cmsghdr align;
	char bytes[CMSG_SPACE(sizeof(int) * FDS_MAX)];
};

static int address_fill(struct sockaddr_un *addr, const char *path)
{
	size_t len = strlen(path);

	memset(addr, 0, sizeof(*addr));
	addr->sun_family = AF_UNIX;
	if (len == 0)
		return -EINVAL;
	if (len >= sizeof(addr->sun_path))
		return -ENAMETOOLONG;
	memcpy(addr->sun_path, path, len);
	return 0;
}

// Removes what a dead process left at path, but nothing that is not a socket.
static int remove_stale(const char *path)
{
	struct stat st;

	if (lstat(path, &st) != 0)
		return errno == ENOENT ? 0 : -errno;
	if (!S_ISSOCK(st.st_mode))
		return -EEXIST;
	return unlink(path) == 0 || errno == ENOENT ? 0 : -errno;
}

static int open_socket(void)
{
	int fd = socket(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);

	return fd < 0 ? -errno : fd;
}

// Nobody can connect between bind and listen, so the mode is right before the first peer comes.
static int bind_and_listen(int fd, const struct sockaddr_un *addr)
{
	if (bind(fd, (const struct sockaddr *)addr, sizeof(*addr)) != 0)
		return -errno;
	if (chmod(addr->sun_path, S_IRUSR | S_IWUSR) != 0 || listen(fd, BACKLOG) != 0) {
		int rc = -errno;
		(void)unlink(addr->sun_path); // the first failure is the one to report
		return rc;
	}
	return 0;
}

int seqpacket_listen(const char *path)
{
	struct sockaddr_un addr;
	int rc = address_fill(&addr, path);

	if (rc == 0)
		rc = remove_stale(path);
	if (rc != 0)
		return rc;
	int fd = open_socket();
	if (fd < 0)
		return fd;
	rc = bind_and_listen(fd, &addr);
	if (rc != 0) {
		(void)close(fd);
		return rc;
	}
	return fd;
}

int seqpacket_connect(const char *path)
{
	struct sockaddr_un addr;
	int rc = address_fill(&addr, path);

	if (rc != 0)
		return rc;
	int fd = open_socket();
	if (fd < 0)
		return fd;
	if (connect(fd, (const struct sockaddr *)&addr, sizeof(addr)) != 0) {
		rc = -errno;
		(void)close(fd);
		return rc;
	}
	return fd;
}

int seqpacket_accept(int listen_fd, uid_t peer_uid)
{
	struct ucred cred;
	socklen_t size_bytes = sizeof(cred);
	int fd = accept4(listen_fd, NULL, NULL, SOCK_CLOEXEC | SOCK_NONBLOCK);

	if (fd < 0)
		return -errno;
	int rc = getsockopt(fd, SOL_SOCKET, SO_PEERCRED, &cred, &size_bytes) == 0 ? 0 : -errno;
	// Root could do as anybody: a supervisor that is root is no stranger to its children.
	if (rc == 0 && cred.uid != 0 && cred.uid != geteuid() && cred.uid != peer_uid)
		rc = -EPERM;
	if (rc != 0) {
		(void)close(fd);
		return rc;
	}
	return fd;
}

int seqpacket_send(int sock, const void *msg, size_t size_bytes, int fd)
{
	union control_buffer control;
	struct iovec iov = {.iov_len = size_bytes};
	struct msghdr head = {.msg_iov = &iov, .msg_iovlen = 1};

	// sendmsg only reads, but iov_base is not const.
	memcpy(&iov.iov_base, &msg, sizeof(msg));
	if (fd >= 0) {
		memset(&control, 0, CMSG_SPACE(sizeof(fd)));
		head.msg_control = control.bytes;
		head.msg_controllen = CMSG_SPACE(sizeof(fd));
		struct cmsghdr *c = CMSG_FIRSTHDR(&head);
		c->cmsg_level = SOL_SOCKET;
		c->cmsg_type = SCM_RIGHTS;
		c->cmsg_len = CMSG_LEN(sizeof(fd));
		memcpy(CMSG_DATA(c), &fd, sizeof(fd));
	}
	ssize_t n;
	do {
		n = sendmsg(sock, &head, MSG_NOSIGNAL);
	} while (n < 0 && errno == EINTR);
	if (n < 0)
		return -errno;
	return (size_t)n == size_bytes ? 0 : -EMSGSIZE;
}

// Takes the first descriptor of the message and closes all others; returns how many there were.
static size_t take_descriptors(struct msghdr *head, int *first)
{
	size_t n = 0;

	*first = -1;
	for (struct cmsghdr *c = CMSG_FIRSTHDR(head); c != NULL; c = CMSG_NXTHDR(head, c)) {
		if (c->cmsg_level != SOL_SOCKET || c->cmsg_type != SCM_RIGHTS)
			continue;
		size_t count = (c->cmsg_len - CMSG_LEN(0)) / sizeof(int);
		for (size_t i = 0; i < count; i++) {
			int fd;
			memcpy(&fd, CMSG_DATA(c) + i * sizeof(fd), sizeof(fd));
			if (n++ == 0)
				*first = fd;
			else
				(void)close(fd);
		}
	}
	return n;
}

int seqpacket_recv(int sock, void *msg, size_t size_bytes, int *fd)
{
	union control_buffer control;
	struct iovec iov = {.iov_base = msg, .iov_len = size_bytes};
	struct msghdr head = {.msg_iov = &iov,
		.msg_iovlen = 1,
		.msg_control = control.bytes,
		.msg_controllen = sizeof(control)};
	ssize_t n;

	*fd = -1;
	do {
		n = recvmsg(sock, &head, MSG_CMSG_CLOEXEC | MSG_DONTWAIT);
	} while (n < 0 && errno == EINTR);
	if (n < 0)
		return -errno;
	size_t n_fds = take_descriptors(&head, fd);
	bool is_whole = (size_t)n == size_bytes && (head.msg_flags & (MSG_TRUNC | MSG_CTRUNC)) == 0;
	if (is_whole && n_fds <= 1)
		return 0;
	if (*fd >= 0)
		(void)close(*fd);
	*fd = -1;
	return n == 0 && n_fds == 0 ? -ECONNRESET : -EBADMSG;
}
