// SPDX-License-Identifier: Apache-2.0
// rewrite: one rule per directive, on one line or spread over braces. What is written is brought
// into the form CoreDNS compares with: lower case, with a final dot (its plugin.Name).
#include "zones/corefile/directives.h"
#include "zones/corefile/rewrite_rule.h"

#include "zones/base/array.h"

#include <stdlib.h>
#include <string.h>

static int collect_line(struct parse *p, const struct token *t, size_t n, struct rule *r)
{
	for (size_t i = 0; i < n; i++) {
		if (r->n == RULE_WORDS_MAX)
			return parse_error(
				p, &t[i], "a rewrite rule has at most %d words", RULE_WORDS_MAX);
		r->words[r->n++] = &t[i];
	}
	return 0;
}

static int collect(struct parse *p, const struct node *n, struct rule *r)
{
	int rc = collect_line(p, n->args, n->n_args, r);

	if (rc == 0 && n->n_args > 1 && n->first != NULL)
		return parse_error(p, n->open,
			"rewrite takes braces only when the rule does not begin on this line");
	for (const struct node *k = n->first; rc == 0 && k != NULL; k = k->next) {
		rc = collect_line(p, k->name, 1, r);
		if (rc == 0)
			rc = collect_line(p, k->args, k->n_args, r);
	}
	if (rc == 0 && r->n == 0)
		return parse_error(p, n->name, "rewrite needs a rule, such as `name FROM TO`");
	return rc;
}

static int take_type_or_class(struct parse *p, struct rule *r, struct config_rewrite *w)
{
	bool is_type = w->field == REWRITE_TYPE;
	uint16_t *out[] = {&w->number_from, &w->number_to};

	if (rule_left(r) != 2)
		return parse_error(p, rule_at(r), "a %s rule needs exactly FROM and TO",
			is_type ? "type" : "class");
	for (size_t i = 0; i < 2; i++, r->i++) {
		int rc = is_type ? word_type(rule_at(r)->text, out[i])
				 : word_class(rule_at(r)->text, out[i]);
		if (rc != 0)
			return parse_error(p, rule_at(r), "%.40s is no %s", rule_at(r)->text,
				is_type ? "record type" : "class");
	}
	w->from = r->words[r->n - 2]->text;
	w->to = r->words[r->n - 1]->text;
	return 0;
}

// The name that a ttl or rcode rule applies to, when it needs `tail` more words behind it.
static int take_scope(struct parse *p, struct rule *r, size_t tail, struct config_rewrite *w)
{
	if (rule_left(r) == tail + 2 && !rule_match(r, &w->match))
		return parse_error(p, rule_at(r),
			"a name is matched exact, prefix, suffix, substring or regex");
	if (rule_left(r) != tail + 1)
		return parse_error(p, rule_at(r), "the form is %s",
			tail == 1 ? "`ttl [exact|prefix|suffix|substring|regex] NAME SECONDS`"
				  : "`rcode [exact|prefix|suffix|substring|regex] NAME FROM TO`");
	const struct token *from = r->words[r->i++];
	if (w->match != MATCH_REGEX)
		return rule_name(p, from->text, &w->from);
	w->from = from->text;
	return rule_regex(p, from, NULL);
}

// "30", "30-300", "30-", "-300".
static int take_ttl(struct parse *p, struct rule *r, struct config_rewrite *w)
{
	char low[16] = "";
	uint64_t min = 0;
	uint64_t max = INT32_MAX;
	int rc = take_scope(p, r, 1, w);

	if (rc != 0)
		return rc;
	const struct token *t = r->words[r->i++];
	const char *dash = strchr(t->text, '-');
	size_t len = strcspn(t->text, "-");
	if (len < sizeof(low))
		memcpy(low, t->text, len);
	bool bad = len >= sizeof(low) || (len == 0 && (dash == NULL || dash[1] == '\0'));
	if (len > 0)
		bad |= word_number(low, 0, UINT32_MAX, &min) != 0;
	if (dash == NULL)
		max = min;
	else if (dash[1] != '\0')
		bad |= word_number(dash + 1, 0, UINT32_MAX, &max) != 0;
	if (bad || min > max)
		return parse_error(p, t,
			"a TTL is a number of seconds or a range such as 30-300, 30- or -300");
	w->ttl_min = (uint32_t)min;
	w->ttl_max = (uint32_t)max;
	return 0;
}

