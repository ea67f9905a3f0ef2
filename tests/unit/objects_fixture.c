// SPDX-License-Identifier: Apache-2.0
// Reads objects, prints records.
#include "tests/unit/objects_fixture.h"

#include "control/synth/names.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

enum { MANY = 128 };

// Everything a line can say.
struct parsed {
	char text[8192];
	char *kind, *ns, *name;
	struct object_address ips[MANY];
	size_t n_ips;
	struct object_port ports[MANY];
	size_t n_ports;
	struct object_endpoint eps[MANY];
	struct object_address ep_addrs[MANY][4];
	size_t n_eps;
	const char *to, *of, *cluster;
	struct object_address outside[MANY];
	size_t n_outside;
	const char *hosts[MANY];
	size_t n_hosts;
	bool is_headless;
	uint64_t rv;
};

static enum object_protocol protocol(const char *text)
{
	if (strcasecmp(text, "tcp") == 0)
		return OBJECT_TCP;
	if (strcasecmp(text, "udp") == 0)
		return OBJECT_UDP;
	return strcasecmp(text, "sctp") == 0 ? OBJECT_SCTP : OBJECT_PROTOCOL_NONE;
}

static void parse_ports(struct parsed *p, char *value)
{
	char *end = NULL;

	for (char *t = strtok_r(value, ",", &end); t != NULL; t = strtok_r(NULL, ",", &end)) {
		char *proto = strchr(t, '/');
		char *number = strchr(proto + 1, '/');
		*proto = *number = '\0';
		p->ports[p->n_ports++] = (struct object_port){
			t, (int32_t)strtol(number + 1, NULL, 10), protocol(proto + 1)};
	}
}

static void parse_address(const char *text, struct object_address *out)
{
	if (!object_address_parse(text, out))
		fail_msg("no address: %s", text);
}

static void parse_endpoint(struct parsed *p, char *value)
{
	struct object_endpoint *e = &p->eps[p->n_eps];
	struct object_address *addrs = p->ep_addrs[p->n_eps++];
	char *end = NULL;
	char *inner = NULL;
	char *list = strtok_r(value, ";", &end);

	*e = (struct object_endpoint){addrs, "", "", "", "", 0};
	for (char *t = strtok_r(NULL, ";", &end); t != NULL; t = strtok_r(NULL, ";", &end)) {
		if (strncmp(t, "host=", 5) == 0)
			e->hostname = t + 5;
		else if (strncmp(t, "pod=", 4) == 0)
			e->target_name = t + 4;
		else if (strncmp(t, "zone=", 5) == 0)
			e->zone = t + 5;
	}
	for (char *t = strtok_r(list, ",", &inner); t != NULL; t = strtok_r(NULL, ",", &inner))
		parse_address(t, &addrs[e->n_addresses++]);
}

static void parse_ips(struct parsed *p, char *value)
{
	char *end = NULL;

	for (char *t = strtok_r(value, ",", &end); t != NULL; t = strtok_r(NULL, ",", &end))
		parse_address(t, &p->ips[p->n_ips++]);
}

static void parse_word(struct parsed *p, char *word)
{
	char *value = strchr(word, '=');

	if (strcmp(word, "headless") == 0) {
		p->is_headless = true;
		return;
	}
	if (value == NULL) {
		fail_msg("no word of an object: %s", word);
		return;
	}
	*value++ = '\0';
	if (strcmp(word, "ips") == 0 || strcmp(word, "ip") == 0)
		parse_ips(p, value);
	else if (strcmp(word, "ports") == 0)
		parse_ports(p, value);
	else if (strcmp(word, "ep") == 0)
		parse_endpoint(p, value);
	else if (strcmp(word, "external") == 0)
		parse_address(value, &p->outside[p->n_outside++]);
	else if (strcmp(word, "host") == 0)
		p->hosts[p->n_hosts++] = value;
	else if (strcmp(word, "to") == 0)
		p->to = value;
	else if (strcmp(word, "of") == 0)
		p->of = value;
	else if (strcmp(word, "cluster") == 0)
		p->cluster = value;
	else if (strcmp(word, "rv") == 0)
		p->rv = strtoull(value, NULL, 10);
	else
		fail_msg("no word of an object: %s", word);
}

