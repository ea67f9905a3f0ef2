// SPDX-License-Identifier: Apache-2.0
// Listeners and rules. A block is chosen by address and port, then by the longest zone among the
// keys of all blocks there; inside it, every zone that a directive names gets a rule of its own, so
// that a rule's steps hold for all names of the rule.
#include "control/policy_private.h"

#include "control/chains/chains.h"
#include "control/policy_flags.h"
#include "zones/corefile/plugins.h"
#include "zones/wire/dname.h"

#include <arpa/inet.h>
#include <errno.h>
#include <ifaddrs.h>
#include <net/if.h>
#include <netinet/in.h>
#include <stdlib.h>
#include <string.h>

const struct config_k8s_external *policy_external(const struct config_server *s)
{
	const struct config_directive *d = config_find(s, DIR_K8S_EXTERNAL, 0);

	return d == NULL || s->kubernetes == NULL ? NULL : d->data;
}

size_t policy_views(const struct config *c, struct policy_view *views, size_t max)
{
	size_t n = 0;

	for (size_t i = 0; i < c->n_servers; i++) {
		if (c->servers[i].kubernetes == NULL)
			continue;
		if (n < max)
			views[n] = (struct policy_view){.config = c->servers[i].kubernetes,
				.external = policy_external(&c->servers[i])};
		n++;
	}
	return n;
}

// Makes room for one more element of an arena array.
static void *list_room(struct arena *a, void *list, size_t n, size_t *cap, size_t elem_bytes)
{
	size_t more = *cap == 0 ? 8 : *cap * 2;

	if (n < *cap)
		return list;
	void *grown = arena_alloc(a, more * elem_bytes);
	if (grown == NULL)
		return NULL;
	if (n > 0)
		memcpy(grown, list, n * elem_bytes);
	*cap = more;
	return grown;
}

static bool is_same_place(const struct image_listener *a, const struct image_listener *b)
{
	return a->port == b->port && a->family == b->family &&
		memcmp(a->address, b->address, sizeof(a->address)) == 0;
}

static int listener_add(struct policy *p, const struct image_listener *where)
{
	for (size_t i = 0; i < p->n_listeners; i++) {
		if (is_same_place(&p->listeners[i].where, where))
			return 0;
	}
	void *grown = list_room(
		&p->arena, p->listeners, p->n_listeners, &p->cap, sizeof(p->listeners[0]));
	if (grown == NULL)
		return -ENOMEM;
	p->listeners = grown;
	p->listeners[p->n_listeners++] = (struct listener){.where = *where};
	return 0;
}

static bool parse_address(const char *text, struct image_listener *out)
{
	char plain[INET6_ADDRSTRLEN + 1];
	size_t len = strcspn(text, "%"); // an interface behind a link-local address

	if (len >= sizeof(plain))
		return false;
	memcpy(plain, text, len);
	plain[len] = '\0';
	out->family = 0;
	if (inet_pton(AF_INET, plain, out->address) == 1)
		out->family = 4;
	else if (inet_pton(AF_INET6, plain, out->address) == 1)
		out->family = 6;
	return out->family != 0;
}

// `bind 0.0.0.0` and `bind ::` stand for every address.
static void widen(struct image_listener *where)
{
	static const uint8_t zero[sizeof(where->address)];

	if (memcmp(where->address, zero, sizeof(zero)) == 0)
		where->family = 0;
}

static bool interface_address(const struct ifaddrs *i, struct image_listener *out)
{
	if (i->ifa_addr == NULL)
		return false;
	memset(out->address, 0, sizeof(out->address));
	if (i->ifa_addr->sa_family == AF_INET) {
		const struct sockaddr_in *in = (const void *)i->ifa_addr;
		memcpy(out->address, &in->sin_addr, 4);
		out->family = 4;
		return true;
	}
	if (i->ifa_addr->sa_family != AF_INET6)
		return false;
	const struct sockaddr_in6 *in6 = (const void *)i->ifa_addr;
	memcpy(out->address, &in6->sin6_addr, 16);
	out->family = 6;
	return true;
}

