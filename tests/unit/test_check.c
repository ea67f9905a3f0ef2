// SPDX-License-Identifier: Apache-2.0
// Tests of `burst53 check`: repairs give Corefiles that pass and keep the rest, problems are shown
// like a compiler's, ConfigMaps become Corefiles.
#include "cli/check_fix.h"
#include "cli/check_report.h"
#include "cli/kube_dns.h"

#include "zones/base/array.h"
#include "zones/corefile/config.h"

#include <jansson.h>

#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

static int parse(const char *text, struct config *c)
{
	const struct config_options o = {.all_errors = true};
	struct err e = {0};

	return config_parse_text("Corefile", text, &o, c, &e);
}

// All rounds of repair, as --fix does them. The result is owned by the caller.
static char *repair(const char *text, int *rc)
{
	char *now = strdup(text);
	FILE *log = fopen("/dev/null", "we");

	assert_non_null(log);
	for (unsigned i = 0; i < 8; i++) {
		struct config c = {0};
		*rc = parse(now, &c);
		char *fixed = *rc == 0 ? NULL : fix_text("Corefile", now, &c, log);
		config_free(&c);
		if (fixed == NULL)
			break;
		free(now);
		now = fixed;
	}
	(void)fclose(log);
	return now;
}

static void old_corefiles_are_repaired(void **state)
{
	static const struct {
		const char *text;
		const char *fixed;
	} cases[] = {
		{". {\n    kubernetes a {\n        upstream # gone\n        ttl 5\n    }\n}\n",
			". {\n    kubernetes a {\n        ttl 5\n    }\n}\n"},
		{". {\n  proxy . 1.1.1.1\n}\n", ". {\n  forward . 1.1.1.1\n}\n"},
		{". {\n  proxy . 1.1.1.1 {\n    policy first\n    spray\n    # why\n    except a\n "
		 " }\n}\n",
			". {\n  forward . 1.1.1.1 {\n    policy sequential\n    # why\n    except "
			"a\n  }\n}\n"},
		{". {\n  proxy . 1.1.1.1 {\n    policy least_conn\n    protocol dns force_tcp\n  "
		 "}\n}\n",
			". {\n  forward . 1.1.1.1 {\n    force_tcp\n  }\n}\n"},
		{". {\n  proxy . /nonexistent/resolv.conf\n}\n",
			". {\n  forward . /etc/resolv.conf\n}\n"},
		{". {\n  forward . /nonexistent/resolv.conf 1.1.1.1\n}\n",
			". {\n  forward . /etc/resolv.conf 1.1.1.1\n}\n"},
		{". {\n  federation a {\n    b c\n  }\n  whoami\n}\n", ". {\n  whoami\n}\n"},
		{". { upstream 1.1.1.1\n  whoami\n}\n", ". { \n  whoami\n}\n"},
		{". {\n\tkubernetes a 10.0.0.0/8 {\n\t\ttransfer to * 1.1.1.1\n\t}\n}\n",
			". {\n\tkubernetes a 10.0.0.0/8 {\n\t}\n\ttransfer a 10.0.0.0/8 {\n\t    "
			"to * 1.1.1.1\n\t}\n}\n"},
		{". {\n  file /z a {\n    transfer to 1.1.1.1\n  }\n}\n",
			". {\n  file /z a {\n  }\n  transfer a {\n      to 1.1.1.1\n  }\n}\n"},
		{"(s) {\n  upstream\n}\n. {\n  kubernetes a {\n    import s\n  }\n"
		 "  kubernetes2\n}\n",
			NULL},
		{"(s) {\n  upstream\n}\na {\n  kubernetes a {\n    import s\n  }\n}\n"
		 "b {\n  kubernetes b {\n    import s\n  }\n}\n",
			"(s) {\n}\na {\n  kubernetes a {\n    import s\n  }\n}\n"
			"b {\n  kubernetes b {\n    import s\n  }\n}\n"},
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
		int rc = 0;
		char *fixed = repair(cases[i].text, &rc);
		if (cases[i].fixed == NULL) {
			assert_int_equal(rc, -EINVAL); // what is no old form stays an error
		} else {
			assert_string_equal(fixed, cases[i].fixed);
			assert_int_equal(rc, 0);
		}
		free(fixed);
	}
}

static void a_valid_corefile_is_left_alone(void **state)
{
	static const char text[] = ". {\n  whoami # me\n}\n";
	struct config c = {0};

	(void)state;
	assert_int_equal(parse(text, &c), 0);
	assert_null(fix_text("Corefile", text, &c, stderr));
	config_free(&c);
}

