// SPDX-License-Identifier: Apache-2.0
// Keeps pairs together: an overlay only with the base it names.
#include "cli/vault.h"

#include <errno.h>
#include <stdbool.h>
#include <string.h>
#include <unistd.h>

static void drop(struct vault_image *i)
{
	if (i->fd >= 0)
		(void)close(i->fd);
	*i = (struct vault_image){.fd = -1};
}

static void replace(struct vault_image *to, struct vault_image *from)
{
	drop(to);
	*to = *from;
	*from = (struct vault_image){.fd = -1};
}

void vault_init(struct vault *v)
{
	v->base = v->overlay = v->next = (struct vault_image){.fd = -1};
}

void vault_fini(struct vault *v)
{
	drop(&v->base);
	drop(&v->overlay);
	drop(&v->next);
}

static int read_header(
	const struct publish_msg *msg, int fd, struct image_header *h, struct err *err)
{
	const void *bytes;

	if (fd < 0)
		return err_set(err, -EBADMSG, "the message brought no descriptor");
	int rc = publish_map(fd, msg->size_bytes, &bytes, err);
	if (rc != 0)
		return rc;
	bool is_long = msg->size_bytes >= sizeof(*h);
	if (is_long)
		memcpy(h, bytes, sizeof(*h));
	publish_unmap(bytes, msg->size_bytes);
	if (!is_long || memcmp(h->magic, IMAGE_MAGIC, sizeof(h->magic)) != 0)
		return err_set(err, -EINVAL, "not an image");
	if (h->version != IMAGE_VERSION || h->total_bytes != msg->size_bytes)
		return err_set(err, -EINVAL, "image of another version or size");
	return 0;
}

static bool is_on(const struct image_header *overlay, const struct vault_image *base)
{
	return base->fd >= 0 && overlay->base_generation == base->header.generation &&
		overlay->base_hash == base->header.hash;
}

static int take_overlay(struct vault *v, struct vault_image *image, struct err *err)
{
	if (image->header.kind != IMAGE_OVERLAY)
		return err_set(err, -EINVAL, "not an overlay");
	if (is_on(&image->header, &v->next))
		replace(&v->base, &v->next);
	else if (!is_on(&image->header, &v->base))
		return err_set(err, -EINVAL, "the overlay names another base");
	replace(&v->overlay, image);
	return 0;
}

int vault_take(struct vault *v, const struct publish_msg *msg, int fd, struct err *err)
{
	struct vault_image image = {.fd = fd, .msg = *msg};
	int rc = read_header(msg, fd, &image.header, err);

	if (rc != 0)
		return rc;
	if (msg->type == PUBLISH_OVERLAY)
		return take_overlay(v, &image, err);
	if (image.header.kind != IMAGE_BASE)
		return err_set(err, -EINVAL, "not a base");
	if (msg->type == PUBLISH_PAIR_NEXT) {
		replace(&v->next, &image);
		return 0;
	}
	replace(&v->base, &image);
	drop(&v->overlay);
	drop(&v->next);
	return 0;
}
