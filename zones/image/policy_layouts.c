// SPDX-License-Identifier: Apache-2.0
// One table per struct. A kind's table stands in the order of its bytes.
// size: a file of tables
#include "zones/image/policy_layouts.h"

#include "zones/base/array.h"

enum { LIST_MAX = 65535 };

_Static_assert(offsetof(struct policy_names, n) == offsetof(struct list, n), "lists look alike");
_Static_assert(
	offsetof(struct policy_timeouts_list, n) == offsetof(struct list, n), "lists look alike");
_Static_assert(offsetof(struct policy_u16s, n) == offsetof(struct list, n), "lists look alike");
_Static_assert(
	offsetof(struct policy_upstreams, n) == offsetof(struct list, n), "lists look alike");
_Static_assert(offsetof(struct policy_texts, n) == offsetof(struct list, n), "lists look alike");
_Static_assert(offsetof(struct policy_cidrs, n) == offsetof(struct list, n), "lists look alike");
_Static_assert(
	offsetof(struct policy_rewrite_answers, n) == offsetof(struct list, n), "lists look alike");
_Static_assert(
	offsetof(struct policy_acl_rules, n) == offsetof(struct list, n), "lists look alike");
_Static_assert(
	offsetof(struct policy_header_rules, n) == offsetof(struct list, n), "lists look alike");

static const struct field name_fields[] = {
	{FIELD_NAME, offsetof(struct policy_name, wire), 0, NULL},
};
static const struct layout name_layout = {name_fields, 1, sizeof(struct policy_name)};

static const struct field u16_fields[] = {{FIELD_U16, 0, UINT16_MAX, NULL}};
static const struct layout u16_layout = {u16_fields, 1, sizeof(uint16_t)};

#define AT(member) offsetof(struct policy_upstream, member)
static const struct field upstream_fields[] = {
	{FIELD_U8, AT(kind), POLICY_UPSTREAM_KIND_MAX, NULL},
	{FIELD_U16, AT(port), UINT16_MAX, NULL},
	{FIELD_TEXT, AT(host), 0, NULL},
	{FIELD_TEXT, AT(server_name), 0, NULL},
};
#undef AT
static const struct layout upstream_layout = {
	upstream_fields, ARRAY_LEN(upstream_fields), sizeof(struct policy_upstream)};

#define AT(member) offsetof(struct policy_forward, member)
static const struct field forward_fields[] = {
	{FIELD_NAME, AT(from), 0, NULL},
	{FIELD_LIST, AT(to), POLICY_UPSTREAMS_MAX, &upstream_layout},
	{FIELD_LIST, AT(except), LIST_MAX, &name_layout},
	{FIELD_U8, AT(balance), POLICY_BALANCES - 1, NULL},
	{FIELD_U32, AT(max_fails), UINT32_MAX, NULL},
	{FIELD_U32, AT(max_concurrent), UINT32_MAX, NULL},
	{FIELD_U32, AT(max_connect_attempts), UINT32_MAX, NULL},
	{FIELD_U32, AT(max_idle_conns), UINT32_MAX, NULL},
	{FIELD_U64, AT(expire_ms), UINT64_MAX, NULL},
	{FIELD_U64, AT(max_age_ms), UINT64_MAX, NULL},
	{FIELD_U64, AT(read_timeout_ms), UINT64_MAX, NULL},
	{FIELD_U64, AT(health_check_ms), UINT64_MAX, NULL},
	{FIELD_BOOL, AT(health_check_no_rec), 1, NULL},
	{FIELD_NAME, AT(health_check_domain), 0, NULL},
	{FIELD_BOOL, AT(force_tcp), 1, NULL},
	{FIELD_BOOL, AT(prefer_udp), 1, NULL},
	{FIELD_BOOL, AT(failfast_all_unhealthy), 1, NULL},
	{FIELD_BOOL, AT(next_on_nodata), 1, NULL},
	{FIELD_LIST, AT(next), LIST_MAX, &u16_layout},
	{FIELD_LIST, AT(failover), LIST_MAX, &u16_layout},
	{FIELD_TEXT, AT(tls_cert), 0, NULL},
	{FIELD_TEXT, AT(tls_key), 0, NULL},
	{FIELD_TEXT, AT(tls_ca), 0, NULL},
	{FIELD_TEXT, AT(tls_servername), 0, NULL},
	{FIELD_TEXT, AT(source_address), 0, NULL},
};
#undef AT

