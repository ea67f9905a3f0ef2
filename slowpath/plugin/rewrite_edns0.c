// SPDX-License-Identifier: Apache-2.0
// edns0 rules. Options of clients never reach upstreams (quirk 28), so what rules see is what the
// rules before them set, and the NSID request. Replies carry our own OPT: there is nothing for
// `revert` to take out of them.
#include "slowpath/plugin/rewrite.h"

#include "zones/base/be.h"

#include <string.h>

enum { SUBNET_HEAD_BYTES = 4 };

static struct plugin_option *find(struct job *j, uint16_t code)
{
	for (size_t i = 0; i < j->n_options; i++) {
		if (j->options[i].code == code)
			return &j->options[i];
	}
	return NULL;
}

static void unset(struct job *j, uint16_t code)
{
	size_t n = 0;

	for (size_t i = 0; i < j->n_options; i++) {
		if (j->options[i].code != code)
			j->options[n++] = j->options[i];
	}
	j->n_options = n;
}

static struct plugin_option bytes_of(struct job *j, const void *bytes, size_t n)
{
	return (struct plugin_option){.data = arena_copy(&j->arena, bytes, n), .size = (uint16_t)n};
}

static struct plugin_option name_bytes(struct job *j)
{
	struct name_text text;
	const uint8_t *name = j->question.name.wire;

	// The client's spelling, when it still is the client's name.
	if (j->spelled != NULL && dname_is_equal(name, j->spelled))
		name = j->spelled;
	name_text_of(name, &text);
	return bytes_of(j, text.s, text.n);
}

static struct plugin_option number_bytes(struct job *j, uint16_t number)
{
	uint8_t wire[2];

	be16_put(wire, number);
	return bytes_of(j, wire, sizeof(wire));
}

static struct plugin_option address_bytes(struct job *j, const struct plugin_peer *peer)
{
	if (peer->family != 4 && peer->family != 6)
		return (struct plugin_option){0};
	return bytes_of(j, peer->address, peer->family == 4 ? 4 : 16);
}

// data is NULL when there is nothing to send.
static struct plugin_option local_bytes(struct job *j, const struct rewrite_state *s)
{
	const char *text = s->rule->option_data;

	if (strcmp(text, "{qname}") == 0)
		return name_bytes(j);
	if (strcmp(text, "{qtype}") == 0)
		return number_bytes(j, j->question.type);
	if (strcmp(text, "{client_ip}") == 0)
		return address_bytes(j, &j->from);
	if (strcmp(text, "{server_ip}") == 0)
		return address_bytes(j, &j->to);
	if (strcmp(text, "{client_port}") == 0)
		return number_bytes(j, j->from.port);
	if (strcmp(text, "{server_port}") == 0)
		return number_bytes(j, j->to.port);
	if (strcmp(text, "{protocol}") == 0)
		return bytes_of(j, j->transport == TRANSPORT_TCP ? "tcp" : "udp", 3);
	return (struct plugin_option){.data = s->option, .size = (uint16_t)s->option_size};
}

// RFC 7871 6: family, source and scope length, the address cut to whole octets.
static struct plugin_option subnet_bytes(struct job *j, const struct policy_rewrite *rule)
{
	uint8_t wire[SUBNET_HEAD_BYTES + 16] = {0};
	uint8_t bits = j->from.family == 4 ? rule->bits4 : rule->bits6;
	size_t n = (bits + 7u) / 8u;

	if (j->from.family != 4 && j->from.family != 6)
		return (struct plugin_option){0};
	be16_put(wire, j->from.family == 4 ? 1 : 2);
	wire[2] = bits;
	memcpy(wire + SUBNET_HEAD_BYTES, j->from.address, n);
	if (bits % 8 != 0)
		wire[SUBNET_HEAD_BYTES + n - 1] &= (uint8_t)(0xff << (8 - bits % 8));
	return bytes_of(j, wire, SUBNET_HEAD_BYTES + n);
}

static struct plugin_option option_of(struct job *j, const struct rewrite_state *s)
{
	if (s->rule->option == POLICY_EDNS0_LOCAL)
		return local_bytes(j, s);
	if (s->rule->option == POLICY_EDNS0_SUBNET)
		return subnet_bytes(j, s->rule);
	return bytes_of(j, "", 0);
}

static bool is_variable(const struct policy_rewrite *rule)
{
	return rule->option == POLICY_EDNS0_LOCAL && rule->option_data[0] == '{';
}

enum rewrite_result rewrite_edns0(struct job *j, const struct rewrite_state *s)
{
	const struct policy_rewrite *rule = s->rule;
	static const uint16_t codes[] = {
		[POLICY_EDNS0_NSID] = EDNS_NSID, [POLICY_EDNS0_SUBNET] = EDNS_ECS};
	uint16_t code =
		rule->option == POLICY_EDNS0_LOCAL ? rule->option_code : codes[rule->option];

	if (rule->action == POLICY_OPTION_UNSET) {
		unset(j, code);
		return REWRITE_DONE;
	}
	struct plugin_option made = option_of(j, s);
	struct plugin_option *old = find(j, code);
	made.code = code;
	if (made.data == NULL)
		return REWRITE_IGNORED;
	if (old != NULL && rule->action != POLICY_OPTION_APPEND) {
		*old = made;
		return REWRITE_DONE;
	}
	// CoreDNS appends a second option of the same code only for fixed data and NSID.
	bool twice = rule->option != POLICY_EDNS0_SUBNET && !is_variable(rule);
	bool is_asked = code == EDNS_NSID && j->query->edns.has_nsid;
	if (rule->action == POLICY_OPTION_REPLACE && !is_asked)
		return REWRITE_IGNORED;
	if ((old != NULL && !twice) || j->n_options == PLUGIN_OPTIONS_MAX)
		return REWRITE_IGNORED;
	j->options[j->n_options++] = made;
	return REWRITE_DONE;
}
