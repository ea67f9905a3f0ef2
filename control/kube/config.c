// SPDX-License-Identifier: Apache-2.0
// Kubeconfig files (api:1.6), the pod's service account, and CoreDNS' endpoint option.
#include "control/kube/config.h"

#include "control/base/cleanup.h"
#include "control/kube/base64.h"
#include "control/kube/decode.h"
#include "control/kube/kubeconfig.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define SERVICE_ACCOUNT "/var/run/secrets/kubernetes.io/serviceaccount"

// Where values of one entry are copied from, and whether all went well.
struct entry {
	const json_t *json;
	const struct kubeconfig_file *at;
	struct err *e;
	int rc;
};

static void entry_fail(struct entry *t, int rc, const char *key, const char *why)
{
	if (t->rc == 0)
		t->rc = err_set(t->e, rc, "%s: %s %s", t->at->path, key, why);
}

static void copy_str(struct entry *t, const char *key, char **to)
{
	const json_t *v = json_object_get(t->json, key);
	const char *s = decode_str(t->json, key);

	if (v == NULL || json_is_null(v) || (s != NULL && *s == '\0'))
		return;
	if (s == NULL) {
		entry_fail(t, -EINVAL, key, "must be a string: put it in quotes");
		return;
	}
	*to = strdup(s);
	if (*to == NULL)
		entry_fail(t, -ENOMEM, key, "does not fit into memory");
}

static void copy_path(struct entry *t, const char *key, char **to)
{
	CLEANUP_CHAR char *name = NULL;

	copy_str(t, key, &name);
	if (name == NULL)
		return;
	*to = kubeconfig_resolve(t->at, name);
	if (*to == NULL)
		entry_fail(t, -ENOMEM, key, "does not fit into memory");
}

static void copy_data(struct entry *t, const char *key, char **to)
{
	CLEANUP_CHAR char *coded = NULL;

	copy_str(t, key, &coded);
	if (coded == NULL)
		return;
	*to = base64_decode(coded);
	if (*to == NULL)
		entry_fail(t, -EINVAL, key, "is not base64");
}

static int read_cluster(struct kube_config *c, const struct kubeconfig *all, const char *name)
{
	struct entry t = {.e = all->e};

	t.json = kubeconfig_find(all, "clusters", name, "cluster", &t.at);
	if (t.json == NULL)
		return err_set(all->e, -EINVAL, "the kubeconfig has no cluster \"%.60s\"", name);
	c->servers = calloc(2, sizeof(*c->servers));
	if (c->servers == NULL)
		return -ENOMEM;
	copy_str(&t, "server", &c->servers[0]);
	copy_str(&t, "proxy-url", &c->proxy_url);
	copy_str(&t, "tls-server-name", &c->tls_server_name);
	copy_path(&t, "certificate-authority", &c->ca_file);
	copy_data(&t, "certificate-authority-data", &c->ca_data);
	c->insecure_skip_tls_verify =
		json_is_true(json_object_get(t.json, "insecure-skip-tls-verify"));
	if (c->insecure_skip_tls_verify && (c->ca_file != NULL || c->ca_data != NULL))
		entry_fail(&t, -EINVAL, "insecure-skip-tls-verify",
			"contradicts the certificate authority");
	if (c->servers[0] == NULL)
		entry_fail(&t, -EINVAL, "server", "is missing");
	return t.rc;
}

// Adds a line to a NULL-terminated list; line is taken.
static int list_add(char ***list, char *line)
{
	size_t n = 0;
	char **grown;

	while (*list != NULL && (*list)[n] != NULL)
		n++;
	grown = line != NULL ? realloc(*list, (n + 2) * sizeof(*grown)) : NULL;
	if (grown == NULL) {
		free(line);
		return -ENOMEM;
	}
	grown[n] = line;
	grown[n + 1] = NULL;
	*list = grown;
	return 0;
}

static void add_header(struct entry *t, struct kube_config *c, const char *name, const char *value)
{
	char *line = NULL;

	if (value == NULL || strpbrk(value, "\r\n") != NULL || strpbrk(name, "\r\n: ") != NULL) {
		entry_fail(t, -EINVAL, name, "cannot be sent in a header");
		return;
	}
	if (asprintf(&line, "%s: %s", name, value) < 0)
		line = NULL;
	if (list_add(&c->headers, line) != 0)
		entry_fail(t, -ENOMEM, name, "does not fit into memory");
}

static void add_headers(
	struct entry *t, struct kube_config *c, const char *name, const json_t *values)
{
	for (size_t i = 0; i < json_array_size(values); i++)
		add_header(t, c, name, json_string_value(json_array_get(values, i)));
}