// What a printer of reports writes about a text, owned by the caller.
static char *report(const char *text, void (*print)(FILE *, const struct report *))
{
	struct config c = {0};
	struct report r = {.config = &c, .name = "Corefile", .text = text};
	char *out = NULL;
	size_t size = 0;
	FILE *m = open_memstream(&out, &size);

	assert_non_null(m);
	(void)parse(text, &c);
	print(m, &r);
	assert_int_equal(fclose(m), 0);
	config_free(&c);
	return out;
}

static void problems_show_the_line_and_a_mark(void **state)
{
	char *out = report(". {\n\t\xc3\xa4 x\n\tcache 0\n}\n", report_problems);

	(void)state;
	assert_string_equal(out,
		"Corefile:2:2: error: unknown directive \xc3\xa4\n"
		"     2 | \t\xc3\xa4 x\n"
		"       | \t^\n"
		"Corefile:3:8: error: the TTL of cache must be at least 1 second\n"
		"     3 | \tcache 0\n"
		"       | \t      ^\n");
	free(out);
}

static void blocks_are_explained(void **state)
{
	static const char *const says[] = {
		"Corefile:1: a. port 53 on 127.0.0.1\n",
		"workers    line 3    kubernetes",
		"slow path  line 4    forward",
		"monitor    line 5    health",
		"no effect  line 8    pprof",
		"/health on port 8080 of every address; keeps serving for 5 s",
		"nothing answers here: every query is refused",
	};
	char *out = report(
		"a {\nbind 127.0.0.1\nkubernetes\nforward . 1.1.1.1\nhealth {\nlameduck 5s\n}\n"
		"pprof\n}\nb {\n}\n",
		report_blocks);

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(says); i++) {
		if (strstr(out, says[i]) == NULL)
			fail_msg("%s is not in:\n%s", says[i], out);
	}
	free(out);
}

static void a_block_that_leaves_the_workers_says_why(void **state)
{
	static const struct {
		const char *line;
		bool all;
	} cases[] = {
		{"rewrite name regex x y", true},
		{"rewrite name exact x y", false},
		{"rewrite name suffix .x .y", false},
		{"rewrite ttl a 5", true},
		{"hosts", false}, // built into the snapshot
		{"local", true},
		{"hosts /etc/hosts x.test", false},
		{"template IN A x.test", false},
		{"template IN A", true},
		{"dns64", true},
		{"acl", true},
		{"forward . 1.1.1.1", false}, // behind kubernetes
		{"cache", false},
	};
	char text[256];

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
		(void)snprintf(text, sizeof(text), "a.test {\nkubernetes\n%s\n}\n", cases[i].line);
		char *out = report(text, report_blocks);
		if ((strstr(out, "answers every query here") != NULL) != cases[i].all)
			fail_msg("%s:\n%s", cases[i].line, out);
		free(out);
	}
}

static void print_json(FILE *out, const struct report *r)
{
	assert_int_equal(report_json(out, r, r->config->n_problems == 0 ? 0 : -EINVAL), 0);
}

static void json_holds_blocks_and_problems(void **state)
{
	char *out = report("a:1 {\nforward \"\xff.\" 1.1.1.1\n}\nb {\nbogus\xc3\n}\n", print_json);
	json_t *j = json_loads(out, 0, NULL);

	(void)state;
	assert_non_null(j);
	assert_true(json_is_false(json_object_get(j, "ok")));
	assert_int_equal(json_array_size(json_object_get(j, "servers")), 2);
	const json_t *problem = json_array_get(json_object_get(j, "problems"), 0);
	assert_string_equal(json_string_value(json_object_get(problem, "severity")), "error");
	const json_t *at = json_object_get(problem, "at");
	assert_int_equal(json_integer_value(json_object_get(at, "line")), 5);
	const json_t *server = json_array_get(json_object_get(j, "servers"), 0);
	const json_t *directive = json_array_get(json_object_get(server, "directives"), 0);
	assert_string_equal(json_string_value(json_object_get(directive, "runs")), "slow path");
	json_decref(j);
	free(out);
}

