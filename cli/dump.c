// SPDX-License-Identifier: Apache-2.0
// `burst53 dump`: a snapshot as zone-file text, one record a line, in DNSSEC's order of names. Each
// name is asked like a query, so that what is printed is what is answered.
#include "cli/command.h"

#include "cli/ask.h"
#include "cli/source.h"

#include "zones/wire/dname.h"
#include "zones/wire/message.h"

#include <getopt.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static const char help[] =
	"usage: burst53 dump [OPTION]...\n"
	"Prints the running snapshot, or what a saved cluster gives, as zone-file text.\n\n"
	"  --dump F         from a saved cluster, together with --conf\n"
	"  --conf F         Corefile for --dump\n"
	"  --run-dir D      of the running instance (default /run/burst53)\n"
	"  --help\n";

struct entry {
	struct dname name; // as people spell it
	const struct image *img;
	const struct image_name *in;
};

// Names are stored without the underscores that a query may leave out (k8s:2.2); text has them.
static int spell(const struct image *img, const struct image_name *in, struct dname *out)
{
	const uint8_t *p = image_name_wire(img, in);
	uint8_t buf[DNS_NAME_MAX_BYTES + 2];
	size_t n = 0;
	bool has_underscores = (in->us_mask & 0x8) != 0;

	for (unsigned label = 0; *p != 0 && n + *p + 3u < sizeof(buf); label++) {
		bool add = has_underscores && label < 2;
		buf[n++] = (uint8_t)(*p + add);
		if (add)
			buf[n++] = '_';
		memcpy(buf + n, p + 1, *p);
		n += *p;
		p += *p + 1u;
	}
	buf[n++] = 0;
	if (*p != 0 || n > sizeof(out->wire))
		return -1;
	memcpy(out->wire, buf, n);
	out->size_bytes = (uint8_t)n;
	return 0;
}

// RFC 4034 6.1: by labels from the root.
static int compare(const void *va, const void *vb)
{
	const struct dname *a = &((const struct entry *)va)->name;
	const struct dname *b = &((const struct entry *)vb)->name;
	unsigned na = dname_labels(a->wire), nb = dname_labels(b->wire);
	uint8_t off[2][DNS_NAME_MAX_BYTES];

	for (unsigned i = 0, at = 0; i < na; i++, at += a->wire[at] + 1u)
		off[0][i] = (uint8_t)at;
	for (unsigned i = 0, at = 0; i < nb; i++, at += b->wire[at] + 1u)
		off[1][i] = (uint8_t)at;
	while (na > 0 && nb > 0) {
		const uint8_t *la = a->wire + off[0][--na], *lb = b->wire + off[1][--nb];
		int c = memcmp(la + 1, lb + 1, *la < *lb ? *la : *lb);
		if (c != 0 || *la != *lb)
			return c != 0 ? c : *la - *lb;
	}
	return (na > nb) - (na < nb);
}

// Hidden by the overlay: it has an entry for the same name.
static bool is_hidden(
	const struct snapshot *s, const struct image *img, const struct image_name *in)
{
	struct found f;
	uint8_t underscores = 0;

	if (s->overlay == NULL || img == s->overlay)
		return false;
	while (underscores < 3 && (in->us_mask >> underscores & 1) == 0)
		underscores++;
	const struct name_key key = {.norm = image_name_wire(img, in),
		.size_bytes = in->name_size,
		.underscores = underscores,
		.view = in->view};
	snapshot_find(s, &key, &f);
	return f.img != img;
}

static size_t collect(const struct snapshot *s, const struct image *img, struct entry *out)
{
	size_t n = 0;

	for (uint32_t i = 0; img != NULL && i < img->n_names; i++) {
		const struct image_name *in = &img->names[i];
		if (in->n_sets == 0 || (in->flags & NAME_TOMBSTONE) != 0 || is_hidden(s, img, in))
			continue;
		if (spell(img, in, &out[n].name) != 0)
			continue;
		out[n].img = img;
		out[n++].in = in;
	}
	return n;
}

static void print_answers(const struct ask_reply *reply)
{
	static char text[4096];
	struct rdbuf r = rdbuf_of(reply->msg, reply->size_bytes);
	struct dname name;

	(void)rdbuf_take(&r, 6);
	unsigned n = rdbuf_u16(&r);
	(void)rdbuf_take(&r, 4);
	message_name(&r, r.size_bytes, &name);
	(void)rdbuf_take(&r, 4);
	for (unsigned i = 0; i < n && !r.bad; i++) {
		struct message_rr rr;
		message_rr(&r, &rr);
		if (!r.bad)
			(void)puts(message_rr_print(&r, &rr, text, sizeof(text)));
	}
}

static void print_entry(
	const struct snapshot *s, const struct server_address *to, const struct entry *e)
{
	static struct ask_reply reply; // too large for a stack frame

	for (unsigned i = 0; i < e->in->n_sets; i++) {
		const struct ask a = {.to = *to,
			.transport = TRANSPORT_TCP,
			.name = e->name.wire,
			.type = e->img->sets[e->in->first_set + i].type};
		ask_snapshot(s, &a, &reply);
		if (reply.size_bytes > 0)
			print_answers(&reply);
	}
}

static int print_all(const struct source *src)
{
	const struct snapshot *s = &src->snapshot;
	size_t cap = s->base->n_names + (s->overlay != NULL ? s->overlay->n_names : 0u);
	struct entry *all = calloc(cap + 1, sizeof(*all));

	if (all == NULL)
		return EXIT_FAILED;
	size_t n = collect(s, s->base, all);
	n += collect(s, s->overlay, all + n);
	qsort(all, n, sizeof(*all), compare);
	const struct server_address to = ask_first_listener(s);
	(void)printf("; generation %llu, %zu names\n",
		(unsigned long long)snapshot_top(s)->header->generation, n);
	for (size_t i = 0; i < n; i++)
		print_entry(s, &to, &all[i]);
	free(all);
	return ferror(stdout) == 0 ? EXIT_OK : EXIT_FAILED;
}

int command_dump(int argc, char **argv)
{
	static const struct option longs[] = {{"dump", required_argument, NULL, 'd'},
		{"conf", required_argument, NULL, 'c'}, {"run-dir", required_argument, NULL, 'r'},
		{"help", no_argument, NULL, 'h'}, {0}};
	const char *dump = NULL, *conf = NULL, *run_dir = "/run/burst53";
	struct source s = {0};
	struct err err = {0};
	int key;

	optind = 0;
	while ((key = getopt_long(argc, argv, "", longs, NULL)) != -1) {
		if (key == 'h') {
			(void)fputs(help, stdout);
			return EXIT_OK;
		}
		const char **slot = key == 'd' ? &dump : key == 'c' ? &conf : &run_dir;
		if (key != '?')
			*slot = optarg;
		else
			return EXIT_USAGE;
	}
	if (optind < argc || (dump == NULL) != (conf == NULL)) {
		(void)fprintf(
			stderr, "burst53 dump: --dump and --conf go together, no other words\n");
		return EXIT_USAGE;
	}
	int rc = dump != NULL ? source_from_dump(dump, conf, &s, &err)
			      : source_from_running(run_dir, &s, &err);
	int code = rc == 0 ? print_all(&s) : EXIT_FAILED;
	if (rc != 0)
		(void)fprintf(stderr, "burst53 dump: %s\n", err.text);
	source_close(&s);
	return code;
}
