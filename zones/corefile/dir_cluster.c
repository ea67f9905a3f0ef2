// SPDX-License-Identifier: Apache-2.0
// kubernetes (k8s:2.1), k8s_external and autopath.
#include "zones/corefile/directives.h"
#include "zones/corefile/expand.h"
#include "zones/corefile/selector.h"

#include "zones/base/array.h"

#include <errno.h>
#include <string.h>
#include <unistd.h>

static int take_pods(struct parse *p, const struct node *n, void *out)
{
	struct config_kubernetes *k = out;
	const char *mode = n->args[0].text;

	if (strcmp(mode, "disabled") == 0)
		k->pods = PODS_DISABLED;
	else if (strcmp(mode, "insecure") == 0)
		k->pods = PODS_INSECURE;
	else if (strcmp(mode, "verified") == 0)
		k->pods = PODS_VERIFIED;
	else
		return parse_error(
			p, &n->args[0], "pods is one of disabled, insecure and verified");
	return 0;
}

static int take_namespaces(struct parse *p, const struct node *n, void *out)
{
	struct config_kubernetes *k = out;

	return parse_words(p, n->args, n->n_args, &k->namespaces);
}

static int take_endpoint(struct parse *p, const struct node *n, void *out)
{
	struct config_kubernetes *k = out;

	k->endpoint = n->args[0].text;
	if (n->n_args == 1)
		return 0;
	return parse_tell(p, &n->args[1], PROBLEM_WARNING, "only the first endpoint is used");
}

static int take_tls(struct parse *p, const struct node *n, void *out)
{
	struct config_kubernetes *k = out;

	k->tls_cert = n->args[0].text;
	k->tls_key = n->args[1].text;
	k->tls_ca = n->args[2].text;
	if (!p->o->needs_kubeconfig || p->o->skip_file_checks)
		return 0;
	for (size_t i = 0; i < 3; i++) {
		if (n->args[i].text[0] != '\0' && access(n->args[i].text, R_OK) != 0)
			return parse_error(p, &n->args[i], "cannot read %.100s: %s",
				n->args[i].text, strerror(errno));
	}
	return 0;
}

// Looks into one file of a list. Whoever names the context spells it, so that a text without the
// letters has no such context; what is more is the client's to read.
static int look_for_context(
	const char *paths, size_t len, const char *context, struct arena *a, bool *has_context)
{
	char *text = NULL;
	size_t size = 0;
	char *path = arena_alloc(a, len + 1);

	if (path == NULL)
		return -ENOMEM;
	memcpy(path, paths, len);
	path[len] = '\0';
	int rc = expand_read_file(a, path, &text, &size);
	if (rc == 0 && (context == NULL || memmem(text, size, context, strlen(context)) != NULL))
		*has_context = true;
	return rc;
}

// One file of the colon list must be there, and all that are must be readable.
static int check_kubeconfig(
	struct parse *p, const struct node *n, const struct config_kubernetes *k)
{
	struct arena a = {0};
	bool is_there = false, has_context = false;
	int rc = 0;

	for (const char *path = k->kubeconfig; rc == 0 && *path != '\0';) {
		size_t len = strcspn(path, ":");
		rc = len == 0
			? -ENOENT
			: look_for_context(path, len, k->kubeconfig_context, &a, &has_context);
		is_there |= rc == 0;
		rc = rc == -ENOENT ? 0 : rc;
		path += len + (path[len] == ':');
	}
	arena_fini(&a);
	if (rc == -ENOMEM)
		return parse_no_memory(p);
	if (rc != 0)
		return parse_error(
			p, &n->args[0], "cannot read %s: %s", k->kubeconfig, strerror(-rc));
	if (!is_there)
		return parse_error(p, &n->args[0], "%s does not exist", k->kubeconfig);
	if (!has_context)
		return parse_error(p, &n->args[1], "%s has no context %s", k->kubeconfig,
			k->kubeconfig_context);
	return 0;
}

static int take_kubeconfig(struct parse *p, const struct node *n, void *out)
{
	struct config_kubernetes *k = out;

	k->kubeconfig = n->args[0].text;
	k->kubeconfig_context = n->n_args > 1 ? n->args[1].text : NULL;
	if (!p->o->needs_kubeconfig || p->o->skip_file_checks)
		return 0;
	return check_kubeconfig(p, n, k);
}

static int take_qps(struct parse *p, const struct node *n, void *out)
{
	struct config_kubernetes *k = out;
	const char *text = n->args[0].text;
	size_t whole = strcspn(text, ".");
	uint64_t units = 0;
	double scale = 1;
	double value = 0;

	if (strlen(text) > 15 || strspn(text, "0123456789.") != strlen(text) ||
		strspn(text, ".") == strlen(text))
		return parse_error(p, &n->args[0], "apiserver_qps must be a number");
	for (size_t i = 0; i < whole; i++)
		units = units * 10 + (uint64_t)(text[i] - '0');
	value = (double)units;
	for (size_t i = whole + 1; i < strlen(text) && text[i] != '.'; i++) {
		scale /= 10;
		value += scale * (text[i] - '0');
	}
	k->apiserver_qps = value;
	return 0;
}

