// SPDX-License-Identifier: Apache-2.0
// `burst53 history [NAME]`: the last changes of a name, or of all.
#include "cli/command.h"

#include "cli/source.h"
#include "cli/subject.h"
#include "cli/usage.h"

#include "zones/answer/pod.h"
#include "zones/base/array.h"
#include "zones/link/history.h"

#include <arpa/inet.h>
#include <errno.h>
#include <getopt.h>
#include <inttypes.h>
#include <jansson.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

static const char help[] =
	"usage: burst53 history [NAME] [OPTION]...\n"
	"Prints the last changes that touched a name, oldest first; without a name all of them: "
	"when,\n"
	"which snapshot showed it, what happened to which object. Where kubernetes directives "
	"watch\n"
	"with different options, each watch tells a change once, with the directives' lines.\n\n"
	"  --run-dir D      of the running instance (default /run/burst53)\n"
	"  --limit N        the last N changes (default 20, 0 for all that are kept)\n"
	"  --json\n"
	"  --help\n\n"
	"Exit code 0, or 1 when there is no history or no change of the name in it.\n";

struct history_options {
	const char *name, *run_dir;
	unsigned limit;
	bool is_json;
};

struct collection {
	const struct subject *subject; // NULL: all changes
	struct history_change *items; // owned
	size_t n, cap;
	size_t n_more; // names without a record, of changes with very many
	bool is_short; // of memory
};

static bool is_address(const struct history_change *c, uint8_t family, const uint8_t *address)
{
	return c->family == family && family != 0 &&
		memcmp(c->address, address, family == 4 ? 4 : 16) == 0;
}

static bool is_pod(const struct history_change *c, const struct subject *s)
{
	uint8_t address[16];
	unsigned family = pod_address((const uint8_t *)s->endpoint, strlen(s->endpoint), address);

	return c->about == HISTORY_POD && strcmp(c->ns, s->ns) == 0 &&
		is_address(c, (uint8_t)family, address);
}

// Whether a change touched what a name is about.
static bool is_about(const struct history_change *c, const struct subject *s)
{
	bool is_namespace = c->about == HISTORY_NAMESPACE && strcmp(c->ns, s->ns) == 0;

	switch (s->shape) {
	case SUBJECT_SERVICE:
	case SUBJECT_ENDPOINT:
	case SUBJECT_PORT:
	case SUBJECT_DEEP:
		return (c->about == HISTORY_SERVICE || c->about == HISTORY_IMPORT) &&
			strcmp(c->ns, s->ns) == 0 && strcmp(c->name, s->service) == 0;
	case SUBJECT_NS_SVC:
	case SUBJECT_NS_POD:
		return is_namespace;
	case SUBJECT_POD_NAME:
		return is_namespace || is_pod(c, s);
	case SUBJECT_REVERSE:
		return c->about == HISTORY_ADDRESS && is_address(c, s->family, s->address);
	case SUBJECT_OUTSIDE:
	case SUBJECT_APEX:
	case SUBJECT_REVERSE_APEX:
	case SUBJECT_NS_DNS:
	case SUBJECT_DNS_VERSION:
	case SUBJECT_SVC:
	case SUBJECT_POD:
	case SUBJECT_POD_EXTRA:
	case SUBJECT_POD_DEEP:
	case SUBJECT_OTHER:
	case SUBJECT_SHAPE_COUNT:
		break;
	}
	return false;
}

static void collect(void *user, const struct history_change *c)
{
	struct collection *all = user;

	if (c->about == HISTORY_MORE)
		all->n_more += c->n_more;
	if (all->subject != NULL && !is_about(c, all->subject))
		return;
	struct history_change *items =
		array_grow(all->items, &all->cap, all->n + 1, sizeof(*items));
	if (items == NULL) {
		all->is_short = true;
		return;
	}
	all->items = items;
	items[all->n++] = *c;
}

enum { TIME_BYTES = 40, ABOUT_BYTES = 160, OBJECT_BYTES = 420 };

