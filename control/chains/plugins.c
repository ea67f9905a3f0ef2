// SPDX-License-Identifier: Apache-2.0
// Field by field, as in chains.c.
#include "control/chains/plugins.h"

#include "zones/corefile/cluster.h"
#include "zones/corefile/plugins.h"

#include <errno.h>
#include <string.h>

static const uint8_t root[1] = {0};

static const char *text_or_none(const char *text)
{
	return text == NULL ? "" : text;
}

int chains_names(struct arena *a, const struct config_zones *in, struct policy_names *out)
{
	struct policy_name *items = arena_alloc(a, in->n * sizeof(*items) + 1);

	if (items == NULL)
		return -ENOMEM;
	for (size_t i = 0; i < in->n; i++)
		items[i].wire = in->items[i].wire;
	*out = (struct policy_names){items, in->n};
	return 0;
}

static int take_texts(struct arena *a, const struct config_words *in, struct policy_texts *out)
{
	struct policy_text *items = arena_alloc(a, in->n * sizeof(*items) + 1);

	if (items == NULL)
		return -ENOMEM;
	for (size_t i = 0; i < in->n; i++)
		items[i].text = text_or_none(in->items[i]);
	*out = (struct policy_texts){items, in->n};
	return 0;
}

static int take_fall(struct arena *a, const struct config_fall *in, struct policy_fall *out)
{
	out->on = in->on;
	return chains_names(a, &in->zones, &out->zones);
}

static struct policy_cidr take_cidr(const struct config_cidr *in)
{
	struct policy_cidr out = {.family = in->family, .bits = in->bits};

	memcpy(out.address, in->address, sizeof(out.address));
	return out;
}

static int take_cidrs(
	struct arena *a, const struct config_cidr *in, size_t n, struct policy_cidrs *out)
{
	struct policy_cidr *items = arena_alloc(a, n * sizeof(*items) + 1);

	if (items == NULL)
		return -ENOMEM;
	for (size_t i = 0; i < n; i++)
		items[i] = take_cidr(&in[i]);
	*out = (struct policy_cidrs){items, n};
	return 0;
}

static int take_rewrite(struct arena *a, const struct config_rewrite *w, void **data)
{
	struct policy_rewrite *out = arena_alloc(a, sizeof(*out));
	struct policy_rewrite_answer *answers = arena_alloc(a, w->n_answers * sizeof(*answers) + 1);

	if (out == NULL || answers == NULL)
		return -ENOMEM;
	for (size_t i = 0; i < w->n_answers; i++)
		answers[i] = (struct policy_rewrite_answer){w->answers[i].is_value,
			text_or_none(w->answers[i].from), text_or_none(w->answers[i].to)};
	*out = (struct policy_rewrite){.go_on = w->go_on,
		.field = (uint8_t)w->field,
		.match = (uint8_t)w->match,
		.from = text_or_none(w->from),
		.to = text_or_none(w->to),
		.answer_auto = w->answer_auto,
		.answers = {answers, w->n_answers},
		.number_from = w->number_from,
		.number_to = w->number_to,
		.ttl_min_s = w->ttl_min,
		.ttl_max_s = w->ttl_max,
		.option = (uint8_t)w->option,
		.action = (uint8_t)w->action,
		.option_code = w->option_code,
		.option_data = text_or_none(w->option_data),
		.bits4 = w->bits4,
		.bits6 = w->bits6,
		.revert = w->revert};
	*data = out;
	return 0;
}

static int take_template(struct arena *a, const struct config_template *t, void **data)
{
	struct policy_template *out = arena_alloc(a, sizeof(*out));

	if (out == NULL)
		return -ENOMEM;
	*out = (struct policy_template){.qclass = t->qclass,
		.qtype = t->qtype,
		.rcode = t->rcode,
		.has_ede = t->has_ede,
		.ede_code = t->ede_code,
		.ede_text = text_or_none(t->ede_text)};
	*data = out;
	int rc = chains_names(a, &t->zones, &out->zones);
	if (rc == 0)
		rc = take_texts(a, &t->match, &out->match);
	if (rc == 0)
		rc = take_texts(a, &t->answer, &out->answer);
	if (rc == 0)
		rc = take_texts(a, &t->additional, &out->additional);
	if (rc == 0)
		rc = take_texts(a, &t->authority, &out->authority);
	return rc == 0 ? take_fall(a, &t->fall, &out->fall) : rc;
}