static void a_kubeconfig_must_be_there_where_that_is_asked_for(void **state)
{
	static const char content[] = "contexts: [{name: here, context: {cluster: c}}]\n";
	static const struct {
		const char *path; // NULL: the file
		const char *context, *says; // NULL: accepted
	} cases[] = {
		{NULL, "", NULL},
		{NULL, "here", NULL},
		{NULL, "away", "has no context away"},
		{"/nonexistent/kubeconfig", "ctx", "/nonexistent/kubeconfig does not exist"},
		{"/nonexistent/a:/nonexistent/b", "", "does not exist"},
		{"/", "", "cannot read /: Is a directory"},
	};
	char file[] = "/tmp/burst53-kubeconfig-XXXXXX";
	int fd = mkstemp(file);

	(void)state;
	assert_true(fd >= 0);
	assert_int_equal(write(fd, content, strlen(content)), strlen(content));
	assert_int_equal(close(fd), 0);
	for (size_t i = 0; i < ARRAY_LEN(cases) * 2; i++) {
		const struct config_options o = {
			.needs_kubeconfig = true, .skip_file_checks = i % 2 == 1};
		const char *path = cases[i / 2].path == NULL ? file : cases[i / 2].path;
		struct config c = {0};
		struct err e = {0};
		char text[256];
		(void)snprintf(text, sizeof(text),
			". {\n kubernetes {\n  kubeconfig %s %s\n }\n}\n", path,
			cases[i / 2].context);
		int rc = config_parse_text("Corefile", text, &o, &c, &e);
		if (cases[i / 2].says == NULL || i % 2 == 1)
			assert_int_equal(rc, 0);
		else if (rc == 0 || strstr(e.text, cases[i / 2].says) == NULL)
			fail_msg("%s: %d %s", text, rc, e.text);
		config_free(&c);
	}
	assert_int_equal(unlink(file), 0);
}

static void keys_and_certificates_must_be_there_where_that_is_asked_for(void **state)
{
	static const struct {
		const char *files;
		unsigned column; // of the error, 0: accepted
	} cases[] = {
		{"\"\" \"\" \"\"", 0},
		{"/dev/null /dev/null /dev/null", 0},
		{"/dev/null /nonexistent/key /dev/null", 17},
		{"/dev/null /dev/null /nonexistent/ca", 27},
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(cases) * 2; i++) {
		const struct config_options o = {
			.needs_kubeconfig = true, .skip_file_checks = i % 2 == 1};
		struct config c = {0};
		struct err e = {0};
		char text[256];
		(void)snprintf(text, sizeof(text), ". {\nkubernetes {\n  tls %s\n}\n}\n",
			cases[i / 2].files);
		int rc = config_parse_text("Corefile", text, &o, &c, &e);
		bool is_refused = cases[i / 2].column != 0 && i % 2 == 0;
		assert_int_equal(rc, is_refused ? -EINVAL : 0);
		assert_int_equal(e.column, is_refused ? cases[i / 2].column : 0);
		config_free(&c);
	}
}

static void an_interface_must_be_there_where_that_is_asked_for(void **state)
{
	static const struct {
		const char *text;
		unsigned column; // of the error, 0: accepted
	} cases[] = {
		{". {\nbind lo\n}\n", 0},
		{". {\nbind lo nonexistent9\n}\n", 9},
		{". {\nbind lo {\nexcept nonexistent9\n}\n}\n", 8},
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(cases) * 3; i++) {
		const struct config_options o = {
			.needs_interfaces = i % 3 != 1, .skip_file_checks = i % 3 == 2};
		struct config c = {0};
		struct err e = {0};
		int rc = config_parse_text("Corefile", cases[i / 3].text, &o, &c, &e);
		if (cases[i / 3].column == 0 || i % 3 != 0) {
			assert_int_equal(rc, 0);
		} else {
			assert_int_equal(rc, -EINVAL);
			assert_int_equal(e.column, cases[i / 3].column);
			assert_non_null(strstr(e.text, "no interface nonexistent9"));
		}
		config_free(&c);
	}
}