#define AT(member) offsetof(struct policy_cache, member)
static const struct field cache_fields[] = {
	{FIELD_TEXT, AT(server), 0, NULL},
	{FIELD_LIST, AT(zones), LIST_MAX, &name_layout},
	{FIELD_U32, AT(success.capacity), UINT32_MAX, NULL},
	{FIELD_U32, AT(success.ttl_s), INT32_MAX, NULL},
	{FIELD_U32, AT(success.min_ttl_s), INT32_MAX, NULL},
	{FIELD_U32, AT(denial.capacity), UINT32_MAX, NULL},
	{FIELD_U32, AT(denial.ttl_s), INT32_MAX, NULL},
	{FIELD_U32, AT(denial.min_ttl_s), INT32_MAX, NULL},
	{FIELD_U32, AT(prefetch), UINT32_MAX, NULL},
	{FIELD_U64, AT(prefetch_window_ms), UINT64_MAX, NULL},
	{FIELD_U32, AT(prefetch_percent), 100, NULL},
	{FIELD_U64, AT(stale_ms), UINT64_MAX, NULL},
	{FIELD_BOOL, AT(stale_verify), 1, NULL},
	{FIELD_U64, AT(stale_timeout_ms), UINT64_MAX, NULL},
	{FIELD_U32, AT(stale_ttl_s), INT32_MAX, NULL},
	{FIELD_U64, AT(stale_recheck_ms), UINT64_MAX, NULL},
	{FIELD_BOOL, AT(stale_prefer_positive), 1, NULL},
	{FIELD_U64, AT(servfail_ms), UINT64_MAX, NULL},
	{FIELD_LIST, AT(no_success), LIST_MAX, &name_layout},
	{FIELD_LIST, AT(no_denial), LIST_MAX, &name_layout},
	{FIELD_BOOL, AT(keep_ttl), 1, NULL},
};
#undef AT

#define AT(member) offsetof(struct policy_text, member)
static const struct field text_fields[] = {
	{FIELD_TEXT, AT(text), 0, NULL},
};
#undef AT
static const struct layout text_layout = {
	text_fields, ARRAY_LEN(text_fields), sizeof(struct policy_text)};

#define AT(member) offsetof(struct policy_cidr, member)
static const struct field cidr_fields[] = {
	{FIELD_U8, AT(family), 6, NULL},
	{FIELD_U8, AT(bits), 128, NULL},
	{FIELD_U8, AT(address[0]), UINT8_MAX, NULL},
	{FIELD_U8, AT(address[1]), UINT8_MAX, NULL},
	{FIELD_U8, AT(address[2]), UINT8_MAX, NULL},
	{FIELD_U8, AT(address[3]), UINT8_MAX, NULL},
	{FIELD_U8, AT(address[4]), UINT8_MAX, NULL},
	{FIELD_U8, AT(address[5]), UINT8_MAX, NULL},
	{FIELD_U8, AT(address[6]), UINT8_MAX, NULL},
	{FIELD_U8, AT(address[7]), UINT8_MAX, NULL},
	{FIELD_U8, AT(address[8]), UINT8_MAX, NULL},
	{FIELD_U8, AT(address[9]), UINT8_MAX, NULL},
	{FIELD_U8, AT(address[10]), UINT8_MAX, NULL},
	{FIELD_U8, AT(address[11]), UINT8_MAX, NULL},
	{FIELD_U8, AT(address[12]), UINT8_MAX, NULL},
	{FIELD_U8, AT(address[13]), UINT8_MAX, NULL},
	{FIELD_U8, AT(address[14]), UINT8_MAX, NULL},
	{FIELD_U8, AT(address[15]), UINT8_MAX, NULL},
};
#undef AT
static const struct layout cidr_layout = {
	cidr_fields, ARRAY_LEN(cidr_fields), sizeof(struct policy_cidr)};

