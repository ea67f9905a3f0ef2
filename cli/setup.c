// SPDX-License-Identifier: Apache-2.0
// `burst53 setup`: prepares a machine or pod for a port of its own, and says what it did.
#include "cli/setup.h"

#include "cli/command.h"
#include "cli/usage.h"

#include "zones/base/array.h"

#include <getopt.h>
#include <jansson.h>
#include <pwd.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { MEMORY_MB = 256, MEMORY_MAX_MB = 1 << 20 };

static const char help[] =
	"usage: burst53 setup [CARD] [OPTION]...\n"
	"Prepares this machine, before `burst53 run` and as root: hugepages and their file\n"
	"system, /dev/net/tun, and the card (a PCI address or an interface), which is given to\n"
	"vfio-pci. What is there already is left as it is; it may run at every boot.\n\n"
	"  --memory MB      of hugepages that must be free (256, as `run --memory`); 0 for none\n"
	"  --user U         name or number of who runs burst53, for the hugepages (root)\n"
	"  --check          change nothing, say what is missing\n"
	"  --force          take the card although its interface has routes or addresses\n"
	"  --root D         read and write below D instead of / (another machine's files)\n"
	"  --json\n"
	"  --help\n\n"
	"Exit code 0 when nothing is left to do, 1 otherwise.\n";

static const char *const state_texts[] = {[SETUP_READY] = "ok",
	[SETUP_DONE] = "done",
	[SETUP_TODO] = "to do",
	[SETUP_FAILED] = "failed"};

static bool take_user(const char *text, unsigned *uid)
{
	const struct passwd *user = getpwnam(text);

	if (user == NULL)
		return usage_number(text, 0, UINT32_MAX - 1, uid);
	*uid = (unsigned)user->pw_uid;
	return true;
}

static int take_option(int key, const char *value, struct setup *s, bool *is_json)
{
	switch (key) {
	case 'm':
		return usage_number(value, 0, MEMORY_MAX_MB, &s->memory_mb)
			? EXIT_OK
			: usage_error("setup", "not a number of megabytes: ", value);
	case 'u':
		return take_user(value, &s->uid) ? EXIT_OK
						 : usage_error("setup", "no such user: ", value);
	case 'c':
		s->is_check = true;
		return EXIT_OK;
	case 'f':
		s->is_forced = true;
		return EXIT_OK;
	case 'r':
		s->root = value;
		return EXIT_OK;
	case 'j':
		*is_json = true;
		return EXIT_OK;
	default:
		return usage_error("setup", NULL, NULL);
	}
}

static int print_json(const struct setup *s)
{
	json_t *list = json_array();

	for (size_t i = 0; i < s->n; i++)
		(void)json_array_append_new(list,
			json_pack("{ss ss ss}", "step", s->steps[i].name, "state",
				state_texts[s->steps[i].state], "text", s->steps[i].text));
	json_t *doc = json_pack("{so sb}", "steps", list, "ready", setup_is_ready(s));
	int rc = doc == NULL ? -1 : json_dumpf(doc, stdout, JSON_INDENT(2) | JSON_PRESERVE_ORDER);
	(void)putchar('\n');
	json_decref(doc);
	return rc;
}

static int print_text(const struct setup *s)
{
	for (size_t i = 0; i < s->n; i++)
		(void)printf("%-6s  %-9s  %s\n", state_texts[s->steps[i].state], s->steps[i].name,
			s->steps[i].text);
	if (setup_is_ready(s) && s->card != NULL)
		(void)printf("ready: burst53 run --port %s ...\n", s->card);
	return 0;
}

int command_setup(int argc, char **argv)
{
	static const struct option longs[] = {{"memory", required_argument, NULL, 'm'},
		{"user", required_argument, NULL, 'u'}, {"check", no_argument, NULL, 'c'},
		{"force", no_argument, NULL, 'f'}, {"root", required_argument, NULL, 'r'},
		{"json", no_argument, NULL, 'j'}, {"help", no_argument, NULL, 'h'}, {0}};
	static struct setup s; // large
	bool is_json = false;
	int key, code = EXIT_OK;

	s = (struct setup){.root = "", .memory_mb = MEMORY_MB};
	optind = 0;
	while (code == EXIT_OK && (key = getopt_long(argc, argv, "", longs, NULL)) != -1) {
		if (key == 'h') {
			(void)fputs(help, stdout);
			return EXIT_OK;
		}
		code = take_option(key, optarg, &s, &is_json);
	}
	if (code != EXIT_OK)
		return code;
	if (optind < argc)
		s.card = argv[optind++];
	if (optind < argc)
		return usage_error("setup", "unexpected word: ", argv[optind]);
	setup_run(&s);
	int rc = is_json ? print_json(&s) : print_text(&s);
	return rc == 0 && setup_is_ready(&s) ? EXIT_OK : EXIT_FAILED;
}
