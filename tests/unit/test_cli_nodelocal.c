// SPDX-License-Identifier: Apache-2.0
// NodeLocal DNSCache's command line, Corefile template and rules (k8s:2.15).
#include "cli/go_flags.h"
#include "cli/kube_dns.h"
#include "cli/nodelocal_corefile.h"
#include "cli/nodelocal_net.h"

#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

enum { WORDS_MAX = 12 };

static int parse(const char *const *words, struct nodelocal_options *o, struct err *err)
{
	char *argv[WORDS_MAX];
	int argc = 0;

	*err = (struct err){0};
	for (; words[argc] != NULL; argc++)
		memcpy(&argv[argc], &words[argc], sizeof(argv[0]));
	return nodelocal_options_parse(argc, argv, o, err);
}

static void kubesprays_arguments_are_understood(void **state)
{
	const char *const words[] = {"node-cache", "-localip", "169.254.25.10", "-conf",
		"/etc/coredns/Corefile", "-upstreamsvc", "coredns", NULL};
	struct nodelocal_options o;
	struct err err;
	(void)state;

	assert_int_equal(parse(words, &o, &err), 0);
	assert_int_equal(o.n_addresses, 1);
	assert_string_equal(o.addresses[0].text, "169.254.25.10");
	assert_string_equal(o.corefile, "/etc/coredns/Corefile");
	assert_string_equal(o.upstream_service, "coredns");
	assert_string_equal(o.ifname, "nodelocaldns");
	assert_true(o.makes_interface && o.makes_rules && !o.skips_teardown);
	assert_int_equal(o.sync_ms, 60000);
	assert_int_equal(o.health_port, 8080);
}

static void go_spellings_of_options_are_equal(void **state)
{
	const char *const words[] = {"node-cache", "--localip=169.254.20.10,10.96.0.10",
		"-setupiptables=false", "--setupinterface=F", "-skipteardown",
		"-syncinterval=1m30s", "-health-port", "9254", "-dns.port=5353", NULL};
	struct nodelocal_options o;
	struct err err;
	(void)state;

	assert_int_equal(parse(words, &o, &err), 0);
	assert_int_equal(o.n_addresses, 2);
	assert_true(!o.makes_interface && !o.makes_rules && o.skips_teardown);
	assert_int_equal(o.sync_ms, 90000);
	assert_int_equal(o.health_port, 9254);
	assert_int_equal(o.dns_port, 5353);
}

static void wrong_command_lines_are_refused_with_a_sentence(void **state)
{
	static const struct {
		const char *words[5];
		const char *part;
	} cases[] = {
		{{"node-cache", NULL}, "-localip is missing"},
		{{"node-cache", "-localip", "10.0.0.1,fd00::1", NULL}, "one family"},
		{{"node-cache", "-localip", "here", NULL}, "no IP address"},
		{{"node-cache", "-localip", "10.0.0.1", "-colour", NULL}, "no option -colour"},
		{{"node-cache", "-localip", NULL}, "needs a value"},
		{{"node-cache", "-setupiptables=maybe", NULL}, "true or false"},
		{{"node-cache", "-syncinterval", "soon", NULL}, "duration"},
		{{"node-cache", "-health-port", "99999", NULL}, "port"},
		{{"node-cache", "word", NULL}, "no option"},
		{{"node-cache", "-localip", "10.0.0.1", "-interfacename=a/b", NULL},
			"no name of a link"},
	};
	struct nodelocal_options o;
	struct err err;
	(void)state;

	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		assert_int_equal(parse(cases[i].words, &o, &err), -EINVAL);
		if (strstr(err.text, cases[i].part) == NULL)
			fail_msg("\"%s\" does not say \"%s\"", err.text, cases[i].part);
	}
	assert_int_equal(
		parse((const char *const[]){"node-cache", "-help", NULL}, &o, &err), -ECANCELED);
}

static void words_of_the_template_are_replaced(void **state)
{
	const struct nodelocal_words w = {.cluster_dns = "10.96.171.7",
		.upstreams = " 192.0.2.1 192.0.2.2",
		.local = "169.254.20.10 10.96.0.10",
		.blocks = "corp.test:53 {\n}\n"};
	(void)state;

	char *text = nodelocal_corefile_render(
		"a:53 {\n bind __PILLAR__LOCAL__DNS__\n forward . __PILLAR__CLUSTER__DNS__ "
		"{\n}\n}\n"
		".:53 {\n forward . __PILLAR__UPSTREAM__SERVERS__\n # __PILLAR__OTHER__\n}\n",
		&w);
	assert_string_equal(text,
		"a:53 {\n bind 169.254.20.10 10.96.0.10\n forward . 10.96.171.7 {\n}\n}\n"
		".:53 {\n forward .  192.0.2.1 192.0.2.2\n # __PILLAR__OTHER__\n}\n"
		"corp.test:53 {\n}\n");
	free(text);
}