#define AT(member) offsetof(struct policy_rewrite_answer, member)
static const struct field rewrite_answer_fields[] = {
	{FIELD_BOOL, AT(is_value), 1, NULL},
	{FIELD_TEXT, AT(from), 0, NULL},
	{FIELD_TEXT, AT(to), 0, NULL},
};
#undef AT
static const struct layout rewrite_answer_layout = {rewrite_answer_fields,
	ARRAY_LEN(rewrite_answer_fields), sizeof(struct policy_rewrite_answer)};

#define AT(member) offsetof(struct policy_rewrite, member)
static const struct field rewrite_fields[] = {
	{FIELD_BOOL, AT(go_on), 1, NULL},
	{FIELD_U8, AT(field), POLICY_REWRITE_FIELDS - 1, NULL},
	{FIELD_U8, AT(match), POLICY_MATCHES - 1, NULL},
	{FIELD_TEXT, AT(from), 0, NULL},
	{FIELD_TEXT, AT(to), 0, NULL},
	{FIELD_BOOL, AT(answer_auto), 1, NULL},
	{FIELD_LIST, AT(answers), LIST_MAX, &rewrite_answer_layout},
	{FIELD_U16, AT(number_from), UINT16_MAX, NULL},
	{FIELD_U16, AT(number_to), UINT16_MAX, NULL},
	{FIELD_U32, AT(ttl_min_s), UINT32_MAX, NULL},
	{FIELD_U32, AT(ttl_max_s), UINT32_MAX, NULL},
	{FIELD_U8, AT(option), POLICY_EDNS0S - 1, NULL},
	{FIELD_U8, AT(action), POLICY_OPTION_ACTIONS - 1, NULL},
	{FIELD_U16, AT(option_code), UINT16_MAX, NULL},
	{FIELD_TEXT, AT(option_data), 0, NULL},
	{FIELD_U8, AT(bits4), UINT8_MAX, NULL},
	{FIELD_U8, AT(bits6), UINT8_MAX, NULL},
	{FIELD_BOOL, AT(revert), 1, NULL},
};
#undef AT

#define AT(member) offsetof(struct policy_template, member)
static const struct field template_fields[] = {
	{FIELD_U16, AT(qclass), UINT16_MAX, NULL},
	{FIELD_U16, AT(qtype), UINT16_MAX, NULL},
	{FIELD_LIST, AT(zones), LIST_MAX, &name_layout},
	{FIELD_LIST, AT(match), LIST_MAX, &text_layout},
	{FIELD_LIST, AT(answer), LIST_MAX, &text_layout},
	{FIELD_LIST, AT(additional), LIST_MAX, &text_layout},
	{FIELD_LIST, AT(authority), LIST_MAX, &text_layout},
	{FIELD_U16, AT(rcode), UINT16_MAX, NULL},
	{FIELD_BOOL, AT(has_ede), 1, NULL},
	{FIELD_U16, AT(ede_code), UINT16_MAX, NULL},
	{FIELD_TEXT, AT(ede_text), 0, NULL},
	{FIELD_BOOL, AT(fall.on), 1, NULL},
	{FIELD_LIST, AT(fall.zones), LIST_MAX, &name_layout},
};
#undef AT

