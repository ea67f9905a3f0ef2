// SPDX-License-Identifier: Apache-2.0
// Directives that answer by themselves: hosts, template, file, any, chaos, dns64, local.
#include "zones/corefile/directives.h"

#include "zones/base/array.h"
#include "zones/gotmpl/gotmpl.h"
#include "zones/regex/regex.h"
#include "zones/wire/dname.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <sys/stat.h>

// A name that no query can have is left out, as CoreDNS does in silence.
static int add_host_name(struct parse *p, const struct token *t, struct config_words *out)
{
	struct dname name;

	if (dname_parse(t->text, &name) == 0)
		return parse_words(p, t, 1, out);
	return parse_tell(
		p, t, PROBLEM_WARNING, "%.80s is no domain name and is left out", t->text);
}

// An inline line, as in /etc/hosts.
static int take_host(struct parse *p, const struct node *n, struct config_hosts *h)
{
	struct config_host *items = list_grow(p->arena, h->lines, h->n_lines, sizeof(*items));
	int rc = 0;

	if (items == NULL)
		return parse_no_memory(p);
	if (n->n_args == 0)
		return parse_tell(
			p, n->name, PROBLEM_WARNING, "this address has no name and does nothing");
	h->lines = items;
	struct config_host *line = &items[h->n_lines++];
	*line = (struct config_host){.address = n->name->text, .pos = token_pos(n->name)};
	for (size_t i = 0; rc == 0 && i < n->n_args; i++)
		rc = add_host_name(p, &n->args[i], &line->names);
	return rc;
}

#define HOSTS(field) offsetof(struct config_hosts, field)

static const struct property hosts_properties[] = {
	{"fallthrough", PROP_FALL, HOSTS(fall), 0, 0, NULL, STRICT},
	{"fallthrough_unsupported", PROP_FLAG, HOSTS(fallthrough_unsupported), 0, 0, NULL, STRICT},
	{"no_reverse", PROP_FLAG, HOSTS(no_reverse), 0, 0, NULL, LAX},
	{"reload", PROP_MS, HOSTS(reload_ms), 0, 0, NULL, STRICT},
	{"ttl", PROP_U32, HOSTS(ttl), 1, 65535, NULL, LAX},
};

static bool is_hosts_option(const char *name)
{
	for (size_t i = 0; i < ARRAY_LEN(hosts_properties); i++) {
		if (strcmp(hosts_properties[i].name, name) == 0)
			return true;
	}
	return false;
}

// An interface may stand behind the address.
static bool is_host_address(const char *text)
{
	char address[64] = "";
	size_t len = strcspn(text, "%");

	if (len >= sizeof(address))
		return false;
	memcpy(address, text, len);
	return word_is_address(address);
}

// Lines that begin with an address are hosts, the others are options. What is neither does nothing
// in CoreDNS, unless fallthrough stands before it: then it is an error.
static int hosts_line(
	struct parse *p, const struct node *dir, const struct node *k, struct config_hosts *h)
{
	struct node one = *dir;
	struct node option = *k;

	if (is_host_address(k->name->text) && h->fall.on)
		return parse_error(p, k->name,
			"put this line above fallthrough: CoreDNS takes no addresses behind it");
	if (is_host_address(k->name->text) && k->open == NULL)
		return take_host(p, k, h);
	if (!is_hosts_option(k->name->text) && !h->fall.on)
		return parse_tell(p, k->name, PROBLEM_WARNING,
			"%.60s is neither an address nor an option of hosts: the line does nothing",
			k->name->text);
	option.next = NULL;
	one.first = &option;
	return properties_parse(p, &one, hosts_properties, ARRAY_LEN(hosts_properties), h);
}

static int check_hosts_file(struct parse *p, const struct token *t, const char *path)
{
	struct stat st;

	if (p->o->skip_file_checks || stat(path, &st) == 0)
		return 0;
	return parse_tell(
		p, t, PROBLEM_WARNING, "%s does not exist; it is read as soon as it does", path);
}

int hosts_parse(struct parse *p, const struct node *n, struct config_directive *d)
{
	struct config_hosts *h = arena_alloc(p->arena, sizeof(*h));
	int first = 0;
	int rc = 0;

	if (h == NULL)
		return parse_no_memory(p);
	*h = (struct config_hosts){.path = "/etc/hosts", .ttl = 3600, .reload_ms = 5000};
	d->data = h;
	size_t zone = n->n_args > 0;
	if (n->n_args > 0)
		rc = parse_path(p, &n->args[0], &h->path);
	if (rc == 0 && n->n_args > 0)
		rc = check_hosts_file(p, &n->args[0], h->path);
	if (rc == 0)
		rc = zones_or_server(p, n->args + zone, n->n_args - zone, &h->zones);
	first = rc;
	for (const struct node *k = n->first; parse_goes_on(p, rc) && k != NULL; k = k->next) {
		rc = hosts_line(p, n, k, h);
		if (first == 0)
			first = rc;
	}
	if (first == 0 && h->fallthrough_unsupported && !h->fall.on)
		return parse_error(p, n->name, "fallthrough_unsupported needs fallthrough");
	return first;
}