static const char *print_time(const struct history_change *c, char buf[TIME_BYTES])
{
	time_t s = (time_t)(c->time_ns / 1000000000);
	unsigned ms = (unsigned)(c->time_ns / 1000000 % 1000);
	struct tm tm;
	size_t n =
		gmtime_r(&s, &tm) == NULL ? 0 : strftime(buf, TIME_BYTES, "%Y-%m-%dT%H:%M:%S", &tm);

	(void)snprintf(buf + n, TIME_BYTES - n, ".%03uZ", ms);
	return buf;
}

static const char *print_about(const struct history_change *c, char buf[ABOUT_BYTES])
{
	char address[INET6_ADDRSTRLEN] = "";

	if (c->family != 0) // the buffer is large enough
		(void)inet_ntop(
			c->family == 4 ? AF_INET : AF_INET6, c->address, address, sizeof(address));
	if (c->about == HISTORY_NAMESPACE)
		(void)snprintf(buf, ABOUT_BYTES, "namespace %s", c->ns);
	else if (c->about == HISTORY_POD)
		(void)snprintf(buf, ABOUT_BYTES, "pod %s in %s", address, c->ns);
	else if (c->about == HISTORY_MORE)
		(void)snprintf(buf, ABOUT_BYTES, "%" PRIu32 " more names", c->n_more);
	else if (c->about == HISTORY_ADDRESS)
		(void)snprintf(buf, ABOUT_BYTES, "address %s", address);
	else
		(void)snprintf(buf, ABOUT_BYTES, "%s %s/%s",
			c->about == HISTORY_IMPORT ? "clusterset service" : "service", c->ns,
			c->name);
	return buf;
}

static const char *print_object(const struct history_change *c, char buf[OBJECT_BYTES])
{
	(void)snprintf(buf, OBJECT_BYTES, "%s %s%s%s", c->kind, c->object_ns,
		c->object_ns[0] == 0 ? "" : "/", c->object);
	return buf;
}

static const char *what_text(const struct history_change *c)
{
	return c->what == HISTORY_ADDED ? "added" : c->what == HISTORY_GONE ? "gone" : "changed";
}

static void print_change(const struct history_change *c, bool has_name)
{
	char when[TIME_BYTES], about[ABOUT_BYTES], object[OBJECT_BYTES];
	char generation[32] = "not published yet";

	if (c->generation != 0)
		(void)snprintf(generation, sizeof(generation), "generation %llu",
			(unsigned long long)c->generation);
	(void)printf("%s  %s  %-7s  %s  resourceVersion %llu", print_time(c, when), generation,
		what_text(c), print_object(c, object), (unsigned long long)c->resource_version);
	if (!has_name)
		(void)printf("  (%s)", print_about(c, about));
	if (c->blocks[0] != 0)
		(void)printf("  seen by kubernetes at line %s", c->blocks);
	(void)putchar('\n');
}

static json_t *change_json(const struct history_change *c)
{
	char when[TIME_BYTES], about[ABOUT_BYTES];

	return json_pack("{s:s, s:I, s:s, s:s, s:s, s:s, s:s, s:s, s:I}", "time",
		print_time(c, when), "generation", (json_int_t)c->generation, "what", what_text(c),
		"resource", c->kind, "namespace", c->object_ns, "object", c->object, "about",
		print_about(c, about), "lines", c->blocks, "resourceVersion",
		(json_int_t)c->resource_version);
}

static int print_json(const struct collection *all, size_t first)
{
	json_t *list = json_array();

	for (size_t i = first; i < all->n; i++)
		(void)json_array_append_new(list, change_json(&all->items[i])); // short: shows
	int rc = json_dumpf(list, stdout, JSON_INDENT(2) | JSON_PRESERVE_ORDER);
	(void)putchar('\n');
	json_decref(list);
	return rc;
}

