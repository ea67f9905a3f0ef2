// SPDX-License-Identifier: Apache-2.0
// Directives that judge queries or change answers: acl, bufsize, header, loadbalance, nsid,
// transfer.
#include "zones/corefile/directives.h"

#include "zones/base/array.h"
#include "zones/wire/rr.h"

#include <string.h>
#include <strings.h>

static int add_type(struct parse *p, const struct token *t, struct config_acl_rule *r)
{
	uint16_t *items = list_grow(p->arena, r->types, r->n_types, sizeof(*items));

	if (items == NULL)
		return parse_no_memory(p);
	if (!word_is_upper(t->text) || word_type(t->text, &items[r->n_types]) != 0)
		return parse_error(p, t, "%.40s is no record type in upper case", t->text);
	r->types = items;
	r->n_types++;
	return 0;
}

static int add_cidr(struct parse *p, const struct token *t, struct config_cidr **list, size_t *n)
{
	struct config_cidr *items = list_grow(p->arena, *list, *n, sizeof(*items));

	if (items == NULL)
		return parse_no_memory(p);
	if (word_cidr(t->text, &items[*n]) != 0)
		return parse_error(
			p, t, "%.60s is no range of addresses, such as 10.0.0.0/8", t->text);
	*list = items;
	(*n)++;
	return 0;
}

static bool is_section(const char *text)
{
	return strcasecmp(text, "type") == 0 || strcasecmp(text, "net") == 0;
}

// `type A AAAA net 10.0.0.0/8`: a * in a section stands for everything.
static int acl_sections(struct parse *p, const struct node *n, struct config_acl_rule *r)
{
	bool is_type = false;
	bool all[2] = {false, false};
	int rc = 0;

	for (size_t i = 0; rc == 0 && i < n->n_args; i++) {
		const struct token *t = &n->args[i];
		if (i == 0 && !is_section(t->text))
			return parse_error(p, t, "type or net should stand here");
		if (is_section(t->text)) {
			is_type = strcasecmp(t->text, "type") == 0;
			if (i + 1 == n->n_args || is_section(n->args[i + 1].text))
				return parse_error(p, t, "something must follow %s", t->text);
			continue;
		}
		if (strcmp(t->text, "*") == 0)
			all[is_type] = true;
		else if (is_type)
			rc = add_type(p, t, r);
		else
			rc = add_cidr(p, t, &r->sources, &r->n_sources);
	}
	r->n_types = all[true] ? 0 : r->n_types;
	r->n_sources = all[false] ? 0 : r->n_sources;
	return rc;
}

static int acl_rule(struct parse *p, const struct node *n, struct config_acl *a)
{
	static const char *const actions[] = {
		[ACL_ALLOW] = "allow",
		[ACL_BLOCK] = "block",
		[ACL_FILTER] = "filter",
		[ACL_DROP] = "drop",
	};
	struct config_acl_rule *items = list_grow(p->arena, a->rules, a->n_rules, sizeof(*items));
	size_t i = 0;

	if (items == NULL)
		return parse_no_memory(p);
	while (i < ARRAY_LEN(actions) && strcasecmp(n->name->text, actions[i]) != 0)
		i++;
	if (i == ARRAY_LEN(actions))
		return parse_error(p, n->name, "an acl rule is allow, block, filter or drop");
	a->rules = items;
	items[a->n_rules] = (struct config_acl_rule){.action = (enum acl_action)i};
	return acl_sections(p, n, &items[a->n_rules++]);
}

int acl_parse(struct parse *p, const struct node *n, struct config_directive *d)
{
	struct config_acl *a = arena_alloc(p->arena, sizeof(*a));

	if (a == NULL)
		return parse_no_memory(p);
	d->data = a;
	int rc = zones_or_server(p, n->args, n->n_args, &a->zones);
	int first = rc;
	for (const struct node *k = n->first; parse_goes_on(p, rc) && k != NULL; k = k->next) {
		rc = acl_rule(p, k, a);
		if (first == 0)
			first = rc;
	}
	return first;
}