static int take_rcode(struct parse *p, struct rule *r, struct config_rewrite *w)
{
	uint16_t *out[] = {&w->number_from, &w->number_to};
	int rc = take_scope(p, r, 2, w);

	for (size_t i = 0; rc == 0 && i < 2; i++, r->i++) {
		if (word_rcode(rule_at(r)->text, out[i]) != 0)
			rc = parse_error(p, rule_at(r), "%.40s is no RCODE", rule_at(r)->text);
	}
	return rc;
}

static int take_cname(struct parse *p, struct rule *r, struct config_rewrite *w)
{
	if (rule_left(r) == 3 && !rule_match(r, &w->match))
		return parse_error(p, rule_at(r),
			"a name is matched exact, prefix, suffix, substring or regex");
	if (rule_left(r) != 2)
		return parse_error(p, rule_at(r), "a cname rule needs exactly FROM and TO");
	const struct token *from = r->words[r->i];
	const struct token *to = r->words[r->i + 1];
	r->i += 2;
	if (w->match == MATCH_EXACT) {
		int rc = rule_name(p, from->text, &w->from);
		return rc == 0 ? rule_name(p, to->text, &w->to) : rc;
	}
	int rc = rule_lower(p, from->text, &w->from);
	if (rc == 0)
		rc = rule_lower(p, to->text, &w->to);
	if (rc != 0)
		return rc;
	return w->match == MATCH_REGEX ? rule_regex(p, from, NULL) : 0;
}

// Numbers as Go reads them with base 0: 0x.., 0.. , decimal.
static int take_u16(struct parse *p, const struct token *t, uint64_t max, uint16_t *out)
{
	uint64_t value = 0;
	const char *s = t->text;
	bool is_hex = s[0] == '0' && (s[1] == 'x' || s[1] == 'X');
	size_t digits = is_hex ? strspn(s + 2, "0123456789abcdefABCDEF") : 0;

	if (is_hex && digits > 0 && digits <= 4 && s[2 + digits] == '\0')
		value = strtoull(s + 2, NULL, 16);
	else if (word_number(s, 0, max, &value) != 0)
		value = max + 1;
	if (value > max)
		return parse_error(
			p, t, "this must be a number from 0 to %llu", (unsigned long long)max);
	*out = (uint16_t)value;
	return 0;
}

static int check_option_data(struct parse *p, const struct token *t)
{
	static const char *const variables[] = {"{qname}", "{qtype}", "{client_ip}",
		"{client_port}", "{protocol}", "{server_ip}", "{server_port}"};
	const char *s = t->text;
	size_t len = strlen(s);

	if (s[0] == '{' && s[len - 1] == '}') {
		for (size_t i = 0; i < ARRAY_LEN(variables); i++) {
			if (strcmp(variables[i], s) == 0)
				return 0;
		}
		return parse_error(p, t, "burst53 does not know the variable %.60s", s);
	}
	if (strncmp(s, "0x", 2) == 0 &&
		(len % 2 != 0 || strspn(s + 2, "0123456789abcdefABCDEF") != len - 2))
		return parse_error(p, t, "this is no even number of hexadecimal digits");
	return 0;
}

static int take_local(struct parse *p, struct rule *r, struct config_rewrite *w)
{
	size_t want = w->action == ACTION_UNSET ? 1 : 2;

	if (rule_left(r) != want)
		return parse_error(p, rule_at(r), "edns0 local needs %s",
			want == 1 ? "a code" : "a code and data");
	int rc = take_u16(p, r->words[r->i++], UINT16_MAX, &w->option_code);
	if (rc != 0 || want == 1)
		return rc;
	w->option_data = rule_at(r)->text;
	return check_option_data(p, r->words[r->i++]);
}

