// SPDX-License-Identifier: Apache-2.0
// Writes a policy into an image, with what moves from image to image.
#include "control/policy_private.h"
#include "control/synth/synth.h"

#include "zones/corefile/plugins.h"

#include <arpa/inet.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

enum { HOST_BYTES = 256 };

// Replies never exceed 1232 bytes on UDP (quirk 20); bufsize may only lower that.
static uint16_t udp_max(const struct config_server *s)
{
	const struct config_directive *d = config_find(s, DIR_BUFSIZE, 0);
	uint16_t size = DNS_UDP_MAX_BYTES;

	if (d != NULL)
		size = ((const struct config_bufsize *)d->data)->size_bytes;
	if (size < DNS_UDP_MIN_BYTES)
		return DNS_UDP_MIN_BYTES;
	return size < DNS_UDP_MAX_BYTES ? size : DNS_UDP_MAX_BYTES;
}

// CoreDNS says "localhost" when the machine has no name.
static int nsid_write(struct image_build *b, const struct config_server *s)
{
	const struct config_directive *d = config_find(s, DIR_NSID, 0);
	const struct config_nsid *n = d == NULL ? NULL : d->data;
	char host[HOST_BYTES] = "";

	if (d == NULL)
		return 0;
	if (n->data != NULL)
		return image_build_nsid(b, n->data);
	if (gethostname(host, sizeof(host) - 1) != 0)
		return image_build_nsid(b, "localhost");
	return image_build_nsid(b, host);
}

void policy_label(const struct image_listener *l, char out[POLICY_LABEL_BYTES])
{
	char text[INET6_ADDRSTRLEN] = "";

	if (l->family != 0)
		(void)inet_ntop(l->family == 4 ? AF_INET : AF_INET6, l->address, text,
			sizeof(text)); // the buffer is large enough
	(void)snprintf(out, POLICY_LABEL_BYTES, l->family == 6 ? "dns://[%s]:%u" : "dns://%s:%u",
		text, l->port);
}

// SOA sections of one instance: of its zones, its clusterset zones, those of k8s_external.
enum soa_kind { SOA_CLUSTER, SOA_CLUSTERSET, SOA_EXTERNAL, SOA_KINDS };

struct soas {
	uint32_t id[SOA_KINDS];
};

static int soas_write(struct image_build *b, const struct policy_view *v, struct soas *out)
{
	static const struct dname root = {.size_bytes = 1};
	uint32_t ttl_s = v->config->ttl;
	int rc = 0;

	for (int i = SOA_CLUSTER; i <= SOA_CLUSTERSET && rc == 0; i++) {
		const struct record_soa soa =
			synth_soa(i == SOA_CLUSTER ? v->serial : v->clusterset_serial, ttl_s);
		rc = image_build_soa(b, &root, synth_soa_ttl(ttl_s), &soa, &out->id[i]);
	}
	if (rc != 0 || v->external == NULL)
		return rc;
	const struct record_soa soa = synth_external_soa(v->external_serial, v->external);
	return image_build_soa(b, &root, v->external->ttl, &soa, &out->id[SOA_EXTERNAL]);
}

// What moves from image to image.
struct state {
	const struct policy *p;
	const struct policy_view *views;
	struct soas *soas; // per view
};

static void step_fill(const struct state *state, const struct policy_step *s, uint32_t chain,
	struct image_build_step *out)
{
	*out = (struct image_build_step){.kind = s->kind,
		.flags = s->flags,
		.view = s->view,
		.soa = IMAGE_NONE,
		.zone = s->zone,
		.pod_ttl_s = (uint16_t)s->pod_ttl_s,
		.plugin = s->plugin,
		.line = s->line,
		.policy = chain == 0 ? 0 : (uint32_t)s->ordinal << 16 | chain};
	if (s->kind != STEP_LOOKUP)
		return;
	enum soa_kind soa = s->is_external ? SOA_EXTERNAL
		: s->is_clusterset         ? SOA_CLUSTERSET
					   : SOA_CLUSTER;
	out->soa = state->soas[s->view - 1].id[soa];
	if (!state->views[s->view - 1].is_synced)
		out->flags |= STEP_UNSYNCED;
}

static int rule_fill(const struct state *s, const struct rule *r, uint16_t first_server,
	struct arena *scratch, struct image_build_rule *out)
{
	struct image_build_step *steps = arena_alloc(scratch, (r->steps.n + 1) * sizeof(*steps));

	if (steps == NULL)
		return -ENOMEM;
	for (size_t k = 0; k < r->steps.n; k++)
		step_fill(s, &r->steps.list[k], s->p->chains[r->server], &steps[k]);
	*out = (struct image_build_rule){.zone = r->zone,
		.server = (uint16_t)(first_server + r->server),
		.flags = r->flags,
		.metric_zone = r->metric_zone,
		.steps = steps,
		.n_steps = r->steps.n};
	return 0;
}

static int listener_write(const struct state *s, const struct listener *l, uint16_t first_server,
	struct image_build *b)
{
	struct arena scratch = {0};
	struct image_build_rule *rules = arena_alloc(&scratch, (l->n_rules + 1) * sizeof(*rules));
	int rc = rules == NULL ? -ENOMEM : 0;

	for (size_t i = 0; i < l->n_rules && rc == 0; i++)
		rc = rule_fill(s, &l->rules[i], first_server, &scratch, &rules[i]);
	if (rc == 0)
		rc = image_build_listener(b, &l->where, rules, l->n_rules);
	arena_fini(&scratch);
	return rc;
}

// A server of the image is a block at one listener, since CoreDNS names its metrics so.
static int servers_write(const struct policy *p, const struct listener *l, struct image_build *b)
{
	char label[POLICY_LABEL_BYTES];
	int rc = 0;

	policy_label(&l->where, label);
	for (size_t i = 0; i < p->config->n_servers && rc == 0; i++) {
		rc = image_build_server(b, label, udp_max(&p->config->servers[i]));
		if (rc == 0)
			rc = nsid_write(b, &p->config->servers[i]);
	}
	return rc;
}

int policy_write(const struct policy *p, struct image_build *b, const struct policy_view *views)
{
	size_t n_servers = p->config->n_servers;
	struct state s = {p, views, calloc(n_servers + 1, sizeof(struct soas))};
	uint16_t view = 0;
	int rc = s.soas == NULL ? -ENOMEM : image_build_policy(b, p->chain_bytes, p->chain_size);

	for (size_t i = 0; i < n_servers && rc == 0; i++) {
		if (p->views[i].kubernetes != 0) {
			rc = soas_write(b, &views[view], &s.soas[view]);
			view++;
		}
	}
	for (size_t i = 0; i < p->n_listeners && rc == 0; i++) {
		rc = servers_write(p, &p->listeners[i], b);
		if (rc == 0)
			rc = listener_write(&s, &p->listeners[i], (uint16_t)(i * n_servers), b);
	}
	for (size_t i = 0; i < n_servers && rc == 0; i++) {
		if (p->n_listeners > 0 && p->blocks[i].n_rules > 0)
			rc = listener_write(&s, &p->blocks[i], 0, b);
	}
	free(s.soas);
	return rc;
}
