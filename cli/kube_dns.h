// SPDX-License-Identifier: Apache-2.0
// ConfigMaps instead of a Corefile: CoreDNS' own (key Corefile), and kube-dns' (stubDomains and
// upstreamNameservers), which becomes the Corefile that does the same.
#pragma once

#include "zones/base/err.h"

#include <stdbool.h>

// True when a text is JSON rather than a Corefile: the first character that counts is a brace.
bool kube_dns_is_json(const char *text);

// The Corefile of a ConfigMap as `kubectl get configmap -o json` prints it; owned by the caller.
// NULL with the reason in *e.
char *kube_dns_corefile(const char *name, const char *json, struct err *e);

// The same two keys alone, as NodeLocal DNSCache mounts them; text is JSON, or NULL for none.
// Server blocks for stubDomains that listen on the addresses of `bind` ("" for none there are), and
// the words for `forward` of upstreamNameservers ("" for none). Owned by the caller; NULL with the
// reason in *e.
char *kube_dns_stub_blocks(const char *text, const char *bind, struct err *e);
char *kube_dns_upstreams(const char *text, struct err *e);
