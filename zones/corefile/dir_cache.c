// SPDX-License-Identifier: Apache-2.0
// cache (k8s:2.13).
#include "zones/corefile/directives.h"

#include "zones/base/array.h"

#include <string.h>
#include <strings.h>

// CAPACITY [TTL] [MINTTL]
static int take_kind(struct parse *p, const struct node *n, struct config_cache_kind *k)
{
	uint64_t v[3] = {k->capacity, k->ttl_s, k->min_ttl_s};
	static const char *const what[] = {
		"the capacity", "the highest TTL in seconds", "the lowest TTL in seconds"};
	static const uint64_t least[] = {0, 1, 0};

	for (size_t i = 0; i < n->n_args && i < 3; i++) {
		if (word_number(n->args[i].text, least[i], INT32_MAX, &v[i]) != 0)
			return parse_error(p, &n->args[i], "%s must be a whole number from %llu",
				what[i], (unsigned long long)least[i]);
	}
	*k = (struct config_cache_kind){
		.capacity = (uint32_t)v[0], .ttl_s = (uint32_t)v[1], .min_ttl_s = (uint32_t)v[2]};
	return 0;
}

static int take_success(struct parse *p, const struct node *n, void *out)
{
	struct config_cache *c = out;

	return take_kind(p, n, &c->success);
}

static int take_denial(struct parse *p, const struct node *n, void *out)
{
	struct config_cache *c = out;

	return take_kind(p, n, &c->denial);
}

static int take_percent(struct parse *p, const struct token *t, uint32_t *out)
{
	size_t len = strlen(t->text);
	char digits[4] = "";
	uint64_t value = 0;

	if (len > 1 && len < sizeof(digits) + 1 && t->text[len - 1] == '%')
		memcpy(digits, t->text, len - 1);
	if (word_number(digits, 10, 90, &value) != 0)
		return parse_error(p, t, "the percentage of prefetch is from 10%% to 90%%");
	*out = (uint32_t)value;
	return 0;
}

static int take_prefetch(struct parse *p, const struct node *n, void *out)
{
	struct config_cache *c = out;
	uint64_t amount = 0;

	if (word_number(n->args[0].text, 0, INT32_MAX, &amount) != 0)
		return parse_error(p, &n->args[0], "prefetch needs a number of hits");
	c->prefetch = (uint32_t)amount;
	if (n->n_args > 1 && word_duration(n->args[1].text, &c->prefetch_window_ms) != 0)
		return parse_error(p, &n->args[1], "this must be a duration such as 1m");
	return n->n_args > 2 ? take_percent(p, &n->args[2], &c->prefetch_percent) : 0;
}

static int take_stale_ttl(struct parse *p, const struct token *t, uint32_t *out)
{
	uint64_t ms = 0;

	if (word_duration(t->text, &ms) != 0 || ms % 1000 != 0 || ms / 1000 > UINT32_MAX)
		return parse_error(
			p, t, "the TTL of stale answers must be a duration in whole seconds");
	*out = (uint32_t)(ms / 1000);
	return 0;
}

static int take_stale_recheck(struct parse *p, const struct token *t, uint64_t *out)
{
	if (word_duration(t->text, out) != 0 || *out > 300000)
		return parse_error(p, t, "the recheck interval must be a duration up to 5m");
	return 0;
}

// [DURATION [immediate [TTL [RECHECK]] | verify [TIMEOUT [TTL [RECHECK]]]]]
static int take_serve_stale(struct parse *p, const struct node *n, void *out)
{
	struct config_cache *c = out;
	size_t i = 2;
	int rc = 0;

	c->stale_ms = 3600000;
	if (n->n_args > 0 && word_duration(n->args[0].text, &c->stale_ms) != 0)
		return parse_error(p, &n->args[0], "this must be a duration such as 1h");
	if (n->n_args > 1) {
		const struct token *mode = &n->args[1];
		if (strcasecmp(mode->text, "verify") == 0)
			c->stale_mode = STALE_VERIFY;
		else if (strcasecmp(mode->text, "immediate") != 0)
			return parse_error(p, mode, "the mode is immediate or verify");
	}
	if (c->stale_mode == STALE_VERIFY && n->n_args > i) {
		if (word_duration(n->args[i].text, &c->stale_timeout_ms) != 0)
			return parse_error(
				p, &n->args[i], "the time-out of verify must be a duration");
		i++;
	}
	if (n->n_args > i)
		rc = take_stale_ttl(p, &n->args[i++], &c->stale_ttl_s);
	if (rc == 0 && n->n_args > i)
		rc = take_stale_recheck(p, &n->args[i++], &c->stale_recheck_ms);
	if (rc == 0 && n->n_args > i)
		rc = parse_error(p, &n->args[i], "serve_stale takes no more arguments");
	return rc;
}

