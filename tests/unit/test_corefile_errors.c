// SPDX-License-Identifier: Apache-2.0
// Tests of what is refused, warned about and noted: each text with the place and the words of the
// message. `|` in a text is a line break, and `. {` opens it unless it begins with `=`.
#include "zones/corefile/config.h"

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

#define X16 "xxxxxxxxxxxxxxxx"

struct problem_case {
	const char *text;
	unsigned line, column;
	const char *says;
};

static void make_text(const char *text, char *out, size_t size)
{
	if (text[0] == '=')
		(void)snprintf(out, size, "%s", text + 1);
	else
		(void)snprintf(out, size, ".:53 {|%s|}|", text);
	for (char *p = out; *p != '\0'; p++)
		*p = *p == '|' ? '\n' : *p;
}

static int parse(const char *text, struct config *c, struct err *e)
{
	const struct config_options o = {.all_errors = true, .skip_file_checks = true};
	char buf[2048];

	make_text(text, buf, sizeof(buf));
	return config_parse_text("Corefile", buf, &o, c, e);
}

static void expect(const struct problem_case *p, enum config_severity severity)
{
	struct config c = {0};
	struct err e = {0};
	int rc = parse(p->text, &c, &e);

	if (rc != (severity == PROBLEM_ERROR ? -EINVAL : 0))
		fail_msg("%s: returned %d", p->text, rc);
	size_t i = 0;
	while (i < c.n_problems &&
		(c.problems[i].severity != severity || strstr(c.problems[i].text, p->says) == NULL))
		i++;
	if (i == c.n_problems)
		fail_msg("%s: nothing says %s (%s)", p->text, p->says,
			c.n_problems > 0 ? c.problems[0].text : "no problem");
	if (c.problems[i].pos.line != p->line || c.problems[i].pos.column != p->column)
		fail_msg("%s: %u:%u: %s", p->text, c.problems[i].pos.line, c.problems[i].pos.column,
			c.problems[i].text);
	config_free(&c);
}

