// SPDX-License-Identifier: Apache-2.0
// `burst53 compare`: asks the server in use and burst53 the same questions; go or no go.
#include "cli/command.h"

#include "cli/compare_judge.h"
#include "cli/source.h"
#include "cli/usage.h"

#include <errno.h>
#include <getopt.h>
#include <stdlib.h>
#include <string.h>

static const char help[] =
	"usage: burst53 compare --a SERVER --b SERVER [OPTION]... [SNAPSHOT]\n"
	"Asks A (CoreDNS) and B (burst53) the same questions and compares what they answer: "
	"rcode,\n"
	"flags, sections as sets, TTLs. Intended differences are counted by their quirk number, "
	"all\n"
	"others are shown. The last line says go, no go, or that --limit left no verdict.\n\n"
	"  --a S, --b S     servers: ADDRESS, ADDRESS:PORT or [ADDRESS]:PORT\n"
	"Questions come from one of:\n"
	"  SNAPSHOT         all names of an image, a state directory, a dump, or `live` (default)\n"
	"  --conf F         Corefile, when it is a dump\n"
	"  --run-dir D      of the running instance (default /run/burst53)\n"
	"  --names F        lines NAME [TYPE...]\n"
	"  --log F          what CoreDNS' log plugin wrote\n"
	"  --pcap F         a capture (libpcap): queries over UDP to port 53\n"
	"                   (F may be - for the standard input)\n"
	"How to ask:\n"
	"  --types T,T...   these types for every name, instead of those found\n"
	"  --zone Z         a zone of the cluster (repeatable; default: the snapshot's, else\n"
	"                   cluster.local in-addr.arpa ip6.arpa)\n"
	"  --edns N         with EDNS, a UDP size of N bytes\n"
	"  --tcp            over TCP\n"
	"  --limit N        at most N different questions (default 100000)\n"
	"  --qps N          questions a second (default 500)\n"
	"  --wait MS        ask again after this time, three times in all (default 1500)\n"
	"  --show N         unexplained differences in full (default 20)\n"
	"  --json\n"
	"  --help\n\n"
	"Exit code 0 for go, 1 for no go, no verdict or when a server does not answer, 2 for a "
	"wrong\ncommand line.\n";

enum {
	QPS_MAX = 100000,
	LIMIT_MAX = 10000000,
	SHOW_MAX = 100000,
	WAIT_MS = 1500,
	WAIT_MAX_MS = 60000,
	TRIES = 3
};

struct compare_options {
	struct source_word from;
	const char *names, *log, *pcap;
	struct exchange_server servers[2];
	bool has_server[2];
	struct exchange_options how;
	unsigned limit, show;
	struct subject_zones zones;
	struct questions questions;
	bool is_json;
};

static int failed(const char *why)
{
	(void)fprintf(stderr, "burst53 compare: %s\n", why);
	return EXIT_FAILED;
}

static int take_number(const char *text, unsigned min, unsigned max, unsigned *out)
{
	return usage_number(text, min, max, out)
		? EXIT_OK
		: usage_error("compare", "not a number in range: ", text);
}

static int take_server(const char *text, unsigned which, struct compare_options *o)
{
	struct err err = {0};

	o->has_server[which] = true;
	return exchange_server_parse(text, &o->servers[which], &err) == 0
		? EXIT_OK
		: usage_error("compare", err.text, "");
}

static int take_zone(const char *text, struct compare_options *o)
{
	struct dname zone;

	if (dname_parse(text, &zone) != 0)
		return usage_error("compare", "not a zone: ", text);
	return subject_zones_add(&o->zones, zone.wire) == 0 ? EXIT_OK : failed("out of memory");
}

static int take_how(int key, const char *value, struct compare_options *o)
{
	static const unsigned max[128] = {
		['e'] = DNS_MSG_MAX_BYTES, ['q'] = QPS_MAX, ['w'] = WAIT_MAX_MS};
	unsigned n = 0;
	int code = take_number(value, key == 'e' ? 0 : 1, max[key], &n);

	if (key == 'e')
		o->how.edns_bytes = (int)n;
	else if (key == 'q')
		o->how.qps = n;
	else
		o->how.wait_ms = n;
	return code;
}

