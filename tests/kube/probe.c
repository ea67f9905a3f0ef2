// SPDX-License-Identifier: Apache-2.0
// Runs the API client alone: prints every callback as a line and answers commands on standard
// input. What it keeps is as plain as can be, so that it can judge the client.
#include "control/base/log.h"
#include "control/kube/dump.h"
#include "control/kube/kube.h"
#include "tests/kube/show.h"
#include "zones/base/array.h"

#include <search.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

// An object that one or both sets hold.
struct node {
	struct object_meta *meta;
	unsigned refs;
};

static void *sets[2][OBJECT_KINDS]; // trees of struct node *
static size_t counts[2][OBJECT_KINDS];
static struct kube_client *client;
static uv_pipe_t commands;
static bool quiet;
static bool lean; // without the optional fields
static char input[4096];
static size_t input_len;

static int compare(const void *a, const void *b)
{
	const struct object_meta *x = ((const struct node *)a)->meta;
	const struct object_meta *y = ((const struct node *)b)->meta;
	int rc = strcmp(x->ns, y->ns);

	return rc != 0 ? rc : strcmp(x->name, y->name);
}

static struct node *find(
	enum object_set set, enum object_kind kind, const char *ns, const char *name)
{
	struct object_meta meta = {.ns = ns, .name = name};
	struct node key = {.meta = &meta};
	struct node **found = tfind(&key, &sets[set][kind], compare);

	return found != NULL ? *found : NULL;
}

static void drop(enum object_set set, enum object_kind kind, struct node *n)
{
	if (n == NULL)
		return;
	(void)tdelete(n, &sets[set][kind], compare); // it is there
	counts[set][kind]--;
	if (--n->refs != 0)
		return;
	object_free(n->meta);
	free(n);
}

static void add(enum object_set set, struct node *n)
{
	drop(set, n->meta->kind, find(set, n->meta->kind, n->meta->ns, n->meta->name));
	if (tsearch(n, &sets[set][n->meta->kind], compare) == NULL)
		abort();
	n->refs++;
	counts[set][n->meta->kind]++;
}

static void clear(enum object_set set, enum object_kind kind)
{
	while (sets[set][kind] != NULL)
		drop(set, kind, *(struct node **)sets[set][kind]);
}

static const char *set_name(enum object_set set)
{
	return set == OBJECT_LIVE ? "live" : "next";
}

static void on_begin(void *user, enum object_kind kind)
{
	(void)user;
	clear(OBJECT_NEXT, kind);
	printf("begin %s\n", object_kind_name(kind));
}

static void on_put(void *user, enum object_set set, struct object_meta *o)
{
	struct node *n = calloc(1, sizeof(*n));

	(void)user;
	if (n == NULL)
		abort();
	n->meta = o;
	add(set, n);
	if (!quiet)
		printf("put %s %s %s/%s %llu\n", set_name(set), object_kind_name(o->kind), o->ns,
			o->name, (unsigned long long)o->resource_version);
}

static void on_del(
	void *user, enum object_set set, enum object_kind kind, const char *ns, const char *name)
{
	(void)user;
	if (!quiet)
		printf("del %s %s %s/%s\n", set_name(set), object_kind_name(kind), ns, name);
	drop(set, kind, find(set, kind, ns, name));
}

static void on_keep(void *user, enum object_kind kind, const char *ns, const char *name)
{
	struct node *n = find(OBJECT_LIVE, kind, ns, name);

	(void)user;
	printf("keep %s %s/%s\n", object_kind_name(kind), ns, name);
	if (n != NULL)
		add(OBJECT_NEXT, n);
}

static void on_synced(void *user, enum object_kind kind, const char *rv)
{
	(void)user;
	clear(OBJECT_LIVE, kind);
	sets[OBJECT_LIVE][kind] = sets[OBJECT_NEXT][kind];
	counts[OBJECT_LIVE][kind] = counts[OBJECT_NEXT][kind];
	sets[OBJECT_NEXT][kind] = NULL;
	counts[OBJECT_NEXT][kind] = 0;
	printf("synced %s %s %zu\n", object_kind_name(kind), rv, counts[OBJECT_LIVE][kind]);
}

static void on_abandoned(void *user, enum object_kind kind)
{
	(void)user;
	clear(OBJECT_NEXT, kind);
	printf("abandoned %s\n", object_kind_name(kind));
}

// What twalk_r works on.
struct walk {
	enum object_set other;
	uint64_t upto;
	size_t missing; // in the other set
	size_t differ;
};

