// SPDX-License-Identifier: Apache-2.0
// burst53 check: reads a Corefile as the server would, says what it does or what is wrong with it.
#include "cli/check_fix.h"
#include "cli/check_report.h"
#include "cli/command.h"
#include "cli/kube_dns.h"
#include "cli/usage.h"

#include "zones/corefile/config.h"
#include "zones/corefile/expand.h"
#include "zones/corefile/words.h"

#include <errno.h>
#include <getopt.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { FIX_ROUNDS_MAX = 8 };

struct options {
	const char *path; // NULL: ./Corefile, "-": standard input
	struct config_options parse;
	bool fix;
	bool json;
	bool quiet;
};

struct input {
	char *name; // owned; in messages
	char *text; // owned
	char *directory; // owned; of imports
	bool is_builtin;
};

static void print_help(FILE *out)
{
	(void)fputs(
		"usage: burst53 check [OPTION]... [COREFILE]\n"
		"Reads a Corefile as the server would and explains each block in plain words, or\n"
		"says what is wrong and where. COREFILE may be - for standard input, and may be a\n"
		"ConfigMap as `kubectl get configmap NAME -o json` prints it (coredns or "
		"kube-dns).\n"
		"Without COREFILE: ./Corefile, else the built-in one.\n\n"
		"  -f, --fix         print the Corefile with what is out of date repaired\n"
		"  -j, --json        print the result as JSON\n"
		"  -q, --quiet       print problems only\n"
		"  -n, --no-files    do not look whether files and interfaces named in it are on "
		"this "
		"machine\n"
		"  -p, --port PORT   the port of blocks that name none (53)\n"
		"  -h, --help        print this help\n\n"
		"Exit codes: 0 the Corefile is valid (after --fix: the printed one is), 1 it is "
		"not,\n"
		"2 wrong command line.\n",
		out);
}

// EXIT_OK, or an exit code with *done set when there is nothing more to do.
static int parse_options(int argc, char **argv, struct options *o, bool *done)
{
	static const struct option table[] = {
		{"fix", no_argument, NULL, 'f'},
		{"json", no_argument, NULL, 'j'},
		{"quiet", no_argument, NULL, 'q'},
		{"no-files", no_argument, NULL, 'n'},
		{"port", required_argument, NULL, 'p'},
		{"help", no_argument, NULL, 'h'},
		{NULL, 0, NULL, 0},
	};
	uint64_t port = 0;
	int c = 0;

	*done = true;
	optind = 1;
	while ((c = getopt_long(argc, argv, "fjqnp:h", table, NULL)) != -1) {
		if (c == 'h') {
			print_help(stdout);
			return EXIT_OK;
		}
		if (c == '?')
			return usage_error("check", NULL, NULL);
		o->fix |= c == 'f';
		o->json |= c == 'j';
		o->quiet |= c == 'q';
		o->parse.skip_file_checks |= c == 'n';
		if (c == 'p' && word_number(optarg, 1, UINT16_MAX, &port) != 0)
			return usage_error("check", "--port needs a number from 1 to 65535", "");
		if (c == 'p')
			o->parse.port = (uint16_t)port;
	}
	if (argc - optind > 1)
		return usage_error("check", "one Corefile at a time", "");
	if (o->fix && o->json)
		return usage_error(
			"check", "--fix prints a Corefile; --json does not go with it", "");
	o->path = optind < argc ? argv[optind] : NULL;
	o->parse.all_errors = true;
	o->parse.needs_kubeconfig = true;
	o->parse.needs_interfaces = true;
	*done = false;
	return EXIT_OK;
}

static void input_fini(struct input *in)
{
	free(in->name);
	free(in->text);
	free(in->directory);
}

static char *directory_of(const char *path)
{
	const char *slash = strrchr(path, '/');

	if (slash == NULL)
		return strdup(".");
	return strndup(path, slash == path ? 1 : (size_t)(slash - path));
}