#define AT(member) offsetof(struct policy_acl_rule, member)
static const struct field acl_rule_fields[] = {
	{FIELD_U8, AT(action), POLICY_ACL_ACTIONS - 1, NULL},
	{FIELD_LIST, AT(types), LIST_MAX, &u16_layout},
	{FIELD_LIST, AT(sources), LIST_MAX, &cidr_layout},
};
#undef AT
static const struct layout acl_rule_layout = {
	acl_rule_fields, ARRAY_LEN(acl_rule_fields), sizeof(struct policy_acl_rule)};

#define AT(member) offsetof(struct policy_acl, member)
static const struct field acl_fields[] = {
	{FIELD_LIST, AT(zones), LIST_MAX, &name_layout},
	{FIELD_LIST, AT(rules), LIST_MAX, &acl_rule_layout},
};
#undef AT

#define AT(member) offsetof(struct policy_dns64, member)
static const struct field dns64_fields[] = {
	{FIELD_U8, AT(prefix.family), 6, NULL},
	{FIELD_U8, AT(prefix.bits), 96, NULL},
	{FIELD_U8, AT(prefix.address[0]), UINT8_MAX, NULL},
	{FIELD_U8, AT(prefix.address[1]), UINT8_MAX, NULL},
	{FIELD_U8, AT(prefix.address[2]), UINT8_MAX, NULL},
	{FIELD_U8, AT(prefix.address[3]), UINT8_MAX, NULL},
	{FIELD_U8, AT(prefix.address[4]), UINT8_MAX, NULL},
	{FIELD_U8, AT(prefix.address[5]), UINT8_MAX, NULL},
	{FIELD_U8, AT(prefix.address[6]), UINT8_MAX, NULL},
	{FIELD_U8, AT(prefix.address[7]), UINT8_MAX, NULL},
	{FIELD_U8, AT(prefix.address[8]), UINT8_MAX, NULL},
	{FIELD_U8, AT(prefix.address[9]), UINT8_MAX, NULL},
	{FIELD_U8, AT(prefix.address[10]), UINT8_MAX, NULL},
	{FIELD_U8, AT(prefix.address[11]), UINT8_MAX, NULL},
	{FIELD_U8, AT(prefix.address[12]), UINT8_MAX, NULL},
	{FIELD_U8, AT(prefix.address[13]), UINT8_MAX, NULL},
	{FIELD_U8, AT(prefix.address[14]), UINT8_MAX, NULL},
	{FIELD_U8, AT(prefix.address[15]), UINT8_MAX, NULL},
	{FIELD_BOOL, AT(translate_all), 1, NULL},
	{FIELD_BOOL, AT(allow_ipv4), 1, NULL},
};
#undef AT

#define AT(member) offsetof(struct policy_header_rule, member)
static const struct field header_rule_fields[] = {
	{FIELD_BOOL, AT(is_query), 1, NULL},
	{FIELD_BOOL, AT(set), 1, NULL},
	{FIELD_U16, AT(flags), UINT16_MAX, NULL},
};
#undef AT
static const struct layout header_rule_layout = {
	header_rule_fields, ARRAY_LEN(header_rule_fields), sizeof(struct policy_header_rule)};

#define AT(member) offsetof(struct policy_header, member)
static const struct field header_fields[] = {
	{FIELD_LIST, AT(rules), LIST_MAX, &header_rule_layout},
};
#undef AT

#define AT(member) offsetof(struct policy_local, member)
static const struct field local_fields[] = {
	{FIELD_BOOL, AT(localhost_prefix), 1, NULL},
};
#undef AT

#define AT(member) offsetof(struct policy_chaos, member)
static const struct field chaos_fields[] = {
	{FIELD_TEXT, AT(version), 0, NULL},
	{FIELD_LIST, AT(authors), LIST_MAX, &text_layout},
};
#undef AT

#define AT(member) offsetof(struct policy_plain, member)
static const struct field plain_fields[] = {
	{FIELD_U8, AT(unused), 0, NULL},
};
#undef AT