struct places {
	struct image_listener *list;
	size_t n, cap;
};

static int place_add(struct arena *a, struct places *p, const struct image_listener *where)
{
	void *grown = list_room(a, p->list, p->n, &p->cap, sizeof(p->list[0]));

	if (grown == NULL)
		return -ENOMEM;
	p->list = grown;
	p->list[p->n++] = *where;
	return 0;
}

// The addresses of an interface in our own network namespace; none when there is no such
// interface, which then stands for every address.
static int interface_places(struct arena *a, const char *name, uint16_t port, struct places *out)
{
	struct ifaddrs *all = NULL;
	struct image_listener where = {.port = port};
	size_t before = out->n;
	int rc = 0;

	if (getifaddrs(&all) != 0)
		return place_add(a, out, &where);
	for (const struct ifaddrs *i = all; i != NULL && rc == 0; i = i->ifa_next) {
		if (strcmp(i->ifa_name, name) == 0 && interface_address(i, &where))
			rc = place_add(a, out, &where);
	}
	freeifaddrs(all);
	where = (struct image_listener){.port = port};
	return rc != 0 || out->n > before ? rc : place_add(a, out, &where);
}

enum bind_part { BIND_TO, BIND_EXCEPT };

static int bind_places(struct arena *a, const struct config_server *s, enum bind_part part,
	uint16_t port, struct places *out)
{
	struct image_listener where = {.port = port};
	int rc = 0;

	for (size_t i = 0; i < s->n_binds && rc == 0; i++) {
		const struct config_bind *b = &s->binds[i];
		if (b->is_except != (part == BIND_EXCEPT))
			continue;
		memset(where.address, 0, sizeof(where.address));
		if (b->is_interface)
			rc = interface_places(a, b->text, port, out);
		else if (parse_address(b->text, &where)) {
			widen(&where);
			rc = place_add(a, out, &where);
		}
	}
	return rc;
}

// Whether an `except` names the address, or an interface that has it.
static bool is_excepted(const struct places *except, const struct image_listener *where)
{
	for (size_t i = 0; i < except->n; i++) {
		if (where->family != 0 && is_same_place(&except->list[i], where))
			return true;
	}
	return false;
}

// Where a block listens on a port.
static int server_places(
	struct arena *a, const struct config_server *s, uint16_t port, struct places *out)
{
	struct image_listener where = {.port = port};
	struct places except = {0};
	size_t n = 0;
	*out = (struct places){0};
	int rc = bind_places(a, s, BIND_EXCEPT, port, &except);

	if (rc == 0)
		rc = bind_places(a, s, BIND_TO, port, out);
	for (size_t i = 0; i < out->n; i++) {
		if (!is_excepted(&except, &out->list[i]))
			out->list[n++] = out->list[i];
	}
	out->n = n;
	return rc != 0 || n > 0 ? rc : place_add(a, out, &where);
}

static bool listens(const struct places *places, const struct listener *l)
{
	for (size_t i = 0; i < places->n; i++) {
		if (is_same_place(&places->list[i], &l->where))
			return true;
	}
	return false;
}

// A key of a block that listens here.
struct claim {
	const struct config_key *key;
	uint16_t server;
};

struct claims {
	struct claim *list;
	size_t n, cap;
};

// The claim that a zone belongs to: the longest key that holds it.
static const struct claim *find_claim(const struct claims *c, const uint8_t *zone)
{
	const struct claim *best = NULL;

	for (size_t i = 0; i < c->n; i++) {
		const struct config_zone *z = &c->list[i].key->zone;
		if ((best == NULL || z->wire_bytes > best->key->zone.wire_bytes) &&
			dname_is_within(zone, z->wire))
			best = &c->list[i];
	}
	return best;
}

static int rule_add(
	struct policy *p, struct listener *l, const struct rule *wanted, enum policy_reader reader)
{
	const struct policy_steps_of of = {.server = &p->config->servers[wanted->server],
		.views = &p->views[wanted->server],
		.zone = wanted->zone,
		.reader = reader};

