// SPDX-License-Identifier: Apache-2.0
// Tests of the typed options of each directive, and of their defaults.
#include "zones/corefile/cluster.h"
#include "zones/corefile/config.h"
#include "zones/corefile/plugins.h"
#include "zones/corefile/service.h"
#include "zones/corefile/upstream.h"

#include "zones/base/array.h"

#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

static struct config parsed;

static const struct config *parse(const char *text, uint16_t port)
{
	const struct config_options o = {.port = port, .skip_file_checks = true};
	struct err e = {0};
	char message[512];

	config_free(&parsed);
	if (config_parse_text("Corefile", text, &o, &parsed, &e) != 0)
		fail_msg("%s: %s", text, err_print(&e, message, sizeof(message)));
	return &parsed;
}

static int clean(void **state)
{
	(void)state;
	config_free(&parsed);
	return 0;
}

// The options of the n-th directive of a kind in the first block that `line` makes.
static const void *options(const char *line, enum config_kind kind, size_t n)
{
	char text[2048];

	(void)snprintf(text, sizeof(text), "cluster.local .:53 {\n%s\n}\n", line);
	const struct config_directive *d = config_find(&parse(text, 0)->servers[0], kind, n);
	assert_non_null(d);
	return d->data;
}

static void print_zones(char *out, size_t size, const struct config_zones *z)
{
	out[0] = '\0';
	for (size_t i = 0; i < z->n; i++) {
		size_t len = strlen(out);
		(void)snprintf(out + len, size - len, "%s%s", i == 0 ? "" : " ", z->items[i].text);
	}
}

static void assert_zones(const struct config_zones *z, const char *expected)
{
	char text[1024];

	print_zones(text, sizeof(text), z);
	assert_string_equal(text, expected);
}

static void kubernetes_has_its_defaults(void **state)
{
	const struct config_kubernetes *k = options("kubernetes", DIR_KUBERNETES, 0);

	(void)state;
	assert_zones(&k->zones, "cluster.local. .");
	assert_int_equal(k->ttl, 5);
	assert_int_equal(k->pods, PODS_DISABLED);
	assert_int_equal(k->startup_timeout_ms, 5000);
	assert_false(k->fall.on);
	assert_null(k->endpoint);
	assert_ptr_equal(parsed.servers[0].kubernetes, k);
}

static void kubernetes_takes_all_options(void **state)
{
	const struct config_kubernetes *k = options(
		"kubernetes in-addr.arpa a.test 10.0.0.0/15 b.test {\n"
		"endpoint https://api:6443\ntls c k ca\nkubeconfig f ctx\napiserver_qps 5.5\n"
		"apiserver_burst 10\napiserver_max_inflight 3\nnamespaces x y\n"
		"labels app in (a, b)\npods verified\nendpoint_pod_names\nttl 0\n"
		"fallthrough a.test\nignore empty_service\nmulticluster b.test\nzonal\n"
		"startup_timeout 1m\n}",
		DIR_KUBERNETES, 0);

	(void)state;
	assert_zones(
		&k->zones, "in-addr.arpa. a.test. 0.10.in-addr.arpa. 1.10.in-addr.arpa. b.test.");
	assert_int_equal(k->primary_zone, 1); // quirk 10
	assert_string_equal(k->endpoint, "https://api:6443");
	assert_string_equal(k->tls_ca, "ca");
	assert_string_equal(k->kubeconfig_context, "ctx");
	assert_true(k->apiserver_qps > 5.49 && k->apiserver_qps < 5.51);
	assert_int_equal(k->apiserver_burst, 10);
	assert_int_equal(k->apiserver_max_inflight, 3);
	assert_int_equal(k->namespaces.n, 2);
	assert_string_equal(k->labels, "app in (a, b)");
	assert_int_equal(k->pods, PODS_VERIFIED);
	assert_true(k->endpoint_pod_names);
	assert_int_equal(k->ttl, 0);
	assert_true(k->fall.on);
	assert_zones(&k->fall.zones, "a.test.");
	assert_true(k->ignore_empty_service);
	assert_zones(&k->multicluster, "b.test.");
	assert_true(k->zonal);
	assert_int_equal(k->startup_timeout_ms, 60000);
}

static void fallthrough_without_zones_covers_everything(void **state)
{
	const struct config_kubernetes *k =
		options("kubernetes {\nfallthrough\nnoendpoints\n}", DIR_KUBERNETES, 0);

	(void)state;
	assert_zones(&k->fall.zones, ".");
	assert_true(k->noendpoints);
}