static int take_stale_policy(struct parse *p, const struct node *n, void *out)
{
	struct config_cache *c = out;

	if (strcasecmp(n->args[0].text, "prefer_positive") != 0)
		return parse_error(p, &n->args[0], "the only policy is prefer_positive");
	c->stale_prefer_positive = true;
	return 0;
}

static int take_disable(struct parse *p, const struct node *n, void *out)
{
	static const struct token root = {.text = ".", .file = ""};
	struct config_cache *c = out;
	struct config_zones *zones = &c->no_success;
	int rc = 0;

	if (strcmp(n->args[0].text, "denial") == 0)
		zones = &c->no_denial;
	else if (strcmp(n->args[0].text, "success") != 0)
		return parse_error(p, &n->args[0], "disable is followed by success or denial");
	*zones = (struct config_zones){0};
	for (size_t i = 1; rc == 0 && i < n->n_args; i++)
		rc = zones_add(p, &n->args[i], zones);
	return n->n_args == 1 ? zones_add(p, &root, zones) : rc;
}

static bool has_property(const struct node *n, const char *name)
{
	for (const struct node *k = n->first; k != NULL; k = k->next) {
		if (strcmp(k->name->text, name) == 0)
			return true;
	}
	return false;
}

// The optional TTL in front of the zones; *zone becomes the index of the first zone.
static int take_ttl(struct parse *p, const struct node *n, struct config_cache *c, size_t *zone)
{
	const char *text = n->n_args == 0 ? "" : n->args[0].text;
	size_t sign = strspn(text, "+-");
	uint64_t ttl = 0;

	if (sign > 1 || text[sign] == '\0' ||
		strspn(text + sign, "0123456789") != strlen(text + sign))
		return 0;
	if (text[0] == '-' || word_number(text + sign, 1, INT32_MAX, &ttl) != 0)
		return parse_error(p, &n->args[0], "the TTL of cache must be at least 1 second");
	c->success.ttl_s = (uint32_t)ttl;
	c->denial.ttl_s = (uint32_t)ttl;
	*zone = 1;
	return 0;
}

int cache_parse(struct parse *p, const struct node *n, struct config_directive *d)
{
	static const struct property table[] = {
		{"denial", PROP_CALL, 0, 1, 3, take_denial, LAX},
		{"disable", PROP_CALL, 0, 1, ANY_NUMBER, take_disable, STRICT},
		{"keepttl", PROP_FLAG, offsetof(struct config_cache, keep_ttl), 0, 0, NULL, STRICT},
		{"prefetch", PROP_CALL, 0, 1, 3, take_prefetch, STRICT},
		{"serve_stale", PROP_CALL, 0, 0, 5, take_serve_stale, STRICT},
		{"serve_stale_policy", PROP_CALL, 0, 1, 1, take_stale_policy, STRICT},
		{"servfail", PROP_MS, offsetof(struct config_cache, servfail_ms), 0, 300000, NULL,
			STRICT},
		{"success", PROP_CALL, 0, 1, 3, take_success, LAX},
	};
	struct config_cache *c = arena_alloc(p->arena, sizeof(*c));
	size_t zone = 0;

	if (c == NULL)
		return parse_no_memory(p);
	*c = (struct config_cache){
		.success = {.capacity = 9984, .ttl_s = 3600, .min_ttl_s = 5},
		.denial = {.capacity = 9984, .ttl_s = 1800, .min_ttl_s = 5},
		.prefetch_window_ms = 60000,
		.prefetch_percent = 10,
		.servfail_ms = 5000,
	};
	d->data = c;
	int rc = take_ttl(p, n, c, &zone);
	if (rc == 0)
		rc = zones_or_server(p, n->args + zone, n->n_args - zone, &c->zones);
	if (rc == 0)
		rc = properties_parse(p, n, table, ARRAY_LEN(table), c);
	if (rc == 0 && c->stale_prefer_positive && !has_property(n, "serve_stale"))
		rc = parse_error(p, n->name, "serve_stale_policy needs serve_stale");
	return rc;
}