	for (size_t i = 0; i < l->n_rules; i++) {
		if (dname_is_equal(l->rules[i].zone, wanted->zone))
			return 0;
	}
	void *grown = list_room(&p->arena, l->rules, l->n_rules, &l->cap, sizeof(l->rules[0]));
	if (grown == NULL)
		return -ENOMEM;
	l->rules = grown;
	struct rule *r = &l->rules[l->n_rules];
	*r = *wanted;
	r->flags = policy_rule_flags(of.server, wanted->zone);
	int rc = policy_steps_make(&p->arena, &of, &r->steps);
	if (rc == 0)
		l->n_rules++;
	return rc;
}

static int claim_add(
	struct policy *p, struct listener *l, const struct claim *claim, const uint8_t *zone)
{
	const struct rule wanted = {
		.zone = zone, .metric_zone = claim->key->zone.text, .server = claim->server};

	return rule_add(p, l, &wanted, POLICY_FOR_WORKERS);
}

static int claims_collect(struct policy *p, const struct listener *l, struct claims *out)
{
	const struct config *c = p->config;
	struct places places;
	int rc = 0;

	for (size_t i = 0; i < c->n_servers && rc == 0; i++) {
		rc = server_places(&p->arena, &c->servers[i], l->where.port, &places);
		if (rc != 0 || !listens(&places, l))
			continue;
		for (size_t k = 0; k < c->servers[i].n_keys; k++) {
			const struct config_key *key = &c->servers[i].keys[k];
			if (key->port != l->where.port || key->scheme != SCHEME_DNS)
				continue;
			void *grown = list_room(
				&p->arena, out->list, out->n, &out->cap, sizeof(out->list[0]));
			if (grown == NULL)
				return -ENOMEM;
			out->list = grown;
			out->list[out->n++] = (struct claim){key, (uint16_t)i};
		}
	}
	return rc;
}

// The rules of one claim: its zone, and the zones inside that its block's directives name.
static int claim_rules(struct policy *p, struct listener *l, const struct claims *claims,
	const struct claim *claim)
{
	struct policy_zones zones = {0};
	int rc = claim_add(p, l, claim, claim->key->zone.wire);

	if (rc == 0)
		rc = policy_zones_of(&p->arena, &p->config->servers[claim->server], &zones);
	for (size_t i = 0; i < zones.n && rc == 0; i++) {
		if (find_claim(claims, zones.list[i]) == claim)
			rc = claim_add(p, l, claim, zones.list[i]);
	}
	return rc;
}

static int listener_rules(struct policy *p, struct listener *l)
{
	struct claims claims = {0};
	int rc = claims_collect(p, l, &claims);

	for (size_t i = 0; i < claims.n && rc == 0; i++)
		rc = claim_rules(p, l, &claims, &claims.list[i]);
	return rc;
}

static int find_listeners(struct policy *p)
{
	const struct config *c = p->config;
	struct places places;
	int rc = 0;

	for (size_t i = 0; i < c->n_servers; i++) {
		for (size_t k = 0; k < c->servers[i].n_keys && rc == 0; k++) {
			const struct config_key *key = &c->servers[i].keys[k];
			if (key->scheme != SCHEME_DNS)
				continue;
			rc = server_places(&p->arena, &c->servers[i], key->port, &places);
			for (size_t n = 0; n < places.n && rc == 0; n++)
				rc = listener_add(p, &places.list[n]);
		}
	}
	return rc;
}

// Whether a block has directives that answer differently than cache and forward, or change
// questions: the slow path then needs to know all of the block.
static bool has_plugins(const struct policy *p, const struct policy_set *set, size_t server)
{
	const struct policy_chain *c =
		p->chains[server] == 0 ? NULL : &set->chains[p->chains[server] - 1];

	for (size_t i = 0; c != NULL && i < c->n; i++) {
		if (c->ops[i].kind != POLICY_CACHE && c->ops[i].kind != POLICY_FORWARD)
			return true;
	}
	return false;
}