static void read_impersonation(struct entry *t, struct kube_config *c)
{
	const json_t *extra = decode_member(t->json, "as-user-extra", JSON_OBJECT);
	const char *as = decode_str(t->json, "as");
	const char *uid = decode_str(t->json, "as-uid");
	const char *key;
	json_t *values;

	if (as != NULL)
		add_header(t, c, "Impersonate-User", as);
	if (uid != NULL)
		add_header(t, c, "Impersonate-Uid", uid);
	add_headers(t, c, "Impersonate-Group", json_object_get(t->json, "as-groups"));
	json_object_foreach((json_t *)(uintptr_t)extra, key, values) // only read
	{
		char name[128];

		(void)snprintf(
			name, sizeof(name), "Impersonate-Extra-%s", key); // a long one is refused
		add_headers(t, c, name, values);
	}
}

static void read_exec_env(struct entry *t, struct kube_exec *x)
{
	const json_t *env = json_object_get(t->json, "env");

	for (size_t i = 0; i < json_array_size(env); i++) {
		const char *name = decode_str(json_array_get(env, i), "name");
		const char *value = decode_str(json_array_get(env, i), "value");
		char *line = NULL;

		if (name == NULL || value == NULL || asprintf(&line, "%s=%s", name, value) < 0 ||
			list_add(&x->env, line) != 0)
			entry_fail(t, -EINVAL, "exec.env", "needs a name and a value");
	}
}

static void read_exec_argv(struct entry *t, struct kube_exec *x)
{
	const json_t *args = json_object_get(t->json, "args");
	const char *command = decode_str(t->json, "command");
	bool in_path = command != NULL && strchr(command, '/') == NULL;

	if (command == NULL || *command == '\0') {
		entry_fail(t, -EINVAL, "exec.command", "is missing");
		return;
	}
	if (list_add(&x->argv, in_path ? strdup(command) : kubeconfig_resolve(t->at, command)) != 0)
		entry_fail(t, -ENOMEM, "exec.command", "does not fit into memory");
	for (size_t i = 0; t->rc == 0 && i < json_array_size(args); i++) {
		const char *arg = json_string_value(json_array_get(args, i));

		if (arg == NULL || list_add(&x->argv, strdup(arg)) != 0)
			entry_fail(t, -EINVAL, "exec.args", "must be strings: put them in quotes");
	}
}

static void read_exec(struct entry *user, struct kube_config *c)
{
	struct entry t = *user;
	const char *mode;

	t.json = decode_member(user->json, "exec", JSON_OBJECT);
	if (t.json == NULL)
		return;
	c->exec = calloc(1, sizeof(*c->exec));
	if (c->exec == NULL) {
		user->rc = -ENOMEM;
		return;
	}
	copy_str(&t, "apiVersion", &c->exec->api_version);
	copy_str(&t, "installHint", &c->exec->install_hint);
	c->exec->provide_cluster_info = json_is_true(json_object_get(t.json, "provideClusterInfo"));
	mode = decode_str(t.json, "interactiveMode");
	if (mode != NULL && strcmp(mode, "Always") == 0)
		entry_fail(
			&t, -EINVAL, "exec.interactiveMode", "Always: nobody could answer it here");
	if (c->exec->api_version == NULL ||
		(strcmp(c->exec->api_version, "client.authentication.k8s.io/v1") != 0 &&
			strcmp(c->exec->api_version, "client.authentication.k8s.io/v1beta1") != 0))
		entry_fail(&t, -EINVAL, "exec.apiVersion",
			"must be client.authentication.k8s.io/v1 or v1beta1");
	read_exec_argv(&t, c->exec);
	read_exec_env(&t, c->exec);
	user->rc = t.rc;
}

static int read_user(struct kube_config *c, const struct kubeconfig *all, const char *name)
{
	struct entry t = {.e = all->e};

	t.json = kubeconfig_find(all, "users", name, "user", &t.at);
	if (t.json == NULL)
		return err_set(all->e, -EINVAL, "the kubeconfig has no user \"%.60s\"", name);
	copy_path(&t, "client-certificate", &c->cert_file);
	copy_data(&t, "client-certificate-data", &c->cert_data);
	copy_path(&t, "client-key", &c->key_file);
	copy_data(&t, "client-key-data", &c->key_data);
	copy_str(&t, "token", &c->token);
	copy_path(&t, "tokenFile", &c->token_file);
	copy_str(&t, "username", &c->username);
	copy_str(&t, "password", &c->password);
	if (c->token != NULL && strpbrk(c->token, "\r\n") != NULL)
		entry_fail(&t, -EINVAL, "token", "has a line break inside");
	if (json_object_get(t.json, "auth-provider") != NULL)
		entry_fail(
			&t, -EINVAL, "auth-provider", "has been removed from Kubernetes: use exec");
	read_impersonation(&t, c);
	read_exec(&t, c);
	return t.rc;
}

