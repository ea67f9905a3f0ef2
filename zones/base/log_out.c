// SPDX-License-Identifier: Apache-2.0
// A pipe or a socket that is full would block write(2); it is asked first.
#include "zones/base/log_out.h"

#include <poll.h>
#include <stdatomic.h>
#include <stdint.h>
#include <stdio.h>
#include <sys/uio.h>

enum { PATIENCE_MS = 50, NOTE_BYTES = 96 };

void log_out(int fd, const char *line, size_t size_bytes)
{
	static _Atomic unsigned left_out;
	char note[NOTE_BYTES] = "";
	struct pollfd p = {.fd = fd, .events = POLLOUT};

	// Once somebody has stalled, nobody waits for him again.
	if (poll(&p, 1, atomic_load(&left_out) == 0 ? PATIENCE_MS : 0) == 0) {
		atomic_fetch_add(&left_out, 1);
		return;
	}
	unsigned n = atomic_exchange(&left_out, 0);
	int note_bytes = n == 0
		? 0
		: snprintf(note, sizeof(note),
			  "warn log lines left out, nobody read them count=%u\n", n);
	const struct iovec parts[] = {
		{note, (size_t)note_bytes}, {(void *)(uintptr_t)line, size_bytes}};
	// There is nowhere to say that a log cannot be written.
	(void)!writev(fd, parts, 2);
}
