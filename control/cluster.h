// SPDX-License-Identifier: Apache-2.0
// One source of objects, an API server or a saved cluster, and the store that it fills. Instances
// of the kubernetes directive that want the same objects share one.
#pragma once

#include "control/kube/kube.h"
#include "control/store/store.h"
#include "zones/corefile/cluster.h"

#include <uv.h>

struct cluster;

// Where objects come from unless the directive itself says it (`endpoint`, `kubeconfig`).
struct cluster_source {
	const char *dump; // wins over everything
	const char *kubeconfig;
	const char *context;
};

struct cluster_events {
	void *user;
	// In front of each change that shows in DNS, once the cluster has synced.
	void (*changing)(void *user, const struct cluster *c, const struct object_meta *old,
		const struct object_meta *new);
	// Every kind has been listed.
	void (*synced)(void *user, struct cluster *c);
};

// NULL with the reason in e. Nothing is read before cluster_start.
struct cluster *cluster_new(
	const struct cluster_source *source, const struct config_kubernetes *k, struct err *e);

// Whether this cluster gives what the directive asks for.
bool cluster_serves(const struct cluster *c, const struct cluster_source *source,
	const struct config_kubernetes *k);

// Reads a dump at once (synced is called inside), or begins to list and watch.
[[nodiscard]] int cluster_start(
	struct cluster *c, uv_loop_t *loop, const struct cluster_events *events, struct err *e);

bool cluster_is_synced(const struct cluster *c);
struct store *cluster_store(const struct cluster *c);

// NULL when the objects come from a dump or the kind is not watched.
const struct kube_stats *cluster_stats(const struct cluster *c, enum object_kind kind);

// URL of the API server, "" for a dump. Borrowed from the cluster.
const char *cluster_server(const struct cluster *c);

// Whether its credentials come from a program that the kubeconfig names.
bool cluster_runs_program(const struct cluster *c);

// No callback follows; it frees itself when the loop holds nothing of it any more. NULL is fine.
void cluster_close(struct cluster *c);