static int read_context(struct kube_config *c, const struct kubeconfig *all, const char *name)
{
	const struct kubeconfig_file *at;
	const json_t *context;
	const char *cluster;
	const char *user;
	int rc;

	if (name == NULL)
		name = kubeconfig_current_context(all);
	if (name == NULL)
		return err_set(all->e, -EINVAL, "the kubeconfig has no current-context: name one");
	context = kubeconfig_find(all, "contexts", name, "context", &at);
	cluster = decode_str(context, "cluster");
	user = decode_str(context, "user");
	if (context == NULL || cluster == NULL)
		return err_set(all->e, -EINVAL, "the kubeconfig has no context \"%.60s\"%s", name,
			context != NULL ? " with a cluster" : "");
	c->context = strdup(name);
	rc = c->context != NULL ? read_cluster(c, all, cluster) : -ENOMEM;
	if (rc == 0 && user != NULL && *user != '\0')
		rc = read_user(c, all, user);
	return rc;
}

static int default_paths(char **paths)
{
	const char *env = getenv("KUBECONFIG");
	const char *home = getenv("HOME");
	int n;

	if (env != NULL && *env != '\0')
		n = asprintf(paths, "%s", env);
	else
		n = asprintf(paths, "%s/.kube/config", home != NULL ? home : "");
	if (n < 0)
		*paths = NULL;
	return n < 0 ? -ENOMEM : 0;
}

int kube_config_load(struct kube_config *c, const char *paths, const char *context, struct err *e)
{
	struct kubeconfig all = {.e = e};
	CLEANUP_CHAR char *usual = NULL;
	int rc = 0;

	if (paths == NULL) {
		rc = default_paths(&usual);
		paths = usual;
	}
	if (rc == 0)
		rc = kubeconfig_read(&all, paths);
	if (rc == 0)
		rc = read_context(c, &all, context);
	kubeconfig_fini(&all);
	if (rc != 0)
		kube_config_fini(c);
	if (rc == -ENOMEM)
		(void)err_set(e, rc, "out of memory"); // keeps what was said before
	return rc;
}

int kube_config_in_cluster(struct kube_config *c, const char *folder, struct err *e)
{
	const char *host = getenv("KUBERNETES_SERVICE_HOST");
	const char *port = getenv("KUBERNETES_SERVICE_PORT");
	bool v6 = host != NULL && strchr(host, ':') != NULL;
	char *url = NULL;

	if (host == NULL || port == NULL || *host == '\0' || *port == '\0')
		return err_set(
			e, -ENOENT, "not in a pod: KUBERNETES_SERVICE_HOST and _PORT are not set");
	if (folder == NULL)
		folder = SERVICE_ACCOUNT;
	if (asprintf(&url, "https://%s%s%s:%s", v6 ? "[" : "", host, v6 ? "]" : "", port) < 0)
		url = NULL;
	if (list_add(&c->servers, url) != 0 || asprintf(&c->token_file, "%s/token", folder) < 0 ||
		asprintf(&c->ca_file, "%s/ca.crt", folder) < 0) {
		kube_config_fini(c);
		return err_set(e, -ENOMEM, "out of memory");
	}
	return 0;
}

int kube_config_endpoint(
	struct kube_config *c, const char *const *urls, const char *const tls[3], struct err *e)
{
	char **slots[3] = {&c->cert_file, &c->key_file, &c->ca_file};
	int rc = 0;

	for (; rc == 0 && *urls != NULL; urls++)
		rc = list_add(&c->servers, strdup(*urls));
	for (size_t i = 0; rc == 0 && tls != NULL && i < 3; i++) {
		if (tls[i] == NULL)
			continue;
		*slots[i] = strdup(tls[i]);
		rc = *slots[i] != NULL ? 0 : -ENOMEM;
	}
	if (rc == 0 && c->servers == NULL)
		rc = err_set(e, -EINVAL, "an endpoint needs a URL");
	if (rc != 0)
		kube_config_fini(c);
	return rc;
}

static void list_free(char **list)
{
	for (char **p = list; p != NULL && *p != NULL; p++)
		free(*p);
	free(list);
}

static void secret_free(char *s)
{
	if (s != NULL)
		explicit_bzero(s, strlen(s));
	free(s);
}

void kube_config_fini(struct kube_config *c)
{
	if (c->exec != NULL) {
		free(c->exec->api_version);
		list_free(c->exec->argv);
		list_free(c->exec->env);
		free(c->exec->install_hint);
		free(c->exec);
	}
	list_free(c->servers);
	list_free(c->headers);
	free(c->proxy_url);
	free(c->tls_server_name);
	free(c->ca_file);
	free(c->ca_data);
	free(c->cert_file);
	free(c->cert_data);
	free(c->key_file);
	secret_free(c->key_data);
	secret_free(c->token);
	free(c->token_file);
	free(c->username);
	secret_free(c->password);
	free(c->context);
	*c = (struct kube_config){0};
}
