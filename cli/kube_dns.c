// SPDX-License-Identifier: Apache-2.0
// Every name and address is checked before it is printed, so that a value cannot bring directives
// of its own into the Corefile.
#include "cli/kube_dns.h"

#include "zones/corefile/words.h"
#include "zones/wire/dname.h"

#include <jansson.h>

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { UPSTREAMS_MAX = 15 };

bool kube_dns_is_json(const char *text)
{
	const char *first = text + strspn(text, " \t\r\n");

	return first[0] == '{' && first[1] != '$' && first[1] != '%'; // `{$ZONE}:53 {`
}

static int check_address(const json_t *j, struct err *e)
{
	struct arena arena = {0};
	const char *text = json_string_value(j);
	char *host = NULL;
	uint16_t port = 53;
	bool good = text != NULL && word_host_port(&arena, text, &host, &port) == 0 &&
		word_is_address(host) && strpbrk(text, " \t\r\n{}\"#%") == NULL;

	arena_fini(&arena);
	if (good)
		return 0;
	return err_set(e, -EINVAL, "%.60s is no address of a name server",
		text == NULL ? "a value that is no string" : text);
}

// " 10.0.0.1 10.0.0.2:5300" of a JSON list.
static int print_addresses(FILE *out, const json_t *list, struct err *e)
{
	size_t i = 0;
	json_t *one = NULL;

	if (!json_is_array(list) || json_array_size(list) == 0)
		return err_set(e, -EINVAL, "name servers must be a list of addresses");
	if (json_array_size(list) > UPSTREAMS_MAX)
		return err_set(e, -EINVAL, "more than %d name servers in a list", UPSTREAMS_MAX);
	json_array_foreach(list, i, one)
	{
		if (check_address(one, e) != 0)
			return -EINVAL;
		(void)fprintf(out, " %s", json_string_value(one));
	}
	return 0;
}

// The value of a key is JSON inside a string. A missing key is NULL and no error.
static int load_value(const json_t *data, const char *key, json_t **out, struct err *e)
{
	const json_t *text = json_object_get(data, key);
	json_error_t je;

	*out = NULL;
	if (text == NULL || json_string_value(text) == NULL || json_string_length(text) == 0)
		return 0;
	*out = json_loads(json_string_value(text), JSON_REJECT_DUPLICATES, &je);
	if (*out == NULL)
		return err_set(e, -EINVAL, "%s is no JSON: %s", key, je.text);
	return 0;
}

// bind: addresses to listen on, NULL for all.
static int print_stub(
	FILE *out, const char *domain, const json_t *servers, const char *bind, struct err *e)
{
	struct dname name;

	if (strpbrk(domain, " \t\r\n{}\"#/:,()\\") != NULL || dname_parse(domain, &name) != 0)
		return err_set(e, -EINVAL, "stub domain %.60s is no domain name", domain);
	(void)fprintf(out, "%s:53 {\n    errors\n    cache 30\n", domain);
	if (bind == NULL)
		(void)fprintf(out, "    loop\n");
	else
		(void)fprintf(out, "    bind %s\n", bind);
	(void)fprintf(out, "    forward .");
	if (print_addresses(out, servers, e) != 0)
		return -EINVAL;
	(void)fprintf(out, "\n    loadbalance\n    reload\n}\n");
	return 0;
}

// key becomes the name of the value in work.
static int print_corefile(
	FILE *out, json_t *stubs, const json_t *upstreams, const char **key, struct err *e)
{
	const char *domain = NULL;
	json_t *servers = NULL;

	(void)fprintf(out,
		".:53 {\n    errors\n    health {\n        lameduck 5s\n    }\n    ready\n"
		"    kubernetes cluster.local in-addr.arpa ip6.arpa {\n"
		"        pods insecure\n        fallthrough in-addr.arpa ip6.arpa\n"
		"        ttl 30\n    }\n    prometheus :9153\n    forward .");
	if (upstreams == NULL)
		(void)fprintf(out, " /etc/resolv.conf");
	else if (print_addresses(out, upstreams, e) != 0)
		return -EINVAL;
	*key = "stubDomains";
	(void)fprintf(out, "\n    cache 30\n    loop\n    reload\n    loadbalance\n}\n");
	if (stubs != NULL && !json_is_object(stubs))
		return err_set(e, -EINVAL, "stubDomains must be an object of domain to addresses");
	json_object_foreach(stubs, domain, servers)
	{
		if (print_stub(out, domain, servers, NULL, e) != 0)
			return -EINVAL;
	}
	return 0;
}

static char *convert(const json_t *data, const char **key, struct err *e)
{
	json_t *stubs = NULL;
	json_t *upstreams = NULL;
	char *text = NULL;
	size_t size = 0;
	FILE *out = NULL;
	*key = "stubDomains";
	int rc = load_value(data, *key, &stubs, e);
	if (rc == 0) {
		*key = "upstreamNameservers";
		rc = load_value(data, *key, &upstreams, e);
	}
	if (rc == 0)
		out = open_memstream(&text, &size);
	if (rc == 0 && out == NULL)
		rc = err_set(e, -ENOMEM, "out of memory");
	if (rc == 0)
		rc = print_corefile(out, stubs, upstreams, key, e);
	if (out != NULL && fclose(out) != 0)
		rc = err_set(e, -ENOMEM, "out of memory");
	json_decref(stubs);
	json_decref(upstreams);
	if (rc == 0)
		return text;
	free(text);
	return NULL;
}