static int take_subnet(struct parse *p, struct rule *r, struct config_rewrite *w)
{
	uint16_t bits[2] = {0, 0};

	if (w->action == ACTION_UNSET)
		return 0;
	if (rule_left(r) != 2)
		return parse_error(
			p, rule_at(r), "edns0 subnet needs the bits of IPv4 and of IPv6");
	int rc = take_u16(p, r->words[r->i++], 32, &bits[0]);
	if (rc == 0)
		rc = take_u16(p, r->words[r->i++], 128, &bits[1]);
	w->bits4 = (uint8_t)bits[0];
	w->bits6 = (uint8_t)bits[1];
	return rc;
}

static bool take_action(struct rule *r, enum rewrite_action *out)
{
	static const char *const names[] = {
		[ACTION_SET] = "set",
		[ACTION_APPEND] = "append",
		[ACTION_REPLACE] = "replace",
		[ACTION_UNSET] = "unset",
	};

	size_t i = rule_choose(r, names, ARRAY_LEN(names));
	if (i == ARRAY_LEN(names))
		return false;
	*out = (enum rewrite_action)i;
	return true;
}

static int take_edns0(struct parse *p, struct rule *r, struct config_rewrite *w)
{
	int rc = 0;

	if (rule_accept(r, "local"))
		w->option = EDNS0_LOCAL;
	else if (rule_accept(r, "nsid"))
		w->option = EDNS0_NSID;
	else if (rule_accept(r, "subnet"))
		w->option = EDNS0_SUBNET;
	else
		return parse_error(p, rule_at(r), "an edns0 rule is about local, nsid or subnet");
	if (!take_action(r, &w->action))
		return parse_error(
			p, rule_at(r), "the action is one of set, append, replace and unset");
	if (w->action != ACTION_UNSET && rule_left(r) > 0 &&
		strcmp(r->words[r->n - 1]->text, "revert") == 0) {
		w->revert = true;
		r->n--;
	}
	if (w->option == EDNS0_LOCAL)
		rc = take_local(p, r, w);
	if (w->option == EDNS0_SUBNET)
		rc = take_subnet(p, r, w);
	return rc;
}

static int take_rule(struct parse *p, struct rule *r, struct config_rewrite *w)
{
	static const struct {
		const char *name;
		enum rewrite_field field;
		int (*take)(struct parse *p, struct rule *r, struct config_rewrite *w);
	} kinds[] = {
		{"name", REWRITE_NAME, rule_name_parse},
		{"type", REWRITE_TYPE, take_type_or_class},
		{"class", REWRITE_CLASS, take_type_or_class},
		{"edns0", REWRITE_EDNS0, take_edns0},
		{"ttl", REWRITE_TTL, take_ttl},
		{"cname", REWRITE_CNAME, take_cname},
		{"rcode", REWRITE_RCODE, take_rcode},
	};

	w->go_on = rule_accept(r, "continue");
	if (!w->go_on)
		(void)rule_accept(r, "stop"); // the default
	if (rule_left(r) == 0)
		return parse_error(p, rule_at(r), "a rule is missing, such as `name FROM TO`");
	for (size_t i = 0; i < ARRAY_LEN(kinds); i++) {
		if (!rule_accept(r, kinds[i].name))
			continue;
		if (rule_left(r) == 0)
			return parse_error(
				p, rule_at(r), "a %s rule needs more words", kinds[i].name);
		w->field = kinds[i].field;
		return kinds[i].take(p, r, w);
	}
	return parse_error(p, rule_at(r),
		"a rule is about name, type, class, edns0, ttl, cname or rcode, not %.40s",
		rule_at(r)->text);
}

int rewrite_parse(struct parse *p, const struct node *n, struct config_directive *d)
{
	struct config_rewrite *w = arena_alloc(p->arena, sizeof(*w));
	struct rule r = {0};
	int rc = collect(p, n, &r);

	if (rc != 0)
		return rc;
	if (w == NULL)
		return parse_no_memory(p);
	d->data = w;
	rc = take_rule(p, &r, w);
	if (rc == 0 && r.i < r.n)
		rc = parse_error(p, rule_at(&r), "this word is too much");
	return rc;
}
