// SPDX-License-Identifier: Apache-2.0
// How to reach and convince an API server: from a kubeconfig, from the pod's service account, or
// from CoreDNS' `endpoint` and `tls` options.
#pragma once

#include "zones/base/err.h"

#include <stdbool.h>
#include <stddef.h>

// A command that prints credentials (client.authentication.k8s.io ExecCredential).
struct kube_exec {
	char *api_version;
	char **argv; // NULL-terminated, argv[0] resolved against the kubeconfig's folder
	char **env; // NULL-terminated "NAME=value", added to our own
	char *install_hint; // shown when the command is missing
	bool provide_cluster_info;
};

// All owned; NULL means absent. Of a file and its data the data wins.
struct kube_config {
	char **servers; // NULL-terminated URLs, tried in order
	char *proxy_url;
	char *tls_server_name;
	bool insecure_skip_tls_verify;
	char *ca_file;
	char *ca_data; // PEM
	char *cert_file;
	char *cert_data; // PEM
	char *key_file;
	char *key_data; // PEM
	char *token;
	char *token_file; // read again and again; wins over token once it could be read
	char *username;
	char *password;
	char **headers; // NULL-terminated "Impersonate-...: value"
	struct kube_exec *exec;
	char *context; // which one was chosen, for messages
};

// paths is a colon list that is merged, the first to set a value wins; NULL means $KUBECONFIG, then
// ~/.kube/config. context NULL means the file's current-context. Fills a zeroed config.
[[nodiscard]] int kube_config_load(
	struct kube_config *config, const char *paths, const char *context, struct err *e);

// The service account that the kubelet mounts; folder NULL means its usual place.
[[nodiscard]] int kube_config_in_cluster(
	struct kube_config *config, const char *folder, struct err *e);

// CoreDNS' `endpoint URL...` and `tls CERT KEY CACERT`; tls may be NULL or hold NULLs.
[[nodiscard]] int kube_config_endpoint(struct kube_config *config, const char *const *urls,
	const char *const tls[3], struct err *e);

// Accepts the zeroed struct and leaves it zeroed.
void kube_config_fini(struct kube_config *config);
