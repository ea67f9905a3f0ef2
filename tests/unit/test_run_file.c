// SPDX-License-Identifier: Apache-2.0
// Tests of burst53.conf: what it says, where it is wrong, and that the command line counts more.
#include "cli/run_file.h"

#include "zones/base/array.h"

#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

enum { WORDS_MAX = 24 };

static char path[] = "/tmp/burst53-conf-XXXXXX";

static void write_file(const char *text, size_t size_bytes)
{
	FILE *f = fopen(path, "w");

	assert_non_null(f);
	assert_int_equal(fwrite(text, 1, size_bytes, f), size_bytes);
	assert_int_equal(fclose(f), 0);
}

// Parses a command line that names the file.
static enum run_parse parse(const char *words, struct run_options *o)
{
	static char text[512];
	char *argv[WORDS_MAX], *save = NULL;
	int argc = 0;

	(void)snprintf(text, sizeof(text), "run --config %s %s", path, words);
	for (char *w = strtok_r(text, " ", &save); w != NULL && argc < WORDS_MAX - 1;
		w = strtok_r(NULL, " ", &save))
		argv[argc++] = w;
	argv[argc] = NULL;
	return run_options_parse(argc, argv, o);
}

static void settings_become_options(void **state)
{
	static const char text[] = "# a comment\n"
				   "conf  /etc/burst53/Corefile   # behind a value\n"
				   "\tport\taf_packet:eth0\r\n"
				   "\n"
				   "address 198.18.0.53/24\naddress fd00::53\n"
				   "gateway 198.18.0.1\nworkers 4\nno-huge\n"
				   "network 10.0.0.0/8\nnetwork fd00::/8\n"
				   "rate 7\nrate-burst 8\nrate-slip 0\n"
				   "rate-prefixes4 32:1,16:9\n"
				   "cookie-file /etc/burst53/a#b\n"
				   "keep-inside special,reverse\nmixed-case\n"
				   "quiet";
	static struct run_options o;

	(void)state;
	write_file(text, sizeof(text) - 1);
	assert_int_equal(parse("", &o), RUN_PARSED);
	assert_string_equal(o.conf, "/etc/burst53/Corefile");
	assert_string_equal(o.ifname, "eth0");
	assert_int_equal(o.n_addresses, 2);
	assert_int_equal(o.n_gateways, 1);
	assert_int_equal(o.workers, 4);
	assert_int_equal(o.hugepages, HUGE_OFF);
	assert_int_equal(o.n_networks, 2);
	assert_int_equal(o.networks[0].prefix_len, 8);
	assert_string_equal(o.outside, "limit"); // because there are networks
	assert_int_equal(o.rate, 7);
	assert_int_equal(o.rate_burst, 8);
	assert_int_equal(o.rate_slip, 0);
	assert_string_equal(o.rate_prefixes4, "32:1,16:9");
	assert_string_equal(o.rate_prefixes6, "128:1,64:2,56:3,48:4,32:64"); // as without
	assert_string_equal(o.cookie_file, "/etc/burst53/a#b");
	assert_string_equal(o.keep_inside, "special,reverse");
	assert_true(o.mixes_case);
	assert_true(o.is_quiet);
	run_options_fini(&o);
}

static void the_command_line_counts_more(void **state)
{
	static const char text[] = "conf A\nport none\nworkers 4\nkubeconfig K\ncontext X\n"
				   "address 10.0.0.1\naddress 10.0.0.2\nnetwork 10.0.0.0/8\n"
				   "outside drop\n";
	static struct run_options o;

	(void)state;
	write_file(text, sizeof(text) - 1);
	assert_int_equal(parse("--workers 2 --dump D --address 10.0.0.3 --port af_packet:e", &o),
		RUN_PARSED);
	assert_string_equal(o.conf, "A");
	assert_int_equal(o.workers, 2);
	assert_string_equal(o.dump, "D");
	assert_null(o.kubeconfig);
	assert_null(o.context);
	assert_int_equal(o.n_addresses, 1);
	assert_string_equal(o.addresses[0].text, "10.0.0.3");
	assert_int_equal(o.n_networks, 1);
	assert_string_equal(o.outside, "drop");
	run_options_fini(&o);
}

