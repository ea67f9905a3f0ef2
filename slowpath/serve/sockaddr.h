// SPDX-License-Identifier: Apache-2.0
// Socket addresses as the snapshot and the policy see them; IPv4 inside IPv6 becomes IPv4.
#pragma once

#include "slowpath/serve/serve.h"

#include <netinet/in.h>
#include <stdbool.h>
#include <sys/socket.h>

// Writes family (4 or 6) and the 4 or 16 address bytes.
void sockaddr_address6(const struct in6_addr *in, uint8_t *family, uint8_t bytes[16]);

// False: neither IPv4 nor IPv6.
bool sockaddr_client(const struct sockaddr *sa, struct client *out);

// The address that a socket is bound to. 0 or -errno.
[[nodiscard]] int sockaddr_local(int fd, struct server_address *out);
