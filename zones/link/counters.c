// SPDX-License-Identifier: Apache-2.0
// The shared page of counters: made once, of a size that cannot change, so that no reader is ever
// surprised by a page that went away.
#include "zones/link/counters.h"

#include <errno.h>
#include <fcntl.h>
#include <stddef.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#define DROP_TEXT(name, text) text,
static const char *const texts[DROP_REASON_COUNT] = {DROP_REASONS(DROP_TEXT)};

#define DROP_NAME(name, text) #name,
static const char *const upper_names[DROP_REASON_COUNT] = {DROP_REASONS(DROP_NAME)};

const char *drop_reason_text(enum drop_reason reason)
{
	return (unsigned)reason < DROP_REASON_COUNT ? texts[reason] : "unknown";
}

const char *drop_reason_name(enum drop_reason reason)
{
	// X-lists cannot lower a name: the enum's spelling is the one place where it is written.
	static _Thread_local char lower[32];
	size_t i = 0;

	if ((unsigned)reason >= DROP_REASON_COUNT)
		return "unknown";
	for (const char *p = upper_names[reason]; *p != 0 && i + 1 < sizeof(lower); p++) {
		lower[i++] = (char)(*p >= 'A' && *p <= 'Z' ? *p - 'A' + 'a' : *p);
	}
	lower[i] = 0;
	return lower;
}

int counters_open(void)
{
	const uint32_t version = COUNTERS_VERSION;
	int fd = memfd_create("burst53-counters", MFD_CLOEXEC | MFD_ALLOW_SEALING);
	int rc = 0;

	if (fd < 0)
		return -errno;
	if (ftruncate(fd, (off_t)sizeof(struct counters_page)) != 0)
		rc = -errno;
	if (rc == 0)
		rc = -posix_fallocate(fd, 0, (off_t)offsetof(struct counters_page, worker_rings));
	if (rc == 0 &&
		pwrite(fd, &version, sizeof(version), offsetof(struct counters_page, version)) !=
			sizeof(version))
		rc = -EIO;
	if (rc == 0 && fcntl(fd, F_ADD_SEALS, F_SEAL_SEAL | F_SEAL_SHRINK | F_SEAL_GROW) != 0)
		rc = -errno;
	if (rc != 0) {
		(void)close(fd);
		return rc;
	}
	return fd;
}

static struct counters_page *map_page(int fd, int protection)
{
	struct stat st;
	int seals = fcntl(fd, F_GET_SEALS);

	if (seals < 0 || fstat(fd, &st) != 0)
		return NULL;
	if ((seals & F_SEAL_SHRINK) == 0 || (size_t)st.st_size != sizeof(struct counters_page)) {
		errno = EPROTO;
		return NULL;
	}
	struct counters_page *page =
		mmap(NULL, sizeof(struct counters_page), protection, MAP_SHARED, fd, 0);
	if (page == MAP_FAILED)
		return NULL;
	if (page->version != COUNTERS_VERSION) {
		(void)munmap(page, sizeof(*page));
		errno = EPROTO;
		return NULL;
	}
	return page;
}

struct counters_page *counters_map(int fd)
{
	return map_page(fd, PROT_READ | PROT_WRITE);
}

const struct counters_page *counters_map_readonly(int fd)
{
	return map_page(fd, PROT_READ);
}
