// SPDX-License-Identifier: Apache-2.0
// Connects the client (or the reader of dumps) with a store.
#include "control/cluster.h"

#include "control/base/log.h"
#include "control/kube/dump.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

struct cluster {
	char *key; // everything that decides which objects come
	char *dump;
	struct kube_config config;
	struct kube_client *client;
	struct kube_spec specs[OBJECT_KINDS];
	size_t n_specs;
	char *selectors[2]; // of namespaces and of the other kinds; NULL: all
	struct store *store;
	struct cluster_events events;
	bool is_kind_synced[OBJECT_KINDS];
	bool is_synced;
};

static void changing(void *user, const struct object_meta *old, const struct object_meta *new)
{
	struct cluster *c = user;

	if (c->is_synced)
		c->events.changing(c->events.user, c, old, new);
}

// After a failure for want of memory the kind is read again: a store with holes is not served.
static void put_failed(struct cluster *c, enum object_kind kind)
{
	log_error("store", "memory is short, objects are read again",
		LOG_STR("resource", object_kind_name(kind)));
	if (c->client != NULL)
		kube_client_relist(c->client, kind);
}

static void on_begin(void *user, enum object_kind kind)
{
	store_begin(((struct cluster *)user)->store, kind);
}

static void on_put(void *user, enum object_set set, struct object_meta *object)
{
	struct cluster *c = user;
	enum object_kind kind = object->kind;

	if (store_put(c->store, set, object) != 0)
		put_failed(c, kind);
}

static void on_del(
	void *user, enum object_set set, enum object_kind kind, const char *ns, const char *name)
{
	struct cluster *c = user;

	if (store_del(c->store, set, kind, ns, name) != 0)
		put_failed(c, kind);
}

static void on_keep(void *user, enum object_kind kind, const char *ns, const char *name)
{
	struct cluster *c = user;

	if (store_keep(c->store, kind, ns, name) != 0)
		put_failed(c, kind);
}

static void on_synced(void *user, enum object_kind kind, const char *resource_version)
{
	struct cluster *c = user;
	bool all = true;

	if (store_synced(c->store, kind) != 0) {
		put_failed(c, kind);
		return;
	}
	log_info("store", "resource synced", LOG_STR("resource", object_kind_name(kind)),
		LOG_NUM("objects", store_count(c->store, kind)),
		LOG_STR("resource_version", resource_version));
	c->is_kind_synced[kind] = true;
	for (size_t i = 0; i < c->n_specs; i++)
		all &= c->is_kind_synced[c->specs[i].kind];
	if (!all || c->is_synced)
		return;
	c->is_synced = true; // api:F1: not before every kind has been listed
	c->events.synced(c->events.user, c);
}

static void on_abandoned(void *user, enum object_kind kind)
{
	store_abandoned(((struct cluster *)user)->store, kind);
}

static void on_diff(void *user, enum object_kind kind, uint64_t upto, struct object_diff *diff)
{
	store_diff(((struct cluster *)user)->store, kind, upto, diff);
}

static const char *or_empty(const char *s)
{
	return s != NULL ? s : "";
}

// Two directives with one key see the same objects. NULL when memory is short.
static char *make_key(const struct cluster_source *source, const struct config_kubernetes *k)
{
	char *key = NULL;
	bool is_own = k->endpoint != NULL || k->kubeconfig != NULL;

	if (asprintf(&key, "%s|%s|%s|%s|%s|%s|%s|%s|%s|%d%d%d%d%d", or_empty(source->dump),
		    or_empty(k->endpoint), or_empty(k->tls_cert), or_empty(k->tls_key),
		    or_empty(k->tls_ca),
		    is_own ? or_empty(k->kubeconfig) : or_empty(source->kubeconfig),
		    is_own ? or_empty(k->kubeconfig_context) : or_empty(source->context),
		    or_empty(k->namespace_labels), or_empty(k->labels), k->noendpoints,
		    k->pods == PODS_VERIFIED, k->endpoint_pod_names, k->zonal,
		    k->multicluster.n > 0) < 0)
		return NULL;
	return key;
}

bool cluster_serves(const struct cluster *c, const struct cluster_source *source,
	const struct config_kubernetes *k)
{
	char *key = make_key(source, k);
	bool same = key != NULL && strcmp(key, c->key) == 0;

	free(key);
	return same;
}

