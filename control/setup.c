// SPDX-License-Identifier: Apache-2.0
// From a Corefile to instances and their clusters.
#include "control/setup.h"

#include "control/base/log.h"

#include <arpa/inet.h>
#include <errno.h>
#include <ifaddrs.h>
#include <netinet/in.h>
#include <stdlib.h>
#include <string.h>

static int load_config(const struct setup_options *o, struct config *c, struct err *e)
{
	const struct config_options options = {.port = o->dns_port};
	int rc = config_parse_file(o->corefile, &options, c, e);

	for (size_t i = 0; rc == 0 && i < c->n_problems; i++) {
		const struct config_problem *p = &c->problems[i];
		if (p->severity == PROBLEM_WARNING)
			log_warn("corefile", "warning", LOG_STR("text", p->text),
				LOG_STR("file", p->pos.file), LOG_NUM("line", p->pos.line));
	}
	return rc;
}

static bool cluster_is_in(const struct setup *s, const struct cluster *c)
{
	for (size_t i = 0; s != NULL && i < s->n_instances; i++) {
		if (s->instances[i].cluster == c)
			return true;
	}
	return false;
}

static struct cluster *find_cluster(const struct setup *s, const struct cluster_source *source,
	const struct config_kubernetes *k)
{
	for (size_t i = 0; s != NULL && i < s->n_instances; i++) {
		if (cluster_serves(s->instances[i].cluster, source, k))
			return s->instances[i].cluster;
	}
	return NULL;
}

static bool is_excepted(const struct config_server *s, const struct object_address *a)
{
	struct object_address other;

	for (size_t i = 0; i < s->n_binds; i++) {
		if (s->binds[i].is_except && object_address_parse(s->binds[i].text, &other) &&
			object_address_is_equal(a, &other))
			return true;
	}
	return false;
}

static void add_interface(struct synth *y, const struct config_server *s, const char *name)
{
	struct ifaddrs *all = NULL;

	if (getifaddrs(&all) != 0)
		return;
	for (const struct ifaddrs *i = all; i != NULL; i = i->ifa_next) {
		struct object_address a = {0};
		if (i->ifa_addr == NULL || strcmp(i->ifa_name, name) != 0)
			continue;
		if (i->ifa_addr->sa_family == AF_INET) {
			const struct sockaddr_in *in = (const void *)i->ifa_addr;
			memcpy(a.bytes, &in->sin_addr, 4);
			a.family = OBJECT_IPV4;
		} else if (i->ifa_addr->sa_family == AF_INET6) {
			const struct sockaddr_in6 *in6 = (const void *)i->ifa_addr;
			memcpy(a.bytes, &in6->sin6_addr, 16);
			a.family = OBJECT_IPV6;
		}
		if (a.family != 0 && !is_excepted(s, &a))
			synth_add_local(y, &a);
	}
	freeifaddrs(all);
}

// k8s:2.4 step 1: what the block binds, else the server's addresses (quirk 4: also plain ones).
static void add_locals(
	struct synth *y, const struct config_server *s, const struct setup_options *o)
{
	struct object_address a;

	for (size_t i = 0; i < s->n_binds; i++) {
		if (s->binds[i].is_except)
			continue;
		if (s->binds[i].is_interface)
			add_interface(y, s, s->binds[i].text);
		else if (object_address_parse(s->binds[i].text, &a) && !is_excepted(s, &a))
			synth_add_local(y, &a);
	}
	if (s->n_binds > 0)
		return;
	for (size_t i = 0; i < o->n_addresses - o->n_link; i++)
		synth_add_local(y, &o->addresses[i]);
	size_t n_named = y->n_local;
	for (size_t i = o->n_addresses - o->n_link; i < o->n_addresses; i++)
		synth_add_local(y, &o->addresses[i]);
	y->n_unnamed = y->n_local - n_named;
}

// Whether anything but one cluster may answer for the target of an alias: CoreDNS asks its whole
// server, other blocks included (k8s:2.5).
static bool resolves_outside(const struct config *c)
{
	size_t n_clusters = 0;

	for (size_t i = 0; i < c->n_servers; i++) {
		const struct config_server *s = &c->servers[i];
		if (config_find(s, DIR_FORWARD, 0) != NULL ||
			config_find(s, DIR_HOSTS, 0) != NULL ||
			config_find(s, DIR_K8S_EXTERNAL, 0) != NULL ||
			config_find(s, DIR_FILE, 0) != NULL ||
			config_find(s, DIR_TEMPLATE, 0) != NULL)
			return true;
		n_clusters += s->kubernetes != NULL;
	}
	return n_clusters > 1;
}

static bool walks_paths(const struct config_server *s)
{
	const struct config_directive *d = config_find(s, DIR_AUTOPATH, 0);

	return d != NULL && ((const struct config_autopath *)d->data)->from_kubernetes;
}

static int add_instance(struct setup *s, const struct setup *old, const struct setup_options *o,
	const struct config_server *server, struct err *e)
{
	const struct config_kubernetes *k = server->kubernetes;
	struct instance *in = &s->instances[s->n_instances];
	struct cluster *c = find_cluster(s, &o->source, k);

	if (c == NULL)
		c = find_cluster(old, &o->source, k);
	if (c == NULL)
		c = cluster_new(&o->source, k, e);
	if (c == NULL)
		return e->code;
	in->cluster = c;
	in->index = s->n_instances++;
	in->line = config_find(server, DIR_KUBERNETES, 0)->pos.line;
	int rc = synth_init(&in->synth, cluster_store(c), k);
	if (rc == 0 && policy_external(server) != NULL)
		rc = synth_add_external(&in->synth, policy_external(server));
	if (rc != 0)
		return err_set(e, rc, "kubernetes: %s", strerror(-rc));
	add_locals(&in->synth, server, o);
	in->synth.has_places = walks_paths(server);
	in->synth.has_upstream = resolves_outside(&s->config);
	return 0;
}