static int take_match(struct parse *p, const struct node *n, void *out)
{
	struct config_template *t = out;

	for (size_t i = 0; i < n->n_args; i++) {
		struct err why = {0};
		if (regex_check(n->args[i].text, &why) != 0)
			return parse_error(p, &n->args[i], "%s", why.text);
	}
	return parse_words(p, n->args, n->n_args, &t->match);
}

static int take_records(struct parse *p, const struct node *n, struct config_words *out)
{
	for (size_t i = 0; i < n->n_args; i++) {
		struct arena scratch = {0};
		struct err why = {0};
		bool is_fine = gotmpl_compile(n->args[i].text, &scratch, &why) != NULL;
		arena_fini(&scratch);
		if (!is_fine)
			return parse_error(p, &n->args[i], "%s", why.text);
	}
	return parse_words(p, n->args, n->n_args, out);
}

static int take_answer(struct parse *p, const struct node *n, void *out)
{
	struct config_template *t = out;

	return take_records(p, n, &t->answer);
}

static int take_additional(struct parse *p, const struct node *n, void *out)
{
	struct config_template *t = out;

	return take_records(p, n, &t->additional);
}

static int take_authority(struct parse *p, const struct node *n, void *out)
{
	struct config_template *t = out;

	return take_records(p, n, &t->authority);
}

static int take_rcode(struct parse *p, const struct node *n, void *out)
{
	struct config_template *t = out;

	if (!word_is_upper(n->args[0].text) || word_rcode(n->args[0].text, &t->rcode) != 0)
		return parse_error(p, &n->args[0],
			"%.40s is no RCODE in upper case, such as NXDOMAIN", n->args[0].text);
	return 0;
}

static int take_ederror(struct parse *p, const struct node *n, void *out)
{
	struct config_template *t = out;
	uint64_t code = 0;

	if (word_number(n->args[0].text, 0, UINT16_MAX, &code) != 0)
		return parse_error(p, &n->args[0], "an extended error is a number up to 65535");
	t->has_ede = true;
	t->ede_code = (uint16_t)code;
	t->ede_text = n->n_args > 1 ? n->args[1].text : NULL;
	return 0;
}

int template_parse(struct parse *p, const struct node *n, struct config_directive *d)
{
	static const struct property table[] = {
		{"additional", PROP_CALL, 0, 1, ANY_NUMBER, take_additional, STRICT},
		{"answer", PROP_CALL, 0, 1, ANY_NUMBER, take_answer, STRICT},
		{"authority", PROP_CALL, 0, 1, ANY_NUMBER, take_authority, STRICT},
		{"ederror", PROP_CALL, 0, 1, 2, take_ederror, STRICT},
		{"fallthrough", PROP_FALL, offsetof(struct config_template, fall), 0, 0, NULL,
			STRICT},
		{"match", PROP_CALL, 0, 1, ANY_NUMBER, take_match, STRICT},
		{"rcode", PROP_CALL, 0, 1, 1, take_rcode, STRICT},
		{"upstream", PROP_IGNORED, 0, 0, 0, NULL, STRICT},
	};
	struct config_template *t = arena_alloc(p->arena, sizeof(*t));
	int rc = parse_shape(p, n, 2, ANY_NUMBER, BRACES_YES);

	if (rc != 0)
		return rc;
	if (t == NULL)
		return parse_no_memory(p);
	d->data = t;
	if (!word_is_upper(n->args[0].text) || word_class(n->args[0].text, &t->qclass) != 0)
		return parse_error(p, &n->args[0], "%.40s is no class; use IN or ANY in upper case",
			n->args[0].text);
	if (!word_is_upper(n->args[1].text) || word_type(n->args[1].text, &t->qtype) != 0)
		return parse_error(p, &n->args[1],
			"%.40s is no record type; use A, AAAA, ANY ... in upper case",
			n->args[1].text);
	rc = zones_or_server(p, n->args + 2, n->n_args - 2, &t->zones);
	return rc == 0 ? properties_parse(p, n, table, ARRAY_LEN(table), t) : rc;
}

// What the slow path's reader does not know would leave the zone without answers.
static int check_zone_file(struct parse *p, const struct token *t, const char *path)
{
	struct stat st;
	bool is_file = stat(path, &st) == 0 && S_ISREG(st.st_mode);
	FILE *f = is_file ? fopen(path, "re") : NULL;
	char *line = NULL;
	size_t cap = 0;
	int rc = 0;

	for (unsigned n = 1; f != NULL && rc == 0 && getline(&line, &cap, f) >= 0; n++) {
		if (strncasecmp(line, "$INCLUDE", 8) == 0 || strncasecmp(line, "$GENERATE", 9) == 0)
			rc = parse_error(p, t,
				"%.120s:%u: burst53 reads neither $INCLUDE nor $GENERATE: write "
				"the records out",
				path, n);
	}
	free(line);
	if (f != NULL)
		(void)fclose(f); // only read
	return rc;
}