static int check_selector(struct parse *p, const struct node *n, const char *text)
{
	if (selector_is_valid(text))
		return 0;
	return parse_error(
		p, &n->args[0], "this is no label selector, such as \"app=web,tier in (a, b)\"");
}

static int take_labels(struct parse *p, const struct node *n, void *out)
{
	struct config_kubernetes *k = out;
	int rc = parse_joined(p, n->args, n->n_args, &k->labels);

	return rc == 0 ? check_selector(p, n, k->labels) : rc;
}

static int take_namespace_labels(struct parse *p, const struct node *n, void *out)
{
	struct config_kubernetes *k = out;
	int rc = parse_joined(p, n->args, n->n_args, &k->namespace_labels);

	return rc == 0 ? check_selector(p, n, k->namespace_labels) : rc;
}

static int take_ignore(struct parse *p, const struct node *n, void *out)
{
	struct config_kubernetes *k = out;

	if (n->n_args == 0)
		return parse_tell(
			p, n->name, PROBLEM_WARNING, "ignore does nothing without empty_service");
	if (strcmp(n->args[0].text, "empty_service") != 0)
		return parse_error(p, &n->args[0], "the only thing to ignore is empty_service");
	k->ignore_empty_service = true;
	return 0;
}

static int take_multicluster(struct parse *p, const struct node *n, void *out)
{
	struct config_kubernetes *k = out;
	int rc = 0;

	for (size_t i = 0; rc == 0 && i < n->n_args; i++) {
		size_t first = k->multicluster.n;
		rc = zones_add(p, &n->args[i], &k->multicluster);
		for (size_t m = first; rc == 0 && m < k->multicluster.n; m++) {
			const char *zone = k->multicluster.items[m].text;
			size_t z = 0;
			while (z < k->zones.n && strcmp(k->zones.items[z].text, zone) != 0)
				z++;
			if (z == k->zones.n)
				rc = parse_error(p, &n->args[i],
					"multicluster zone %s must also be a zone of kubernetes",
					zone);
		}
	}
	return rc;
}

static int take_legacy(struct parse *p, const struct node *n, void *out)
{
	const char *name = n->name->text;

	(void)out;
	if (strcmp(name, "upstream") == 0)
		return parse_fixable(p, n->name, FIX_DELETE,
			"upstream has had no effect since CoreDNS 1.7 and is refused; delete the "
			"line");
	if (strcmp(name, "resyncperiod") == 0)
		return parse_fixable(p, n->name, FIX_DELETE,
			"resyncperiod is gone since CoreDNS 1.5; delete the line");
	if (strcmp(name, "federation") == 0)
		return parse_fixable(p, n->name, FIX_DELETE,
			"federation is gone since CoreDNS 1.7; delete the line");
	return transfer_legacy(p, n, out);
}

#define K8S(field) offsetof(struct config_kubernetes, field)

static const struct property kubernetes_properties[] = {
	{"apiserver_burst", PROP_U32, K8S(apiserver_burst), 0, INT32_MAX, NULL, STRICT},
	{"apiserver_max_inflight", PROP_U32, K8S(apiserver_max_inflight), 0, INT32_MAX, NULL,
		STRICT},
	{"apiserver_qps", PROP_CALL, 0, 1, 1, take_qps, STRICT},
	{"endpoint", PROP_CALL, 0, 1, ANY_NUMBER, take_endpoint, STRICT},
	{"endpoint_pod_names", PROP_FLAG, K8S(endpoint_pod_names), 0, 0, NULL, STRICT},
	{"fallthrough", PROP_FALL, K8S(fall), 0, 0, NULL, STRICT},
	{"federation", PROP_CALL, 0, 0, ANY_NUMBER, take_legacy, STRICT},
	{"ignore", PROP_CALL, 0, 0, 1, take_ignore, LAX},
	{"kubeconfig", PROP_CALL, 0, 1, 2, take_kubeconfig, STRICT},
	{"labels", PROP_CALL, 0, 1, ANY_NUMBER, take_labels, STRICT},
	{"multicluster", PROP_CALL, 0, 0, ANY_NUMBER, take_multicluster, STRICT},
	{"namespace_labels", PROP_CALL, 0, 1, ANY_NUMBER, take_namespace_labels, STRICT},
	{"namespaces", PROP_CALL, 0, 1, ANY_NUMBER, take_namespaces, STRICT},
	{"noendpoints", PROP_FLAG, K8S(noendpoints), 0, 0, NULL, STRICT},
	{"pods", PROP_CALL, 0, 1, 1, take_pods, STRICT},
	{"resyncperiod", PROP_CALL, 0, 0, ANY_NUMBER, take_legacy, STRICT},
	{"startup_timeout", PROP_MS, K8S(startup_timeout_ms), 0, 0, NULL, LAX},
	{"tls", PROP_CALL, 0, 3, 3, take_tls, STRICT},
	{"transfer", PROP_CALL, 0, 0, ANY_NUMBER, take_legacy, STRICT},
	{"ttl", PROP_U32, K8S(ttl), 0, 3600, NULL, LAX},
	{"upstream", PROP_CALL, 0, 0, ANY_NUMBER, take_legacy, STRICT},
	{"zonal", PROP_FLAG, K8S(zonal), 0, 0, NULL, STRICT},
};

