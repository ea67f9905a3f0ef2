// SPDX-License-Identifier: Apache-2.0
// Quiescent-state reclamation over a version number. All its accesses are sequentially consistent:
// a reader stores the version before it loads the root, the writer stores the root before it looks
// at the readers, so one of the two always sees the other.
#include "slowpath/feed/roots.h"

#include "zones/link/publish.h"

#include <errno.h>
#include <stdlib.h>

static const uint64_t holds_nothing = UINT64_MAX;

int roots_init(struct roots *r, unsigned n_readers)
{
	struct root *empty = calloc(1, sizeof(*empty));

	if (empty == NULL || n_readers > ROOTS_READERS_MAX) {
		free(empty);
		return -ENOMEM;
	}
	atomic_init(&r->current, empty);
	atomic_init(&r->version, 1);
	r->retired = NULL;
	r->table = NULL;
	r->n_readers = n_readers;
	for (unsigned i = 0; i < n_readers; i++)
		atomic_init(&r->readers[i].seen, holds_nothing);
	return 0;
}

const struct root *roots_enter(struct roots *r, unsigned i)
{
	atomic_store(&r->readers[i].seen, atomic_load(&r->version));
	return atomic_load(&r->current);
}

void roots_leave(struct roots *r, unsigned i)
{
	atomic_store(&r->readers[i].seen, holds_nothing);
}

struct layer *layer_new(const struct image *image, const void *bytes, uint64_t size_bytes)
{
	struct layer *l = calloc(1, sizeof(*l));

	if (l == NULL)
		return NULL;
	*l = (struct layer){.image = *image, .bytes = bytes, .size_bytes = size_bytes};
	return l;
}

void layer_free(struct layer *l)
{
	if (l == NULL)
		return;
	publish_unmap(l->bytes, l->size_bytes);
	free(l);
}

static void layer_drop(struct layer *l)
{
	if (l != NULL && --l->users == 0)
		layer_free(l);
}

static void root_free(struct root *root)
{
	layer_drop(root->base);
	layer_drop(root->overlay);
	holder_drop(root->plan);
	scope_map_free(&root->scopes);
	free(root);
}

// A layer that no root uses is freed when it cannot be published.
static void layer_refuse(struct layer *l)
{
	if (l != NULL && l->users == 0)
		layer_free(l);
}

static struct root *root_new(const struct roots *r, struct layer *base, struct layer *overlay)
{
	struct root *root = calloc(1, sizeof(*root));

	if (root == NULL)
		return NULL;
	root->base = base;
	root->overlay = overlay;
	root->snapshot.base = base == NULL ? NULL : &base->image;
	root->snapshot.overlay = overlay == NULL ? NULL : &overlay->image;
	const struct image *top = snapshot_top(&root->snapshot);
	root->generation = top == NULL ? 0 : top->header->generation;
	if (r->table != NULL && scope_map_make(&root->scopes, top, r->table) != 0) {
		free(root);
		return NULL;
	}
	return root;
}

int roots_publish(struct roots *r, struct layer *base, struct layer *overlay, struct holder *plan)
{
	struct root *root = root_new(r, base, overlay);

	if (root == NULL) {
		layer_refuse(base);
		layer_refuse(overlay);
		holder_drop(plan);
		return -ENOMEM;
	}
	root->plan = plan;
	if (base != NULL)
		base->users++;
	if (overlay != NULL)
		overlay->users++;
	struct root *old = atomic_exchange(&r->current, root);
	// Readers that take the version from here on take the new root too.
	old->retired_at = atomic_fetch_add(&r->version, 1) + 1;
	old->next = r->retired;
	r->retired = old;
	return 0;
}

const struct root *roots_current(const struct roots *r)
{
	return atomic_load(&r->current);
}

static int is_held(const struct roots *r, const struct root *root)
{
	for (unsigned i = 0; i < r->n_readers; i++) {
		if (atomic_load(&r->readers[i].seen) < root->retired_at)
			return 1;
	}
	return 0;
}

size_t roots_reclaim(struct roots *r)
{
	struct root **link = &r->retired;
	size_t left = 0;

	while (*link != NULL) {
		struct root *root = *link;
		if (is_held(r, root)) {
			link = &root->next;
			left++;
			continue;
		}
		*link = root->next;
		root_free(root);
	}
	return left;
}

void roots_fini(struct roots *r)
{
	struct root *last = atomic_exchange(&r->current, NULL);

	(void)roots_reclaim(r); // no reader is left, so nothing stays
	if (last != NULL)
		root_free(last);
}
