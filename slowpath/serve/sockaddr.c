// SPDX-License-Identifier: Apache-2.0
// Translates the kernel's addresses into ours.
#include "slowpath/serve/sockaddr.h"

#include <errno.h>
#include <string.h>

void sockaddr_address6(const struct in6_addr *in, uint8_t *family, uint8_t bytes[16])
{
	memset(bytes, 0, 16);
	if (IN6_IS_ADDR_V4MAPPED(in)) {
		*family = 4;
		memcpy(bytes, in->s6_addr + 12, 4);
		return;
	}
	*family = 6;
	memcpy(bytes, in->s6_addr, 16);
}

bool sockaddr_client(const struct sockaddr *sa, struct client *out)
{
	struct sockaddr_in a4;
	struct sockaddr_in6 a6;

	*out = (struct client){0};
	if (sa->sa_family == AF_INET) {
		memcpy(&a4, sa, sizeof(a4));
		out->family = 4;
		memcpy(out->bytes, &a4.sin_addr, 4);
		out->port = ntohs(a4.sin_port);
		return true;
	}
	if (sa->sa_family != AF_INET6)
		return false;
	memcpy(&a6, sa, sizeof(a6));
	sockaddr_address6(&a6.sin6_addr, &out->family, out->bytes);
	out->port = ntohs(a6.sin6_port);
	return true;
}

int sockaddr_local(int fd, struct server_address *out)
{
	struct sockaddr_in6 sa = {0};
	struct client c;
	socklen_t size_bytes = sizeof(sa);

	if (getsockname(fd, (struct sockaddr *)&sa, &size_bytes) != 0)
		return -errno;
	if (!sockaddr_client((const struct sockaddr *)&sa, &c))
		return -EAFNOSUPPORT;
	*out = (struct server_address){.family = c.family, .port = c.port};
	memcpy(out->bytes, c.bytes, sizeof(out->bytes));
	return 0;
}