static void configmaps_become_corefiles(void **state)
{
	static const struct {
		const char *json;
		const char *has; // NULL: refused with `says`
		const char *says;
	} cases[] = {
		{"{\"kind\":\"ConfigMap\",\"metadata\":{\"name\":\"kube-dns\"}}",
			"forward . /etc/resolv.conf\n", NULL},
		{"{\"kind\":\"ConfigMap\",\"data\":{\"federations\":\"{}\"}}",
			"forward . /etc/resolv.conf\n", NULL},
		{"{\"kind\":\"ConfigMap\",\"metadata\":{\"name\":\"x\"}}", NULL,
			"has no key Corefile, and none of kube-dns"},
		{"{\"kind\":\"ConfigMap\",\"data\":{\"a\":\"b\"}}", NULL, "no key Corefile"},
		{"{\"kind\":\"ConfigMap\",\"metadata\":{\"name\":\"coredns-custom\"},"
		 "\"data\":{\"a.server\":\"x.com:53 {\\n nonsense\\n}\"}}",
			NULL, "a.server is a part that a Corefile imports"},
		{"{\"kind\":\"ConfigMap\",\"data\":{\"b.override\":\"log\"}}", NULL,
			"b.override is a part that a Corefile imports"},
		{"{\"kind\":\"ConfigMap\",\"data\":{\"upstreamNameservers\":\"[\\\"1.1.1.1\\\", "
		 "\\\"[::1]:54\\\"]\"}}",
			"forward . 1.1.1.1 [::1]:54\n", NULL},
		{"{\"kind\":\"ConfigMap\",\"data\":{\"stubDomains\":\"{\\\"a.test\\\":[\\\"1.1.1."
		 "1\\\"]}"
		 "\"}}",
			"a.test:53 {\n    errors\n    cache 30\n    loop\n    forward . 1.1.1.1\n",
			NULL},
		{"{\"kind\":\"ConfigMap\",\"data\":{\"Corefile\":\". {\\n}\\n\"}}", ". {\n}\n",
			NULL},
		{"{\"kind\":\"ConfigMap\",\"data\":{\"stubDomains\":\"{\"}}", NULL, "no JSON"},
		{"{\"kind\":\"ConfigMap\",\"data\":{\"stubDomains\":\"[]\"}}", NULL, "object"},
		{"{\"kind\":\"ConfigMap\",\"data\":{\"stubDomains\":\"{\\\"a "
		 "{\\\":[\\\"1.1.1.1\\\"]}\"}"
		 "}",
			NULL, "no domain name"},
		{"{\"kind\":\"ConfigMap\",\"data\":{\"stubDomains\":\"{\\\"a\\\":[]}\"}}", NULL,
			"list of addresses"},
		{"{\"kind\":\"ConfigMap\",\"data\":{\"upstreamNameservers\":\"[\\\"x }\\\"]\"}}",
			NULL, "no address"},
		{"{\"kind\":\"ConfigMap\",\"data\":{\"upstreamNameservers\":\"[1]\"}}", NULL,
			"no string"},
		{"{\"kind\":\"ConfigMap\",\n \"data\":{\n  \"upstreamNameservers\":\"[1]\"}}", NULL,
			"f:3:3: a value that is no string"},
		{"{\"kind\":\"ConfigMap\",\n\"data\":{\"upstreamNameservers\":\"[\\\"1.1.1.1\\\"]"
		 "\","
		 "\n\"stubDomains\":\"{\\\"a\\\":7}\"}}",
			NULL, "f:3:1: name servers must"},
		{"{\"kind\":\"ConfigMap\",\"data\":{\n\"stubDomains\":\"[\"}}", NULL,
			"f:2:1: stubDomains is no JSON"},
		{"{\"kind\":\"Pod\"}", NULL, "f:1:2: this is JSON, but no ConfigMap"},
		{"{", NULL, "no JSON"},
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
		struct err e = {0};
		char *text = kube_dns_corefile("f", cases[i].json, &e);
		if (cases[i].has == NULL) {
			assert_null(text);
			char said[320];
			(void)err_print(&e, said, sizeof(said));
			if (strstr(said, cases[i].says) == NULL || e.line == 0)
				fail_msg("%s: %s", cases[i].json, said);
			continue;
		}
		assert_non_null(text);
		if (strstr(text, cases[i].has) == NULL)
			fail_msg("%s is not in:\n%s", cases[i].has, text);
		struct config c = {0};
		assert_int_equal(parse(text, &c), 0);
		config_free(&c);
		free(text);
	}
	assert_true(kube_dns_is_json(" \n{"));
	assert_false(kube_dns_is_json(". {"));
	assert_false(kube_dns_is_json("{$ZONE}:53 {"));
	assert_false(kube_dns_is_json("{%ZONE%} {"));
}

static void google_s_configmap_passes(void **state)
{
	char path[1024];
	struct err e = {0};
	struct config c = {0};

	(void)state;
	(void)snprintf(
		path, sizeof(path), "%s/corefiles/kube-dns/gke.json", getenv("B53_TEST_DATA"));
	json_t *j = json_load_file(path, 0, NULL);
	char *json = json_dumps(j, 0);
	char *text = kube_dns_corefile("gke.json", json, &e);
	assert_non_null(text);
	assert_int_equal(parse(text, &c), 0);
	assert_int_equal(c.n_servers, 3);
	config_free(&c);
	free(text);
	free(json);
	json_decref(j);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(old_corefiles_are_repaired),
		cmocka_unit_test(a_valid_corefile_is_left_alone),
		cmocka_unit_test(problems_show_the_line_and_a_mark),
		cmocka_unit_test(blocks_are_explained),
		cmocka_unit_test(a_block_that_leaves_the_workers_says_why),
		cmocka_unit_test(json_holds_blocks_and_problems),
		cmocka_unit_test(a_kubeconfig_must_be_there_where_that_is_asked_for),
		cmocka_unit_test(keys_and_certificates_must_be_there_where_that_is_asked_for),
		cmocka_unit_test(an_interface_must_be_there_where_that_is_asked_for),
		cmocka_unit_test(configmaps_become_corefiles),
		cmocka_unit_test(google_s_configmap_passes),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