static int take_option(int key, const char *value, struct compare_options *o)
{
	switch (key) {
	case 'a':
	case 'b':
		return take_server(value, key == 'b', o);
	case 'n':
		o->names = value;
		return EXIT_OK;
	case 'l':
		o->log = value;
		return EXIT_OK;
	case 'p':
		o->pcap = value;
		return EXIT_OK;
	case 'c':
		o->from.conf = value;
		return EXIT_OK;
	case 'r':
		o->from.run_dir = value;
		return EXIT_OK;
	case 'z':
		return take_zone(value, o);
	case 'T':
		return questions_parse_types(&o->questions, value) == 0
			? EXIT_OK
			: usage_error("compare", "not a list of types: ", value);
	case 'L':
		return take_number(value, 1, LIMIT_MAX, &o->limit);
	case 's':
		return take_number(value, 0, SHOW_MAX, &o->show);
	case 'j':
		o->is_json = true;
		return EXIT_OK;
	case 't':
		o->how.is_tcp = true;
		return EXIT_OK;
	default:
		return take_how(key, value, o);
	}
}

static int check_options(int n_words, char **words, struct compare_options *o)
{
	unsigned sources =
		(n_words > 0) + (o->names != NULL) + (o->log != NULL) + (o->pcap != NULL);

	if (!o->has_server[0] || !o->has_server[1])
		return usage_error("compare", "give --a and --b", "");
	if (n_words > 1 || sources > 1)
		return usage_error("compare", "questions come from one place", "");
	if (sources == 0 || n_words == 1)
		o->from.word = n_words == 1 ? words[0] : "live";
	o->questions.limit = o->limit;
	return EXIT_OK;
}

// EXIT_OK, another exit code, or -1 after --help.
static int parse(int argc, char **argv, struct compare_options *o)
{
	static const struct option longs[] = {{"a", required_argument, NULL, 'a'},
		{"b", required_argument, NULL, 'b'}, {"names", required_argument, NULL, 'n'},
		{"log", required_argument, NULL, 'l'}, {"pcap", required_argument, NULL, 'p'},
		{"conf", required_argument, NULL, 'c'}, {"run-dir", required_argument, NULL, 'r'},
		{"zone", required_argument, NULL, 'z'}, {"types", required_argument, NULL, 'T'},
		{"edns", required_argument, NULL, 'e'}, {"tcp", no_argument, NULL, 't'},
		{"limit", required_argument, NULL, 'L'}, {"wait", required_argument, NULL, 'w'},
		{"qps", required_argument, NULL, 'q'}, {"show", required_argument, NULL, 's'},
		{"json", no_argument, NULL, 'j'}, {"help", no_argument, NULL, 'h'}, {0}};
	int key;

	*o = (struct compare_options){.from.run_dir = "/run/burst53",
		.how = {.qps = 500, .wait_ms = WAIT_MS, .tries = TRIES, .edns_bytes = -1},
		.limit = 100000,
		.show = 20};
	optind = 0;
	while ((key = getopt_long(argc, argv, "", longs, NULL)) != -1) {
		if (key == 'h') {
			(void)fputs(help, stdout);
			return -1;
		}
		int code = key == '?' ? usage_error("compare", NULL, NULL)
				      : take_option(key, optarg, o);
		if (code != EXIT_OK)
			return code;
	}
	return check_options(argc - optind, argv + optind, o);
}

static int read_file(struct compare_options *o, const char *path, struct err *err)
{
	FILE *in = strcmp(path, "-") == 0 ? stdin : fopen(path, "rb");
	int rc = 0;

	if (in == NULL)
		return err_set(err, -errno, "%.120s: %s", path, strerror(errno));
	if (o->names != NULL)
		rc = questions_read_names(&o->questions, in, err);
	else if (o->pcap != NULL)
		rc = questions_read_pcap(&o->questions, in, err);
	else if (questions_read_log(&o->questions, in) == 0)
		rc = err_set(err, -EINVAL, "%.100s: no line of CoreDNS' log plugin", path);
	if (in != stdin)
		(void)fclose(in); // only read
	return rc;
}

