// SPDX-License-Identifier: Apache-2.0
// Typed options of the directives that decide single answers: hosts, template, rewrite, acl ...
// Regular expressions stay text here; whoever runs them compiles them.
#pragma once

#include "zones/corefile/config.h"

struct config_host {
	const char *address;
	struct config_words names; // as written
	struct config_pos pos;
};

// k8s:2.13 hosts.
struct config_hosts {
	const char *path; // /etc/hosts by default
	struct config_zones zones;
	struct config_host *lines; // inline
	size_t n_lines;
	uint32_t ttl; // 3600
	bool no_reverse;
	uint64_t reload_ms; // 5000, 0 = off
	bool fallthrough_unsupported; // types that a hosts file cannot hold fall through too
	struct config_fall fall;
};

struct config_template {
	uint16_t qclass; // 255 = ANY
	uint16_t qtype; // 255 = ANY
	struct config_zones zones;
	struct config_words match; // regular expressions; none given: ".*"
	struct config_words answer; // Go templates of records
	struct config_words additional;
	struct config_words authority;
	uint16_t rcode;
	bool has_ede;
	uint16_t ede_code;
	const char *ede_text;
	bool upstream;
	struct config_fall fall;
};

enum rewrite_field {
	REWRITE_NAME,
	REWRITE_TYPE,
	REWRITE_CLASS,
	REWRITE_EDNS0,
	REWRITE_TTL,
	REWRITE_CNAME,
	REWRITE_RCODE
};
enum rewrite_match { MATCH_EXACT, MATCH_PREFIX, MATCH_SUFFIX, MATCH_SUBSTRING, MATCH_REGEX };
enum rewrite_edns0 { EDNS0_LOCAL, EDNS0_NSID, EDNS0_SUBNET };
enum rewrite_action { ACTION_SET, ACTION_APPEND, ACTION_REPLACE, ACTION_UNSET };

struct config_rewrite_answer {
	bool is_value; // `answer value`, else `answer name`
	const char *from; // regular expression
	const char *to;
};

// One rule. Which fields count follows from `field`.
struct config_rewrite {
	bool go_on; // `continue`; the default is stop
	enum rewrite_field field;
	enum rewrite_match match; // name, ttl, cname, rcode
	const char *from; // name or part of it or regex; type or class name
	const char *to;
	bool answer_auto;
	struct config_rewrite_answer *answers;
	size_t n_answers;
	uint16_t number_from; // type, class, rcode (0xffff: any)
	uint16_t number_to;
	uint32_t ttl_min; // ttl
	uint32_t ttl_max;
	enum rewrite_edns0 option; // edns0
	enum rewrite_action action;
	uint16_t option_code;
	const char *option_data; // text, 0x..., or {variable}
	uint8_t bits4;
	uint8_t bits6;
	bool revert;
};

enum acl_action { ACL_ALLOW, ACL_BLOCK, ACL_FILTER, ACL_DROP };

struct config_cidr {
	uint8_t family; // 4 or 6
	uint8_t bits;
	uint8_t address[16]; // host bits cleared
};

struct config_acl_rule {
	enum acl_action action;
	uint16_t *types; // none: every type
	size_t n_types;
	struct config_cidr *sources; // none: everybody
	size_t n_sources;
};

struct config_acl {
	struct config_zones zones;
	struct config_acl_rule *rules; // first match wins
	size_t n_rules;
};

enum balance_policy { BALANCE_ROUND_ROBIN, BALANCE_WEIGHTED, BALANCE_PREFER };

struct config_loadbalance {
	enum balance_policy policy;
	const char *weight_file;
	uint64_t reload_ms; // 30000
	struct config_cidr *prefer;
	size_t n_prefer;
};

struct config_dns64 {
	struct config_cidr prefix; // 64:ff9b::/96
	bool translate_all;
	bool allow_ipv4;
};

struct config_header_rule {
	bool is_query; // else the reply
	bool set; // else clear
	uint16_t flags; // mask of the header's flag word
};

struct config_header {
	struct config_header_rule *rules;
	size_t n_rules;
};

struct config_file {
	const char *path;
	struct config_zones zones;
	uint64_t reload_ms; // 60000, 0 = off
	bool reload_by_mtime;
	struct config_fall fall;
};

struct config_transfer {
	struct config_zones zones;
	struct config_words to; // addresses, or "*"
	const char *source; // NULL: the system's choice
};

struct config_bufsize {
	uint16_t size_bytes; // 1232
};

struct config_nsid {
	const char *data; // NULL: host name of the machine
};

struct config_chaos {
	const char *version; // NULL: burst53's own
	struct config_words authors;
};

struct config_local {
	bool localhost_prefix; // answer localhost.<search domain> too
};
