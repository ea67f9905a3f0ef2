// SPDX-License-Identifier: Apache-2.0
// Merges the two sorted lists of names. Sets with equal bytes are equal; of the others the records
// are printed and compared as sorted lines.
#include "cli/diff_sets.h"

#include "cli/diff_policy.h"

#include "zones/base/array.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

struct lines {
	char **items; // owned, each too
	size_t n, cap;
	bool is_short; // of memory
};

static void lines_add(void *user, const char *text)
{
	struct lines *l = user;
	char **items = array_grow(l->items, &l->cap, l->n + 1, sizeof(*items));

	if (items != NULL)
		l->items = items;
	char *copy = items == NULL ? NULL : strdup(text);
	if (copy == NULL)
		l->is_short = true;
	else
		l->items[l->n++] = copy;
}

static void lines_fini(struct lines *l)
{
	for (size_t i = 0; i < l->n; i++)
		free(l->items[i]);
	free(l->items);
	*l = (struct lines){0};
}

static int compare_text(const void *a, const void *b)
{
	return strcmp(*(char *const *)a, *(char *const *)b);
}

// Where the serial stands in "owner TTL IN SOA mname rname serial ...", or NULL.
static const char *find_serial(const char *line)
{
	const char *p = strstr(line, " IN SOA ");

	for (unsigned i = 0; p != NULL && i < 4; i++)
		p = strchr(p + 1, ' ');
	return p;
}

static int compare_lines(const char *a, const char *b)
{
	const char *sa = find_serial(a);
	const char *sb = find_serial(b);

	if (sa == NULL || sb == NULL || sa - a != sb - b || strncmp(a, b, (size_t)(sa - a)) != 0)
		return strcmp(a, b);
	return strcmp(sa + 1 + strspn(sa + 1, "0123456789"), sb + 1 + strspn(sb + 1, "0123456789"));
}

// Takes out of both what both have; what is left keeps its order.
static void subtract(struct lines *a, struct lines *b)
{
	size_t i = 0, k = 0, na = 0, nb = 0;

	while (i < a->n || k < b->n) {
		int c = i == a->n ? 1 : k == b->n ? -1 : compare_lines(a->items[i], b->items[k]);
		if (c == 0) {
			free(a->items[i++]);
			free(b->items[k++]);
		} else if (c < 0) {
			a->items[na++] = a->items[i++];
		} else {
			b->items[nb++] = b->items[k++];
		}
	}
	a->n = na;
	b->n = nb;
}

struct diff {
	struct listing a, b;
	struct lines removed, added;
	diff_fn *fn;
	void *user;
};

static int tell(struct diff *d, struct diff_change *change)
{
	struct lines *r = &d->removed, *a = &d->added;
	int rc = r->is_short || a->is_short ? -ENOMEM : 0;

	if (rc == 0) {
		if (r->n > 0)
			qsort(r->items, r->n, sizeof(*r->items), compare_text);
		if (a->n > 0)
			qsort(a->items, a->n, sizeof(*a->items), compare_text);
		subtract(r, a);
		change->removed = (struct diff_lines){r->items, r->n};
		change->added = (struct diff_lines){a->items, a->n};
		bool is_bare = change->kind != DIFF_POLICY && change->type == 0;
		if (r->n + a->n > 0 || is_bare)
			rc = d->fn(d->user, change);
	}
	lines_fini(r);
	lines_fini(a);
	return rc;
}

static int tell_set(
	struct diff *d, const struct listing_name *a, const struct listing_name *b, uint16_t type)
{
	struct diff_change change = {.kind = a == NULL ? DIFF_ADDED
			: b == NULL                    ? DIFF_GONE
						       : DIFF_CHANGED,
		.name = a == NULL ? &b->name : &a->name,
		.type = type};

	if (a != NULL && type != 0)
		listing_records(&d->a, a, type, lines_add, &d->removed);
	if (b != NULL && type != 0)
		listing_records(&d->b, b, type, lines_add, &d->added);
	return tell(d, &change);
}

// A name that only one has.
static int tell_name(struct diff *d, const struct listing_name *a, const struct listing_name *b)
{
	const struct listing_name *it = a != NULL ? a : b;
	if (it == NULL)
		return 0;
	int rc = it->in->n_sets == 0 ? tell_set(d, a, b, 0) : 0;

	for (unsigned i = 0; i < it->in->n_sets && rc == 0; i++)
		rc = tell_set(d, a, b, it->img->sets[it->in->first_set + i].type);
	return rc;
}

static size_t section_size(const struct image_section *s)
{
	const uint32_t *end = image_section_fixes(s) + s->n_ptr + s->n_tail + s->n_zone;

	return (size_t)((const uint8_t *)end - (const uint8_t *)s);
}

static bool is_same_set(const struct listing_name *a, const struct image_set *sa,
	const struct listing_name *b, const struct image_set *sb)
{
	const struct image_section *x = image_section_at(a->img, sa->section);
	const struct image_section *y = image_section_at(b->img, sb->section);

	return sa->flags == sb->flags && section_size(x) == section_size(y) &&
		memcmp(x, y, section_size(x)) == 0;
}

// A name that both have: merges the sets, which are in the order of their types.
static int tell_both(struct diff *d, const struct listing_name *a, const struct listing_name *b)
{
	const struct image_set *sa = a->img->sets + a->in->first_set;
	const struct image_set *sb = b->img->sets + b->in->first_set;
	unsigned i = 0, k = 0;
	int rc = 0;

	while ((i < a->in->n_sets || k < b->in->n_sets) && rc == 0) {
		bool in_a = i < a->in->n_sets && (k == b->in->n_sets || sa[i].type <= sb[k].type);
		bool in_b = k < b->in->n_sets && (i == a->in->n_sets || sb[k].type <= sa[i].type);
		if (!in_a || !in_b || !is_same_set(a, &sa[i], b, &sb[k]))
			rc = tell_set(d, a, b, in_a ? sa[i].type : sb[k].type);
		i += in_a;
		k += in_b;
	}
	return rc;
}

static int tell_policy(struct diff *d)
{
	struct diff_change change = {.kind = DIFF_POLICY};

	diff_policy_lines(d->a.snapshot, lines_add, &d->removed);
	diff_policy_lines(d->b.snapshot, lines_add, &d->added);
	return tell(d, &change);
}

static int merge(struct diff *d)
{
	size_t i = 0, k = 0;
	int rc = tell_policy(d);

	while ((i < d->a.n || k < d->b.n) && rc == 0) {
		const struct listing_name *a = &d->a.names[i], *b = &d->b.names[k];
		int c = i == d->a.n ? 1 : k == d->b.n ? -1 : listing_compare(a, b);
		if (c == 0)
			rc = tell_both(d, a, b);
		else
			rc = tell_name(d, c < 0 ? a : NULL, c < 0 ? NULL : b);
		i += c <= 0;
		k += c >= 0;
	}
	return rc;
}

int diff_snapshots(const struct snapshot *a, const struct snapshot *b, diff_fn *fn, void *user)
{
	struct diff d = {.fn = fn, .user = user};
	int rc = listing_open(a, &d.a);

	if (rc == 0)
		rc = listing_open(b, &d.b);
	if (rc == 0)
		rc = merge(&d);
	listing_close(&d.a);
	listing_close(&d.b);
	return rc;
}