static void compare_one(const void *at, VISIT which, void *closure)
{
	const struct object_meta *meta = (*(struct node *const *)at)->meta;
	struct walk *w = closure;
	const struct node *other;

	if (which == preorder || which == endorder || meta->resource_version > w->upto)
		return;
	other = find(w->other, meta->kind, meta->ns, meta->name);
	if (other == NULL)
		w->missing++;
	else if (other->meta->resource_version != meta->resource_version &&
		other->meta->resource_version <= w->upto)
		w->differ++;
}

static void on_diff(void *user, enum object_kind kind, uint64_t upto, struct object_diff *diff)
{
	struct walk gone = {.other = OBJECT_NEXT, .upto = upto};
	struct walk added = {.other = OBJECT_LIVE, .upto = upto};

	(void)user;
	twalk_r(sets[OBJECT_LIVE][kind], compare_one, &gone);
	twalk_r(sets[OBJECT_NEXT][kind], compare_one, &added);
	*diff = (struct object_diff){
		.n_live = counts[OBJECT_LIVE][kind],
		.n_next = counts[OBJECT_NEXT][kind],
		.added = added.missing,
		.removed = gone.missing,
		.changed = gone.differ,
	};
}

static void show_one(const void *at, VISIT which, void *closure)
{
	(void)closure;
	if (which == postorder || which == leaf)
		show_object((*(struct node *const *)at)->meta);
}

static bool kind_of(const char *name, enum object_kind *kind)
{
	for (int k = 0; name != NULL && k < OBJECT_KINDS; k++) {
		*kind = (enum object_kind)k;
		if (strcmp(name, object_kind_name(*kind)) == 0)
			return true;
	}
	return false;
}

static void on_closed(void *user)
{
	(void)user;
	printf("closed\n");
}

static void quit(void)
{
	kube_client_close(client, on_closed, NULL);
	uv_close((uv_handle_t *)&commands, NULL);
}

static void command(char *line)
{
	const char *word = strtok(line, " ");
	enum object_kind kind;

	if (word == NULL)
		return;
	if (strcmp(word, "quit") == 0) {
		quit();
		return;
	}
	if (!kind_of(strtok(NULL, " "), &kind))
		printf("unknown kind\n");
	else if (strcmp(word, "show") == 0)
		twalk_r(sets[OBJECT_LIVE][kind], show_one, NULL);
	else if (strcmp(word, "stats") == 0)
		show_stats(kind, kube_client_stats(client, kind), counts[OBJECT_LIVE][kind]);
	else if (strcmp(word, "relist") == 0)
		kube_client_relist(client, kind);
	printf("done %s\n", word);
}

static void give_room(uv_handle_t *handle, size_t wish, uv_buf_t *buf)
{
	(void)handle;
	(void)wish;
	*buf = uv_buf_init(input + input_len, (unsigned)(sizeof(input) - input_len));
}

static void on_input(uv_stream_t *stream, ssize_t n, const uv_buf_t *buf)
{
	char *start = input;
	char *end;

	(void)buf;
	if (n < 0) {
		if (!uv_is_closing((uv_handle_t *)stream))
			quit();
		return;
	}
	input_len += (size_t)n;
	while ((end = memchr(start, '\n', (size_t)(input + input_len - start))) != NULL) {
		*end = '\0';
		command(start);
		start = end + 1;
	}
	input_len -= (size_t)(start - input);
	memmove(input, start, input_len);
}

// "name=milliseconds", for the fields that tests shorten.
static bool set_timing(struct kube_timing *t, const char *text)
{
	const struct {
		const char *name;
		unsigned *field;
	} fields[] = {
		{"watch", &t->watch_ms},
		{"backoff", &t->backoff_ms},
		{"backoff_max", &t->backoff_max_ms},
		{"backoff_connect_max", &t->backoff_connect_max_ms},
		{"short_watch", &t->short_watch_ms},
		{"connect", &t->connect_ms},
		{"silence", &t->silence_ms},
		{"audit", &t->audit_ms},
		{"settle", &t->settle_ms},
		{"confirm", &t->confirm_ms},
		{"refused", &t->refused_ms},
		{"credentials", &t->credentials_ms},
		{"page", &t->page},
		{"shrink_percent", &t->shrink_percent},
		{"shrink_objects", &t->shrink_objects},
	};
	size_t len = strcspn(text, "=");

	for (size_t i = 0; i < ARRAY_LEN(fields); i++) {
		if (strncmp(fields[i].name, text, len) != 0 || fields[i].name[len] != '\0')
			continue;
		*fields[i].field = (unsigned)strtoul(text + len + 1, NULL, 10);
		return true;
	}
	return false;
}