static void upstreams_are_told_apart(void **state)
{
	static const struct {
		const char *to;
		enum upstream_kind kind;
		const char *host;
		uint16_t port;
		const char *server_name;
	} cases[] = {
		{"1.1.1.1", UPSTREAM_DNS, "1.1.1.1", 53, NULL},
		{"1.1.1.1:5300", UPSTREAM_DNS, "1.1.1.1", 5300, NULL},
		{"dns://1.1.1.1", UPSTREAM_DNS, "1.1.1.1", 53, NULL},
		{"2001:db8::1", UPSTREAM_DNS, "2001:db8::1", 53, NULL},
		{"[2001:db8::1]:54", UPSTREAM_DNS, "2001:db8::1", 54, NULL},
		{"fe80::1%eth0", UPSTREAM_DNS, "fe80::1%eth0", 53, NULL},
		{"tls://1.1.1.1", UPSTREAM_TLS, "1.1.1.1", 853, NULL},
		{"tls://1.1.1.1:8853", UPSTREAM_TLS, "1.1.1.1", 8853, NULL},
		{"tls://1.1.1.1%one.test", UPSTREAM_TLS, "1.1.1.1", 853, "one.test"},
		{"tls://1.1.1.1%one.test:8853", UPSTREAM_TLS, "1.1.1.1", 8853, "one.test"},
		{"tls://[::1%one.test]:8853", UPSTREAM_TLS, "::1", 8853, "one.test"},
		{"tls://::1%one.test", UPSTREAM_TLS, "::1", 853, "one.test"},
		{"/etc/resolv.conf", UPSTREAM_FILE, "/etc/resolv.conf", 0, NULL},
	};
	char line[256];

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
		(void)snprintf(
			line, sizeof(line), "forward . %s {\nresolver 9.9.9.9\n}", cases[i].to);
		const struct config_forward *f = options(line, DIR_FORWARD, 0);
		assert_int_equal(f->n_to, 1);
		assert_int_equal(f->to[0].kind, cases[i].kind);
		assert_string_equal(f->to[0].host, cases[i].host);
		assert_int_equal(f->to[0].port, cases[i].port);
		if (cases[i].server_name == NULL)
			assert_null(f->to[0].server_name);
		else
			assert_string_equal(f->to[0].server_name, cases[i].server_name);
	}
}

static void forward_takes_all_options(void **state)
{
	const struct config_forward *f = options(
		"forward Test /f 1.1.1.1 {\nexcept a.test B.test\nmax_fails 3\n"
		"max_concurrent 1000\nmax_connect_attempts 4\nmax_idle_conns 5\nexpire 20s\n"
		"max_age 1m\nread_timeout 1s\nhealth_check 1s no_rec domain x.test\nforce_tcp\n"
		"prefer_udp\npolicy sequential\nnext NXDOMAIN\nnext_on_nodata\n"
		"failover SERVFAIL REFUSED\nfailfast_all_unhealthy_upstreams\ntls c k\n"
		"tls_servername s.test\nsource_address 10.0.0.1\n}",
		DIR_FORWARD, 0);

	(void)state;
	assert_string_equal(f->from.text, "test.");
	assert_zones(&f->except, "a.test. b.test.");
	assert_int_equal(f->max_fails, 3);
	assert_int_equal(f->max_concurrent, 1000);
	assert_int_equal(f->max_connect_attempts, 4);
	assert_int_equal(f->max_idle_conns, 5);
	assert_int_equal(f->expire_ms, 20000);
	assert_int_equal(f->max_age_ms, 60000);
	assert_int_equal(f->read_timeout_ms, 1000);
	assert_int_equal(f->health_check_ms, 1000);
	assert_true(f->health_check_no_rec);
	assert_string_equal(f->health_check_domain, "x.test.");
	assert_true(f->force_tcp && f->prefer_udp && f->next_on_nodata);
	assert_true(f->failfast_all_unhealthy);
	assert_int_equal(f->policy, POLICY_SEQUENTIAL);
	assert_int_equal(f->next.items[0], 3);
	assert_int_equal(f->failover.items[1], 5);
	assert_string_equal(f->tls_cert, "c");
	assert_string_equal(f->tls_key, "k");
	assert_null(f->tls_ca);
	assert_string_equal(f->source_address, "10.0.0.1");
}