static int load_hosts(struct setup *s)
{
	int rc = 0;

	s->hosts = calloc(s->config.n_servers + 1, sizeof(s->hosts[0]));
	if (s->hosts == NULL)
		return -ENOMEM;
	for (size_t i = 0; i < s->config.n_servers && rc == 0; i++) {
		const struct config_directive *d = config_find(&s->config.servers[i], DIR_HOSTS, 0);
		if (d != NULL)
			rc = hosts_load(&s->hosts[i], d->data);
	}
	return rc;
}

bool setup_hosts_have_changed(const struct setup *s, uint64_t *interval_ms)
{
	bool changed = false;

	*interval_ms = 0;
	for (size_t i = 0; i < s->config.n_servers; i++) {
		const struct config_hosts *c = s->hosts[i].config;
		if (c == NULL || c->reload_ms == 0)
			continue;
		changed |= hosts_has_changed(&s->hosts[i]);
		if (*interval_ms == 0 || c->reload_ms < *interval_ms)
			*interval_ms = c->reload_ms;
	}
	return changed;
}

static int make(
	struct setup *s, const struct setup *old, const struct setup_options *o, struct err *e)
{
	int rc = load_config(o, &s->config, e);

	if (rc != 0)
		return rc;
	size_t n = policy_views(&s->config, NULL, 0);
	s->views = calloc(n + 1, sizeof(s->views[0]));
	s->instances = calloc(n + 1, sizeof(s->instances[0]));
	if (s->views == NULL || s->instances == NULL)
		return err_set(e, -ENOMEM, "memory is short");
	rc = load_hosts(s);
	if (rc != 0)
		return err_set(e, rc, "hosts: %s", strerror(-rc));
	s->policy = policy_new(&s->config, s->hosts, e);
	if (s->policy == NULL)
		return e->code;
	(void)policy_views(&s->config, s->views, n); // n again
	for (size_t i = 0; i < s->config.n_servers && rc == 0; i++) {
		if (s->config.servers[i].kubernetes != NULL)
			rc = add_instance(s, old, o, &s->config.servers[i], e);
	}
	return rc;
}

struct setup *setup_new(const struct setup_options *o, const struct setup *old, struct err *e)
{
	struct setup *s = calloc(1, sizeof(*s));

	if (s == NULL) {
		(void)err_set(e, -ENOMEM, "memory is short");
		return NULL;
	}
	if (make(s, old, o, e) == 0)
		return s;
	setup_release(s, old);
	return NULL;
}

static bool is_first_use(const struct setup *s, size_t index)
{
	for (size_t i = 0; i < index; i++) {
		if (s->instances[i].cluster == s->instances[index].cluster)
			return false;
	}
	return true;
}

int setup_start(struct setup *s, const struct setup *old, uv_loop_t *loop,
	const struct cluster_events *events, struct err *e)
{
	int rc = 0;

	for (size_t i = 0; i < s->n_instances && rc == 0; i++) {
		if (is_first_use(s, i) && !cluster_is_in(old, s->instances[i].cluster))
			rc = cluster_start(s->instances[i].cluster, loop, events, e);
	}
	return rc;
}

uint32_t setup_corefile(const struct setup *s)
{
	uint32_t folded = (uint32_t)(s->config.hash ^ s->config.hash >> 32);

	return folded == 0 ? 1 : folded;
}

bool setup_is_synced(const struct setup *s)
{
	bool all = true;

	for (size_t i = 0; i < s->n_instances; i++)
		all &= cluster_is_synced(s->instances[i].cluster);
	return all;
}

bool setup_runs_programs(const struct setup *s)
{
	bool any = false;

	for (size_t i = 0; i < s->n_instances; i++)
		any |= cluster_runs_program(s->instances[i].cluster);
	return any;
}

void setup_release(struct setup *s, const struct setup *kept)
{
	if (s == NULL)
		return;
	for (size_t i = 0; i < s->n_instances; i++) {
		synth_fini(&s->instances[i].synth);
		if (is_first_use(s, i) && !cluster_is_in(kept, s->instances[i].cluster))
			cluster_close(s->instances[i].cluster);
	}
	policy_free(s->policy);
	for (size_t i = 0; s->hosts != NULL && i < s->config.n_servers; i++)
		hosts_fini(&s->hosts[i]);
	free(s->hosts);
	free(s->views);
	free(s->instances);
	config_free(&s->config);
	free(s);
}

const struct policy_view *setup_views(struct setup *s)
{
	for (size_t i = 0; i < s->n_instances; i++) {
		const struct instance *in = &s->instances[i];
		s->views[i].serial = in->synth.serial;
		s->views[i].clusterset_serial = in->synth.clusterset_serial;
		s->views[i].external_serial = in->synth.external_serial;
		s->views[i].is_synced = cluster_is_synced(in->cluster);
	}
	return s->views;
}