// What the command line says.
struct options {
	struct kube_config config;
	struct kube_timing timing;
	struct kube_spec specs[OBJECT_KINDS];
	size_t n_specs;
	const char *dump;
};

// At most eight, parted by commas; the text is changed.
static void split_urls(char *text, const char *urls[9])
{
	char *save = NULL;
	size_t n = 0;

	for (char *url = strtok_r(text, ",", &save); url != NULL && n < 8;
		url = strtok_r(NULL, ",", &save))
		urls[n++] = url;
}

static int take_option(struct options *o, const char *name, char *value, struct err *e)
{
	const char *urls[9] = {NULL};
	struct kube_spec *spec = &o->specs[o->n_specs];

	if (strcmp(name, "--kubeconfig") == 0)
		return kube_config_load(&o->config, value, NULL, e);
	if (strcmp(name, "--in-cluster") == 0)
		return kube_config_in_cluster(&o->config, value, e);
	if (strcmp(name, "--endpoint") == 0) {
		split_urls(value, urls);
		return kube_config_endpoint(&o->config, urls, NULL, e);
	}
	if (strcmp(name, "--token-file") == 0) {
		o->config.token_file = strdup(value);
		return 0;
	}
	if (strcmp(name, "--dump") == 0) {
		o->dump = value;
		return 0;
	}
	if (strcmp(name, "--timing") == 0)
		return set_timing(&o->timing, value) ? 0 : -1;
	if (strcmp(name, "--labels") == 0 && o->n_specs > 0) {
		o->specs[o->n_specs - 1].label_selector = value;
		return 0;
	}
	if (strcmp(name, "--quiet") == 0) {
		quiet = true;
		return 0;
	}
	if (strcmp(name, "--lean") == 0) {
		lean = true;
		return 0;
	}
	if (strcmp(name, "--kind") != 0 || o->n_specs == OBJECT_KINDS ||
		!kind_of(value, &spec->kind))
		return -1;
	spec->keep_target_names = !lean;
	spec->keep_zones = !lean;
	o->n_specs++;
	return 0;
}

static int run_dump(const struct options *o, const struct kube_events *events)
{
	struct err e = {0};
	char text[512];

	if (kube_dump_load(o->dump, o->specs, o->n_specs, events, &e) != 0) {
		printf("error %s\n", err_print(&e, text, sizeof(text)));
		return 1;
	}
	for (size_t i = 0; i < o->n_specs; i++)
		twalk_r(sets[OBJECT_LIVE][o->specs[i].kind], show_one, NULL);
	return 0;
}

static int run_client(struct options *o, const struct kube_events *events)
{
	uv_loop_t loop;
	struct err e = {0};
	char text[512];
	int rc = uv_loop_init(&loop);

	if (rc != 0)
		return 1;
	client = kube_client_new(&loop, &o->config, events, &o->timing, &e);
	if (client == NULL) {
		printf("error %s\n", err_print(&e, text, sizeof(text)));
		return 1;
	}
	(void)uv_pipe_init(&loop, &commands, 0);
	if (uv_pipe_open(&commands, 0) != 0 ||
		uv_read_start((uv_stream_t *)&commands, give_room, on_input) != 0)
		return 1;
	for (size_t i = 0; i < o->n_specs; i++)
		if (kube_client_watch(client, &o->specs[i]) != 0)
			return 1;
	(void)uv_run(&loop, UV_RUN_DEFAULT);
	return uv_loop_close(&loop) == 0 ? 0 : 1;
}

int main(int argc, char **argv)
{
	struct kube_events events = {
		.begin = on_begin,
		.put = on_put,
		.del = on_del,
		.keep = on_keep,
		.synced = on_synced,
		.abandoned = on_abandoned,
		.diff = on_diff,
	};
	struct options o = {0};
	struct err e = {0};
	char text[512];
	int rc = 0;

	setvbuf(stdout, NULL, _IOLBF, 0);
	kube_timing_default(&o.timing);
	for (int i = 1; rc == 0 && i + 1 < argc; i += 2) {
		rc = take_option(&o, argv[i], argv[i + 1], &e);
		if (rc != 0)
			printf("error %s\n",
				e.code != 0 ? err_print(&e, text, sizeof(text)) : argv[i]);
	}
	if (rc == 0)
		rc = o.dump != NULL ? run_dump(&o, &events) : run_client(&o, &events);
	for (int k = 0; k < OBJECT_KINDS; k++) {
		clear(OBJECT_LIVE, (enum object_kind)k);
		clear(OBJECT_NEXT, (enum object_kind)k);
	}
	kube_config_fini(&o.config);
	return rc != 0 ? 1 : 0;
}
