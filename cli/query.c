// SPDX-License-Identifier: Apache-2.0
// `burst53 query`: the answer that the fast path gives, from the running instance's snapshot or a
// dump, and with --explain why.
#include "cli/command.h"

#include "cli/address.h"
#include "cli/ask.h"
#include "cli/live.h"
#include "cli/reply_text.h"
#include "cli/source.h"
#include "cli/usage.h"

#include "zones/wire/dname.h"
#include "zones/wire/rr.h"

#include <getopt.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static const char help[] =
	"usage: burst53 query NAME [TYPE] [OPTION]...\n"
	"Prints the answer that the fast path gives. TYPE is A unless given.\n\n"
	"  --live           only when it is answered right now: by each worker, or over UDP\n"
	"                   where no port is used; waits 1.5 seconds at most\n"
	"  --explain        why: zone, rule, plugin, line of the Corefile, generation\n"
	"  --dump F         from a saved cluster, together with --conf\n"
	"  --conf F         Corefile for --dump\n"
	"  --run-dir D      of the running instance (default /run/burst53)\n"
	"  --address A      as if asked at this address (default: the first one served)\n"
	"  --tcp            without the limits of UDP\n"
	"  --json\n"
	"  --help\n\n"
	"Exit code 0 for NOERROR and NXDOMAIN, 1 for everything else and for silence.\n";

struct query_options {
	const char *name, *type, *dump, *conf, *run_dir, *address;
	bool is_explained, is_live, is_tcp, is_json;
};

static void take_option(int key, const char *value, struct query_options *o)
{
	switch (key) {
	case 'e':
		o->is_explained = true;
		break;
	case 'd':
		o->dump = value;
		break;
	case 'c':
		o->conf = value;
		break;
	case 'r':
		o->run_dir = value;
		break;
	case 'a':
		o->address = value;
		break;
	case 'l':
		o->is_live = true;
		break;
	case 't':
		o->is_tcp = true;
		break;
	default:
		o->is_json = true;
		break;
	}
}

// EXIT_OK, EXIT_USAGE, or -1 after --help.
static int parse(int argc, char **argv, struct query_options *o)
{
	static const struct option longs[] = {{"explain", no_argument, NULL, 'e'},
		{"dump", required_argument, NULL, 'd'}, {"conf", required_argument, NULL, 'c'},
		{"run-dir", required_argument, NULL, 'r'},
		{"address", required_argument, NULL, 'a'}, {"tcp", no_argument, NULL, 't'},
		{"live", no_argument, NULL, 'l'}, {"json", no_argument, NULL, 'j'},
		{"help", no_argument, NULL, 'h'}, {0}};
	int key;

	*o = (struct query_options){.run_dir = "/run/burst53", .type = "A"};
	optind = 0;
	while ((key = getopt_long(argc, argv, "", longs, NULL)) != -1) {
		if (key == 'h') {
			(void)fputs(help, stdout);
			return -1;
		}
		if (key == '?')
			return usage_error("query", NULL, NULL);
		take_option(key, optarg, o);
	}
	if (optind >= argc || argc - optind > 2)
		return usage_error("query", "give a name and at most a type", "");
	o->name = argv[optind];
	if (argc - optind == 2)
		o->type = argv[optind + 1];
	if ((o->dump == NULL) != (o->conf == NULL))
		return usage_error("query", "--dump and --conf go together", "");
	if (o->is_live && o->dump != NULL)
		return usage_error("query", "--live asks what runs, not a dump", "");
	return EXIT_OK;
}

static int fill_question(const struct query_options *o, struct dname *name, struct ask *a)
{
	struct address address;
	struct err err = {0};

	if (dname_parse(o->name, name) != 0)
		return usage_error("query", "not a name: ", o->name);
	if (rr_type_parse(o->type, &a->type) != 0)
		return usage_error("query", "not a type: ", o->type);
	if (o->address != NULL && address_parse(o->address, &address, &err) != 0)
		return usage_error("query", err.text, "");
	a->name = name->wire;
	a->transport = o->is_tcp ? TRANSPORT_TCP : TRANSPORT_UDP;
	if (o->address != NULL) {
		a->to.family = address.family;
		memcpy(a->to.bytes, address.bytes, sizeof(a->to.bytes));
	}
	return EXIT_OK;
}

// Whether it is answered right now, and what came back.
static int ask_live(const struct query_options *o, const struct ask *a, struct ask_reply *reply)
{
	struct running r;
	struct err err = {0};
	const struct live_question q = {.ask = a, .is_address_given = o->address != NULL};
	int rc = running_open(o->run_dir, &r, &err);

	if (rc == 0)
		rc = live_answer(&r, &q, reply, &err);
	running_close(&r);
	if (rc != 0)
		(void)fprintf(stderr, "burst53 query: %s\n", err.text);
	return rc;
}

static int answer(const struct source *s, const struct query_options *o, struct ask *a)
{
	static struct ask_reply reply; // too large for a stack frame
	struct server_address first = ask_first_listener(&s->snapshot);

	if (a->to.family == 0)
		a->to = first;
	a->to.port = first.port;
	ask_snapshot(&s->snapshot, a, &reply);
	if (o->is_live && ask_live(o, a, &reply) != 0)
		return EXIT_FAILED;
	const struct reply_text text = {.snapshot = &s->snapshot,
		.ask = a,
		.reply = &reply,
		.is_explained = o->is_explained,
		.is_kernel = s->is_kernel};
	int rc = o->is_json ? reply_text_json(&text, stdout) : reply_text_print(&text, stdout);
	if (reply.verdict == ANSWER_PUNT && reply.size_bytes == 0)
		(void)fprintf(stderr,
			"burst53 query: the slow path answers this, and not from the snapshot: ask "
			"an address that is served\n");
	if (rc != 0 || reply.size_bytes == 0)
		return EXIT_FAILED;
	return reply.result.rcode == RCODE_NOERROR || reply.result.rcode == RCODE_NXDOMAIN
		? EXIT_OK
		: EXIT_FAILED;
}

int command_query(int argc, char **argv)
{
	struct query_options o;
	struct source s = {0};
	struct err err = {0};
	struct dname name;
	struct ask a = {0};
	int code = parse(argc, argv, &o);

	if (code != EXIT_OK)
		return code < 0 ? EXIT_OK : code;
	code = fill_question(&o, &name, &a);
	if (code != EXIT_OK)
		return code;
	int rc = o.dump != NULL ? source_from_dump(o.dump, o.conf, &s, &err)
				: source_from_running(o.run_dir, &s, &err);
	if (rc != 0) {
		(void)fprintf(stderr, "burst53 query: %s\n", err.text);
		code = EXIT_FAILED;
	} else {
		code = answer(&s, &o, &a);
	}
	source_close(&s);
	return code;
}
