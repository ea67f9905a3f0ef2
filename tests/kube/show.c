// SPDX-License-Identifier: Apache-2.0
// Objects and statistics as lines of text.
#include "tests/kube/show.h"

#include <stdio.h>

#include <arpa/inet.h>

static void print_address(const struct object_address *a)
{
	char text[INET6_ADDRSTRLEN];

	printf(" %s",
		inet_ntop(a->family == OBJECT_IPV4 ? AF_INET : AF_INET6, a->bytes, text,
			sizeof(text)));
}

static void print_ports(const struct object_port *ports, size_t n)
{
	static const char *const protocols[] = {"-", "TCP", "UDP", "SCTP"};

	for (size_t i = 0; i < n; i++)
		printf(" port=%s:%d/%s", ports[i].name, (int)ports[i].number,
			protocols[ports[i].protocol]);
}

static void print_slice(const struct object_slice *s)
{
	printf(" service=%s cluster=%s trigger=%lld", s->service_name, s->source_cluster,
		(long long)s->trigger_ms);
	print_ports(s->ports, s->n_ports);
	for (size_t i = 0; i < s->n_endpoints; i++) {
		const struct object_endpoint *e = &s->endpoints[i];

		printf(" endpoint=%s,%s,%s,%s", e->hostname, e->target_name, e->node_name, e->zone);
		for (size_t k = 0; k < e->n_addresses; k++)
			print_address(&e->addresses[k]);
	}
}

static void print_service(const struct object_service *s)
{
	printf(" type=%d headless=%d external=%s ips", (int)s->type, s->headless, s->external_name);
	for (size_t i = 0; i < s->n_cluster_ips; i++)
		print_address(&s->cluster_ips[i]);
	printf(" external_ips");
	for (size_t i = 0; i < s->n_external_ips; i++)
		print_address(&s->external_ips[i]);
	for (size_t i = 0; i < s->n_ingress_hosts; i++)
		printf(" host=%s", s->ingress_hosts[i]);
	print_ports(s->ports, s->n_ports);
}

static void print_import(const struct object_import *m)
{
	printf(" headless=%d ips", m->headless);
	for (size_t i = 0; i < m->n_ips; i++)
		print_address(&m->ips[i]);
	print_ports(m->ports, m->n_ports);
}

void show_object(const struct object_meta *meta)
{
	printf("object %s %s/%s", object_kind_name(meta->kind), meta->ns, meta->name);
	if (meta->kind == OBJECT_SERVICE)
		print_service((const struct object_service *)meta);
	if (meta->kind == OBJECT_SLICE || meta->kind == OBJECT_IMPORT_SLICE)
		print_slice((const struct object_slice *)meta);
	if (meta->kind == OBJECT_POD && ((const struct object_pod *)meta)->ip.family != 0)
		print_address(&((const struct object_pod *)meta)->ip);
	if (meta->kind == OBJECT_IMPORT)
		print_import((const struct object_import *)meta);
	printf("\n");
}

void show_stats(enum object_kind kind, const struct kube_stats *s, size_t objects)
{
	static const char *const phases[] = {"idle", "listing", "watching"};

	printf("stats %s phase=%s synced=%d refused=%d events=%llu bookmarks=%llu skipped=%llu"
	       " values=%llu held=%llu drift=%llu requests=%llu failing=%d objects=%zu bytes=%llu",
		object_kind_name(kind), phases[s->phase], s->synced, s->streaming_refused,
		(unsigned long long)s->events, (unsigned long long)s->bookmarks,
		(unsigned long long)s->objects_skipped, (unsigned long long)s->values_skipped,
		(unsigned long long)s->shrinks_held, (unsigned long long)s->drift,
		(unsigned long long)s->requests, s->failing_since_ms != 0, objects,
		(unsigned long long)s->bytes_read);
	for (int i = 0; i < KUBE_RESULTS; i++)
		printf(" list_%s=%llu watch_%s=%llu", kube_result_name((enum kube_result)i),
			(unsigned long long)s->list_results[i],
			kube_result_name((enum kube_result)i),
			(unsigned long long)s->watch_results[i]);
	for (int i = 0; i < KUBE_RELIST_REASONS; i++)
		printf(" relist_%s=%llu", kube_relist_reason_name((enum kube_relist_reason)i),
			(unsigned long long)s->relists[i]);
	printf("\n");
}
