// SPDX-License-Identifier: Apache-2.0
// forward (k8s:2.13).
#include "zones/corefile/directives.h"

#include "zones/base/array.h"
#include "zones/base/resolv_conf.h"

#include <string.h>
#include <sys/stat.h>

enum { UPSTREAMS_MAX = 15 };

static int take_except(struct parse *p, const struct node *n, void *out)
{
	struct config_forward *f = out;
	int rc = 0;

	for (size_t i = 0; rc == 0 && i < n->n_args; i++)
		rc = zones_add(p, &n->args[i], &f->except);
	return rc;
}

static int take_policy(struct parse *p, const struct node *n, void *out)
{
	struct config_forward *f = out;
	const char *text = n->args[0].text;

	if (strcmp(text, "random") == 0)
		f->policy = POLICY_RANDOM;
	else if (strcmp(text, "round_robin") == 0)
		f->policy = POLICY_ROUND_ROBIN;
	else if (strcmp(text, "sequential") == 0)
		f->policy = POLICY_SEQUENTIAL;
	else
		return parse_error(
			p, &n->args[0], "policy is one of random, round_robin and sequential");
	return 0;
}

static int take_health_check(struct parse *p, const struct node *n, void *out)
{
	struct config_forward *f = out;
	struct config_zone domain = {0};
	int rc = 0;

	if (word_duration(n->args[0].text, &f->health_check_ms) != 0)
		return parse_error(p, &n->args[0], "health_check needs a duration such as 500ms");
	f->health_check_domain = ".";
	for (size_t i = 1; rc == 0 && i < n->n_args; i++) {
		const struct token *t = &n->args[i];
		if (strcmp(t->text, "no_rec") == 0) {
			f->health_check_no_rec = true;
			continue;
		}
		if (strcmp(t->text, "domain") != 0 || i + 1 == n->n_args)
			return parse_error(p, t, "health_check takes no_rec and domain NAME");
		rc = zone_parse(p, &n->args[i + 1], n->args[i + 1].text, &domain);
		f->health_check_domain = domain.text;
		i++;
	}
	return rc;
}

static int take_tls(struct parse *p, const struct node *n, void *out)
{
	struct config_forward *f = out;
	const char *files[3] = {NULL, NULL, NULL};
	int rc = 0;

	for (size_t i = 0; rc == 0 && i < n->n_args; i++)
		rc = parse_path(p, &n->args[i], &files[i]);
	// None: the system's authorities; one: CA; two: CERT KEY; three: CERT KEY CA.
	f->tls_ca = n->n_args == 1 ? files[0] : files[2];
	f->tls_cert = n->n_args > 1 ? files[0] : NULL;
	f->tls_key = files[1];
	return rc;
}

static int add_rcodes(struct parse *p, const struct node *n, struct config_rcodes *out)
{
	for (size_t i = 0; i < n->n_args; i++) {
		uint16_t rcode = 0;
		uint16_t *items = list_grow(p->arena, out->items, out->n, sizeof(*items));
		if (items == NULL)
			return parse_no_memory(p);
		const char *text = n->args[i].text;
		if (strspn(text, "0123456789") > 0 || word_rcode(text, &rcode) != 0)
			return parse_error(
				p, &n->args[i], "this is no RCODE, such as NXDOMAIN or SERVFAIL");
		out->items = items;
		items[out->n++] = rcode;
	}
	return 0;
}

static int take_next(struct parse *p, const struct node *n, void *out)
{
	struct config_forward *f = out;

	return add_rcodes(p, n, &f->next);
}

static int take_failover(struct parse *p, const struct node *n, void *out)
{
	struct config_forward *f = out;
	int rc = add_rcodes(p, n, &f->failover);

	for (size_t i = 0; rc == 0 && i < n->n_args; i++) {
		if (f->failover.items[f->failover.n - n->n_args + i] == 0)
			rc = parse_error(p, &n->args[i], "NOERROR is no reason for a failover");
	}
	return rc;
}

// Without host names among the upstreams nothing is asked of it.
static int check_resolver(struct parse *p, const struct node *n, void *out)
{
	(void)out;
	for (size_t i = 0; i < n->n_args; i++) {
		char *host = NULL;
		uint16_t port = 53;
		if (word_host_port(p->arena, n->args[i].text, &host, &port) != 0 ||
			!word_is_address(host))
			return parse_error(p, &n->args[i],
				"resolver needs addresses, such as 9.9.9.9 or 9.9.9.9:53");
	}
	return 0;
}

static int take_source(struct parse *p, const struct node *n, void *out)
{
	struct config_forward *f = out;

	if (!word_is_address(n->args[0].text))
		return parse_error(p, &n->args[0], "source_address needs an address");
	f->source_address = n->args[0].text;
	return 0;
}