static int block_rules(struct policy *p, size_t server)
{
	static const uint8_t root[1] = {0};
	const struct config_server *s = &p->config->servers[server];
	struct listener *l = &p->blocks[server];
	struct policy_zones zones = {0};
	int rc = policy_zones_of(&p->arena, s, &zones);

	if (rc == 0)
		rc = policy_zones_add(&p->arena, root, &zones);
	l->where.family = IMAGE_FAMILY_BLOCK;
	l->where.port = (uint16_t)(server + 1);
	for (size_t i = 0; i < zones.n && rc == 0; i++) {
		const struct rule wanted = {.zone = zones.list[i],
			.metric_zone = s->keys[0].zone.text,
			.server = (uint16_t)server};
		rc = rule_add(p, l, &wanted, POLICY_FOR_SLOWPATH);
	}
	return rc;
}

static int blocks_make(struct policy *p, const struct policy_set *set)
{
	int rc = 0;

	p->blocks = arena_alloc(&p->arena, (p->config->n_servers + 1) * sizeof(p->blocks[0]));
	if (p->blocks == NULL)
		return -ENOMEM;
	for (size_t i = 0; i < p->config->n_servers && rc == 0; i++) {
		if (has_plugins(p, set, i) && p->config->servers[i].n_keys > 0)
			rc = block_rules(p, i);
	}
	return rc;
}

static int chains_make(struct policy *p, struct err *e)
{
	struct policy_set set = {0};
	int rc = chains_build(p->config, &p->arena, &set, p->chains, e);

	if (rc == 0)
		p->chain_bytes = policy_encode(&set, &p->arena, &p->chain_size);
	if (rc == 0 && p->chain_bytes == NULL)
		return -ENOMEM;
	return rc == 0 ? blocks_make(p, &set) : rc;
}

// Instances of kubernetes come first, in the order of policy_views; then hosts.
static void number_views(struct policy *p, const struct hosts *hosts)
{
	const struct config *c = p->config;
	uint16_t view = 0;

	for (size_t i = 0; i < c->n_servers; i++)
		p->views[i].kubernetes = c->servers[i].kubernetes != NULL ? ++view : 0;
	p->n_instances = view;
	for (size_t i = 0; i < c->n_servers; i++) {
		if (config_find(&c->servers[i], DIR_HOSTS, 0) == NULL)
			continue;
		p->views[i].hosts = ++view;
		p->views[i].names = &hosts[i];
	}
}

uint16_t policy_hosts_view(const struct policy *p, size_t server)
{
	return p->views[server].hosts;
}

static int policy_make(struct policy *p, const struct hosts *hosts, struct err *e)
{
	const struct config *c = p->config;

	p->views = arena_alloc(&p->arena, (c->n_servers + 1) * sizeof(p->views[0]));
	p->chains = arena_alloc(&p->arena, (c->n_servers + 1) * sizeof(p->chains[0]));
	if (p->views == NULL || p->chains == NULL)
		return -ENOMEM;
	number_views(p, hosts);
	int rc = chains_make(p, e);
	if (rc == 0)
		rc = find_listeners(p);
	for (size_t i = 0; i < p->n_listeners && rc == 0; i++)
		rc = listener_rules(p, &p->listeners[i]);
	return rc;
}

struct policy *policy_new(const struct config *c, const struct hosts *hosts, struct err *e)
{
	struct policy *p = calloc(1, sizeof(*p));
	int rc = -ENOMEM;

	if (p != NULL) {
		p->config = c;
		rc = policy_make(p, hosts, e);
	}
	if (rc == 0)
		return p;
	(void)err_set(e, rc, "policy: %s", strerror(-rc)); // the first error wins
	policy_free(p);
	return NULL;
}

void policy_free(struct policy *p)
{
	if (p == NULL)
		return;
	arena_fini(&p->arena);
	free(p);
}