static int take_acl(struct arena *a, const struct config_acl *c, void **data)
{
	struct policy_acl *out = arena_alloc(a, sizeof(*out));
	struct policy_acl_rule *rules = arena_alloc(a, c->n_rules * sizeof(*rules) + 1);
	int rc = 0;

	if (out == NULL || rules == NULL)
		return -ENOMEM;
	for (size_t i = 0; i < c->n_rules && rc == 0; i++) {
		const struct config_acl_rule *r = &c->rules[i];
		rules[i] = (struct policy_acl_rule){
			.action = (uint8_t)r->action, .types = {r->types, r->n_types}};
		rc = take_cidrs(a, r->sources, r->n_sources, &rules[i].sources);
	}
	out->rules = (struct policy_acl_rules){rules, c->n_rules};
	*data = out;
	return rc == 0 ? chains_names(a, &c->zones, &out->zones) : rc;
}

static int take_header(struct arena *a, const struct config_header *h, void **data)
{
	struct policy_header *out = arena_alloc(a, sizeof(*out));
	struct policy_header_rule *rules = arena_alloc(a, h->n_rules * sizeof(*rules) + 1);

	if (out == NULL || rules == NULL)
		return -ENOMEM;
	for (size_t i = 0; i < h->n_rules; i++)
		rules[i] = (struct policy_header_rule){
			h->rules[i].is_query, h->rules[i].set, h->rules[i].flags};
	out->rules = (struct policy_header_rules){rules, h->n_rules};
	*data = out;
	return 0;
}

static int take_dns64(struct arena *a, const struct config_dns64 *d, void **data)
{
	const struct policy_dns64 out = {take_cidr(&d->prefix), d->translate_all, d->allow_ipv4};

	*data = arena_copy(a, &out, sizeof(out));
	return *data == NULL ? -ENOMEM : 0;
}

static int take_local(struct arena *a, const struct config_local *l, void **data)
{
	const struct policy_local out = {l != NULL && l->localhost_prefix};

	*data = arena_copy(a, &out, sizeof(out));
	return *data == NULL ? -ENOMEM : 0;
}

static int take_plain(struct arena *a, void **data)
{
	*data = arena_alloc(a, sizeof(struct policy_plain));
	return *data == NULL ? -ENOMEM : 0;
}

static int take_chaos(struct arena *a, const struct config_chaos *c, void **data)
{
	struct policy_chaos *out = arena_alloc(a, sizeof(*out));

	if (out == NULL)
		return -ENOMEM;
	out->version = text_or_none(c->version);
	*data = out;
	return take_texts(a, &c->authors, &out->authors);
}

static int take_loop(struct arena *a, const struct config_server *s, void **data)
{
	const struct policy_loop out = {{s->n_keys == 0 ? root : s->keys[0].zone.wire}};

	*data = arena_copy(a, &out, sizeof(out));
	return *data == NULL ? -ENOMEM : 0;
}

static int take_file(struct arena *a, const struct config_file *f, void **data)
{
	struct policy_file *out = arena_alloc(a, sizeof(*out));

	if (out == NULL)
		return -ENOMEM;
	*out = (struct policy_file){.path = text_or_none(f->path),
		.reload_ms = f->reload_ms,
		.by_mtime = f->reload_by_mtime};
	*data = out;
	int rc = chains_names(a, &f->zones, &out->zones);
	return rc == 0 ? take_fall(a, &f->fall, &out->fall) : rc;
}

