// SPDX-License-Identifier: Apache-2.0
// The command line of NodeLocal DNSCache (k8s:2.15) as data.
#pragma once

#include "cli/address.h"

#include "zones/base/err.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum { NODELOCAL_ADDRESSES_MAX = 16 };

struct nodelocal_options {
	struct address addresses[NODELOCAL_ADDRESSES_MAX];
	size_t n_addresses;
	const char *ifname;
	bool makes_interface, makes_rules, skips_teardown, reloads_by_signal;
	uint64_t sync_ms;
	const char *metrics_listen;
	const char *base_corefile; // template
	const char *corefile; // rendered, and served
	const char *kube_dns_dir; // of the kube-dns ConfigMap; "" for none
	const char *upstream_service;
	uint16_t health_port;
	uint16_t dns_port; // 0: as the Corefile says
	const char *pidfile;
	bool is_quiet, shows_version, shows_plugins;
	const char *run_dir; // ours, not node-cache's
};

// 0, -EINVAL with a sentence, or -ECANCELED for -help.
[[nodiscard]] int nodelocal_options_parse(
	int argc, char **argv, struct nodelocal_options *o, struct err *err);