// size: a table of cases
static void mistakes_are_refused_where_they_stand(void **state)
{
	static const struct problem_case cases[] = {
		// keys
		{"=", 1, 1, "no server block"},
		{"=(a) {|}|", 3, 1, "no server block"},
		{"=a..b {|}", 1, 1, "no domain name"},
		{"=a: {|}", 1, 1, "port is missing"},
		{"=a:0 {|}", 1, 1, "from 1 to 65535"},
		{"=a:65536 {|}", 1, 1, "from 1 to 65535"},
		{"=:53 {|}", 1, 1, "no domain name"},
		{"=tls://a {|}", 1, 1, "plain DNS"},
		{"=https://a {|}", 1, 1, "plain DNS"},
		{"=foo://a {|}", 1, 1, "no scheme"},
		{"=::/0 {|}", 1, 1, "reversed"},
		{"=a {|}|a:53 {|}", 3, 1, "already served by line 1"},
		{"=a A. {|}", 1, 3, "already served by line 1"},
		{"=a b {|}|c b {|}", 3, 3, "already served"},
		{"=a {|bind 1.1.1.1|}|a {|}", 4, 1, "add or remove bind"},
		{"=a {|}|a {|bind 1.1.1.1 2.2.2.2|}", 3, 1, "add or remove bind"},
		{"=a {|bind 1.1.1.1|}|a {|bind 2.2.2.2 1.1.1.1|}", 4, 1, "already served"},
		{"=10.0.0.0/7 {|}|10.0.0.0/8 {|}", 3, 1, "already served"},
		// directives
		{"bogus", 2, 1, "unknown directive bogus"},
		{"forwad . 1.1.1.1", 2, 1, "did you mean forward?"},
		{"proxy . 1.1.1.1", 2, 1, "successor is forward"},
		{"federation a {|x y|}", 2, 1, "gone since CoreDNS 1.7"},
		{"dnssec", 2, 1, "does not sign"},
		{"view x {|expr true|}", 2, 1, "view is not available"},
		{"kubernetes a|kubernetes b", 3, 1, "only once"},
		{"cache|cache", 3, 1, "only once"},
		{"loop x", 2, 6, "takes no arguments"},
		{"whoami {|a|}", 2, 8, "no options"},
		// kubernetes
		{"kubernetes in-addr.arpa 10.0.0.0/8", 2, 1, "not reverse"},
		{"kubernetes a {|pods maybe|}", 3, 6, "pods is one of"},
		{"kubernetes a {|pods|}", 3, 1, "needs 1 argument"},
		{"kubernetes a {|ttl 3601|}", 3, 5, "from 0 to 3600"},
		{"kubernetes a {|ttl 5s|}", 3, 5, "whole number"},
		{"kubernetes a {|upstream|}", 3, 1, "delete the line"},
		{"kubernetes a {|resyncperiod 5m|}", 3, 1, "delete the line"},
		{"kubernetes a {|transfer to *|}", 3, 1, "`transfer ZONES"},
		{"kubernetes a {|tls a b|}", 3, 1, "needs 3 arguments"},
		{"kubernetes a {|kubeconfig a b c|}", 3, 16, "at most 2"},
		{"kubernetes a {|namespaces|}", 3, 1, "at least 1"},
		{"kubernetes a {|namespaces x|namespace_labels y|}", 2, 1, "not both"},
		{"kubernetes a {|labels )|}", 3, 8, "label selector"},
		{"kubernetes a {|labels a=b c=d|}", 3, 8, "label selector"},
		{"kubernetes a {|labels a in b|}", 3, 8, "label selector"},
		{"kubernetes a {|labels a!=b|}", 3, 8, "label selector"},
		{"kubernetes a {|labels a,|}", 3, 8, "label selector"},
		{"kubernetes a {|namespace_labels =|}", 3, 18, "label selector"},
		{"kubernetes a {|ignore it|}", 3, 8, "empty_service"},
		{"kubernetes a {|multicluster b|}", 3, 14, "must also be a zone"},
		{"kubernetes a {|zonal|noendpoints|}", 2, 1, "zonal needs"},
		{"kubernetes a {|startup_timeout 5|}", 3, 17, "duration"},
		{"kubernetes a {|apiserver_qps x|}", 3, 15, "number"},
		{"kubernetes a {|ttll 5|}", 3, 1, "did you mean ttl?"},
		{"kubernetes a {|ttl 5 {|x|}|}", 3, 7, "no options in braces"},
		{"k8s_external a", 2, 1, "needs kubernetes"},
		{"autopath", 2, 1, "at least 1"},
		{"autopath @file", 2, 10, "@kubernetes"},
		// forward
		{"forward .", 2, 1, "at least 2"},
		{"forward . nohost", 2, 11, "write the address"},
		{"forward . tls://one.test {|resolver 9.9.9.9|}", 2, 11, "write the address"},
		{"forward . https://1.1.1.1", 2, 11, "not supported"},
		{"forward . 1.1.1.1:0", 2, 11, "no address with a port"},
		{"forward . 1.1.1.1 {|policy best|}", 3, 8, "policy is one of"},
		{"forward . 1.1.1.1 {|max_fails -1|}", 3, 11, "whole number"},
		{"forward . 1.1.1.1 {|expire -5s|}", 3, 8, "duration"},
		{"forward . 1.1.1.1 {|health_check 5s domain|}", 3, 17, "domain NAME"},
		{"forward . 1.1.1.1 {|failover NOERROR|}", 3, 10, "no reason"},
		{"forward . 1.1.1.1 {|next FOO|}", 3, 6, "no RCODE"},
		{"forward . 1.1.1.1 {|tls a b c d|}", 3, 11, "at most 3"},
		{"forward . 1.1.1.1 {|max_age 5s|}", 2, 1, "shorter than expire"},
		{"forward . tls://1.1.1.1%a {|tls_servername b|}", 2, 11, "set here and by"},
		{"forward . 1 2 3 4 5 6 7 8 9 10 11 12 13 14 15 16", 2, 47, "at most 15"},
		// cache
		{"cache 0", 2, 7, "at least 1 second"},
		{"cache -1", 2, 7, "at least 1 second"},
		{"cache 30 {|success 10 0|}", 3, 12, "from 1"},
		{"cache 30 {|prefetch 1 1m 95%|}", 3, 15, "10% to 90%"},
		{"cache 30 {|prefetch 1 1m 5000%|}", 3, 15, "10% to 90%"},
		{"cache 30 {|serve_stale 1h later|}", 3, 16, "immediate or verify"},
		{"cache 30 {|serve_stale 1h immediate 1500ms|}", 3, 26, "whole seconds"},
		{"cache 30 {|serve_stale 1h verify 1s 1s 6m|}", 3, 29, "up to 5m"},
		{"cache 30 {|serve_stale_policy prefer_positive|}", 2, 1, "needs serve_stale"},
		{"cache 30 {|servfail 6m|}", 3, 10, "300000 ms"},
		{"cache 30 {|disable all|}", 3, 9, "success or denial"},
		// rewrite
		{"rewrite", 2, 1, "needs a rule"},
		{"rewrite stop", 2, 9, "rule is missing"},
		{"rewrite name a", 2, 14, "FROM and TO"},
		{"rewrite name fuzzy a b", 2, 14, "exact, prefix, suffix"},
		{"rewrite name a b c d", 2, 14, "exact, prefix, suffix"},
		{"rewrite name regex (a) {1}{2}", 2, 24, "more groups"},
		{"rewrite name regex (a b", 2, 20, "closing parenthesis"},
		{"rewrite ttl regex a++ 5", 2, 19, "quantifier"},
		{"rewrite cname regex (a)\\1 b", 2, 21, "back references"},
		{"rewrite name suffix a b answer value * c", 2, 38, "quantifier"},
		{"rewrite name regex a b answer", 2, 24, "auto, name or value"},
		{"rewrite name regex a b answer name x", 2, 36, "name RE TO"},
		{"rewrite name suffix a b answer auto answer name c d", 2, 51, "exclude"},
		{"rewrite type A", 2, 14, "exactly FROM and TO"},
		{"rewrite type A FOO", 2, 16, "no record type"},
		{"rewrite ttl a 10-5", 2, 15, "range"},
		{"rewrite ttl a -", 2, 15, "range"},
		{"rewrite rcode a FOO NOERROR", 2, 17, "no RCODE"},
		{"rewrite rcode NOERROR NXDOMAIN", 2, 15, "NAME FROM TO"},
		{"rewrite ttl 5", 2, 13, "NAME SECONDS"},
		{"rewrite edns0 local add 1 2", 2, 21, "set, append"},
		{"rewrite edns0 local set 70000 x", 2, 25, "0 to 65535"},
		{"rewrite edns0 local set 0xffee 0xabc", 2, 32, "hexadecimal"},
		{"rewrite edns0 local set 1 {nope}", 2, 27, "variable"},
		{"rewrite edns0 subnet set 33 10", 2, 26, "0 to 32"},
		{"rewrite color a b", 2, 9, "not color"},
		{"rewrite nam a b", 2, 9, "not nam"},
		// template, hosts, file
		{"template IN", 2, 1, "at least 2"},
		{"template XX A", 2, 10, "no class"},
		{"template IN XX", 2, 13, "no record type"},
		{"template IN A {|rcode FOO|}", 3, 7, "no RCODE"},
		{"template IN A {|answer \"{{ .Name\"|}", 3, 8, "never closed"},
		{"template IN A {|answer \"{{ .Nam }}\"|}", 3, 8, "does not know .Nam"},
		{"template IN A {|authority x \"{{ html .Name }}\"|}", 3, 13, "function html"},
		{"template IN A {|additional \"{{ .Meta \\\"a/b\\\" }}\"|}", 3, 12, "know .Meta"},
		{"template IN A {|match ^a (b|}", 3, 10, "closing parenthesis"},
		{"template IN A {|match a(?=b)|}", 3, 7, "look-around"},
		{"hosts /f {|ttl 0|}", 3, 5, "from 1 to 65535"},
		{"hosts /f {|fallthrough|rload 5s|}", 4, 1, "did you mean reload?"},
		{"hosts /f {|fallthrough_unsupported|}", 2, 1, "needs fallthrough"},
		{"hosts /f {|fallthrough|1.2.3.4 a|}", 4, 1, "above fallthrough"},
		{"template IN A {|rcode nxdomain|}", 3, 7, "upper case"},
		{"template in A", 2, 10, "no class"},
		{"acl {|block type a|}", 3, 12, "upper case"},
		{"file", 2, 1, "at least 1"},
		// filters
		{"acl {|allow from 1.1.1.1|}", 3, 7, "type or net"},
		{"acl {|permit net *|}", 3, 1, "allow, block, filter or drop"},
		{"acl {|block net 1.1.1|}", 3, 11, "no range"},
		{"acl {|block type|}", 3, 7, "must follow type"},
		{"bufsize 100", 2, 9, "512 to 4096"},
		{"header {|response set xx|}", 3, 14, "aa, ra and rd"},
		{"header", 2, 1, "needs rules"},
		{"loadbalance best", 2, 13, "round_robin or weighted"},
		{"loadbalance weighted", 2, 1, "needs 2 arguments"},
		{"nsid " X16 X16 X16 X16 X16 X16 X16 X16 X16 X16 X16 X16 X16 X16 X16 X16, 2, 6,
			"at most 255 characters"},
		{"nsid \xc3\xa9", 2, 6, "which can be printed"},
		{"transfer a", 2, 1, "needs `to ADDRESS`"},
		{"transfer a {|to b|}", 3, 4, "to needs addresses"},
		{"dns64 1.1.1.0/24", 2, 7, "IPv6 range"},
		{"dns64 64:ff9b::/97", 2, 7, "IPv6 range"},
		{"local {|localhost_prefix maybe|}", 3, 18, "on or off"},
		// service
		{"bind", 2, 1, "at least 1"},
		{"bind 10.0.0.300", 2, 6, "neither an address nor the name of an interface"},
		{"bind 127.0.0.1 127.1", 2, 16, "\"127.1\" is neither"},
		{"bind 10", 2, 6, "neither"},
		{"bind fe80::1%lo", 2, 6, "neither"},
		{"bind lo {|except 1.2.3|}", 3, 8, "\"1.2.3\" is neither"},
		{"health 8080", 2, 8, "ADDRESS:PORT"},
		{"health {|lameduck 5|}", 3, 10, "duration"},
		{"ready :1 :2", 2, 10, "at most 1"},
		{"prometheus :9153 {|tls f|}", 3, 1, "plain HTTP only"},
		{"errors stderr", 2, 8, "stdout only"},
		{"errors {|consolidate 5m|}", 3, 1, "at least 2"},
		{"errors {|consolidate 5m a b|}", 3, 18, "show_first"},
		{"log . {|class some|}", 3, 7, "success, denial"},
		{"reload 1s", 2, 8, "at least 2s"},
		{"reload 10s 10ms", 2, 12, "at least 1s"},
		{"timeouts", 2, 1, "in braces"},
		{"timeouts {|read 0|}", 3, 6, "1s to 24h"},
		{"timeouts {|maxtcpqueries 0|}", 3, 15, "-1 or at least 1"},
		{"multisocket 0", 2, 13, "1 to 1024"},
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
		if (cases[i].says[0] != '\0')
			expect(&cases[i], PROBLEM_ERROR);
	}
}