static void cache_has_its_forms(void **state)
{
	const struct config_cache *c = options("cache", DIR_CACHE, 0);

	(void)state;
	assert_zones(&c->zones, "cluster.local. .");
	assert_int_equal(c->success.capacity, 9984);
	assert_int_equal(c->success.ttl_s, 3600);
	assert_int_equal(c->denial.ttl_s, 1800);
	assert_int_equal(c->denial.min_ttl_s, 5);
	assert_int_equal(c->servfail_ms, 5000);
	c = options("cache 30 a.test", DIR_CACHE, 0);
	assert_zones(&c->zones, "a.test.");
	assert_int_equal(c->denial.ttl_s, 30);
	c = options("cache a.test {\nsuccess 5000 60 1\ndenial 100\nprefetch 10 2m 25%\n"
		    "serve_stale 2h verify 10ms 5s 1m\nserve_stale_policy prefer_positive\n"
		    "servfail 0\ndisable success a.test\ndisable denial\nkeepttl\n}",
		DIR_CACHE, 0);
	assert_int_equal(c->success.capacity, 5000);
	assert_int_equal(c->success.ttl_s, 60);
	assert_int_equal(c->success.min_ttl_s, 1);
	assert_int_equal(c->denial.ttl_s, 1800);
	assert_int_equal(c->prefetch, 10);
	assert_int_equal(c->prefetch_window_ms, 120000);
	assert_int_equal(c->prefetch_percent, 25);
	assert_int_equal(c->stale_ms, 7200000);
	assert_int_equal(c->stale_mode, STALE_VERIFY);
	assert_int_equal(c->stale_timeout_ms, 10);
	assert_int_equal(c->stale_ttl_s, 5);
	assert_int_equal(c->stale_recheck_ms, 60000);
	assert_int_equal(c->servfail_ms, 0);
	assert_zones(&c->no_success, "a.test.");
	assert_zones(&c->no_denial, ".");
	assert_true(c->keep_ttl);
}

static void rewrite_rules_are_normalised_as_coredns_does(void **state)
{
	static const struct {
		const char *rule;
		enum rewrite_field field;
		enum rewrite_match match;
		const char *from, *to;
		bool answer_auto;
		size_t n_answers;
		bool go_on;
	} cases[] = {
		{"name A.test b.TEST", REWRITE_NAME, MATCH_EXACT, "a.test.", "b.test.", true, 0,
			false},
		{"stop name exact a b", REWRITE_NAME, MATCH_EXACT, "a.", "b.", true, 0, false},
		{"continue name suffix .x .y answer auto", REWRITE_NAME, MATCH_SUFFIX, ".x.", ".y.",
			true, 0, true},
		{"name prefix Ab c", REWRITE_NAME, MATCH_PREFIX, "ab.", "c.", false, 0, false},
		{"name substring a b", REWRITE_NAME, MATCH_SUBSTRING, "a.", "b.", false, 0, false},
		{"name regex (.*)\\.X {1}.Y answer name (.*)\\.y {1}.x answer value (.*)\\.y {1}.x",
			REWRITE_NAME, MATCH_REGEX, "(.*)\\.X", "{1}.y.", false, 2, false},
		{"name regex a b answer name c d value e f", REWRITE_NAME, MATCH_REGEX, "a", "b.",
			false, 2, false},
		{"stop {\nname regex (a) {1}\nanswer auto\n}", REWRITE_NAME, MATCH_REGEX, "(a)",
			"{1}.", true, 0, false},
		{"{\nname a b\n}", REWRITE_NAME, MATCH_EXACT, "a.", "b.", true, 0, false},
		{"type ANY HINFO", REWRITE_TYPE, MATCH_EXACT, "ANY", "HINFO", false, 0, false},
		{"cname a.test b.test", REWRITE_CNAME, MATCH_EXACT, "a.test.", "b.test.", false, 0,
			false},
		{"cname suffix A b", REWRITE_CNAME, MATCH_SUFFIX, "a", "b", false, 0, false},
	};
	char line[512];

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
		(void)snprintf(line, sizeof(line), "rewrite %s", cases[i].rule);
		const struct config_rewrite *w = options(line, DIR_REWRITE, 0);
		assert_int_equal(w->field, cases[i].field);
		assert_int_equal(w->match, cases[i].match);
		assert_string_equal(w->from, cases[i].from);
		assert_string_equal(w->to, cases[i].to);
		assert_int_equal(w->answer_auto, cases[i].answer_auto);
		assert_int_equal(w->n_answers, cases[i].n_answers);
		assert_int_equal(w->go_on, cases[i].go_on);
	}
}