static void stub_domains_become_blocks_on_the_local_addresses(void **state)
{
	struct err err = {0};
	(void)state;

	char *text =
		kube_dns_stub_blocks("{\"corp.test\": [\"192.0.2.53\"]}", "169.254.20.10", &err);
	assert_non_null(text);
	assert_non_null(strstr(text, "corp.test:53 {"));
	assert_non_null(strstr(text, "bind 169.254.20.10\n"));
	assert_non_null(strstr(text, "forward . 192.0.2.53\n"));
	free(text);
	text = kube_dns_upstreams(NULL, &err);
	assert_string_equal(text, "");
	free(text);
	assert_null(kube_dns_upstreams("[\"1.2.3.4 } evil {\"]", &err));
	assert_int_equal(err.code, -EINVAL);
}

// Files of one case in a folder of its own.
struct files {
	char dir[64], base[96], out[96];
};

static void files_make(struct files *f, const char *template_text)
{
	(void)snprintf(f->dir, sizeof(f->dir), "/tmp/b53-nodelocal-XXXXXX");
	assert_non_null(mkdtemp(f->dir));
	(void)snprintf(f->base, sizeof(f->base), "%s/base", f->dir);
	(void)snprintf(f->out, sizeof(f->out), "%s/out", f->dir);
	if (template_text == NULL)
		return;
	FILE *file = fopen(f->base, "w");
	assert_non_null(file);
	(void)fputs(template_text, file);
	assert_int_equal(fclose(file), 0);
}

static void files_free(struct files *f)
{
	(void)unlink(f->base);
	(void)unlink(f->out);
	assert_int_equal(rmdir(f->dir), 0); // nothing else was left
}

static void the_corefile_is_written_only_when_it_changes(void **state)
{
	struct files f;
	struct err err = {0};
	bool has_changed = false;
	(void)state;

	files_make(&f, ".:53 {\n forward . __PILLAR__CLUSTER__DNS__\n}\n");
	struct nodelocal_options o = {.base_corefile = f.base,
		.corefile = f.out,
		.kube_dns_dir = "",
		.upstream_service = "test-upstream"};
	assert_int_equal(unsetenv("TEST_UPSTREAM_SERVICE_HOST"), 0);
	assert_int_equal(nodelocal_corefile_write(&o, &has_changed, &err), -ENOENT);
	assert_non_null(strstr(err.text, "test-upstream"));
	assert_int_equal(setenv("TEST_UPSTREAM_SERVICE_HOST", "198.18.0.1", 1), 0);
	err = (struct err){0};
	assert_int_equal(nodelocal_corefile_write(&o, &has_changed, &err), 0);
	assert_true(has_changed);
	assert_int_equal(nodelocal_corefile_write(&o, &has_changed, &err), 0);
	assert_false(has_changed);
	// kubespray mounts a finished Corefile and no template.
	assert_int_equal(unlink(f.base), 0);
	assert_int_equal(nodelocal_corefile_write(&o, &has_changed, &err), 0);
	assert_false(has_changed);
	assert_int_equal(unlink(f.out), 0);
	assert_int_equal(nodelocal_corefile_write(&o, &has_changed, &err), -ENOENT);
	files_free(&f);
}

static void rules_name_every_address_and_do_not_track(void **state)
{
	const char *const words[] = {"node-cache", "-localip", "169.254.20.10,10.96.0.10", NULL};
	struct nodelocal_options o;
	struct err err;
	char text[4096];
	(void)state;

	assert_int_equal(parse(words, &o, &err), 0);
	assert_int_equal(nodelocal_rules_print(&o, text, sizeof(text)), 0);
	assert_non_null(strstr(
		text, "ip daddr 169.254.20.10 meta l4proto { tcp, udp } th dport 53 notrack"));
	assert_non_null(
		strstr(text, "ip saddr 10.96.0.10 meta l4proto { tcp, udp } th sport 53 notrack"));
	assert_non_null(strstr(text, "tcp dport 8080 notrack"));
	assert_int_equal(nodelocal_rules_print(&o, text, 100), -ENOSPC);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(kubesprays_arguments_are_understood),
		cmocka_unit_test(go_spellings_of_options_are_equal),
		cmocka_unit_test(wrong_command_lines_are_refused_with_a_sentence),
		cmocka_unit_test(words_of_the_template_are_replaced),
		cmocka_unit_test(stub_domains_become_blocks_on_the_local_addresses),
		cmocka_unit_test(the_corefile_is_written_only_when_it_changes),
		cmocka_unit_test(rules_name_every_address_and_do_not_track),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