static struct object_meta meta(const struct parsed *p, enum object_kind kind)
{
	return (struct object_meta){p->ns, p->name, p->rv, kind};
}

static void *pack_service(const struct parsed *p)
{
	const struct object_service s = {.meta = meta(p, OBJECT_SERVICE),
		.type = p->to != NULL ? OBJECT_EXTERNAL_NAME : OBJECT_CLUSTER_IP,
		.headless = p->is_headless,
		.external_name = p->to != NULL ? p->to : "",
		.external_ips = p->outside,
		.ingress_hosts = p->hosts,
		.n_external_ips = (uint16_t)p->n_outside,
		.n_ingress_hosts = (uint16_t)p->n_hosts,
		.cluster_ips = p->ips,
		.n_cluster_ips = (uint16_t)p->n_ips,
		.ports = p->ports,
		.n_ports = (uint16_t)p->n_ports};

	return object_service_pack(&s);
}

static void *pack_slice(const struct parsed *p, enum object_kind kind)
{
	const struct object_slice s = {.meta = meta(p, kind),
		.service_name = p->of,
		.source_cluster = p->cluster != NULL ? p->cluster : "",
		.endpoints = p->eps,
		.n_endpoints = (uint32_t)p->n_eps,
		.ports = p->ports,
		.n_ports = (uint16_t)p->n_ports};

	return object_slice_pack(&s);
}

static void *pack(const struct parsed *p)
{
	if (strcmp(p->kind, "service") == 0)
		return pack_service(p);
	if (strcmp(p->kind, "slice") == 0)
		return pack_slice(p, OBJECT_SLICE);
	if (strcmp(p->kind, "import-slice") == 0)
		return pack_slice(p, OBJECT_IMPORT_SLICE);
	if (strcmp(p->kind, "pod") == 0) {
		const struct object_pod o = {
			meta(p, OBJECT_POD), p->ips[0], p->to != NULL ? p->to : ""};
		return object_pod_pack(&o);
	}
	if (strcmp(p->kind, "import") == 0) {
		const struct object_import o = {.meta = meta(p, OBJECT_IMPORT),
			.headless = p->is_headless,
			.ips = p->ips,
			.n_ips = (uint16_t)p->n_ips,
			.ports = p->ports,
			.n_ports = (uint16_t)p->n_ports};
		return object_import_pack(&o);
	}
	const struct object_namespace o = {meta(p, OBJECT_NAMESPACE)};
	return object_namespace_pack(&o);
}

struct object_meta *objects_parse(const char *line)
{
	static struct parsed p;
	char *end = NULL;

	memset(&p, 0, sizeof(p));
	if (snprintf(p.text, sizeof(p.text), "%s", line) >= (int)sizeof(p.text))
		fail_msg("line too long");
	p.kind = strtok_r(p.text, " \t", &end);
	if (p.kind == NULL || p.kind[0] == '#')
		return NULL;
	p.name = strtok_r(NULL, " ", &end);
	p.ns = p.name + strlen(p.name);
	char *slash = strchr(p.name, '/');
	if (slash != NULL) {
		*slash = '\0';
		p.ns = p.name;
		p.name = slash + 1;
	}
	for (char *t = strtok_r(NULL, " ", &end); t != NULL; t = strtok_r(NULL, " ", &end))
		parse_word(&p, t);
	struct object_meta *o = pack(&p);
	assert_non_null(o);
	return o;
}

void objects_put(struct store *s, enum object_set set, const char *text)
{
	char *copy = strdup(text);
	char *end = NULL;

	for (char *l = strtok_r(copy, "\n", &end); l != NULL; l = strtok_r(NULL, "\n", &end)) {
		struct object_meta *o = objects_parse(l);
		if (o != NULL)
			assert_int_equal(store_put(s, set, o), 0);
	}
	free(copy);
}