int bufsize_parse(struct parse *p, const struct node *n, struct config_directive *d)
{
	struct config_bufsize *b = arena_alloc(p->arena, sizeof(*b));
	int rc = parse_shape(p, n, 0, 1, BRACES_NO);
	uint64_t size = 1232;

	if (rc != 0)
		return rc;
	if (b == NULL)
		return parse_no_memory(p);
	if (n->n_args == 1 && word_number(n->args[0].text, 512, 4096, &size) != 0)
		return parse_error(p, &n->args[0], "bufsize is a number from 512 to 4096");
	b->size_bytes = (uint16_t)size;
	d->data = b;
	return 0;
}

static int header_flags(struct parse *p, const struct node *n, uint16_t *out)
{
	for (size_t i = 1; i < n->n_args; i++) {
		const char *flag = n->args[i].text;
		if (strcasecmp(flag, "aa") == 0)
			*out |= HEADER_AA;
		else if (strcasecmp(flag, "ra") == 0)
			*out |= HEADER_RA;
		else if (strcasecmp(flag, "rd") == 0)
			*out |= HEADER_RD;
		else
			return parse_error(p, &n->args[i], "header knows the flags aa, ra and rd");
	}
	return 0;
}

static int header_rule(struct parse *p, const struct node *n, struct config_header *h)
{
	struct config_header_rule *items =
		list_grow(p->arena, h->rules, h->n_rules, sizeof(*items));
	bool is_query = strcasecmp(n->name->text, "query") == 0;

	if (items == NULL)
		return parse_no_memory(p);
	if (!is_query && strcasecmp(n->name->text, "response") != 0)
		return parse_error(p, n->name, "a header rule begins with query or response");
	int rc = parse_shape(p, n, 2, ANY_NUMBER, BRACES_NO);
	if (rc != 0)
		return rc;
	bool set = strcasecmp(n->args[0].text, "set") == 0;
	if (!set && strcasecmp(n->args[0].text, "clear") != 0)
		return parse_error(p, &n->args[0], "flags are set or cleared: set, clear");
	h->rules = items;
	items[h->n_rules] = (struct config_header_rule){.is_query = is_query, .set = set};
	return header_flags(p, n, &items[h->n_rules++].flags);
}

int header_parse(struct parse *p, const struct node *n, struct config_directive *d)
{
	struct config_header *h = arena_alloc(p->arena, sizeof(*h));
	int rc = parse_shape(p, n, 0, 0, BRACES_YES);
	int first = rc;

	if (h == NULL)
		return parse_no_memory(p);
	d->data = h;
	if (rc == 0 && n->first == NULL)
		return parse_error(p, n->name, "header needs rules in braces");
	for (const struct node *k = n->first; parse_goes_on(p, rc) && k != NULL; k = k->next) {
		rc = header_rule(p, k, h);
		if (first == 0)
			first = rc;
	}
	return first;
}

static int take_prefer(struct parse *p, const struct node *n, void *out)
{
	struct config_loadbalance *b = out;
	int rc = 0;

	if (b->policy == BALANCE_ROUND_ROBIN)
		b->policy = BALANCE_PREFER;
	for (size_t i = 0; rc == 0 && i < n->n_args; i++)
		rc = add_cidr(p, &n->args[i], &b->prefer, &b->n_prefer);
	return rc;
}

static int take_weight_reload(struct parse *p, const struct node *n, void *out)
{
	struct config_loadbalance *b = out;

	if (b->weight_file == NULL)
		return parse_error(p, n->name, "reload belongs to the policy weighted");
	if (word_duration(n->args[0].text, &b->reload_ms) != 0)
		return parse_error(p, &n->args[0], "reload needs a duration such as 30s");
	return 0;
}

static int loadbalance_policy(struct parse *p, const struct node *n, struct config_loadbalance *b)
{
	if (n->n_args == 0 || strcmp(n->args[0].text, "round_robin") == 0)
		return parse_shape(p, n, 0, 1, BRACES_YES);
	if (strcmp(n->args[0].text, "weighted") != 0)
		return parse_error(p, &n->args[0],
			"the policy of loadbalance is round_robin or weighted FILE");
	int rc = parse_shape(p, n, 2, 2, BRACES_YES);
	if (rc != 0)
		return rc;
	b->policy = BALANCE_WEIGHTED;
	return parse_path(p, &n->args[1], &b->weight_file);
}

