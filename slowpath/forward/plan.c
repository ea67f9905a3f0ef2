// SPDX-License-Identifier: Apache-2.0
// Brings a decoded policy to life.
#include "slowpath/forward/plan.h"

#include "slowpath/base/log.h"
#include "slowpath/base/random.h"

#include <stdlib.h>
#include <string.h>

static void op_free(struct plan_op *op)
{
	cache_free(op->cache);
	group_free(op->group);
	if (op->plugin != NULL && op->plugin->release != NULL)
		op->plugin->release(op->state);
}

static void plan_free(struct holder *h)
{
	struct plan *p = (struct plan *)h; // the first member

	for (size_t i = 0; p->chains != NULL && i < p->policy.n; i++) {
		for (size_t k = 0; k < p->chains[i].n; k++)
			op_free(&p->chains[i].ops[k]);
	}
	arena_fini(&p->arena);
	free(p->bytes);
	free(p);
}

static void log_unusable(const struct policy_op *op, const struct err *err)
{
	log_line(LOG_ERROR, op->kind == POLICY_FORWARD ? "forward" : "plugin",
		"directive cannot be used", "line=%u reason=\"%s\"", op->line, err->text);
}

static void plugin_make(const struct policy_op *in, struct plan_op *out)
{
	const struct plugin *plugin = plugin_of(in->kind);
	struct err err = {0};

	if (plugin != NULL && plugin->prepare != NULL &&
		!plugin->prepare(in->data, &out->state, &err)) {
		log_unusable(in, &err);
		out->is_broken = true; // until its files change
	}
	out->plugin = plugin;
}

static bool op_make(struct plan *p, const struct policy_op *in, struct plan_op *out)
{
	struct err err = {0};

	*out = (struct plan_op){
		.kind = in->kind, .line = in->line, .ordinal = in->ordinal, .data = in->data};
	if (in->kind == POLICY_CACHE) {
		out->cache = cache_new(in->data, p->counters);
		return out->cache != NULL;
	}
	if (in->kind != POLICY_FORWARD) {
		plugin_make(in, out);
		return true;
	}
	out->group = group_new(in->data, &p->files, &p->holder, &err);
	if (out->group != NULL)
		out->group->is_retired = &p->is_retired;
	if (out->group != NULL && p->counters != NULL)
		group_count_in(out->group, p->counters);
	if (out->group == NULL)
		log_unusable(in, &err);
	return true;
}

static bool loop_make(struct arena *a, const struct policy_loop *in, struct plan_chain *out)
{
	out->loop = arena_alloc(a, sizeof(*out->loop));
	if (out->loop == NULL)
		return false;
	out->loop->zone = in->zone.wire;
	random_bytes(&out->loop->mark, sizeof(out->loop->mark));
	return true;
}

static bool chains_make(struct plan *p)
{
	p->chains = arena_alloc(&p->arena, p->policy.n * sizeof(p->chains[0]) + 1);
	if (p->chains == NULL)
		return false;
	for (size_t i = 0; i < p->policy.n; i++) {
		const struct policy_chain *in = &p->policy.chains[i];
		struct plan_chain *out = &p->chains[i];
		out->ops = arena_alloc(&p->arena, in->n * sizeof(out->ops[0]) + 1);
		for (size_t k = 0; k < in->n && out->ops != NULL; k++) {
			if (!op_make(p, &in->ops[k], &out->ops[k]))
				return false;
			out->n++;
			if (in->ops[k].kind == POLICY_LOOP &&
				!loop_make(&p->arena, in->ops[k].data, out))
				return false;
		}
		if (out->ops == NULL)
			return false;
	}
	return true;
}

static bool is_op_outdated(const struct plan_op *op)
{
	return op->plugin != NULL && op->plugin->is_outdated != NULL &&
		op->plugin->is_outdated(op->data, op->state);
}

static void count_faults(const struct plan *p)
{
	if (p->counters != NULL)
		counter_set(&p->counters->unusable_files, upstream_files_faults(&p->files));
}

bool plan_is_outdated(struct plan *p)
{
	for (size_t i = 0; i < p->policy.n; i++) {
		for (size_t k = 0; k < p->chains[i].n; k++) {
			if (is_op_outdated(&p->chains[i].ops[k]))
				return true;
		}
	}
	bool is_changed = upstream_files_look(&p->files);
	count_faults(p);
	return is_changed;
}

static bool is_same(struct plan *p, const uint8_t *bytes, size_t size_bytes)
{
	return p->size_bytes == size_bytes && memcmp(p->bytes, bytes, size_bytes) == 0 &&
		!plan_is_outdated(p);
}

struct plan *plan_make(const uint8_t *bytes, size_t size_bytes, struct plan *old,
	struct outside_counters *counters)
{
	if (old != NULL && is_same(old, bytes, size_bytes)) {
		holder_hold(&old->holder);
		return old;
	}
	struct plan *p = calloc(1, sizeof(*p));
	if (p == NULL)
		return NULL;
	holder_init(&p->holder, plan_free);
	p->counters = counters;
	random_bytes(p->hash_key, sizeof(p->hash_key));
	random_bytes(&p->id, sizeof(p->id));
	p->id |= 1;
	p->bytes = malloc(size_bytes + 1);
	// The image was checked, so decoding can only fail for memory.
	if (p->bytes == NULL ||
		policy_decode(bytes, size_bytes, &p->arena, &p->policy, NULL) != 0 ||
		upstream_files_make(
			&p->files, &p->arena, &p->policy, old == NULL ? NULL : &old->files) != 0 ||
		!chains_make(p)) {
		holder_drop(&p->holder);
		return NULL;
	}
	memcpy(p->bytes, bytes, size_bytes);
	p->size_bytes = size_bytes;
	count_faults(p);
	if (old != NULL)
		atomic_store(&old->is_retired, true);
	return p;
}

const struct plan_chain *plan_chain_at(const struct plan *p, uint32_t number)
{
	return p == NULL || number == 0 || number > p->policy.n ? NULL : &p->chains[number - 1];
}

const struct plan_op *chain_op(const struct plan_chain *c, uint16_t ordinal)
{
	for (size_t i = 0; i < c->n; i++) {
		if (c->ops[i].ordinal == ordinal)
			return &c->ops[i];
	}
	return NULL;
}

struct cache *chain_cache(const struct plan_chain *c, const struct dname *name)
{
	for (size_t i = 0; i < c->n; i++) {
		if (c->ops[i].kind == POLICY_CACHE && cache_takes(c->ops[i].cache, name))
			return c->ops[i].cache;
	}
	return NULL;
}

bool chain_is_broken(const struct plan_chain *c, const struct dname *name)
{
	for (size_t i = 0; i < c->n; i++) {
		const struct plan_op *op = &c->ops[i];
		if (op->kind == POLICY_FORWARD && op->group == NULL &&
			forward_takes(op->data, name))
			return true;
	}
	return false;
}

struct group *chain_group(const struct plan_chain *c, const struct dname *name, size_t *at)
{
	for (; *at < c->n; (*at)++) {
		struct group *g = c->ops[*at].group;
		if (g != NULL && group_takes(g, name))
			return g;
	}
	return NULL;
}
