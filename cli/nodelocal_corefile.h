// SPDX-License-Identifier: Apache-2.0
// The Corefile of NodeLocal DNSCache: a template whose words are known only on the node (k8s:2.15).
#pragma once

#include "cli/nodelocal_options.h"

#include <stdbool.h>

// Renders the template into o->corefile when that changes it; *has_changed says so. A missing
// template leaves the Corefile as it is, when there is one. 0 or -errno with a sentence.
[[nodiscard]] int nodelocal_corefile_write(
	const struct nodelocal_options *o, bool *has_changed, struct err *err);

// The text; owned by the caller. cluster_dns and upstreams replace their words, blocks (may be "")
// follow. NULL when memory is short.
struct nodelocal_words {
	const char *cluster_dns;
	const char *upstreams;
	const char *local; // addresses, blank between
	const char *blocks;
};
char *nodelocal_corefile_render(const char *template_text, const struct nodelocal_words *w);
