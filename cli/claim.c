// SPDX-License-Identifier: Apache-2.0
// A directory is claimed by flock on itself. An address by a listening socket with an abstract
// name, of which a network namespace has one: run directories, users and mounts do not matter
// there.
#include "cli/claim.h"

#include <errno.h>
#include <fcntl.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdio.h>
#include <string.h>
#include <sys/file.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

int claim_directory(const char *path, int *fd, struct err *err)
{
	*fd = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (*fd < 0 || flock(*fd, LOCK_EX | LOCK_NB) == 0)
		return 0;
	bool is_busy = errno == EWOULDBLOCK;
	(void)close(*fd);
	*fd = -1;
	if (!is_busy)
		return 0;
	return err_set(err, -EBUSY,
		"another burst53 has the state directory %.60s: give this one its own "
		"--state-dir",
		path);
}

// Size of the whole address; the name is no C string.
static socklen_t name_of(const struct claim_place *p, struct sockaddr_un *out)
{
	*out = (struct sockaddr_un){.sun_family = AF_UNIX};
	int len = snprintf(out->sun_path + 1, sizeof(out->sun_path) - 1, "burst53/%.*s/%u/%s",
		CLAIM_IFNAME_BYTES, p->ifname, p->vlan, p->address->text);
	return (socklen_t)(offsetof(struct sockaddr_un, sun_path) + 1 + (size_t)len);
}

// Whose process listens there; 0 when that is a stranger's, or nobody's any more.
static pid_t holder(const struct sockaddr_un *name, socklen_t name_bytes)
{
	struct ucred who = {0};
	socklen_t who_bytes = sizeof(who);
	int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);

	if (fd < 0)
		return 0;
	bool is_known = connect(fd, (const struct sockaddr *)name, name_bytes) == 0 &&
		getsockopt(fd, SOL_SOCKET, SO_PEERCRED, &who, &who_bytes) == 0;
	(void)close(fd);
	return is_known && (who.uid == 0 || who.uid == geteuid()) ? who.pid : 0;
}

int claim_address(const struct claim_place *p, int *fd, struct err *err)
{
	struct sockaddr_un name;
	socklen_t name_bytes = name_of(p, &name);

	*fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	if (*fd < 0)
		return 0;
	if (bind(*fd, (const struct sockaddr *)&name, name_bytes) == 0 &&
		listen(*fd, SOMAXCONN) == 0)
		return 0;
	(void)close(*fd);
	*fd = -1;
	pid_t pid = holder(&name, name_bytes);
	if (pid == 0)
		return 0;
	return err_set(err, -EBUSY, "another burst53 (process %d) serves %s on %s already",
		(int)pid, p->address->text, p->ifname);
}
