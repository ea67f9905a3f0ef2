// SPDX-License-Identifier: Apache-2.0
// Sealed memfds: the bytes of an image cannot change, grow or shrink once they were handed over.
#include "zones/link/publish.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

static const int all_seals = F_SEAL_SEAL | F_SEAL_SHRINK | F_SEAL_GROW | F_SEAL_WRITE;

// Pages are reserved before they are written: short memory is an error here, not a SIGBUS.
static int reserve(int fd, size_t size_bytes)
{
	if (size_bytes == 0 || size_bytes > INT64_MAX)
		return -EINVAL;
	if (ftruncate(fd, (off_t)size_bytes) != 0)
		return -errno;
	return -posix_fallocate(fd, 0, (off_t)size_bytes);
}

int publish_memfd(const char *name, size_t size_bytes, publish_fill_fn *fill, void *ctx)
{
	int fd = memfd_create(name, MFD_CLOEXEC | MFD_ALLOW_SEALING);

	if (fd < 0)
		return -errno;
	int rc = reserve(fd, size_bytes);
	if (rc != 0)
		goto out;
	void *bytes = mmap(NULL, size_bytes, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
	if (bytes == MAP_FAILED) {
		rc = -errno;
		goto out;
	}
	fill(ctx, bytes);
	// The write seal is refused while a writable mapping exists.
	if (munmap(bytes, size_bytes) != 0 || fcntl(fd, F_ADD_SEALS, all_seals) != 0)
		rc = -errno;
out:
	if (rc != 0) {
		(void)close(fd);
		return rc;
	}
	return fd;
}

int publish_map(int fd, uint64_t size_bytes, const void **bytes, struct err *err)
{
	struct stat st;

	*bytes = NULL;
	if (fstat(fd, &st) != 0)
		return err_set(err, -errno, "descriptor: %s", strerror(errno));
	int seals = fcntl(fd, F_GET_SEALS);
	if (!S_ISREG(st.st_mode) || seals < 0)
		return err_set(err, -EINVAL, "descriptor is no memfd");
	// rel:6.4: without all four the sender could change the image after the check.
	if ((seals & all_seals) != all_seals)
		return err_set(err, -EPERM, "memfd is not sealed (seals %#x)", (unsigned)seals);
	if (st.st_size <= 0 || (uint64_t)st.st_size != size_bytes || size_bytes > SIZE_MAX)
		return err_set(err, -EINVAL, "memfd has %lld bytes, the message says %llu",
			(long long)st.st_size, (unsigned long long)size_bytes);
	void *map = mmap(NULL, (size_t)size_bytes, PROT_READ, MAP_SHARED, fd, 0);
	if (map == MAP_FAILED)
		return err_set(err, -errno, "memfd cannot be mapped: %s", strerror(errno));
	*bytes = map;
	return 0;
}

void publish_unmap(const void *bytes, uint64_t size_bytes)
{
	void *map;

	if (bytes == NULL)
		return;
	memcpy(&map, &bytes, sizeof(map)); // munmap takes no const pointer
	(void)munmap(map, (size_t)size_bytes);
}
