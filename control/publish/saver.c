// SPDX-License-Identifier: Apache-2.0
// Saves in a worker thread; loads and checks before anything is served.
#include "control/publish/saver.h"

#include "control/base/log.h"
#include "zones/snapshot/snapshot.h"

#include <errno.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

enum { LATER_MS = 2000 };

struct saver_job {
	uv_work_t work;
	struct saver *saver; // NULL once that is closed
	char paths[2][PATH_MAX]; // base, overlay
	int fds[2]; // own descriptors, -1: leave the file alone
	uint64_t sizes[2], generations[2];
	bool removes_overlay;
	int rc;
};

static int image_path(const char *dir, const char *name, char out[PATH_MAX])
{
	return snprintf(out, PATH_MAX, "%s/%s", dir, name) < PATH_MAX ? 0 : -ENAMETOOLONG;
}

static int save_one(const struct saver_job *j, int i)
{
	const void *bytes;

	if (j->fds[i] < 0)
		return 0;
	int rc = publish_map(j->fds[i], j->sizes[i], &bytes, &(struct err){0});
	if (rc != 0)
		return rc;
	rc = publish_save(j->paths[i], bytes, j->sizes[i]);
	publish_unmap(bytes, j->sizes[i]);
	return rc;
}

// The base first: an overlay that does not match it is left out when the pair is read.
static void on_work(uv_work_t *work)
{
	struct saver_job *j = work->data;

	j->rc = save_one(j, 0);
	if (j->rc == 0)
		j->rc = save_one(j, 1);
	if (j->rc == 0 && j->removes_overlay && unlink(j->paths[1]) != 0 && errno != ENOENT)
		j->rc = -errno;
}

static void job_free(struct saver_job *j)
{
	for (int i = 0; i < 2; i++) {
		if (j->fds[i] >= 0)
			(void)close(j->fds[i]);
	}
	free(j);
}

static void tell(struct saver *s, int rc)
{
	if (rc != s->last_error && rc != 0)
		log_error("publish", "snapshot cannot be saved", LOG_STR("dir", s->state_dir),
			LOG_STR("reason", strerror(-rc)));
	s->last_error = rc;
}

static void on_later(uv_timer_t *t);

static void on_saved(uv_work_t *work, int status)
{
	struct saver_job *j = work->data;
	struct saver *s = j->saver;

	if (s != NULL) {
		s->running = NULL;
		if (status == 0)
			tell(s, j->rc);
		if (status == 0 && j->rc == 0) {
			if (j->fds[0] >= 0)
				s->saved_base = j->generations[0];
			s->saved_overlay = j->generations[1];
			s->saved_ms = uv_now(s->loop);
		}
		if (s->is_wanted)
			saver_note(s);
	}
	job_free(j);
}

static int own_fd(const struct sealed *image, uint64_t saved)
{
	return image->fd < 0 || image->generation == saved ? -1 : dup(image->fd);
}

static void on_later(uv_timer_t *t)
{
	struct saver *s = t->data;
	const struct publisher *p = s->publisher;
	struct saver_job *j = calloc(1, sizeof(*j));

	s->is_wanted = false;
	if (j == NULL || p->base.fd < 0) {
		free(j);
		return;
	}
	j->work.data = j;
	j->saver = s;
	j->fds[0] = own_fd(&p->base, s->saved_base);
	j->fds[1] = own_fd(&p->overlay, s->saved_overlay);
	j->sizes[0] = p->base.size_bytes;
	j->sizes[1] = p->overlay.size_bytes;
	j->generations[0] = p->base.generation;
	j->generations[1] = p->overlay.fd >= 0 ? p->overlay.generation : 0;
	j->removes_overlay = p->overlay.fd < 0;
	if (image_path(s->state_dir, "base.img", j->paths[0]) != 0 ||
		image_path(s->state_dir, "overlay.img", j->paths[1]) != 0 ||
		uv_queue_work(s->loop, &j->work, on_work, on_saved) != 0) {
		tell(s, -ENAMETOOLONG);
		job_free(j);
		return;
	}
	s->running = j;
}