#define AT(member) offsetof(struct policy_loop, member)
static const struct field loop_fields[] = {
	{FIELD_NAME, AT(zone), 0, NULL},
};
#undef AT

#define AT(member) offsetof(struct policy_file, member)
static const struct field file_fields[] = {
	{FIELD_TEXT, AT(path), 0, NULL},
	{FIELD_LIST, AT(zones), LIST_MAX, &name_layout},
	{FIELD_U64, AT(reload_ms), UINT64_MAX, NULL},
	{FIELD_BOOL, AT(by_mtime), 1, NULL},
	{FIELD_BOOL, AT(fall.on), 1, NULL},
	{FIELD_LIST, AT(fall.zones), LIST_MAX, &name_layout},
};
#undef AT

#define AT(member) offsetof(struct policy_autopath, member)
static const struct field autopath_fields[] = {
	{FIELD_LIST, AT(zones), LIST_MAX, &name_layout},
	{FIELD_BOOL, AT(from_kubernetes), 1, NULL},
	{FIELD_U16, AT(view), UINT16_MAX, NULL},
	{FIELD_NAME, AT(cluster_zone), 0, NULL},
	{FIELD_TEXT, AT(resolv_conf), 0, NULL},
};
#undef AT

#define AT(member) offsetof(struct policy_loadbalance, member)
static const struct field loadbalance_fields[] = {
	{FIELD_BOOL, AT(is_weighted), 1, NULL},
	{FIELD_TEXT, AT(weight_file), 0, NULL},
	{FIELD_U64, AT(reload_ms), UINT64_MAX, NULL},
	{FIELD_LIST, AT(prefer), LIST_MAX, &cidr_layout},
};
#undef AT

#define LAYOUT(name) \
	{ \
		name##_fields, ARRAY_LEN(name##_fields), sizeof(struct policy_##name) \
	}
const struct layout policy_layouts[POLICY_KIND_MAX + 1] = {
	[POLICY_CACHE] = LAYOUT(cache),
	[POLICY_FORWARD] = LAYOUT(forward),
	[POLICY_REWRITE] = LAYOUT(rewrite),
	[POLICY_TEMPLATE] = LAYOUT(template),
	[POLICY_ACL] = LAYOUT(acl),
	[POLICY_DNS64] = LAYOUT(dns64),
	[POLICY_HEADER] = LAYOUT(header),
	[POLICY_LOCAL] = LAYOUT(local),
	[POLICY_ANY] = LAYOUT(plain),
	[POLICY_CHAOS] = LAYOUT(chaos),
	[POLICY_WHOAMI] = LAYOUT(plain),
	[POLICY_LOOP] = LAYOUT(loop),
	[POLICY_FILE] = LAYOUT(file),
	[POLICY_AUTOPATH] = LAYOUT(autopath),
	[POLICY_LOADBALANCE] = LAYOUT(loadbalance),
};
#undef LAYOUT

#define AT(member) offsetof(struct policy_timeouts, member)
static const struct field timeouts_fields[] = {
	{FIELD_U16, AT(port), UINT16_MAX, NULL},
	{FIELD_U32, AT(read_ms), UINT32_MAX, NULL},
	{FIELD_U32, AT(write_ms), UINT32_MAX, NULL},
	{FIELD_U32, AT(idle_ms), UINT32_MAX, NULL},
	{FIELD_U32, AT(max_queries), UINT32_MAX, NULL},
};
#undef AT
static const struct layout timeouts_layout = {
	timeouts_fields, ARRAY_LEN(timeouts_fields), sizeof(struct policy_timeouts)};

// What a policy has besides its chains.
static const struct field set_fields[] = {
	{FIELD_LIST, offsetof(struct policy_set, timeouts), POLICY_TIMEOUTS_MAX, &timeouts_layout},
};
const struct layout policy_set_layout = {
	set_fields, ARRAY_LEN(set_fields), sizeof(struct policy_set)};
