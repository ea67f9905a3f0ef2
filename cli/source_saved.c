// SPDX-License-Identifier: Apache-2.0
// Images in files. They are copied before they are checked, so that nobody can change them between
// check and use; what stands behind an image in its file (when it was saved) is left out.
#include "cli/source.h"

#include "zones/link/publish.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

enum { PATH_BYTES = 1024 };

struct reader {
	int fd;
	int rc;
	size_t size_bytes;
};

static void read_whole(void *ctx, uint8_t *out)
{
	struct reader *r = ctx;
	size_t pos = 0;

	while (pos < r->size_bytes && r->rc == 0) {
		ssize_t n = pread(r->fd, out + pos, r->size_bytes - pos, (off_t)pos);
		if (n > 0)
			pos += (size_t)n;
		else if (n == 0 || errno != EINTR)
			r->rc = n == 0 ? -EBADMSG : -errno;
	}
}

// The size that the header says; 0 when the file is no image.
static uint64_t image_size(int fd)
{
	struct image_header h;
	struct stat st;

	if (fstat(fd, &st) != 0 || !S_ISREG(st.st_mode) ||
		pread(fd, &h, sizeof(h), 0) != (ssize_t)sizeof(h) ||
		memcmp(h.magic, IMAGE_MAGIC, sizeof(h.magic)) != 0 || h.total_bytes < sizeof(h) ||
		h.total_bytes > (uint64_t)st.st_size)
		return 0;
	return h.total_bytes;
}

typedef int take_fn(struct source *s, int fd, uint64_t size_bytes, struct err *err);

static int take_open_file(
	int fd, const char *path, struct source *s, take_fn *take, struct err *err)
{
	struct reader r = {.fd = fd, .size_bytes = (size_t)image_size(fd)};

	if (r.size_bytes == 0)
		return err_set(err, -EBADMSG, "%.120s: not an image", path);
	int memfd = publish_memfd("saved image", r.size_bytes, read_whole, &r);
	if (memfd < 0)
		return err_set(err, memfd, "%.100s: %s", path, strerror(-memfd));
	int rc = r.rc != 0 ? err_set(err, r.rc, "%.100s: %s", path, strerror(-r.rc))
			   : take(s, memfd, r.size_bytes, err);
	(void)close(memfd);
	return rc;
}

static int take_file(const char *path, struct source *s, take_fn *take, struct err *err)
{
	int fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK);

	if (fd < 0)
		return err_set(err, -errno, "%.120s: %s", path, strerror(errno));
	int rc = take_open_file(fd, path, s, take, err);
	(void)close(fd);
	return rc;
}

static bool find_inside(const char *folder, const char *file, char path[PATH_BYTES])
{
	return snprintf(path, PATH_BYTES, "%s/%s", folder, file) < PATH_BYTES &&
		access(path, F_OK) == 0;
}

// An overlay on an older base was left behind by a crash between two writes: the base counts.
static int take_overlay_if_pair(struct source *s, int fd, uint64_t size_bytes, struct err *err)
{
	struct err own = {0};
	int rc = source_take_overlay(s, fd, size_bytes, &own);

	if (rc == 0 || s->overlay.header == NULL)
		return rc == 0 ? 0 : err_set(err, rc, "%s", own.text);
	return 0;
}

int source_from_saved(const char *path, struct source *s, struct err *err)
{
	char inside[PATH_BYTES];

	memset(s, 0, sizeof(*s));
	if (!find_inside(path, "base.img", inside)) {
		int rc = take_file(path, s, source_take_base, err);
		if (rc == 0 && s->base.header->kind != IMAGE_BASE)
			rc = err_set(err, -EINVAL,
				"%.100s: an overlay; give the folder with its base", path);
		return rc;
	}
	int rc = take_file(inside, s, source_take_base, err);
	if (rc == 0 && find_inside(path, "overlay.img", inside))
		rc = take_file(inside, s, take_overlay_if_pair, err);
	return rc;
}

bool source_is_saved(const char *path)
{
	char inside[PATH_BYTES];

	if (find_inside(path, "base.img", inside))
		return true;
	int fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK);
	bool is_image = fd >= 0 && image_size(fd) > 0;
	if (fd >= 0)
		(void)close(fd);
	return is_image;
}

int source_from_word(const struct source_word *word, struct source *s, struct err *err)
{
	memset(s, 0, sizeof(*s));
	if (strcmp(word->word, "live") == 0)
		return source_from_running(word->run_dir, s, err);
	if (source_is_saved(word->word))
		return source_from_saved(word->word, s, err);
	if (access(word->word, R_OK) != 0)
		return err_set(err, -errno, "%.120s: %s", word->word, strerror(errno));
	if (word->conf == NULL)
		return err_set(err, -EINVAL, "%.80s is no image; a dump needs --conf", word->word);
	return source_from_dump(word->word, word->conf, s, err);
}