int loadbalance_parse(struct parse *p, const struct node *n, struct config_directive *d)
{
	static const struct property table[] = {
		{"prefer", PROP_CALL, 0, 0, ANY_NUMBER, take_prefer, STRICT},
		{"reload", PROP_CALL, 0, 1, 1, take_weight_reload, STRICT},
	};
	struct config_loadbalance *b = arena_alloc(p->arena, sizeof(*b));

	if (b == NULL)
		return parse_no_memory(p);
	b->reload_ms = 30000;
	d->data = b;
	int rc = loadbalance_policy(p, n, b);
	if (rc == 0)
		rc = properties_parse(p, n, table, ARRAY_LEN(table), b);
	if (b->policy != BALANCE_ROUND_ROBIN) {
		d->runs = RUNS_SLOWPATH;
		d->why = "the order depends on addresses, not on a plain rotation";
	}
	return rc;
}

// Texts of an image can be printed, and the size is one byte.
static bool is_nsid(const char *text)
{
	size_t len = strlen(text);

	if (len > UINT8_MAX)
		return false;
	for (size_t i = 0; i < len; i++) {
		if (text[i] < ' ' || text[i] > '~')
			return false;
	}
	return true;
}

int nsid_parse(struct parse *p, const struct node *n, struct config_directive *d)
{
	struct config_nsid *x = arena_alloc(p->arena, sizeof(*x));
	int rc = parse_shape(p, n, 0, ANY_NUMBER, BRACES_NO);

	if (rc != 0)
		return rc;
	if (x == NULL)
		return parse_no_memory(p);
	d->data = x;
	if (n->n_args == 0)
		return 0;
	rc = parse_joined(p, n->args, n->n_args, &x->data);
	if (rc == 0 && !is_nsid(x->data))
		rc = parse_error(
			p, &n->args[0], "nsid takes at most 255 characters, which can be printed");
	return rc;
}

static int take_to(struct parse *p, const struct node *n, void *out)
{
	struct config_transfer *x = out;

	for (size_t i = 0; i < n->n_args; i++) {
		char *host = NULL;
		uint16_t port = 53;
		if (strcmp(n->args[i].text, "*") == 0)
			continue;
		if (word_host_port(p->arena, n->args[i].text, &host, &port) != 0 ||
			!word_is_address(host))
			return parse_error(p, &n->args[i],
				"to needs addresses, such as 10.0.0.1 or 10.0.0.1:53, or *");
	}
	return parse_words(p, n->args, n->n_args, &x->to);
}

static int take_source(struct parse *p, const struct node *n, void *out)
{
	struct config_transfer *x = out;

	if (!word_is_address(n->args[0].text))
		return parse_error(p, &n->args[0], "source needs an address");
	x->source = n->args[0].text;
	return 0;
}

int transfer_legacy(struct parse *p, const struct node *n, void *out)
{
	(void)out;
	return parse_fixable(p, n->name, FIX_TRANSFER,
		"transfer in the braces of a zone is gone since CoreDNS 1.8; "
		"use the directive `transfer ZONES { to ... }`");
}

int transfer_parse(struct parse *p, const struct node *n, struct config_directive *d)
{
	static const struct property table[] = {
		{"source", PROP_CALL, 0, 1, 1, take_source, STRICT},
		{"to", PROP_CALL, 0, 1, ANY_NUMBER, take_to, STRICT},
	};
	struct config_transfer *x = arena_alloc(p->arena, sizeof(*x));

	if (x == NULL)
		return parse_no_memory(p);
	d->data = x;
	int rc = zones_or_server(p, n->args, n->n_args, &x->zones);
	if (rc == 0)
		rc = properties_parse(p, n, table, ARRAY_LEN(table), x);
	if (rc == 0 && x->to.n == 0)
		rc = parse_error(p, n->name, "transfer needs `to ADDRESS` in its braces");
	return rc;
}
