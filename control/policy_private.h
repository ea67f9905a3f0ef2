// SPDX-License-Identifier: Apache-2.0
// A policy as it was worked out. Shared by policy.c and policy_write.c.
#pragma once

#include "control/policy_steps.h"

struct rule {
	const uint8_t *zone;
	const char *metric_zone;
	uint16_t flags;
	uint16_t server; // index of the block in the config
	struct policy_steps steps;
};

struct listener {
	struct image_listener where;
	struct rule *rules;
	size_t n_rules, cap;
};

enum { POLICY_LABEL_BYTES = 80 };

// CoreDNS' server label: "dns://:53", "dns://10.0.0.10:53".
void policy_label(const struct image_listener *l, char out[POLICY_LABEL_BYTES]);

struct policy {
	struct arena arena;
	const struct config *config;
	struct listener *listeners;
	size_t n_listeners, cap;
	struct listener *blocks; // per block, for the slow path; without rules where it needs none
	struct policy_block *views; // per block
	size_t n_instances; // of kubernetes; their views come first
	uint32_t *chains; // per block: what the slow path executes, 0 for nothing
	const uint8_t *chain_bytes;
	size_t chain_size;
};
