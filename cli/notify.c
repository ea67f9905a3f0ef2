// SPDX-License-Identifier: Apache-2.0
// sd_notify(3) in a few lines: one datagram to the socket in the environment.
#include "cli/notify.h"

#include <errno.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

void notify_send(const char *state)
{
	const char *path = getenv("NOTIFY_SOCKET");
	struct sockaddr_un addr = {.sun_family = AF_UNIX};
	size_t len = path == NULL ? 0 : strlen(path);

	if (len < 2 || len >= sizeof(addr.sun_path) || (path[0] != '/' && path[0] != '@'))
		return;
	memcpy(addr.sun_path, path, len);
	if (path[0] == '@')
		addr.sun_path[0] = 0; // a name in the abstract space
	int fd = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0);
	if (fd < 0)
		return;
	// Nobody can be told when nobody listens.
	(void)!sendto(fd, state, strlen(state), MSG_NOSIGNAL, (const struct sockaddr *)&addr,
		(socklen_t)(offsetof(struct sockaddr_un, sun_path) + len));
	(void)close(fd);
}

// A number of the environment, 0 for none.
static uint64_t number_of(const char *name)
{
	const char *text = getenv(name);
	char *end = NULL;

	if (text == NULL || text[0] < '0' || text[0] > '9')
		return 0;
	errno = 0;
	uint64_t n = strtoull(text, &end, 10);
	return errno == 0 && *end == 0 ? n : 0;
}

void notify_watchdog(uint64_t now_ms)
{
	static uint64_t last_ms;
	uint64_t usec = number_of("WATCHDOG_USEC"), pid = number_of("WATCHDOG_PID");

	if (usec == 0 || (pid != 0 && pid != (uint64_t)getpid()) || now_ms - last_ms < usec / 3000)
		return;
	last_ms = now_ms;
	notify_send("WATCHDOG=1");
}