// Says where in the text the member of this name begins, which is as near as JSON in a string
// allows.
static void place(struct err *e, const char *name, const char *json, const char *key)
{
	struct err found = *e;
	char quoted[32];
	unsigned pos[2] = {1, 1};

	(void)snprintf(quoted, sizeof(quoted), "\"%s\"", key); // names of ours
	const char *at = strstr(json, quoted);
	for (const char *p = json; at != NULL && p < at; p++) {
		pos[1] = *p == '\n' ? 1 : pos[1] + 1;
		pos[0] += *p == '\n';
	}
	*e = (struct err){0};
	(void)err_set_at(e, found.code, name, pos, "%s", found.text); // its code stays
}

static bool ends_with(const char *text, const char *end)
{
	size_t len = strlen(text), end_len = strlen(end);

	return len >= end_len && strcmp(text + len - end_len, end) == 0;
}

static bool is_kube_dns(const json_t *map, const json_t *data)
{
	static const char *const keys[] = {"stubDomains", "upstreamNameservers", "federations"};
	const char *name =
		json_string_value(json_object_get(json_object_get(map, "metadata"), "name"));

	for (size_t i = 0; i < sizeof(keys) / sizeof(keys[0]); i++) {
		if (json_object_get(data, keys[i]) != NULL)
			return true;
	}
	return name != NULL && strcmp(name, "kube-dns") == 0;
}

// A map that is neither CoreDNS' nor kube-dns'. `coredns-custom` holds what a Corefile imports.
// *at becomes the key to show.
static void refuse(json_t *data, const char **at, struct err *e)
{
	const char *key = NULL;
	json_t *value = NULL;

	json_object_foreach(data, key, value)
	{
		if (!ends_with(key, ".server") && !ends_with(key, ".override"))
			continue;
		*at = key;
		(void)err_set(e, -EINVAL,
			"there is no key Corefile, and %.60s is a part that a Corefile imports: "
			"put the parts where its `import` finds them and check that Corefile",
			key);
		return;
	}
	(void)err_set(e, -EINVAL, "this ConfigMap has no key Corefile, and none of kube-dns");
}

char *kube_dns_corefile(const char *name, const char *json, struct err *e)
{
	const char *key = "kind";
	json_error_t je;
	json_t *map = json_loads(json, JSON_REJECT_DUPLICATES, &je);
	char *out = NULL;

	if (map == NULL) {
		(void)err_set_at(e, -EINVAL, name,
			(unsigned[]){(unsigned)je.line, (unsigned)je.column},
			"this looks like a ConfigMap but is no JSON: %s", je.text);
		return NULL;
	}
	const char *kind = json_string_value(json_object_get(map, "kind"));
	json_t *data = json_object_get(map, "data");
	const char *corefile = json_string_value(json_object_get(data, "Corefile"));
	if (kind == NULL || strcmp(kind, "ConfigMap") != 0)
		(void)err_set(e, -EINVAL, "this is JSON, but no ConfigMap");
	else if (corefile != NULL)
		out = strdup(corefile);
	else if (is_kube_dns(map, data))
		out = convert(data, &key, e);
	else
		refuse(data, &key, e);
	if (e->code == -EINVAL)
		place(e, name, json, key);
	json_decref(map);
	return out;
}

// What print_all prints of the JSON in a text (nothing for NULL), as a string of its own.
typedef int print_fn(FILE *out, json_t *value, const char *bind, struct err *e);
static char *print_value(
	const char *key, const char *text, print_fn *print_all, const char *bind, struct err *e)
{
	json_error_t je;
	char *printed = NULL;
	size_t size = 0;
	bool is_empty = text == NULL || text[strspn(text, " \t\r\n")] == 0;
	json_t *value = is_empty ? NULL : json_loads(text, JSON_REJECT_DUPLICATES, &je);
	FILE *out = open_memstream(&printed, &size);
	int rc = 0;

	if (out == NULL)
		rc = err_set(e, -ENOMEM, "out of memory");
	else if (!is_empty && value == NULL)
		rc = err_set(e, -EINVAL, "%s is no JSON: %s", key, je.text);
	else if (value != NULL)
		rc = print_all(out, value, bind, e);
	if (out != NULL && fclose(out) != 0)
		rc = err_set(e, -ENOMEM, "out of memory");
	json_decref(value);
	if (rc == 0)
		return printed;
	free(printed);
	return NULL;
}

static int print_stubs(FILE *out, json_t *stubs, const char *bind, struct err *e)
{
	const char *domain = NULL;
	json_t *servers = NULL;

	if (!json_is_object(stubs))
		return err_set(e, -EINVAL, "stubDomains must be an object of domain to addresses");
	json_object_foreach(stubs, domain, servers)
	{
		if (print_stub(out, domain, servers, bind, e) != 0)
			return -EINVAL;
	}
	return 0;
}

static int print_upstreams(FILE *out, json_t *list, const char *bind, struct err *e)
{
	(void)bind;
	return print_addresses(out, list, e);
}

char *kube_dns_stub_blocks(const char *text, const char *bind, struct err *e)
{
	return print_value("stubDomains", text, print_stubs, bind, e);
}

char *kube_dns_upstreams(const char *text, struct err *e)
{
	return print_value("upstreamNameservers", text, print_upstreams, NULL, e);
}