static void rewrite_knows_more_than_names(void **state)
{
	const struct config_rewrite *w = options("rewrite ttl regex .* 30-", DIR_REWRITE, 0);

	(void)state;
	assert_int_equal(w->ttl_min, 30);
	assert_int_equal(w->ttl_max, INT32_MAX);
	w = options("rewrite ttl a.test -60", DIR_REWRITE, 0);
	assert_int_equal(w->ttl_min, 0);
	assert_int_equal(w->ttl_max, 60);
	assert_string_equal(w->from, "a.test.");
	w = options("rewrite rcode suffix a.test SERVFAIL NOERROR", DIR_REWRITE, 0);
	assert_int_equal(w->number_from, 2);
	assert_int_equal(w->number_to, 0);
	assert_int_equal(w->match, MATCH_SUFFIX);
	w = options("rewrite edns0 local set 0xffee {client_ip} revert", DIR_REWRITE, 0);
	assert_int_equal(w->option, EDNS0_LOCAL);
	assert_int_equal(w->option_code, 0xffee);
	assert_string_equal(w->option_data, "{client_ip}");
	assert_true(w->revert);
	w = options("rewrite edns0 subnet replace 24 56", DIR_REWRITE, 0);
	assert_int_equal(w->action, ACTION_REPLACE);
	assert_int_equal(w->bits4, 24);
	assert_int_equal(w->bits6, 56);
	w = options("rewrite edns0 nsid unset", DIR_REWRITE, 0);
	assert_int_equal(w->action, ACTION_UNSET);
}

static void templates_have_their_parts(void **state)
{
	const struct config_template *t =
		options("template ANY ANY a.test {\nrcode NXDOMAIN\n}", DIR_TEMPLATE, 0);

	(void)state;
	assert_int_equal(t->rcode, 3);
	assert_int_equal(t->qtype, 255);
	assert_zones(&t->zones, "a.test.");
	t = options("template IN A {\nmatch ^a b$\nanswer \"{{ .Name }} 60 IN A 1.2.3.4\"\n"
		    "authority x\nadditional y z\nederror 21 \"not here\"\nfallthrough\n}",
		DIR_TEMPLATE, 0);
	assert_int_equal(t->match.n, 2);
	assert_string_equal(t->answer.items[0], "{{ .Name }} 60 IN A 1.2.3.4");
	assert_int_equal(t->additional.n, 2);
	assert_int_equal(t->ede_code, 21);
	assert_string_equal(t->ede_text, "not here");
	assert_true(t->fall.on);
}

static void hosts_are_read_inline_and_by_name(void **state)
{
	const struct config_hosts *h =
		options("hosts nodes a.test {\n10.0.0.1 One.test one\n::1 two\nttl 60\nno_reverse\n"
			"reload 15s\nfallthrough\n}\nroot /etc/coredns",
			DIR_HOSTS, 0);

	(void)state;
	assert_string_equal(h->path, "/etc/coredns/nodes");
	assert_zones(&h->zones, "a.test.");
	assert_int_equal(h->n_lines, 2);
	assert_string_equal(h->lines[0].address, "10.0.0.1");
	assert_string_equal(h->lines[0].names.items[0], "One.test");
	assert_int_equal(h->lines[0].names.n, 2);
	assert_int_equal(h->ttl, 60);
	assert_true(h->no_reverse);
	assert_int_equal(h->reload_ms, 15000);
	h = options("hosts", DIR_HOSTS, 0);
	assert_string_equal(h->path, "/etc/hosts");
	assert_int_equal(h->ttl, 3600);
}

static void acl_rules_keep_their_order(void **state)
{
	const struct config_acl *a = options("acl a.test {\nallow net 10.0.0.0/8 fd00::/8\n"
					     "block type A AAAA net *\ndrop\n}",
		DIR_ACL, 0);

	(void)state;
	assert_int_equal(a->n_rules, 3);
	assert_int_equal(a->rules[0].n_sources, 2);
	assert_int_equal(a->rules[0].n_types, 0);
	assert_int_equal(a->rules[1].action, ACL_BLOCK);
	assert_int_equal(a->rules[1].n_types, 2);
	assert_int_equal(a->rules[1].n_sources, 0);
	assert_int_equal(a->rules[2].action, ACL_DROP);
}