static int take_autopath(struct arena *a, const struct config_autopath *c,
	const struct config_kubernetes *k, uint16_t view, void **data)
{
	struct policy_autopath *out = arena_alloc(a, sizeof(*out));

	if (out == NULL)
		return -ENOMEM;
	*out = (struct policy_autopath){.from_kubernetes = c->from_kubernetes,
		.view = view,
		.cluster_zone = {k == NULL ? root : k->zones.items[k->primary_zone].wire},
		.resolv_conf = text_or_none(c->resolv_conf)};
	*data = out;
	return chains_names(a, &c->zones, &out->zones);
}

static int take_loadbalance(
	struct arena *a, const struct config_loadbalance *b, void **data, bool *is_one)
{
	struct policy_loadbalance *out = arena_alloc(a, sizeof(*out));

	if (out == NULL)
		return -ENOMEM;
	*is_one = b != NULL && b->policy != BALANCE_ROUND_ROBIN; // workers do that
	if (!*is_one)
		return 0;
	*out = (struct policy_loadbalance){.is_weighted = b->policy == BALANCE_WEIGHTED,
		.weight_file = text_or_none(b->weight_file),
		.reload_ms = b->reload_ms};
	*data = out;
	return take_cidrs(a, b->prefer, b->n_prefer, &out->prefer);
}

int chains_plugin(struct arena *a, const struct config_server *s, uint16_t view,
	const struct config_directive *d, struct policy_op *op, bool *is_one)
{
	static const struct {
		enum config_kind from;
		enum policy_kind to;
	} kinds[] = {{DIR_REWRITE, POLICY_REWRITE}, {DIR_TEMPLATE, POLICY_TEMPLATE},
		{DIR_ACL, POLICY_ACL}, {DIR_DNS64, POLICY_DNS64}, {DIR_HEADER, POLICY_HEADER},
		{DIR_LOCAL, POLICY_LOCAL}, {DIR_ANY, POLICY_ANY}, {DIR_CHAOS, POLICY_CHAOS},
		{DIR_WHOAMI, POLICY_WHOAMI}, {DIR_LOOP, POLICY_LOOP}, {DIR_FILE, POLICY_FILE},
		{DIR_AUTOPATH, POLICY_AUTOPATH}, {DIR_LOADBALANCE, POLICY_LOADBALANCE}};
	void *data = NULL;
	int rc = 0;

	*is_one = false;
	for (size_t i = 0; i < sizeof(kinds) / sizeof(kinds[0]) && !*is_one; i++) {
		*is_one = kinds[i].from == d->kind;
		op->kind = (uint8_t)kinds[i].to;
	}
	if (!*is_one)
		return 0;
	switch ((enum policy_kind)op->kind) {
	case POLICY_REWRITE:
		rc = take_rewrite(a, d->data, &data);
		break;
	case POLICY_TEMPLATE:
		rc = take_template(a, d->data, &data);
		break;
	case POLICY_ACL:
		rc = take_acl(a, d->data, &data);
		break;
	case POLICY_DNS64:
		rc = take_dns64(a, d->data, &data);
		break;
	case POLICY_HEADER:
		rc = take_header(a, d->data, &data);
		break;
	case POLICY_LOCAL:
		rc = take_local(a, d->data, &data);
		break;
	case POLICY_CHAOS:
		rc = take_chaos(a, d->data, &data);
		break;
	case POLICY_LOOP:
		rc = take_loop(a, s, &data);
		break;
	case POLICY_FILE:
		rc = take_file(a, d->data, &data);
		break;
	case POLICY_AUTOPATH:
		rc = take_autopath(a, d->data, s->kubernetes, view, &data);
		break;
	case POLICY_LOADBALANCE:
		rc = take_loadbalance(a, d->data, &data, is_one);
		break;
	case POLICY_ANY:
	case POLICY_WHOAMI:
	case POLICY_CACHE:
	case POLICY_FORWARD:
	default:
		rc = take_plain(a, &data);
		break;
	}
	op->data = data;
	return rc;
}