static void doubtful_things_are_told(void **state)
{
	static const struct problem_case warnings[] = {
		{"kubernetes a {|endpoint http://a http://b|}", 3, 19, "first endpoint"},
		{"forward 10.0.0.0/9 1.1.1.1", 2, 9, "only 0.10.in-addr.arpa."},
		{"import *.nothing", 2, 8, "no file matches"},
		{"autopath @kubernetes|kubernetes a", 2, 1, "finds no pod"},
		{"hosts /f {|1.2.3.4 a..b|}", 3, 9, "left out"},
		{"kubernetes a {|ttl 5 6|}", 3, 7, "does nothing"},
		{"kubernetes a {|ignore|}", 3, 1, "does nothing"},
		{"reload|reload 10s", 3, 1, "only the first one counts"},
		{"health|health :1", 3, 1, "only the last one counts"},
		{"hosts /f {|1.2.3.4|}", 3, 1, "no name"},
		{"hosts /f {|a.test 1.2.3.4|}", 3, 1, "does nothing"},
	};
	static const struct problem_case notes[] = {
		{"debug", 2, 1, "no effect"},
		{"pprof :6060", 2, 1, "no effect"},
		{"trace zipkin host:9411 {|every 1|}", 2, 1, "no effect"},
		{"tls a b c", 2, 1, "no effect"},
		{"template IN A {|upstream|}", 3, 1, "no effect"},
		{"prometheus {|runtime_metrics|}", 3, 1, "no effect"},
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(warnings); i++)
		expect(&warnings[i], PROBLEM_WARNING);
	for (size_t i = 0; i < ARRAY_LEN(notes); i++)
		expect(&notes[i], PROBLEM_NOTE);
}

