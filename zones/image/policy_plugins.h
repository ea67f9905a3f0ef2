// SPDX-License-Identifier: Apache-2.0
// Options of the directives that the slow path executes besides cache and forward, as they stand in
// an image. They mirror zones/corefile/plugins.h without positions; texts are never NULL ("" means
// none), names are lower case, regular expressions are text that whoever runs them compiles.
#pragma once

#include "zones/image/policy.h"

#include <stdbool.h>
#include <stdint.h>

struct policy_text {
	const char *text;
};

struct policy_texts {
	const struct policy_text *items;
	size_t n;
};

struct policy_cidr {
	uint8_t family; // 4 or 6
	uint8_t bits;
	uint8_t address[16]; // host bits are zero
};

struct policy_cidrs {
	const struct policy_cidr *items;
	size_t n;
};

// `fallthrough [ZONES]`: on for the zones; without zones they hold the root.
struct policy_fall {
	bool on;
	struct policy_names zones;
};

// Numbers as enum rewrite_field, rewrite_match, rewrite_edns0, rewrite_action of the Corefile.
enum policy_rewrite_field {
	POLICY_REWRITE_NAME,
	POLICY_REWRITE_TYPE,
	POLICY_REWRITE_CLASS,
	POLICY_REWRITE_EDNS0,
	POLICY_REWRITE_TTL,
	POLICY_REWRITE_CNAME,
	POLICY_REWRITE_RCODE,
	POLICY_REWRITE_FIELDS
};
enum policy_match {
	POLICY_EXACT,
	POLICY_PREFIX,
	POLICY_SUFFIX,
	POLICY_SUBSTRING,
	POLICY_REGEX,
	POLICY_MATCHES
};
enum policy_edns0 { POLICY_EDNS0_LOCAL, POLICY_EDNS0_NSID, POLICY_EDNS0_SUBNET, POLICY_EDNS0S };
enum policy_action {
	POLICY_OPTION_SET,
	POLICY_OPTION_APPEND,
	POLICY_OPTION_REPLACE,
	POLICY_OPTION_UNSET,
	POLICY_OPTION_ACTIONS
};

struct policy_rewrite_answer {
	bool is_value; // `answer value`, else `answer name`
	const char *from; // regular expression
	const char *to;
};

struct policy_rewrite_answers {
	const struct policy_rewrite_answer *items;
	size_t n;
};

// One rule; which fields count follows from `field`.
struct policy_rewrite {
	bool go_on; // `continue`
	uint8_t field, match;
	const char *from, *to;
	bool answer_auto;
	struct policy_rewrite_answers answers;
	uint16_t number_from, number_to; // type, class, rcode (0xffff: any)
	uint32_t ttl_min_s, ttl_max_s;
	uint8_t option, action;
	uint16_t option_code;
	const char *option_data; // text, 0x..., or {variable}
	uint8_t bits4, bits6; // subnet
	bool revert;
};

struct policy_template {
	uint16_t qclass, qtype; // 255 = ANY
	struct policy_names zones;
	struct policy_texts match, answer, additional, authority;
	uint16_t rcode;
	bool has_ede;
	uint16_t ede_code;
	const char *ede_text;
	struct policy_fall fall;
};

enum policy_acl_action {
	POLICY_ALLOW,
	POLICY_BLOCK,
	POLICY_FILTER,
	POLICY_DROP,
	POLICY_ACL_ACTIONS
};

struct policy_acl_rule {
	uint8_t action;
	struct policy_u16s types; // none: every type
	struct policy_cidrs sources; // none: everybody
};

struct policy_acl_rules {
	const struct policy_acl_rule *items;
	size_t n;
};

struct policy_acl {
	struct policy_names zones;
	struct policy_acl_rules rules; // the first that matches wins
};

struct policy_dns64 {
	struct policy_cidr prefix;
	bool translate_all, allow_ipv4;
};

struct policy_header_rule {
	bool is_query; // else the reply
	bool set; // else clear
	uint16_t flags; // mask of the header's flag word
};

struct policy_header_rules {
	const struct policy_header_rule *items;
	size_t n;
};

struct policy_header {
	struct policy_header_rules rules;
};

struct policy_local {
	bool localhost_prefix;
};

struct policy_chaos {
	const char *version;
	struct policy_texts authors;
};

// Directives without options: `any`, `whoami`.
struct policy_plain {
	uint8_t unused; // 0
};

struct policy_loop {
	struct policy_name zone; // of the server block: the probe's name is made in it
};

struct policy_file {
	const char *path;
	struct policy_names zones;
	uint64_t reload_ms; // 0 = off
	bool by_mtime;
	struct policy_fall fall;
};

struct policy_autopath {
	struct policy_names zones;
	bool from_kubernetes;
	uint16_t view; // from_kubernetes: names of pods' addresses (autopath.c)
	struct policy_name cluster_zone; // from_kubernetes
	const char *resolv_conf; // else a file with the search list; from_kubernetes: the node's,
				 // after it
};

// Only policies that workers do not execute.
struct policy_loadbalance {
	bool is_weighted; // else prefer
	const char *weight_file;
	uint64_t reload_ms;
	struct policy_cidrs prefer;
};