int file_parse(struct parse *p, const struct node *n, struct config_directive *d)
{
	static const struct property table[] = {
		{"fallthrough", PROP_FALL, offsetof(struct config_file, fall), 0, 0, NULL, STRICT},
		{"reload", PROP_MS, offsetof(struct config_file, reload_ms), 0, 0, NULL, STRICT},
		{"reload_by_mtime", PROP_FLAG, offsetof(struct config_file, reload_by_mtime), 0, 0,
			NULL, STRICT},
		{"transfer", PROP_CALL, 0, 0, ANY_NUMBER, transfer_legacy, STRICT},
		{"upstream", PROP_IGNORED, 0, 0, 0, NULL, STRICT},
	};
	struct config_file *f = arena_alloc(p->arena, sizeof(*f));
	struct stat st;
	int rc = parse_shape(p, n, 1, ANY_NUMBER, BRACES_YES);

	if (rc != 0)
		return rc;
	if (f == NULL)
		return parse_no_memory(p);
	f->reload_ms = 60000;
	d->data = f;
	rc = parse_path(p, &n->args[0], &f->path);
	if (rc == 0)
		rc = zones_or_server(p, n->args + 1, n->n_args - 1, &f->zones);
	if (rc == 0)
		rc = properties_parse(p, n, table, ARRAY_LEN(table), f);
	if (rc == 0 && !p->o->skip_file_checks && stat(f->path, &st) != 0)
		rc = f->reload_ms == 0
			? parse_error(p, &n->args[0], "%s does not exist", f->path)
			: parse_tell(p, &n->args[0], PROBLEM_WARNING,
				  "%s does not exist; it is read as soon as it does", f->path);
	return rc == 0 && !p->o->skip_file_checks ? check_zone_file(p, &n->args[0], f->path) : rc;
}

int any_parse(struct parse *p, const struct node *n, struct config_directive *d)
{
	(void)d;
	return parse_shape(p, n, 0, 0, BRACES_NO);
}

int chaos_parse(struct parse *p, const struct node *n, struct config_directive *d)
{
	struct config_chaos *c = arena_alloc(p->arena, sizeof(*c));
	int rc = parse_shape(p, n, 0, ANY_NUMBER, BRACES_NO);

	if (rc != 0)
		return rc;
	if (c == NULL)
		return parse_no_memory(p);
	d->data = c;
	if (n->n_args == 0)
		return 0;
	c->version = n->args[0].text;
	return parse_words(p, n->args + 1, n->n_args - 1, &c->authors);
}

static int take_prefix_word(struct parse *p, const struct token *t, struct config_dns64 *d)
{
	if (word_cidr(t->text, &d->prefix) != 0 || d->prefix.family != 6 ||
		d->prefix.bits % 8 != 0 || d->prefix.bits < 32 || d->prefix.bits > 96 ||
		strchr(t->text, '/') == NULL)
		return parse_error(p, t,
			"the prefix is an IPv6 range of 32, 40, 48, 56, 64 or 96 bits, such as "
			"64:ff9b::/96");
	return 0;
}

static int take_prefix(struct parse *p, const struct node *n, void *out)
{
	return take_prefix_word(p, &n->args[0], out);
}

int dns64_parse(struct parse *p, const struct node *n, struct config_directive *d)
{
	static const struct property table[] = {
		{"allow_ipv4", PROP_FLAG, offsetof(struct config_dns64, allow_ipv4), 0, 0, NULL,
			STRICT},
		{"prefix", PROP_CALL, 0, 1, 1, take_prefix, STRICT},
		{"translate_all", PROP_FLAG, offsetof(struct config_dns64, translate_all), 0, 0,
			NULL, STRICT},
	};
	struct config_dns64 *c = arena_alloc(p->arena, sizeof(*c));
	int rc = parse_shape(p, n, 0, 1, BRACES_YES);

	if (rc != 0)
		return rc;
	if (c == NULL)
		return parse_no_memory(p);
	d->data = c;
	if (word_cidr("64:ff9b::/96", &c->prefix) != 0) // RFC 6052 2.1
		return -EINVAL;
	if (n->n_args == 1)
		rc = take_prefix_word(p, &n->args[0], c);
	return rc == 0 ? properties_parse(p, n, table, ARRAY_LEN(table), c) : rc;
}

static int take_localhost_prefix(struct parse *p, const struct node *n, void *out)
{
	struct config_local *l = out;

	l->localhost_prefix = strcmp(n->args[0].text, "on") == 0;
	if (!l->localhost_prefix && strcmp(n->args[0].text, "off") != 0)
		return parse_error(p, &n->args[0], "localhost_prefix is on or off");
	return 0;
}

int local_parse(struct parse *p, const struct node *n, struct config_directive *d)
{
	static const struct property table[] = {
		{"localhost_prefix", PROP_CALL, 0, 1, 1, take_localhost_prefix, STRICT},
	};
	struct config_local *l = arena_alloc(p->arena, sizeof(*l));
	int rc = parse_shape(p, n, 0, 0, BRACES_YES);

	if (rc != 0)
		return rc;
	if (l == NULL)
		return parse_no_memory(p);
	l->localhost_prefix = true;
	d->data = l;
	return properties_parse(p, n, table, ARRAY_LEN(table), l);
}