static void a_file_of_upstreams_without_one_is_told(void **state)
{
	static const char *const contents[] = {
		"", "# none\nsearch a\n", "nameserver a.b\n", "nameserver 192.0.2.1\n"};
	const struct config_options o = {.all_errors = true};
	char path[] = "/tmp/burst53-resolv-XXXXXX";
	int fd = mkstemp(path);
	char text[128];

	(void)state;
	assert_true(fd >= 0);
	(void)snprintf(text, sizeof(text), ".:53 {\n forward . 192.0.2.7 %s\n}\n", path);
	for (size_t i = 0; i < ARRAY_LEN(contents); i++) {
		bool is_fine = i + 1 == ARRAY_LEN(contents);
		struct config c = {0};
		struct err e = {0};
		assert_int_equal(ftruncate(fd, 0), 0);
		assert_int_equal(
			pwrite(fd, contents[i], strlen(contents[i]), 0), strlen(contents[i]));
		assert_int_equal(config_parse_text("Corefile", text, &o, &c, &e), 0);
		assert_int_equal(c.n_problems, is_fine ? 0 : 1);
		if (!is_fine) {
			assert_int_equal(c.problems[0].severity, PROBLEM_WARNING);
			assert_int_equal(c.problems[0].pos.line, 2);
			assert_int_equal(c.problems[0].pos.column, 22);
			assert_non_null(strstr(c.problems[0].text, "no nameserver line"));
		}
		config_free(&c);
	}
	(void)close(fd); // only a test's
	assert_int_equal(unlink(path), 0);
}