static int input_read(const struct options *o, struct input *in, struct err *e)
{
	struct arena arena = {0};
	const char *path = o->path == NULL ? "Corefile" : o->path;
	bool is_stdin = strcmp(path, "-") == 0;
	char *text = NULL;
	size_t size = 0;
	int rc = expand_read_file(&arena, is_stdin ? "/dev/stdin" : path, &text, &size);

	in->name = strdup(is_stdin ? "stdin" : path);
	in->is_builtin = rc == -ENOENT && o->path == NULL;
	if (in->name == NULL)
		rc = err_set(e, -ENOMEM, "out of memory");
	else if (rc == 0 && strlen(text) != size)
		rc = err_set(e, -EINVAL, "%s has a zero byte in it; a Corefile is text", in->name);
	else if (rc != 0 && !in->is_builtin)
		rc = err_set(e, rc, "cannot read %s: %s", in->name, strerror(-rc));
	if (rc == 0) {
		in->text = strdup(text);
		in->directory = directory_of(path);
		if (in->text == NULL || in->directory == NULL)
			rc = err_set(e, -ENOMEM, "out of memory");
	}
	arena_fini(&arena);
	return in->is_builtin && e->code == 0 ? 0 : rc;
}

// A ConfigMap becomes the Corefile in it, or the one that does the same.
static int input_convert(struct input *in, struct err *e)
{
	if (in->text == NULL || !kube_dns_is_json(in->text))
		return 0;
	char *corefile = kube_dns_corefile(in->name, in->text, e);
	char *name = NULL;
	if (corefile == NULL || asprintf(&name, "%s(Corefile)", in->name) < 0) {
		free(corefile);
		return err_set(e, -ENOMEM, "out of memory");
	}
	free(in->text);
	free(in->name);
	in->text = corefile;
	in->name = name;
	return 0;
}

static int parse(const struct options *o, const struct input *in, struct config *c, struct err *e)
{
	struct config_options parse_options = o->parse;

	parse_options.directory = in->directory;
	if (in->is_builtin)
		return config_parse_file(NULL, &parse_options, c, e);
	return config_parse_text(in->name, in->text, &parse_options, c, e);
}

static void print_summary(FILE *out, const struct report *r)
{
	size_t errors = report_count(r, PROBLEM_ERROR);
	size_t fixable = 0;

	for (size_t i = 0; i < r->config->n_problems; i++)
		fixable += r->config->problems[i].fix != FIX_NONE;
	if (errors == 0)
		return;
	(void)fprintf(out, "%zu error%s", errors, errors == 1 ? "" : "s");
	if (fixable > 0)
		(void)fprintf(out, "; --fix repairs %zu of them", fixable);
	(void)fputc('\n', out);
}

static int check(const struct options *o, const struct input *in)
{
	struct config c = {0};
	struct err e = {0};
	struct report r = {.config = &c, .name = in->name, .text = in->text};
	int rc = parse(o, in, &c, &e);

	if (c.is_builtin)
		r.name = "built-in";
	if (o->json) {
		if (report_json(stdout, &r, rc) != 0)
			rc = -ENOMEM;
	} else {
		report_problems(stderr, &r);
		print_summary(stderr, &r);
		if (rc == 0 && !o->quiet)
			report_blocks(stdout, &r);
	}
	config_free(&c);
	return rc == 0 ? EXIT_OK : EXIT_FAILED;
}

// Repairs until nothing more can be; one repair may bring the next problem to light.
static int fix(const struct options *o, struct input *in)
{
	struct err e = {0};
	int rc = -EINVAL;

	for (unsigned round = 0; round < FIX_ROUNDS_MAX && in->text != NULL; round++) {
		struct config c = {0};
		e = (struct err){0};
		rc = parse(o, in, &c, &e);
		char *fixed = rc == 0 ? NULL : fix_text(in->name, in->text, &c, stderr);
		if (fixed == NULL) {
			struct report r = {.config = &c, .name = in->name, .text = in->text};
			report_problems(stderr, &r);
			config_free(&c);
			break;
		}
		config_free(&c);
		free(in->text);
		in->text = fixed;
	}
	if (in->text != NULL)
		(void)fputs(in->text, stdout);
	return rc == 0 ? EXIT_OK : EXIT_FAILED;
}

int command_check(int argc, char **argv)
{
	struct options o = {0};
	struct input in = {0};
	struct err e = {0};
	char text[512];
	bool done = false;
	int code = parse_options(argc, argv, &o, &done);

	if (done)
		return code;
	int rc = input_read(&o, &in, &e);
	if (rc == 0)
		rc = input_convert(&in, &e);
	if (rc != 0) {
		(void)fprintf(stderr, "burst53 check: %s\n", err_print(&e, text, sizeof(text)));
		code = EXIT_FAILED;
	} else {
		code = o.fix ? fix(&o, &in) : check(&o, &in);
	}
	input_fini(&in);
	if (fflush(stdout) != 0)
		code = EXIT_FAILED;
	return code;
}