static void small_directives_have_their_values(void **state)
{
	(void)state;
	const struct config_health *h = options("health {\nlameduck 5s\n}", DIR_HEALTH, 0);
	assert_int_equal(h->listen.port, 8080);
	assert_int_equal(h->lameduck_ms, 5000);
	const struct config_ready *r =
		options("ready 127.0.0.1:1 {\nmonitor continuously\n}", DIR_READY, 0);
	assert_string_equal(r->listen.host, "127.0.0.1");
	assert_true(r->monitor_continuously);
	const struct config_prometheus *m = options("prometheus", DIR_PROMETHEUS, 0);
	assert_string_equal(m->listen.host, "localhost");
	const struct config_errors *e = options(
		"errors {\nconsolidate 5m \".* timeout$\" warning show_first\nstacktrace\n}",
		DIR_ERRORS, 0);
	assert_int_equal(e->rules[0].period_ms, 300000);
	assert_int_equal(e->rules[0].level, LEVEL_WARNING);
	assert_true(e->rules[0].show_first && e->stacktrace);
	const struct config_log *l =
		options("log a.test b.test \"x {common}\" {\nclass denial error\n}", DIR_LOG, 0);
	assert_zones(&l->zones, "a.test. b.test.");
	assert_int_equal(l->classes, LOG_DENIAL | LOG_ERROR);
	assert_int_equal(strncmp(l->format, "x {remote}:{port} - {>id}", 25), 0);
	const struct config_reload *x = options("reload 10s", DIR_RELOAD, 0);
	assert_int_equal(x->interval_ms, 10000);
	assert_int_equal(x->jitter_ms, 5000); // at most half of the interval
	const struct config_timeouts *t =
		options("timeouts {\nread 5\nidle 1m\nmaxtcpqueries 10\n}", DIR_TIMEOUTS, 0);
	assert_int_equal(t->read_ms, 5000);
	assert_int_equal(t->write_ms, 5000);
	assert_int_equal(t->idle_ms, 60000);
	assert_int_equal(t->max_tcp_queries, 10);
	const struct config_bufsize *b = options("bufsize", DIR_BUFSIZE, 0);
	assert_int_equal(b->size_bytes, 1232);
	const struct config_dns64 *d = options("dns64", DIR_DNS64, 0);
	assert_int_equal(d->prefix.bits, 96);
	assert_int_equal(d->prefix.address[1], 0x64);
	const struct config_nsid *n = options("nsid a b", DIR_NSID, 0);
	assert_string_equal(n->data, "a b");
	const struct config_header *k =
		options("header {\nresponse set ra AA\nquery clear rd\n}", DIR_HEADER, 0);
	assert_int_equal(k->rules[0].flags, 0x0480);
	assert_true(k->rules[1].is_query && !k->rules[1].set);
	const struct config_transfer *f =
		options("transfer a.test {\nto * 10.0.0.1:54\nsource ::1\n}", DIR_TRANSFER, 0);
	assert_int_equal(f->to.n, 2);
	assert_string_equal(f->source, "::1");
	const struct config_loadbalance *y =
		options("loadbalance {\nprefer 10.0.0.0/8\n}", DIR_LOADBALANCE, 0);
	assert_int_equal(y->policy, BALANCE_PREFER);
	const struct config_autopath *p = options(
		"autopath a.test @kubernetes\nkubernetes {\npods verified\n}", DIR_AUTOPATH, 0);
	assert_true(p->from_kubernetes);
	assert_zones(&p->zones, "a.test.");
	const struct config_k8s_external *o =
		options("k8s_external e.test {\napex x\nttl 7\nheadless\n}\nkubernetes",
			DIR_K8S_EXTERNAL, 0);
	assert_string_equal(o->apex, "x");
	assert_int_equal(o->ttl, 7);
	assert_true(o->headless);
}

static void label_selectors_are_taken_as_the_api_takes_them(void **state)
{
	static const char *const selectors[] = {"app", "!app", "app=web", "app==web",
		"app=", "app in (a, b)", "app notin (a)", "a=b,c in (d),!e", "app = web",
		"x.io/y-z=1"};
	char line[256];

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(selectors); i++) {
		(void)snprintf(line, sizeof(line), "kubernetes {\nlabels \"%s\"\n}", selectors[i]);
		const struct config_kubernetes *k = options(line, DIR_KUBERNETES, 0);
		assert_string_equal(k->labels, selectors[i]);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(kubernetes_has_its_defaults),
		cmocka_unit_test(kubernetes_takes_all_options),
		cmocka_unit_test(fallthrough_without_zones_covers_everything),
		cmocka_unit_test(upstreams_are_told_apart),
		cmocka_unit_test(forward_takes_all_options),
		cmocka_unit_test(cache_has_its_forms),
		cmocka_unit_test(rewrite_rules_are_normalised_as_coredns_does),
		cmocka_unit_test(rewrite_knows_more_than_names),
		cmocka_unit_test(templates_have_their_parts),
		cmocka_unit_test(hosts_are_read_inline_and_by_name),
		cmocka_unit_test(acl_rules_keep_their_order),
		cmocka_unit_test(small_directives_have_their_values),
		cmocka_unit_test(label_selectors_are_taken_as_the_api_takes_them),
	};

	return cmocka_run_group_tests(tests, NULL, clean);
}
