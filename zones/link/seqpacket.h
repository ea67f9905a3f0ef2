// SPDX-License-Identifier: Apache-2.0
// SOCK_SEQPACKET Unix sockets with file descriptor passing: the only way our processes talk.
// All descriptors are close-on-exec and non-blocking.
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <sys/types.h>

// A listening socket at path (replaces a stale file), mode 0600. Returns the fd or -errno.
[[nodiscard]] int seqpacket_listen(const char *path);

// Connects. Returns the fd or -errno.
[[nodiscard]] int seqpacket_connect(const char *path);

// Accepts one peer whose uid is ours, peer_uid or 0 (rel:6.4). Returns the fd, -EAGAIN when there
// is none, -EPERM when a stranger was turned away, or another -errno.
[[nodiscard]] int seqpacket_accept(int listen_fd, uid_t peer_uid);

// Sends one message with at most one descriptor (fd -1: none; stays the caller's). 0 or -errno.
[[nodiscard]] int seqpacket_send(int sock, const void *msg, size_t size_bytes, int fd);

// Receives one message of exactly size_bytes and at most one descriptor (*fd is -1 or owned by the
// caller). More descriptors, a cut message or another size: all closed, -EBADMSG. 0 on success,
// -EAGAIN, -ECONNRESET at the end of the peer, or another -errno.
[[nodiscard]] int seqpacket_recv(int sock, void *msg, size_t size_bytes, int *fd);
