// SPDX-License-Identifier: Apache-2.0
// Weights, targets, additional records and de-duplication (k8s:2.5). The orders of the view make
// equal records neighbours.
#include "control/synth/sets.h"

#include "zones/base/array.h"

#include <errno.h>
#include <string.h>

enum { ANSWER_MAX_BYTES = DNS_MSG_MAX_BYTES - DNS_HEADER_BYTES - DNS_NAME_MAX_BYTES - 4 };

static int room(struct work *w, size_t n_data, size_t n_extra)
{
	void *grown = array_grow(w->data, &w->data_cap, n_data + 1, sizeof(w->data[0]));

	if (grown == NULL)
		return -ENOMEM;
	w->data = grown;
	grown = array_grow(w->extra, &w->extra_cap, n_extra + 1, sizeof(w->extra[0]));
	if (grown == NULL)
		return -ENOMEM;
	w->extra = grown;
	grown = array_grow(w->who, &w->who_cap, n_data + 1, sizeof(w->who[0]));
	if (grown == NULL)
		return -ENOMEM;
	w->who = grown;
	return 0;
}

static void data_init(struct record_data *d)
{
	memset(&d->addr, 0, sizeof(d->addr));
	d->target.size_bytes = 0;
	d->priority = 0;
	d->weight = 0;
	d->port = 0;
	d->zone_tail_size = 0;
}

static void data_addr(struct record_data *d, const struct object_address *addr)
{
	data_init(d);
	d->addr = work_addr(addr);
}

static void note_capped(struct work *w, size_t bytes)
{
	if (bytes <= ANSWER_MAX_BYTES)
		return;
	w->report->capped_sets++;
	w->report->why = "more records than a message holds";
}

static void add_set(struct work *w, struct sets *out, const struct record_set *set)
{
	if (set->n == 0)
		return;
	out->set[out->n] = *set;
	out->set[out->n].ttl_s = w->ttl_s;
	out->n++;
}

// The addresses of one family from *pos in w->data on.
static struct record_set addr_set(
	struct work *w, const struct view *v, enum object_family family, size_t *pos)
{
	const struct object_address *last = NULL;
	struct record_set set = {
		.type = family == OBJECT_IPV4 ? RR_TYPE_A : RR_TYPE_AAAA, .data = w->data + *pos};

	for (size_t i = 0; i < v->n; i++) {
		const struct object_address *a = v->by_addr[i]->addr;
		if (a->family != family || (last != NULL && object_address_is_equal(a, last)))
			continue;
		data_addr(&w->data[(*pos)++], a);
		set.n++;
		last = a;
	}
	note_capped(w, set.n * (family == OBJECT_IPV4 ? 16u : 28u));
	return set;
}

// k8s:2.5: the service itself, host.service, or host.cluster.service. False: too long for a name.
static bool target_of(
	struct work *w, const struct item *item, const struct dname *owner, struct dname *out)
{
	*out = *owner;
	if (item->cluster[0] != '\0' && names_prepend_all(out, item->cluster) != 0)
		return false;
	if (item->host[0] == '\0' || names_prepend_all(out, item->host) == 0)
		return true;
	w->report->skipped_names++;
	w->report->why = "an endpoint whose name is too long";
	return false;
}

// Rule W. n counts every selected pair, also those that give no record.
static uint16_t weight_of(size_t n)
{
	return (uint16_t)(n >= 100 ? 1 : 100 / n);
}

// The SRV records of a view, into w->data from pos on; w->who says which item each stands for.
static struct record_set srv_set(struct work *w, const struct view *v,
	const struct synth_zone *zone, const struct dname *owner, size_t pos)
{
	struct record_set set = {.type = RR_TYPE_SRV, .data = w->data + pos};
	const struct item *last = NULL;
	struct dname target = {0};
	bool has_target = false;
	size_t bytes = 0;

	for (size_t i = 0; i < v->n; i++) {
		const struct item *item = v->by_port[i];
		if (item->number < 0)
			continue; // k8s:6: no ports, no SRV
		bool is_new = last == NULL || items_compare_host(item, last) != 0;
		if (!is_new && item->number == last->number)
			continue;
		if (is_new)
			has_target = target_of(w, item, owner, &target);
		last = item;
		if (!has_target)
			continue;
		w->who[set.n] = item;
		struct record_data *d = &w->data[pos + set.n++];
		data_init(d);
		d->target = target;
		d->weight = weight_of(v->n);
		d->port = (uint16_t)item->number;
		d->zone_tail_size = zone->name.size_bytes;
		bytes += DNS_RR_FIXED_BYTES + 8u + target.size_bytes;
	}
	note_capped(w, bytes);
	return set;
}

// k8s:2.5: every address of every target, each pair once.
static void srv_extras(struct work *w, const struct view *v, struct record_set *set)
{
	const struct item *last = NULL;
	size_t k = 0;
	size_t n = 0;

	for (size_t i = 0; i < v->n; i++) {
		const struct item *item = v->by_host[i];
		if (item->number < 0)
			continue;
		if (last != NULL && items_compare_host(item, last) == 0 &&
			object_address_is_equal(item->addr, last->addr))
			continue;
		last = item;
		// Records and items run through the hosts in one order.
		while (k < set->n && items_compare_host(w->who[k], item) < 0)
			k++;
		if (k == set->n)
			break;
		if (items_compare_host(w->who[k], item) == 0)
			w->extra[n++] =
				(struct record_extra){&set->data[k].target, work_addr(item->addr)};
	}
	set->extra = w->extra;
	set->n_extra = n;
}

int sets_build(struct work *w, const struct view *view, const struct synth_zone *zone,
	const struct dname *owner, struct sets *out)
{
	size_t pos = 0;
	int rc = room(w, 2 * view->n, view->n);

	out->n = 0;
	if (rc != 0)
		return rc;
	struct record_set a = addr_set(w, view, OBJECT_IPV4, &pos);
	struct record_set aaaa = addr_set(w, view, OBJECT_IPV6, &pos);
	struct record_set srv = srv_set(w, view, zone, owner, pos);
	srv_extras(w, view, &srv);
	add_set(w, out, &a);
	add_set(w, out, &aaaa);
	add_set(w, out, &srv);
	return 0;
}

int sets_of_addresses(
	struct work *w, const struct object_address *const *addrs, size_t n, struct sets *out)
{
	static const enum object_family families[] = {OBJECT_IPV4, OBJECT_IPV6};
	size_t pos = 0;
	int rc = room(w, n, 0);

	out->n = 0;
	for (int f = 0; rc == 0 && f < 2; f++) {
		struct record_set set = {
			.type = f == 0 ? RR_TYPE_A : RR_TYPE_AAAA, .data = w->data + pos};
		for (size_t i = 0; i < n; i++) {
			if (addrs[i]->family != families[f])
				continue;
			data_addr(&w->data[pos++], addrs[i]);
			set.n++;
		}
		add_set(w, out, &set);
	}
	return rc;
}
