// SPDX-License-Identifier: Apache-2.0
// Works out once per snapshot what would otherwise be searched for each query.
#include "dataplane/index/root.h"

#include <rte_malloc.h>

#include <errno.h>
#include <string.h>

static struct root_port *port_add(struct root *r, uint16_t port)
{
	for (unsigned i = 0; i < r->n_ports; i++) {
		if (r->ports[i].port == port)
			return &r->ports[i];
	}
	if (r->n_ports == ROOT_PORTS_MAX)
		return NULL;
	r->ports[r->n_ports].port = port;
	return &r->ports[r->n_ports++];
}

static void denial_init(struct root_denial *out, const struct image_section *soa, uint8_t zone_size)
{
	const uint32_t *fixes = image_section_fixes(soa);
	unsigned n = 0;

	if (((unsigned)soa->n_ptr | soa->n_tail) != 0 || soa->n_zone > UINT8_MAX ||
		soa->an_bytes > UINT16_MAX)
		return;
	while (n < soa->n_zone && fixes[n] + 2 <= soa->an_bytes)
		n++;
	*out = (struct root_denial){.rrs = image_section_rrs(soa),
		.fixes = fixes,
		.size_bytes = (uint16_t)soa->an_bytes,
		.n_fixes = (uint8_t)n,
		.zone_size = zone_size};
}

static void rule_init(struct root_rule *out, const struct image *top, const struct image_rule *rule)
{
	const uint8_t *zone = top->text + rule->zone_off;
	const struct image_step *step = rule->n_steps == 0 ? NULL : &top->steps[rule->first_step];
	size_t n = rule->zone_size < BYTES_BLOCK ? rule->zone_size : BYTES_BLOCK;

	*out = (struct root_rule){.zone = zone,
		.zone_size = rule->zone_size,
		.zone_labels = rule->zone_labels,
		.is_rotated = (rule->flags & RULE_ROTATE) != 0,
		.is_minimal = (rule->flags & RULE_MINIMAL) != 0,
		.udp_max_bytes = top->servers[rule->server].udp_max_bytes,
		.index = (uint32_t)(rule - top->rules),
		.step_index = rule->first_step};
	memcpy(out->tail + BYTES_BLOCK - n, zone + rule->zone_size - n, n);
	memset(out->mask + BYTES_BLOCK - n, 0xff, n);
	if (step != NULL && step->kind == STEP_PUNT)
		out->punt = step;
	if (step == NULL || step->kind != STEP_LOOKUP)
		return;
	out->step = step;
	out->view = step->view;
	out->is_open = (step->flags & (STEP_UNSYNCED | STEP_FALLTHROUGH)) != 0;
	if (step->soa_section != IMAGE_NONE)
		denial_init(
			&out->denial, image_section_at(top, step->soa_section), step->zone_size);
}

int root_init(
	struct root *r, const struct snapshot *snapshot, const struct root_addresses *addresses)
{
	memset(r, 0, sizeof(*r));
	r->snapshot = *snapshot;
	const struct image *top = snapshot_top(&r->snapshot);
	if (top == NULL) {
		(void)port_add(r, ROOT_DNS_PORT); // there is room for one
		return 0;
	}
	r->generation = top->header->generation;
	for (uint32_t i = 0; i < top->n_rules && i < ROOT_RULES_MAX; i++)
		rule_init(&r->rules[i], top, &top->rules[i]);
	for (uint32_t i = 0; i < top->n_listeners; i++) {
		if (top->listeners[i].family == IMAGE_FAMILY_BLOCK)
			continue;
		struct root_port *p = port_add(r, top->listeners[i].port);
		if (p == NULL)
			return -E2BIG;
		for (unsigned a = 0; a < addresses->n; a++) {
			struct server_address to = addresses->list[a];
			to.port = p->port;
			p->listeners[a] = snapshot_find_listener(top, &to);
		}
	}
	return 0;
}

int roots_init(struct roots *r, unsigned n_readers)
{
	r->qsbr = rte_zmalloc("qsbr", rte_rcu_qsbr_get_memsize(n_readers), RTE_CACHE_LINE_SIZE);
	atomic_init(&r->current, NULL);
	if (r->qsbr == NULL)
		return -ENOMEM;
	if (rte_rcu_qsbr_init(r->qsbr, n_readers) != 0)
		return -EINVAL;
	for (unsigned i = 0; i < n_readers; i++) {
		if (rte_rcu_qsbr_thread_register(r->qsbr, i) != 0)
			return -EINVAL;
	}
	return 0;
}

void roots_fini(struct roots *r)
{
	rte_free(r->qsbr);
	r->qsbr = NULL;
}