static int take_doh_method(struct parse *p, const struct node *n, void *out)
{
	const char *text = n->args[0].text;

	(void)out;
	if (strcmp(text, "POST") == 0)
		return 0;
	return parse_error(p, &n->args[0], "doh_method: burst53 has no DNS over HTTPS upstreams");
}

#define FWD(field) offsetof(struct config_forward, field)

static const struct property forward_properties[] = {
	{"doh_method", PROP_CALL, 0, 1, 1, take_doh_method, STRICT},
	{"except", PROP_CALL, 0, 1, ANY_NUMBER, take_except, STRICT},
	{"expire", PROP_MS, FWD(expire_ms), 0, 0, NULL, STRICT},
	{"failfast_all_unhealthy_upstreams", PROP_FLAG, FWD(failfast_all_unhealthy), 0, 0, NULL,
		STRICT},
	{"failover", PROP_CALL, 0, 1, ANY_NUMBER, take_failover, STRICT},
	{"force_tcp", PROP_FLAG, FWD(force_tcp), 0, 0, NULL, STRICT},
	{"health_check", PROP_CALL, 0, 1, 4, take_health_check, STRICT},
	{"max_age", PROP_MS, FWD(max_age_ms), 0, 0, NULL, STRICT},
	{"max_concurrent", PROP_U32, FWD(max_concurrent), 0, INT32_MAX, NULL, STRICT},
	{"max_connect_attempts", PROP_U32, FWD(max_connect_attempts), 0, UINT32_MAX, NULL, STRICT},
	{"max_fails", PROP_U32, FWD(max_fails), 0, UINT32_MAX, NULL, STRICT},
	{"max_idle_conns", PROP_U32, FWD(max_idle_conns), 0, INT32_MAX, NULL, STRICT},
	{"next", PROP_CALL, 0, 1, ANY_NUMBER, take_next, STRICT},
	{"next_on_nodata", PROP_FLAG, FWD(next_on_nodata), 0, 0, NULL, STRICT},
	{"policy", PROP_CALL, 0, 1, 1, take_policy, STRICT},
	{"prefer_udp", PROP_FLAG, FWD(prefer_udp), 0, 0, NULL, STRICT},
	{"read_timeout", PROP_MS, FWD(read_timeout_ms), 1, 0, NULL, STRICT},
	{"resolver", PROP_CALL, 0, 1, ANY_NUMBER, check_resolver, STRICT},
	{"source_address", PROP_CALL, 0, 1, 1, take_source, STRICT},
	{"tls", PROP_CALL, 0, 0, 3, take_tls, STRICT},
	{"tls_servername", PROP_TEXT, FWD(tls_servername), 0, 0, NULL, STRICT},
};

static bool is_file(const char *path)
{
	struct stat st;

	return stat(path, &st) == 0 && !S_ISDIR(st.st_mode);
}

// CoreDNS does not start with such a file. Here the cluster's names do not depend on it, and it may
// be written later.
static int check_servers(struct parse *p, const struct token *t, const char *path)
{
	struct resolv_conf servers;
	int rc = resolv_conf_read(path, &servers);

	if (rc == 0)
		return 0;
	return parse_tell(p, t, PROBLEM_WARNING,
		"%s cannot be used: %s; without other upstreams, names outside get SERVFAIL until "
		"it can",
		path, resolv_conf_reason(rc));
}

// A file in resolv.conf format. One that does not exist is an error, as in CoreDNS.
static int take_file(
	struct parse *p, const struct token *t, const char *path, struct config_upstream *u)
{
	*u = (struct config_upstream){.kind = UPSTREAM_FILE, .host = path, .pos = token_pos(t)};
	if (p->o->skip_file_checks)
		return 0;
	if (is_file(path))
		return check_servers(p, t, path);
	return parse_fixable(p, t, FIX_RESOLV_CONF,
		"%s is neither an address nor a file that exists; "
		"the node's resolvers are in /etc/resolv.conf",
		path);
}

static bool looks_like_file(const char *text)
{
	return strchr(text, '/') != NULL;
}

// The name to verify stands behind the last percent sign: ADDRESS%NAME[:PORT], [V6%NAME]:PORT, or
// ADDRESS:PORT%NAME. *text becomes the address with its port.
static int split_server_name(struct parse *p, const char **text, struct config_upstream *u)
{
	const char *percent = strrchr(*text, '%');

	if (percent == NULL)
		return 0;
	size_t name_len = strcspn(percent + 1, "]:");
	const char *colon = strchr(percent, ':');
	char *name = arena_copy(p->arena, percent + 1, name_len + 1);
	*text = arena_printf(p->arena, "%.*s%s%s", (int)(percent - *text), *text,
		(*text)[0] == '[' ? "]" : "", colon == NULL ? "" : colon);
	if (name == NULL || *text == NULL)
		return parse_no_memory(p);
	name[name_len] = '\0';
	u->server_name = name;
	return 0;
}

