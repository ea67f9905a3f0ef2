// SPDX-License-Identifier: Apache-2.0
// A whole file into memory, bounded.
#include "zones/corefile/expand.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

enum { FILE_MAX_BYTES = 16 << 20 };

static int read_all(struct arena *a, int fd, char **text, size_t *size)
{
	size_t cap = 65536;
	size_t n = 0;
	char *buf = malloc(cap);
	int rc = buf == NULL ? -ENOMEM : 0;

	while (rc == 0) {
		ssize_t got = read(fd, buf + n, cap - n);
		if (got < 0 && errno == EINTR)
			continue;
		if (got <= 0) {
			rc = got < 0 ? -errno : 0;
			break;
		}
		n += (size_t)got;
		if (n == cap && cap >= FILE_MAX_BYTES) {
			rc = -EFBIG;
		} else if (n == cap) {
			char *grown = realloc(buf, cap * 2);
			rc = grown == NULL ? -ENOMEM : 0;
			buf = grown == NULL ? buf : grown;
			cap *= 2;
		}
	}
	*text = rc == 0 ? arena_alloc(a, n + 1) : NULL;
	*size = n;
	if (rc == 0 && *text == NULL)
		rc = -ENOMEM;
	if (rc == 0)
		memcpy(*text, buf, n);
	free(buf);
	return rc;
}

int expand_read_file(struct arena *a, const char *path, char **text, size_t *size)
{
	struct stat st;
	int fd = open(path, O_RDONLY | O_CLOEXEC);
	int rc = 0;

	if (fd < 0)
		return -errno;
	if (fstat(fd, &st) != 0)
		rc = -errno;
	else if (S_ISDIR(st.st_mode))
		rc = -EISDIR;
	else
		rc = read_all(a, fd, text, size);
	(void)close(fd); // opened for reading only
	return rc;
}