static int load_config(struct cluster *c, const struct cluster_source *source,
	const struct config_kubernetes *k, struct err *e)
{
	if (source->dump != NULL)
		return 0;
	if (k->endpoint != NULL) {
		const char *const urls[] = {k->endpoint, NULL};
		const char *const tls[] = {k->tls_cert, k->tls_key, k->tls_ca};
		return kube_config_endpoint(&c->config, urls, tls, e);
	}
	if (k->kubeconfig != NULL)
		return kube_config_load(&c->config, k->kubeconfig, k->kubeconfig_context, e);
	if (source->kubeconfig != NULL)
		return kube_config_load(&c->config, source->kubeconfig, source->context, e);
	return kube_config_in_cluster(&c->config, NULL, e);
}

static void add_spec(struct cluster *c, enum object_kind kind, const char *selector,
	const struct config_kubernetes *k)
{
	c->specs[c->n_specs++] = (struct kube_spec){.kind = kind,
		.label_selector = selector,
		.keep_target_names = k->endpoint_pod_names,
		.keep_zones = k->zonal};
}

static int make_specs(struct cluster *c, const struct config_kubernetes *k)
{
	const char *const from[2] = {k->namespace_labels, k->labels};

	for (int i = 0; i < 2; i++) {
		if (from[i] == NULL)
			continue;
		c->selectors[i] = strdup(from[i]);
		if (c->selectors[i] == NULL)
			return -ENOMEM;
	}
	add_spec(c, OBJECT_NAMESPACE, c->selectors[0], k);
	add_spec(c, OBJECT_SERVICE, c->selectors[1], k);
	if (!k->noendpoints)
		add_spec(c, OBJECT_SLICE, c->selectors[1], k);
	if (k->pods == PODS_VERIFIED)
		add_spec(c, OBJECT_POD, c->selectors[1], k);
	if (k->multicluster.n > 0) {
		add_spec(c, OBJECT_IMPORT, NULL, k);
		add_spec(c, OBJECT_IMPORT_SLICE, NULL, k);
	}
	return 0;
}

static void cluster_free(void *user)
{
	struct cluster *c = user;

	if (c == NULL)
		return;
	kube_config_fini(&c->config);
	store_free(c->store);
	free(c->selectors[0]);
	free(c->selectors[1]);
	free(c->dump);
	free(c->key);
	free(c);
}

struct cluster *cluster_new(
	const struct cluster_source *source, const struct config_kubernetes *k, struct err *e)
{
	struct cluster *c = calloc(1, sizeof(*c));

	if (c == NULL) {
		(void)err_set(e, -ENOMEM, "memory is short");
		return NULL;
	}
	c->key = make_key(source, k);
	c->store = store_new(changing, c);
	c->dump = source->dump == NULL ? NULL : strdup(source->dump);
	int rc = make_specs(c, k);
	if (c->key == NULL || c->store == NULL || rc != 0 ||
		(source->dump != NULL && c->dump == NULL))
		rc = err_set(e, -ENOMEM, "memory is short");
	if (rc == 0)
		rc = load_config(c, source, k, e);
	if (rc == 0)
		return c;
	cluster_free(c);
	return NULL;
}

int cluster_start(
	struct cluster *c, uv_loop_t *loop, const struct cluster_events *events, struct err *e)
{
	const struct kube_events from_kube = {.user = c,
		.begin = on_begin,
		.put = on_put,
		.del = on_del,
		.keep = on_keep,
		.synced = on_synced,
		.abandoned = on_abandoned,
		.diff = on_diff};

	c->events = *events;
	if (c->dump != NULL)
		return kube_dump_load(c->dump, c->specs, c->n_specs, &from_kube, e);
	c->client = kube_client_new(loop, &c->config, &from_kube, NULL, e);
	if (c->client == NULL)
		return e->code;
	for (size_t i = 0; i < c->n_specs; i++) {
		int rc = kube_client_watch(c->client, &c->specs[i]);
		if (rc != 0)
			return err_set(e, rc, "watching %s: %s", object_kind_name(c->specs[i].kind),
				strerror(-rc));
	}
	return 0;
}

bool cluster_is_synced(const struct cluster *c)
{
	return c->is_synced;
}

const char *cluster_server(const struct cluster *c)
{
	return c->config.servers != NULL && c->config.servers[0] != NULL ? c->config.servers[0]
									 : "";
}

bool cluster_runs_program(const struct cluster *c)
{
	return c->config.exec != NULL;
}

struct store *cluster_store(const struct cluster *c)
{
	return c->store;
}

const struct kube_stats *cluster_stats(const struct cluster *c, enum object_kind kind)
{
	return c->client == NULL ? NULL : kube_client_stats(c->client, kind);
}

void cluster_close(struct cluster *c)
{
	if (c == NULL)
		return;
	if (c->client == NULL) {
		cluster_free(c);
		return;
	}
	struct kube_client *client = c->client;
	c->client = NULL;
	kube_client_close(client, cluster_free, c);
}