const struct config_kubernetes *objects_config(
	struct config *c, const char *zones, const char *options)
{
	const struct config_options o = {.skip_file_checks = true};
	struct err e = {0};
	char text[2048];

	(void)snprintf(text, sizeof(text),
		".:53 {\n kubernetes %s {\n endpoint http://127.0.0.1:1\n %s\n }\n}\n",
		zones != NULL ? zones : "cluster.local in-addr.arpa ip6.arpa", options);
	memset(c, 0, sizeof(*c));
	if (config_parse_text("test", text, &o, c, &e) != 0)
		fail_msg("Corefile: %s", e.text);
	return c->servers[0].kubernetes;
}

struct printer {
	char **lines;
	size_t n, cap;
	struct {
		char *name;
		char *rest; // its lines' ends, '\n' behind each
	} seen[4096];
	size_t n_seen;
};

static void add_line(struct printer *p, const char *name, const char *rest)
{
	if (p->n == p->cap) {
		p->cap = p->cap == 0 ? 256 : p->cap * 2;
		p->lines = realloc(p->lines, p->cap * sizeof(p->lines[0]));
		assert_non_null(p->lines);
	}
	assert_true(asprintf(&p->lines[p->n++], "%s %s", name, rest) > 0);
}

static void print_addr(const struct record_addr *a, char *out)
{
	struct object_address o = {.family = a->family};

	memcpy(o.bytes, a->bytes, 16);
	(void)names_address(&o, out);
}

static void print_data(const struct record_data *d, uint16_t type, char *out, size_t size)
{
	char text[DNAME_TEXT_MAX_BYTES];

	if (type == RR_TYPE_A || type == RR_TYPE_AAAA) {
		print_addr(&d->addr, out);
		return;
	}
	(void)dname_print(d->target.wire, text, sizeof(text));
	if (type == RR_TYPE_SRV)
		(void)snprintf(out, size, "%u %u %u %s", d->priority, d->weight, d->port, text);
	else
		(void)snprintf(out, size, "%s", text);
}

// Appends "TYPE RDATA\n" for every record of a set.
static void print_set(const struct record_set *set, FILE *f)
{
	char type[16];
	char data[2048];
	char owner[DNAME_TEXT_MAX_BYTES];
	uint16_t rr = set->rr_type != 0 ? set->rr_type : set->type;

	for (size_t i = 0; i < set->n; i++) {
		print_data(&set->data[i], rr, data, sizeof(data));
		(void)fprintf(f, "%s", rr_type_print(set->type, type, sizeof(type)));
		if (rr != set->type)
			(void)fprintf(f, "=%s", rr_type_print(rr, type, sizeof(type)));
		(void)fprintf(f, " %s\n", data);
	}
	for (size_t i = 0; i < set->n_chain; i++) {
		print_data(&set->chain[i].data, set->chain[i].type, data, sizeof(data));
		(void)fprintf(f, "%s> %s %s %s\n", rr_type_print(set->type, type, sizeof(type)),
			dname_print(set->chain[i].owner->wire, owner, sizeof(owner)),
			set->chain[i].type == RR_TYPE_CNAME ? "CNAME" : "ADDR", data);
	}
	for (size_t i = 0; i < set->n_extra; i++) {
		print_addr(&set->extra[i].addr, data);
		(void)fprintf(f, "%s+ %s %s\n", rr_type_print(set->type, type, sizeof(type)),
			dname_print(set->extra[i].target->wire, owner, sizeof(owner)), data);
	}
	if (set->text != NULL)
		(void)fprintf(f, "TXT \"%s\"\n", set->text);
	if (set->soa != NULL)
		(void)fprintf(f, "SOA %u %u\n", set->soa->serial, set->soa->minimum_s);
}

