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

static int grow(char **buf, size_t *cap)
{
	size_t want = *cap == 0 ? 65536 : *cap * 2;

	if (want > FILE_MAX_BYTES)
		return -EFBIG;
	char *grown = realloc(*buf, want);
	if (grown == NULL)
		return -ENOMEM;
	*buf = grown;
	*cap = want;
	return 0;
}

// *buf is the caller's to free, on failure too.
static int read_to_end(int fd, char **buf, size_t *size)
{
	size_t cap = 0;

	for (*size = 0;;) {
		int rc = *size == cap ? grow(buf, &cap) : 0;
		if (rc != 0)
			return rc;
		ssize_t got = read(fd, *buf + *size, cap - *size);
		if (got == 0)
			return 0;
		if (got < 0 && errno != EINTR)
			return -errno;
		*size += got < 0 ? 0 : (size_t)got;
	}
}

static int read_all(struct arena *a, int fd, char **text, size_t *size)
{
	char *buf = NULL;
	size_t n = 0;
	int rc = read_to_end(fd, &buf, &n);

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