static int take_address(
	struct parse *p, const struct token *t, const char *text, struct config_upstream *u)
{
	const char *address = text;
	char *host = NULL;
	int rc = 0;

	u->port = u->kind == UPSTREAM_TLS ? 853 : 53;
	u->pos = token_pos(t);
	if (u->kind == UPSTREAM_TLS)
		rc = split_server_name(p, &address, u);
	if (rc == 0)
		rc = word_host_port(p->arena, address, &host, &u->port);
	if (rc == -ENOMEM)
		return parse_no_memory(p);
	if (rc != 0)
		return parse_error(p, t, "%.80s is no address with a port from 1 to 65535", text);
	u->host = host;
	return 0;
}

static int take_to(struct parse *p, const struct token *t, struct config_upstream *u)
{
	const char *text = t->text;
	const char *mark = strstr(text, "://");

	u->kind = UPSTREAM_DNS;
	if (mark != NULL) {
		size_t len = (size_t)(mark - text);
		if (len == 3 && strncmp(text, "tls", 3) == 0)
			u->kind = UPSTREAM_TLS;
		else if (len != 3 || strncmp(text, "dns", 3) != 0)
			return parse_error(p, t,
				"burst53 forwards over dns:// and tls:// only; %.*s:// is not "
				"supported",
				(int)len, text);
		text = mark + 3;
	}
	if (mark == NULL && looks_like_file(text))
		return take_file(p, t, text, u);
	int rc = take_address(p, t, text, u);
	if (rc != 0 || word_is_address(u->host))
		return rc;
	if (u->kind == UPSTREAM_DNS && mark == NULL && is_file(text))
		return take_file(p, t, text, u);
	return parse_error(p, t,
		"%.80s is neither an address nor a file; burst53 does not look host names up "
		"here: write the address",
		text);
}

static int take_tos(struct parse *p, const struct node *n, struct config_forward *f)
{
	int first = 0;

	if (n->n_args - 1 > UPSTREAMS_MAX)
		return parse_error(p, &n->args[1 + UPSTREAMS_MAX],
			"forward takes at most %d upstreams", UPSTREAMS_MAX);
	f->to = arena_alloc(p->arena, (n->n_args - 1) * sizeof(*f->to));
	if (f->to == NULL)
		return parse_no_memory(p);
	for (size_t i = 1; i < n->n_args; i++) {
		struct config_upstream *u = &f->to[f->n_to++];
		int rc = take_to(p, &n->args[i], u);
		if (rc == 0 && u->server_name != NULL && f->tls_servername != NULL)
			rc = parse_error(p, &n->args[i],
				"the server name is set here and by tls_servername");
		if (first == 0)
			first = rc;
		if (!parse_goes_on(p, rc))
			return rc;
	}
	return first;
}

static int take_from(struct parse *p, const struct node *n, struct config_forward *f)
{
	struct config_zones zones = {0};
	int rc = zones_add(p, &n->args[0], &zones);

	if (rc != 0)
		return rc;
	f->from = zones.items[0];
	if (zones.n == 1)
		return 0;
	return parse_tell(p, &n->args[0], PROBLEM_WARNING,
		"this range stands for %zu zones; as in CoreDNS only %s is forwarded", zones.n,
		f->from.text);
}

int forward_check_files(struct parse *p, const struct node *n)
{
	struct config_upstream ignored;
	int first = 0;

	for (size_t i = 1; i < n->n_args; i++) {
		const char *text = n->args[i].text;
		if (!looks_like_file(text) || strstr(text, "://") != NULL)
			continue;
		int rc = take_file(p, &n->args[i], text, &ignored);
		if (first == 0)
			first = rc;
		if (!parse_goes_on(p, rc))
			return rc;
	}
	return first;
}

int forward_parse(struct parse *p, const struct node *n, struct config_directive *d)
{
	struct config_forward *f = arena_alloc(p->arena, sizeof(*f));
	int rc = parse_shape(p, n, 2, ANY_NUMBER, BRACES_YES);

	if (rc != 0)
		return rc;
	if (f == NULL)
		return parse_no_memory(p);
	*f = (struct config_forward){
		.max_fails = 2,
		.expire_ms = 10000,
		.read_timeout_ms = 2000,
		.health_check_ms = 500,
		.health_check_domain = ".",
	};
	d->data = f;
	rc = take_from(p, n, f);
	if (rc != 0)
		return rc;
	rc = properties_parse(p, n, forward_properties, ARRAY_LEN(forward_properties), f);
	if (!parse_goes_on(p, rc))
		return rc;
	int to_rc = take_tos(p, n, f);
	if (rc == 0)
		rc = to_rc;
	if (rc == 0 && f->max_age_ms > 0 && f->max_age_ms < f->expire_ms)
		rc = parse_error(p, n->name, "max_age must not be shorter than expire");
	return rc;
}
