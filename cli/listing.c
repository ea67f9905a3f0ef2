// SPDX-License-Identifier: Apache-2.0
// Walks base and overlay, spells and sorts the names, asks for their records.
#include "cli/listing.h"

#include "cli/ask.h"

#include "zones/wire/message.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

// Names are stored without the underscores that a query may leave out (k8s:2.2); the form with the
// most of them is the one people write.
static int spell(const struct image *img, const struct image_name *in, struct dname *out)
{
	const uint8_t *p = image_name_wire(img, in);
	uint8_t buf[DNS_NAME_MAX_BYTES + 2];
	size_t n = 0;
	unsigned underscores = 3;

	while (underscores > 0 && (in->us_mask >> underscores & 1) == 0)
		underscores--;
	for (unsigned label = 0; *p != 0 && n + *p + 3u < sizeof(buf); label++) {
		bool add = label < 2 && (underscores >> label & 1) != 0;
		buf[n++] = (uint8_t)(*p + add);
		if (add)
			buf[n++] = '_';
		memcpy(buf + n, p + 1, *p);
		n += *p;
		p += *p + 1u;
	}
	buf[n++] = 0;
	if (*p != 0 || dname_size(buf, n) == 0)
		return -ENAMETOOLONG;
	memcpy(out->wire, buf, n);
	out->size_bytes = (uint8_t)n;
	return 0;
}

// RFC 4034 6.1: by labels from the root.
static int compare_names(const struct dname *a, const struct dname *b)
{
	unsigned na = dname_labels(a->wire);
	unsigned nb = dname_labels(b->wire);
	uint8_t off[2][DNS_NAME_MAX_BYTES];

	for (unsigned i = 0, at = 0; i < na; i++, at += a->wire[at] + 1u)
		off[0][i] = (uint8_t)at;
	for (unsigned i = 0, at = 0; i < nb; i++, at += b->wire[at] + 1u)
		off[1][i] = (uint8_t)at;
	while (na > 0 && nb > 0) {
		const uint8_t *la = a->wire + off[0][--na];
		const uint8_t *lb = b->wire + off[1][--nb];
		int c = memcmp(la + 1, lb + 1, *la < *lb ? *la : *lb);
		if (c != 0 || *la != *lb)
			return c != 0 ? c : *la - *lb;
	}
	return (na > nb) - (na < nb);
}

int listing_compare(const struct listing_name *a, const struct listing_name *b)
{
	int c = compare_names(&a->name, &b->name);

	return c != 0 ? c : (a->view > b->view) - (a->view < b->view);
}

static int compare_entries(const void *a, const void *b)
{
	return listing_compare(a, b);
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

static size_t collect(const struct snapshot *s, const struct image *img, struct listing_name *out)
{
	size_t n = 0;

	for (uint32_t i = 0; img != NULL && i < img->n_names; i++) {
		const struct image_name *in = &img->names[i];
		if ((in->flags & NAME_TOMBSTONE) != 0 || is_hidden(s, img, in) ||
			spell(img, in, &out[n].name) != 0)
			continue;
		out[n].view = in->view;
		out[n].img = img;
		out[n++].in = in;
	}
	return n;
}

int listing_open(const struct snapshot *s, struct listing *l)
{
	size_t cap = 1;

	*l = (struct listing){.snapshot = s};
	if (s->base != NULL)
		cap += s->base->n_names;
	if (s->overlay != NULL)
		cap += s->overlay->n_names;
	l->names = calloc(cap, sizeof(*l->names));
	if (l->names == NULL)
		return -ENOMEM;
	l->n = collect(s, s->base, l->names);
	l->n += collect(s, s->overlay, l->names + l->n);
	qsort(l->names, l->n, sizeof(*l->names), compare_entries);
	return 0;
}

void listing_close(struct listing *l)
{
	free(l->names);
	*l = (struct listing){0};
}

static void read_answers(
	const struct ask_reply *reply, uint16_t type, listing_line_fn *line, void *user)
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
		// An alias comes with the question for CNAME, the rest of its chain with other
		// names.
		if (!r.bad && rr.type == type && dname_is_equal(rr.owner.wire, name.wire))
			line(user, message_rr_print(&r, &rr, text, sizeof(text)));
	}
}

void listing_records(const struct listing *l, const struct listing_name *name, uint16_t type,
	listing_line_fn *line, void *user)
{
	static struct ask_reply reply; // too large for a stack frame
	const struct ask a = {.to = ask_listener_of_view(l->snapshot, name->view),
		.transport = TRANSPORT_TCP,
		.name = name->name.wire,
		.type = type};

	ask_snapshot(l->snapshot, &a, &reply);
	if (reply.size_bytes > 0)
		read_answers(&reply, type, line, user);
}
