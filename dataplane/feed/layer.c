// SPDX-License-Identifier: Apache-2.0
// Publishing is one release store; freeing asks QSBR and never waits for a worker.
#include "dataplane/feed/layer.h"

#include "zones/link/publish.h"

#include <errno.h>
#include <stdlib.h>
#include <time.h>

static uint64_t clock_ns(void)
{
	struct timespec t;

	(void)clock_gettime(CLOCK_MONOTONIC, &t); // cannot fail on Linux
	return (uint64_t)t.tv_sec * 1000000000u + (uint64_t)t.tv_nsec;
}

void layer_free(struct layer *layer)
{
	if (layer == NULL)
		return;
	index_free(layer->index);
	publish_unmap(layer->bytes, layer->size_bytes);
	free(layer);
}

static void layer_drop(struct layer *layer)
{
	if (layer != NULL && --layer->users == 0)
		layer_free(layer);
}

// What nobody else uses goes when it cannot be published.
static void layer_refuse(struct layer *layer)
{
	if (layer != NULL && layer->users == 0)
		layer_free(layer);
}

static int layer_fill(
	struct layer_maker *m, struct layer *layer, enum image_kind kind, struct err *err)
{
	uint64_t start = clock_ns();

	if (image_check(layer->bytes, (size_t)layer->size_bytes, &layer->image, err) !=
		IMAGE_REFUSED_OK)
		return -EINVAL;
	if (layer->image.header->kind != (uint32_t)kind)
		return err_set(err, -EINVAL, "the image is of the other kind");
	uint64_t checked = clock_ns();
	int rc = index_build(&layer->image, &m->secret, &layer->index);
	if (rc != 0)
		return err_set(err, rc, "no index: %s",
			rc == -ENOMEM ? "DPDK's memory is short" : "names collide");
	counter_set(&m->counters->check_ns, checked - start);
	counter_set(&m->counters->index_ns, clock_ns() - checked);
	return 0;
}

struct layer *layer_open(
	struct layer_maker *m, int fd, uint64_t size_bytes, enum image_kind kind, struct err *err)
{
	struct layer *layer = calloc(1, sizeof(*layer));

	if (layer == NULL) {
		(void)err_set(err, -ENOMEM, "memory is short");
		return NULL;
	}
	layer->size_bytes = size_bytes;
	if (publish_map(fd, size_bytes, &layer->bytes, err) == 0 &&
		layer_fill(m, layer, kind, err) == 0)
		return layer;
	layer_free(layer);
	return NULL;
}

static struct layered_root *root_new(
	struct layers *l, struct layer *base, struct layer *overlay, struct err *err)
{
	const struct snapshot snapshot = {.base = base == NULL ? NULL : &base->image,
		.overlay = overlay == NULL ? NULL : &overlay->image};
	struct layered_root *r = l->n_retired >= LAYERS_RETIRED_MAX ? NULL : calloc(1, sizeof(*r));

	if (r == NULL) {
		(void)err_set(err, l->n_retired >= LAYERS_RETIRED_MAX ? -EBUSY : -ENOMEM,
			l->n_retired >= LAYERS_RETIRED_MAX ? "a worker holds old snapshots"
							   : "memory is short");
		return NULL;
	}
	*r = (struct layered_root){.base = base, .overlay = overlay};
	int rc = root_init(&r->root, &snapshot, l->addresses);
	if (rc != 0)
		(void)err_set(err, rc, "the image serves more than %d ports", ROOT_PORTS_MAX);
	else if (scope_map_make(&r->root.scopes, snapshot_top(&snapshot), l->scopes) != 0)
		rc = err_set(err, -ENOMEM, "memory is short");
	if (rc != 0) {
		free(r);
		return NULL;
	}
	r->root.index.base = base == NULL ? NULL : base->index;
	r->root.index.overlay = overlay == NULL ? NULL : overlay->index;
	if (base != NULL)
		base->users++;
	if (overlay != NULL)
		overlay->users++;
	return r;
}

static void root_free(struct layered_root *r)
{
	layer_drop(r->base);
	layer_drop(r->overlay);
	scope_map_free(&r->root.scopes);
	free(r);
}

static void count_published(const struct layers *l)
{
	const struct snapshot *s = &l->current->root.snapshot;
	struct snapshot_counters *c = l->counters;

	if (s->base == NULL)
		return;
	counter_set(&c->base_generation, s->base->header->generation);
	counter_set(&c->names, s->base->n_names + (s->overlay == NULL ? 0 : s->overlay->n_names));
	counter_set(&c->image_bytes,
		s->base->size_bytes + (s->overlay == NULL ? 0 : s->overlay->size_bytes));
	counter_set(&c->published_monotonic_ns, clock_ns());
	counter_add(&c->published, 1);
	counter_set(&c->generation, l->current->root.generation);
}

int layers_publish(struct layers *l, struct layer *base, struct layer *overlay, struct err *err)
{
	struct layered_root *fresh = root_new(l, base, overlay, err);

	if (fresh == NULL) {
		layer_refuse(base);
		layer_refuse(overlay);
		return err->code;
	}
	struct layered_root *old = l->current;
	l->current = fresh;
	atomic_store_explicit(&l->roots->current, &fresh->root, memory_order_release);
	count_published(l);
	if (old == NULL)
		return 0;
	old->token = rte_rcu_qsbr_start(l->roots->qsbr);
	old->next = l->retired;
	l->retired = old;
	l->n_retired++;
	return 0;
}

unsigned layers_reclaim(struct layers *l)
{
	struct layered_root **link = &l->retired;

	while (*link != NULL) {
		struct layered_root *r = *link;
		if (rte_rcu_qsbr_check(l->roots->qsbr, r->token, false) == 0) {
			link = &r->next;
			continue;
		}
		*link = r->next;
		l->n_retired--;
		root_free(r);
	}
	counter_set(&l->counters->reclaim_pending, l->n_retired);
	return l->n_retired;
}

int layers_init(struct layers *l, struct roots *roots, const struct root_addresses *addresses,
	const struct layers_counters *counters)
{
	struct err err = {0};

	*l = (struct layers){.roots = roots,
		.addresses = addresses,
		.counters = counters->snapshots,
		.maker = {.counters = counters->snapshots},
		.scopes = counters->scopes};
	int rc = index_secret_renew(&l->maker.secret);
	return rc != 0 ? rc : layers_publish(l, NULL, NULL, &err);
}

void layers_fini(struct layers *l)
{
	(void)layers_reclaim(l); // all readers are offline: nothing is left
	atomic_store(&l->roots->current, NULL);
	if (l->current != NULL)
		root_free(l->current);
	l->current = NULL;
}