static void all_errors_of_a_file_are_listed_in_its_order(void **state)
{
	struct config c = {0};
	struct err e = {0};

	(void)state;
	assert_int_equal(
		parse("forward . {|policy x|}|bogus|cache 0|kubernetes a {|ttl x|pods y|}", &c, &e),
		-EINVAL);
	assert_int_equal(c.n_problems, 5);
	for (size_t i = 1; i < c.n_problems; i++)
		assert_true(c.problems[i - 1].pos.line < c.problems[i].pos.line);
	config_free(&c);
}

static void without_all_errors_the_first_one_ends_it(void **state)
{
	struct config c = {0};
	struct err e = {0};
	char text[512];

	(void)state;
	assert_int_equal(config_parse_text("f", ". {\nbogus\nbogus\n}", NULL, &c, &e), -EINVAL);
	assert_int_equal(c.n_problems, 1);
	assert_string_equal(err_print(&e, text, sizeof(text)), "f:2:1: unknown directive bogus");
	config_free(&c);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(mistakes_are_refused_where_they_stand),
		cmocka_unit_test(doubtful_things_are_told),
		cmocka_unit_test(a_file_of_upstreams_without_one_is_told),
		cmocka_unit_test(all_errors_of_a_file_are_listed_in_its_order),
		cmocka_unit_test(without_all_errors_the_first_one_ends_it),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
