// SPDX-License-Identifier: Apache-2.0
// Makes the list of upstreams and chooses among them.
#include "slowpath/forward/group.h"

#include "slowpath/base/random.h"
#include "slowpath/forward/tls.h"
#include "zones/wire/rr.h"

#include <arpa/inet.h>
#include <ctype.h>
#include <errno.h>
#include <net/if.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

// Number of an interface by name or number, 0 when there is none.
static uint32_t interface_number(const char *name)
{
	return isdigit((unsigned char)name[0]) ? (uint32_t)strtoul(name, NULL, 10)
					       : if_nametoindex(name);
}

// An address, with an interface behind a link-local one: "fe80::1%eth0". False: none.
static bool parse_address(
	const char *text, uint16_t port, struct sockaddr_in6 *out, socklen_t *size)
{
	struct sockaddr_in a4 = {.sin_family = AF_INET, .sin_port = htons(port)};
	char plain[INET6_ADDRSTRLEN + 1];
	size_t len = strcspn(text, "%");

	memset(out, 0, sizeof(*out));
	if (inet_pton(AF_INET, text, &a4.sin_addr) == 1) {
		memcpy(out, &a4, sizeof(a4));
		*size = sizeof(a4);
		return true;
	}
	if (len >= sizeof(plain))
		return false;
	memcpy(plain, text, len);
	plain[len] = 0;
	if (inet_pton(AF_INET6, plain, &out->sin6_addr) != 1)
		return false;
	out->sin6_family = AF_INET6;
	out->sin6_port = htons(port);
	out->sin6_scope_id = text[len] == '%' ? interface_number(text + len + 1) : 0;
	*size = sizeof(*out);
	return true;
}

static int add_address(struct group *g, const struct policy_upstream *u, const char *host,
	uint16_t port, struct err *err)
{
	struct upstream *out = &g->list[g->n];
	bool is_six = strchr(host, ':') != NULL;

	if (g->n == POLICY_UPSTREAMS_MAX)
		return 0; // a file with more: the first ones count
	if (!parse_address(host, port, &out->to, &out->to_size))
		return err_set(err, -EINVAL, "forward: %.100s is no address", host);
	const char *name = u->server_name[0] != 0 ? u->server_name : g->policy->tls_servername;
	out->is_tls = u->kind == POLICY_UPSTREAM_TLS;
	(void)snprintf(out->host, sizeof(out->host), "%.63s", host); // an address
	(void)snprintf(
		out->text, sizeof(out->text), is_six ? "[%.60s]:%u" : "%.60s:%u", host, port);
	(void)snprintf(out->server_name, sizeof(out->server_name), "%s", name);
	g->n++;
	return 0;
}

static int add_upstream(struct group *g, const struct policy_upstream *u,
	const struct upstream_files *files, struct err *err)
{
	int rc = 0;

	if (u->kind != POLICY_UPSTREAM_FILE)
		return add_address(g, u, u->host, u->port, err);
	const struct upstream_file *f = upstream_files_find(files, u->host);
	for (unsigned i = 0; f != NULL && i < f->servers.n && rc == 0; i++)
		rc = add_address(g, u, f->servers.list[i], 53, err);
	return rc;
}

static int add_source(struct group *g, struct err *err)
{
	socklen_t size;

	if (g->policy->source_address[0] == 0 ||
		parse_address(g->policy->source_address, 0, &g->source, &size))
		return 0;
	return err_set(err, -EINVAL, "forward: source_address is no address");
}

static bool has_tls(const struct group *g)
{
	for (unsigned i = 0; i < g->n; i++) {
		if (g->list[i].is_tls)
			return true;
	}
	return false;
}

struct group *group_new(const struct policy_forward *policy, const struct upstream_files *files,
	struct holder *holder, struct err *err)
{
	struct group *g = calloc(1, sizeof(*g));
	int rc = 0;

	if (g == NULL) {
		(void)err_set(err, -ENOMEM, "memory is short"); // NULL says it
		return NULL;
	}
	g->holder = holder;
	g->policy = policy;
	for (size_t i = 0; i < policy->to.n && rc == 0; i++)
		rc = add_upstream(g, &policy->to.items[i], files, err);
	if (rc == 0 && g->n == 0)
		rc = err_set(err, -EINVAL, "forward: no name server of its files is known");
	if (rc == 0)
		rc = add_source(g, err);
	if (rc == 0 && has_tls(g)) {
		g->tls = tls_client_new(policy, err);
		rc = g->tls == NULL ? -EINVAL : 0;
	}
	if (rc != 0) {
		group_free(g);
		return NULL;
	}
	return g;
}

void group_free(struct group *g)
{
	if (g == NULL)
		return;
	if (atomic_load(&g->is_looping) && g->counters != NULL)
		counter_share(&g->counters->looping, UINT64_MAX);
	tls_client_free(g->tls);
	free(g);
}

void group_count_in(struct group *g, struct outside_counters *counters)
{
	g->counters = counters;
	for (unsigned i = 0; i < g->n; i++)
		g->list[i].counters = upstream_counters_find(counters, g->list[i].text);
}

bool group_is_retired(const struct group *g)
{
	return g->is_retired != NULL && atomic_load(g->is_retired);
}

bool forward_takes(const struct policy_forward *policy, const struct dname *name)
{
	if (!dname_is_within(name->wire, policy->from.wire))
		return false;
	for (size_t i = 0; i < policy->except.n; i++) {
		if (dname_is_within(name->wire, policy->except.items[i].wire))
			return false;
	}
	return true;
}

bool group_takes(const struct group *g, const struct dname *name)
{
	return forward_takes(g->policy, name);
}

static bool has_rcode(const struct policy_u16s *list, uint16_t rcode)
{
	for (size_t i = 0; i < list->n; i++) {
		if (list->items[i] == rcode)
			return true;
	}
	return false;
}

bool group_fails_over(const struct group *g, uint16_t rcode)
{
	return has_rcode(&g->policy->failover, rcode);
}

bool group_wants_next(const struct group *g, uint16_t rcode, bool has_answer)
{
	return has_rcode(&g->policy->next, rcode) ||
		(g->policy->next_on_nodata && rcode == RCODE_NOERROR && !has_answer);
}

void group_order(struct group *g, uint8_t order[POLICY_UPSTREAMS_MAX])
{
	unsigned first = 0;

	if (g->policy->balance == POLICY_IN_TURN)
		first = atomic_fetch_add_explicit(&g->turn, 1, memory_order_relaxed) % g->n;
	for (unsigned i = 0; i < g->n; i++)
		order[i] = (uint8_t)((first + i) % g->n);
	for (unsigned i = g->n; g->policy->balance == POLICY_RANDOM_ORDER && i > 1; i--) {
		unsigned k = random_below(i);
		uint8_t swap = order[k];
		order[k] = order[i - 1];
		order[i - 1] = swap;
	}
}

bool upstream_is_down(const struct group *g, const struct upstream *u)
{
	uint32_t max = g->policy->max_fails;

	return max != 0 && atomic_load_explicit(&u->fails, memory_order_relaxed) > max;
}