static int read_snapshot(struct compare_options *o, struct err *err)
{
	struct source s;
	struct listing l = {0};
	int rc = source_from_word(&o->from, &s, err);

	if (rc == 0)
		rc = listing_open(&s.snapshot, &l);
	if (rc == 0) {
		questions_read_listing(&o->questions, &l);
		if (o->zones.n == 0)
			rc = subject_zones_of(&s.snapshot, &o->zones);
	}
	listing_close(&l);
	source_close(&s);
	return rc;
}

static int add_default_zones(struct subject_zones *zones)
{
	static const char *const texts[] = {"cluster.local", "in-addr.arpa", "ip6.arpa"};
	struct dname zone;
	int rc = 0;

	for (size_t i = 0; i < sizeof(texts) / sizeof(texts[0]) && zones->n < 3 && rc == 0; i++) {
		rc = dname_parse(texts[i], &zone);
		if (rc == 0)
			rc = subject_zones_add(zones, zone.wire);
	}
	return rc;
}

static int read_questions(struct compare_options *o, struct err *err)
{
	const char *path = o->names != NULL ? o->names : o->log != NULL ? o->log : o->pcap;
	int rc = path != NULL ? read_file(o, path, err) : read_snapshot(o, err);

	if (rc == 0 && o->zones.n == 0)
		rc = add_default_zones(&o->zones);
	if (rc == 0 && o->questions.is_short)
		rc = -ENOMEM;
	if (rc == 0 && o->questions.n == 0)
		rc = err_set(err, -ENODATA, "there are no questions");
	if (rc != 0)
		(void)err_set(err, rc, "%s", strerror(-rc)); // unless a reason was set
	return rc;
}

static int ask(const struct compare_options *o, struct compare_report *report, struct err *err)
{
	struct exchange *x = exchange_new(o->servers, &o->how, err);
	const struct compare_job job = {.exchange = x,
		.options = o->how,
		.questions = &o->questions,
		.zones = &o->zones,
		.report = report};

	if (x == NULL)
		return err->code;
	int rc = compare_judge(&job);
	if (rc == -ETIMEDOUT)
		(void)err_set(err, rc, "server %c has not answered %zu questions in a row",
			exchange_silent(x, 0) >= exchange_silent(x, 1) ? 'A' : 'B',
			exchange_silent(x, 0) >= exchange_silent(x, 1) ? exchange_silent(x, 0)
								       : exchange_silent(x, 1));
	else if (rc != 0)
		(void)err_set(err, rc, "%s", strerror(-rc));
	exchange_free(x);
	return rc;
}

static int compare(struct compare_options *o)
{
	struct compare_report report;
	struct err err = {0};

	if (read_questions(o, &err) != 0)
		return failed(err.text);
	if (o->questions.n_dropped > 0)
		(void)fprintf(stderr,
			"burst53 compare: more than --limit %u, the rest is not asked\n", o->limit);
	if (compare_report_init(&report, o->show) != 0)
		return failed("out of memory");
	report.not_asked = o->questions.n_dropped;
	int rc = ask(o, &report, &err);
	if (rc != 0)
		rc = failed(err.text);
	else if (o->is_json)
		rc = compare_report_json(&report, stdout);
	else
		compare_report_print(&report, stdout);
	bool is_go = rc == 0 && compare_report_is_go(&report);
	compare_report_fini(&report);
	return is_go ? EXIT_OK : EXIT_FAILED;
}

int command_compare(int argc, char **argv)
{
	static struct compare_options o;
	int code = parse(argc, argv, &o);

	if (code == EXIT_OK)
		code = compare(&o);
	questions_fini(&o.questions);
	subject_zones_fini(&o.zones);
	return code < 0 ? EXIT_OK : code;
}