static int take_name(void *user, const struct synth_name *n, uint32_t *id)
{
	struct printer *p = user;
	char name[DNAME_TEXT_MAX_BYTES + 32];
	char *rest = NULL;
	size_t size = 0;

	if (n->flags & (SYNTH_FOR_ADDRESS | SYNTH_UNREADY)) {
		*id = SYNTH_NO_ALIAS; // there is no such name
		return 0;
	}
	FILE *f = open_memstream(&rest, &size);
	(void)dname_print(n->name->wire, name, DNAME_TEXT_MAX_BYTES);
	if (n->us_mask != RECORD_US_EXACT)
		(void)snprintf(name + strlen(name), 16, " [%x]", n->us_mask);
	if (n->flags & SYNTH_WILDCARD)
		strcat(name, " *");
	if (n->flags & SYNTH_POD_NS)
		strcat(name, " pods");
	for (size_t i = 0; i < n->n_sets; i++)
		print_set(&n->sets[i], f);
	if (n->alias_of != SYNTH_NO_ALIAS)
		(void)fputs(p->seen[n->alias_of].rest, f);
	else if (n->n_sets == 0)
		(void)fputs("-\n", f);
	(void)fclose(f);
	*id = (uint32_t)p->n_seen;
	assert_true(p->n_seen < 4096);
	p->seen[p->n_seen].name = strdup(name);
	p->seen[p->n_seen++].rest = rest;
	return 0;
}

static void print_unit(const struct synth *y, const struct synth_unit *u, struct printer *p)
{
	const struct synth_sink sink = {p, take_name};

	p->n_seen = 0;
	assert_int_equal(synth_emit(y, u, &sink, NULL), 0);
	for (size_t i = 0; i < p->n_seen; i++) {
		char *end = NULL;
		for (char *l = strtok_r(p->seen[i].rest, "\n", &end); l != NULL;
			l = strtok_r(NULL, "\n", &end))
			add_line(p, p->seen[i].name, l);
		free(p->seen[i].name);
		free(p->seen[i].rest);
	}
}

static void print_walked(struct store *s, const struct synth *y, enum store_walk walk,
	enum synth_unit_kind kind, struct printer *p)
{
	struct store_walked w;

	store_rewind(s, walk);
	while (store_step(s, walk, &w)) {
		struct synth_unit u = {.kind = kind, .ns = "", .name = ""};
		if (w.addr != NULL)
			u.addr = *w.addr;
		if (w.ns != NULL)
			u.ns = w.ns;
		if (w.label != NULL)
			u.name = w.label;
		if (w.object != NULL) {
			u.ns = kind == UNIT_NAMESPACE ? w.object->name : w.object->ns;
			u.name = kind == UNIT_NAMESPACE ? "" : w.object->name;
		}
		print_unit(y, &u, p);
	}
}

static int line_compare(const void *a, const void *b)
{
	return strcmp(*(char *const *)a, *(char *const *)b);
}

char *objects_records(struct store *s, const struct synth *y, enum objects_apex apex)
{
	const struct synth_unit fixed = {.kind = UNIT_APEX, .ns = "", .name = ""};
	struct printer *p = calloc(1, sizeof(*p));
	char *out = NULL;
	size_t size = 0;

	assert_non_null(p);
	if (apex == OBJECTS_WITH_APEX)
		print_unit(y, &fixed, p);
	print_walked(s, y, STORE_WALK_NAMESPACES, UNIT_NAMESPACE, p);
	print_walked(s, y, STORE_WALK_SERVICES, UNIT_SERVICE, p);
	print_walked(s, y, STORE_WALK_IMPORTS, UNIT_IMPORT, p);
	print_walked(s, y, STORE_WALK_PODS, UNIT_POD, p);
	print_walked(s, y, STORE_WALK_ADDRESSES, UNIT_REVERSE, p);
	if (p->n > 0)
		qsort(p->lines, p->n, sizeof(p->lines[0]), line_compare);
	FILE *f = open_memstream(&out, &size);
	for (size_t i = 0; i < p->n; i++) {
		(void)fprintf(f, "%s\n", p->lines[i]);
		free(p->lines[i]);
	}
	(void)fclose(f);
	free(p->lines);
	free(p);
	return out;
}