static int print_all(const struct collection *all, const struct history_options *o)
{
	size_t first = o->limit != 0 && all->n > o->limit ? all->n - o->limit : 0;

	if (o->is_json)
		return print_json(all, first) == 0 && all->n > 0 ? EXIT_OK : EXIT_FAILED;
	for (size_t i = first; i < all->n; i++)
		print_change(&all->items[i], o->name != NULL);
	if (all->n == 0)
		(void)fprintf(stderr, "burst53 history: no change of it is kept\n");
	if (all->n_more > 0 && all->subject != NULL && all->subject->shape == SUBJECT_REVERSE)
		(void)fprintf(stderr,
			"burst53 history: of changes with very many names %zu names are not kept\n",
			all->n_more);
	return all->n > 0 ? EXIT_OK : EXIT_FAILED;
}

// EXIT_OK, EXIT_USAGE, or -1 after --help.
static int parse(int argc, char **argv, struct history_options *o)
{
	static const struct option longs[] = {{"run-dir", required_argument, NULL, 'r'},
		{"limit", required_argument, NULL, 'l'}, {"json", no_argument, NULL, 'j'},
		{"help", no_argument, NULL, 'h'}, {0}};
	int key;

	*o = (struct history_options){.run_dir = "/run/burst53", .limit = 20};
	optind = 0;
	while ((key = getopt_long(argc, argv, "", longs, NULL)) != -1) {
		if (key == 'h') {
			(void)fputs(help, stdout);
			return -1;
		}
		if (key == '?')
			return usage_error("history", NULL, NULL);
		if (key == 'r')
			o->run_dir = optarg;
		else if (key == 'j')
			o->is_json = true;
		else if (!usage_number(optarg, 0, UINT_MAX, &o->limit))
			return usage_error("history", "not a number: ", optarg);
	}
	if (argc - optind > 1)
		return usage_error("history", "give one name", "");
	o->name = argv[optind]; // NULL behind the last
	return EXIT_OK;
}

// What the name is about, by the zones of the running snapshot.
static int find_subject(const struct history_options *o, struct subject_zones *zones,
	struct subject *subject, struct err *err)
{
	struct dname name;
	struct source s = {0};

	if (dname_parse(o->name, &name) != 0)
		return err_set(err, -EINVAL, "not a name: %.100s", o->name);
	int rc = source_from_running(o->run_dir, &s, err);
	if (rc == 0)
		rc = subject_zones_of(&s.snapshot, zones);
	source_close(&s);
	if (rc != 0)
		return err_set(err, rc, "%s", strerror(-rc)); // unless a reason was set
	subject_of(zones, name.wire, subject);
	if (subject->shape == SUBJECT_OUTSIDE)
		return err_set(err, -EINVAL, "%.100s is in no zone of the cluster", o->name);
	return 0;
}

static int read_changes(const struct history_options *o, struct collection *all, struct err *err)
{
	char path[PATH_MAX];
	int rc = -ENAMETOOLONG;

	if (snprintf(path, sizeof(path), "%s/history", o->run_dir) < (int)sizeof(path))
		rc = history_read(path, collect, all);
	if (rc == 0 && all->is_short)
		rc = -ENOMEM;
	if (rc == -ENODATA)
		return err_set(err, rc, "a saved cluster does not change: there is no history");
	return rc == 0 ? 0 : err_set(err, rc, "%.100s/history: %s", o->run_dir, strerror(-rc));
}

int command_history(int argc, char **argv)
{
	static struct subject subject; // too large for a stack frame
	struct subject_zones zones = {0};
	struct collection all = {0};
	struct history_options o;
	struct err err = {0};
	int rc = 0, code = parse(argc, argv, &o);

	if (code != EXIT_OK)
		return code < 0 ? EXIT_OK : code;
	if (o.name != NULL) {
		all.subject = &subject;
		rc = find_subject(&o, &zones, &subject, &err);
	}
	if (rc == 0)
		rc = read_changes(&o, &all, &err);
	if (rc != 0)
		(void)fprintf(stderr, "burst53 history: %s\n", err.text);
	code = rc != 0 ? EXIT_FAILED : print_all(&all, &o);
	free(all.items);
	subject_zones_fini(&zones);
	return code;
}