static void an_error_names_its_place_and_what_to_do(void **state)
{
	static const struct {
		const char *text;
		unsigned line, column;
		const char *message;
	} cases[] = {
		{"prot none\n", 1, 1, "there is no setting 'prot': see burst53.conf(5)"},
		{"conf A\n  port eth0\n", 2, 8, "'eth0' is no port"},
		{"workers\n", 1, 8, "workers needs a value"},
		{"quiet yes\n", 1, 7, "quiet takes no value: leave out 'yes'"},
		{"\n\naddress 10.0.0.0.1/24", 3, 9, "is no IP address"},
		{"network 10.0.0.0/33", 1, 9, "prefix length must be 0 to 32"},
		{"outside deny", 1, 9, "none of pass, limit, drop"},
		{"rate 0", 1, 6, "no number from 1"},
		{"rate-prefixes4 33:1", 1, 16, "lengths from 1 to 32"},
		{"rate-prefixes6 48:4,64:2", 1, 16, "longest prefix first"},
		{"keep-inside special,private", 1, 13, "no list of special"},
		{"config other.conf", 1, 1, "there is no setting 'config'"},
		{"help", 1, 1, "there is no setting 'help'"},
		{"workers=2", 1, 1, "there is no setting 'workers=2'"},
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
		static struct run_options o;
		struct err err = {0};
		memset(&o, 0, sizeof(o));
		write_file(cases[i].text, strlen(cases[i].text));
		assert_int_not_equal(run_file_read(path, &o, &err), 0);
		if (err.line != cases[i].line || err.column != cases[i].column ||
			strstr(err.text, cases[i].message) == NULL || strcmp(err.file, path) != 0)
			fail_msg("%s: %u:%u: %s", cases[i].text, err.line, err.column, err.text);
		run_options_fini(&o);
	}
}

static void what_is_no_text_is_refused(void **state)
{
	static struct run_options o;
	static char large[70000];
	struct err zero = {0}, size = {0}, none = {0};

	(void)state;
	write_file("conf A\0\n", 8);
	assert_int_equal(run_file_read(path, &o, &zero), -EINVAL);
	run_options_fini(&o);
	memset(large, '\n', sizeof(large));
	write_file(large, sizeof(large));
	assert_int_equal(run_file_read(path, &o, &size), -EFBIG);
	run_options_fini(&o);
	assert_int_equal(run_file_read("/nonexistent/conf", &o, &none), -ENOENT);
	assert_non_null(strstr(none.text, "/nonexistent/conf"));
}

static void limits_need_networks_and_a_port(void **state)
{
	static const struct {
		const char *words;
		enum run_parse parsed;
	} cases[] = {
		{"--port none", RUN_PARSED},
		{"--port none --network 10.0.0.0/8", RUN_WRONG},
		{"--port none --network 10.0.0.0/8 --outside drop", RUN_PARSED},
		{"--port none --network 10.0.0.0/8 --outside pass", RUN_PARSED},
		{"--port none --outside drop", RUN_WRONG},
		{"--port af_packet:e --address 10.0.0.1 --outside limit", RUN_WRONG},
		{"--port af_packet:e --address 10.0.0.1 --network ::1/8", RUN_PARSED},
		{"--port none --no-cookies --cookie-file F", RUN_WRONG},
	};
	int kept = dup(STDERR_FILENO);

	(void)state;
	write_file("conf A\n", 7);
	assert_non_null(freopen("/dev/null", "w", stderr)); // what is said is not looked at
	for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
		static struct run_options o;
		if (parse(cases[i].words, &o) != cases[i].parsed)
			fail_msg("%s", cases[i].words);
		run_options_fini(&o);
	}
	assert_true(dup2(kept, STDERR_FILENO) >= 0 && close(kept) == 0);
}

static int make_file(void **state)
{
	int fd = mkstemp(path);

	(void)state;
	return fd < 0 || close(fd) != 0;
}

static int remove_file(void **state)
{
	(void)state;
	return unlink(path);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(settings_become_options),
		cmocka_unit_test(the_command_line_counts_more),
		cmocka_unit_test(an_error_names_its_place_and_what_to_do),
		cmocka_unit_test(what_is_no_text_is_refused),
		cmocka_unit_test(limits_need_networks_and_a_port),
	};

	return cmocka_run_group_tests(tests, make_file, remove_file);
}