static bool is_below(const char *zone, const char *apex)
{
	size_t zone_len = strlen(zone);
	size_t len = strlen(apex);

	return zone_len >= len && strcmp(zone + zone_len - len, apex) == 0 &&
		(zone_len == len || zone[zone_len - len - 1] == '.');
}

// quirk 10: the bare apexes count as reverse too, so PTR targets never end in them.
static int find_primary_zone(struct parse *p, const struct node *n, struct config_kubernetes *k)
{
	for (size_t i = 0; i < k->zones.n; i++) {
		const char *zone = k->zones.items[i].text;
		if (is_below(zone, "in-addr.arpa.") || is_below(zone, "ip6.arpa."))
			continue;
		k->primary_zone = i;
		return 0;
	}
	return parse_error(
		p, n->name, "kubernetes needs one zone that is not reverse, such as cluster.local");
}

int kubernetes_parse(struct parse *p, const struct node *n, struct config_directive *d)
{
	struct config_kubernetes *k = arena_alloc(p->arena, sizeof(*k));

	if (k == NULL)
		return parse_no_memory(p);
	k->ttl = 5;
	k->startup_timeout_ms = 5000;
	int rc = zones_or_server(p, n->args, n->n_args, &k->zones);
	if (rc == 0)
		rc = find_primary_zone(p, n, k);
	if (rc != 0)
		return rc;
	rc = properties_parse(p, n, kubernetes_properties, ARRAY_LEN(kubernetes_properties), k);
	if (parse_goes_on(p, rc) && k->namespaces.n > 0 && k->namespace_labels != NULL)
		rc = parse_error(
			p, n->name, "kubernetes takes namespaces or namespace_labels, not both");
	if (parse_goes_on(p, rc) && k->zonal && k->noendpoints)
		rc = parse_error(
			p, n->name, "zonal needs the endpoints: remove noendpoints or zonal");
	d->data = k;
	p->server->kubernetes = k;
	return rc;
}

#define EXT(field) offsetof(struct config_k8s_external, field)

int k8s_external_parse(struct parse *p, const struct node *n, struct config_directive *d)
{
	static const struct property table[] = {
		{"apex", PROP_TEXT, EXT(apex), 0, 0, NULL, LAX},
		{"fallthrough", PROP_FALL, EXT(fall), 0, 0, NULL, STRICT},
		{"headless", PROP_FLAG, EXT(headless), 0, 0, NULL, LAX},
		{"ttl", PROP_U32, EXT(ttl), 0, 3600, NULL, LAX},
		{"upstream", PROP_CALL, 0, 0, ANY_NUMBER, take_legacy, STRICT},
	};
	struct config_k8s_external *x = arena_alloc(p->arena, sizeof(*x));

	if (x == NULL)
		return parse_no_memory(p);
	x->apex = "dns";
	x->ttl = 5;
	d->data = x;
	int rc = zones_or_server(p, n->args, n->n_args, &x->zones);
	if (rc == 0)
		rc = properties_parse(p, n, table, ARRAY_LEN(table), x);
	size_t len = strlen(x->apex);
	if (parse_goes_on(p, rc) && (len == 0 || len > 63 || strchr(x->apex, '.') != NULL))
		rc = parse_error(p, n->name, "the apex of k8s_external is one label, such as dns");
	return rc;
}

int autopath_parse(struct parse *p, const struct node *n, struct config_directive *d)
{
	struct config_autopath *a = arena_alloc(p->arena, sizeof(*a));
	int rc = parse_shape(p, n, 1, ANY_NUMBER, BRACES_NO);

	if (rc != 0)
		return rc;
	if (a == NULL)
		return parse_no_memory(p);
	const struct token *last = &n->args[n->n_args - 1];
	d->data = a;
	if (last->text[0] != '@')
		a->resolv_conf = last->text;
	else if (strcmp(last->text, "@kubernetes") == 0)
		a->from_kubernetes = true;
	else
		return parse_error(
			p, last, "autopath can ask @kubernetes or a file like /etc/resolv.conf");
	return zones_or_server(p, n->args, n->n_args - 1, &a->zones);
}