void saver_init(
	struct saver *s, uv_loop_t *loop, const char *state_dir, const struct publisher *publisher)
{
	memset(s, 0, sizeof(*s));
	s->loop = loop;
	s->state_dir = state_dir;
	s->publisher = publisher;
	s->saved_ms = uv_now(loop);
	(void)uv_timer_init(loop, &s->later); // cannot fail
	s->later.data = s;
}

void saver_note(struct saver *s)
{
	s->is_wanted = true;
	if (s->running == NULL && !s->is_closing && !uv_is_active((uv_handle_t *)&s->later))
		(void)uv_timer_start(&s->later, on_later, LATER_MS, 0); // fails only when closing
}

void saver_refresh(struct saver *s)
{
	s->saved_overlay = 0;
	if (s->publisher->overlay.fd < 0)
		s->saved_base = 0;
	saver_note(s);
}

void saver_close(struct saver *s)
{
	s->is_closing = true;
	if (s->running != NULL)
		s->running->saver = NULL;
	uv_close((uv_handle_t *)&s->later, NULL);
}

static void copy_bytes(void *ctx, uint8_t *out)
{
	const struct publish_saved *saved = ctx;

	memcpy(out, saved->bytes, saved->size_bytes);
}

// Checks bytes and puts them into a sealed memfd.
static int seal_saved(
	const struct publish_saved *saved, struct sealed *out, uint32_t *serial, struct err *e)
{
	struct image img;

	if (image_check(saved->bytes, saved->size_bytes, &img, e) != IMAGE_REFUSED_OK)
		return e->code;
	struct publish_saved bytes = *saved;
	int fd = publish_memfd("burst53-image", saved->size_bytes, copy_bytes, &bytes);
	if (fd < 0)
		return err_set(e, fd, "copying the saved snapshot: %s", strerror(-fd));
	const struct image_header *h = img.header;
	*out = (struct sealed){fd, saved->size_bytes, h->generation, h->hash, h->base_generation,
		h->base_hash, h->corefile};
	*serial = h->serial > *serial ? h->serial : *serial;
	return 0;
}

// Of one file: the image, and what there is to say of its age.
static int load_one(const char *dir, const char *name, struct sealed *out,
	struct publish_saved *saved, struct saver_loaded *all, struct err *e)
{
	char path[PATH_MAX];
	int rc = image_path(dir, name, path);

	*out = (struct sealed){.fd = -1};
	*saved = (struct publish_saved){0};
	if (rc == 0)
		rc = publish_load(path, saved);
	if (rc != 0)
		return err_set(e, rc, "%.100s: %s", path, strerror(-rc));
	rc = seal_saved(saved, out, &all->serial, e);
	free(saved->bytes);
	return rc;
}

int saver_load(const char *state_dir, uint64_t max_age_s, struct saver_loaded *out, struct err *e)
{
	struct publish_saved base;
	struct publish_saved overlay;
	struct err ignored = {0};

	memset(out, 0, sizeof(*out));
	out->base.fd = out->overlay.fd = -1;
	int rc = load_one(state_dir, "base.img", &out->base, &base, out, e);
	if (rc != 0)
		return rc;
	out->age_s = base.age_s;
	if (load_one(state_dir, "overlay.img", &out->overlay, &overlay, out, &ignored) == 0) {
		// The overlay is saved more often: it tells how old the pair is.
		if (out->overlay.base_generation == out->base.generation &&
			out->overlay.base_hash == out->base.hash)
			out->age_s = overlay.age_s;
		else
			sealed_close(&out->overlay);
	}
	if (base.same_boot != 0 || out->age_s <= max_age_s)
		return 0;
	sealed_close(&out->base);
	sealed_close(&out->overlay);
	return err_set(
		e, -ESTALE, "the saved snapshot is %llu s old", (unsigned long long)out->age_s);
}
