// SPDX-License-Identifier: Apache-2.0
// The set of questions, and reading it from texts and snapshots.
#include "cli/questions.h"

#include "zones/base/array.h"
#include "zones/base/siphash.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

enum { LINE_BYTES = 4096, WORDS_MAX = 16 };

int questions_parse_types(struct questions *q, const char *text)
{
	char word[16];

	for (const char *p = text; *p != 0;) {
		size_t n = strcspn(p, ",");
		if (n >= sizeof(word) || q->n_types == QUESTIONS_TYPES_MAX)
			return -EINVAL;
		memcpy(word, p, n);
		word[n] = 0;
		if (rr_type_parse(word, &q->types[q->n_types++]) != 0)
			return -EINVAL;
		p += n + (p[n] == ',');
	}
	return q->n_types > 0 ? 0 : -EINVAL;
}

void questions_fini(struct questions *q)
{
	free(q->items);
	free(q->slots);
	arena_fini(&q->arena);
	*q = (struct questions){0};
}

static uint64_t hash_of(const struct dname *lower, uint16_t type)
{
	static const uint8_t key[16]; // bad luck costs time, nothing else

	return siphash24(key, lower->wire, lower->size_bytes) ^ type * UINT64_C(0x9e3779b97f4a7c15);
}

static void lower_of(const uint8_t *name, struct dname *out)
{
	out->size_bytes = (uint8_t)dname_size(name, DNS_NAME_MAX_BYTES);
	memcpy(out->wire, name, out->size_bytes);
	dname_lower(out);
}

// The slot of a question: free, or the question's own. The table is never full.
static uint32_t *find_slot(struct questions *q, const struct dname *lower, uint16_t type)
{
	size_t at = hash_of(lower, type) & (q->n_slots - 1);

	for (;; at = (at + 1) & (q->n_slots - 1)) {
		if (q->slots[at] == 0)
			return &q->slots[at];
		const struct question *it = q->items[q->slots[at] - 1];
		if (it->type == type && dname_is_equal(it->name, lower->wire))
			return &q->slots[at];
	}
}

static void grow_slots(struct questions *q)
{
	uint32_t *old = q->slots;
	size_t n = q->n_slots == 0 ? 1024 : q->n_slots * 2;
	struct dname lower;

	q->slots = calloc(n, sizeof(*q->slots));
	if (q->slots == NULL) {
		q->slots = old;
		q->is_short = true;
		return;
	}
	q->n_slots = n;
	for (size_t i = 0; i < q->n; i++) {
		lower_of(q->items[i]->name, &lower);
		*find_slot(q, &lower, q->items[i]->type) = (uint32_t)i + 1;
	}
	free(old);
}

static const struct question *make(struct questions *q, const uint8_t *name, uint16_t type)
{
	size_t size = dname_size(name, DNS_NAME_MAX_BYTES);
	struct question *it = arena_alloc(&q->arena, sizeof(*it) + size);

	if (it == NULL)
		return NULL;
	it->type = type;
	it->size_bytes = (uint8_t)size;
	memcpy(it->name, name, size);
	return it;
}

void questions_add(struct questions *q, const uint8_t *name, uint16_t type)
{
	struct dname lower;

	if ((q->n + 1) * 2 > q->n_slots)
		grow_slots(q);
	const struct question **items = array_grow(q->items, &q->cap, q->n + 1, sizeof(*items));
	if (items == NULL || q->is_short) {
		q->is_short = true;
		return;
	}
	q->items = items;
	lower_of(name, &lower);
	uint32_t *slot = find_slot(q, &lower, type);
	if (*slot != 0)
		return;
	if (q->n >= q->limit) {
		q->n_dropped++;
		return;
	}
	items[q->n] = make(q, name, type);
	if (items[q->n] == NULL)
		q->is_short = true;
	else
		*slot = (uint32_t)++q->n;
}

void questions_add_found(struct questions *q, const uint8_t *name, uint16_t type)
{
	for (size_t i = 0; i < q->n_types; i++)
		questions_add(q, name, q->types[i]);
	if (q->n_types == 0)
		questions_add(q, name, type);
}

static int add_line(struct questions *q, char *line)
{
	char *state = NULL, *word = strtok_r(line, " \t\r\n", &state);
	struct dname name;
	uint16_t type;

	if (word == NULL || word[0] == '#')
		return 0;
	if (dname_parse(word, &name) != 0)
		return -EINVAL;
	word = strtok_r(NULL, " \t\r\n", &state);
	if (word == NULL) {
		questions_add_found(q, name.wire, RR_TYPE_A);
		questions_add_found(q, name.wire, RR_TYPE_AAAA);
	}
	for (unsigned i = 0; word != NULL && i < WORDS_MAX; i++) {
		if (rr_type_parse(word, &type) != 0)
			return -EINVAL;
		questions_add_found(q, name.wire, type);
		word = strtok_r(NULL, " \t\r\n", &state);
	}
	return 0;
}

int questions_read_names(struct questions *q, FILE *in, struct err *err)
{
	char line[LINE_BYTES];
	unsigned number = 0;

	while (fgets(line, sizeof(line), in) != NULL) {
		number++;
		if (add_line(q, line) != 0)
			return err_set(err, -EINVAL, "line %u: not a name and types", number);
	}
	return 0;
}

// `TYPE CLASS NAME PROTOCOL ` at p, behind a quotation mark.
static bool add_logged(struct questions *q, const char *p)
{
	char type_text[16], class[8], name_text[DNAME_TEXT_MAX_BYTES], protocol[8];
	struct dname name;
	uint16_t type;

	if (sscanf(p, "%15s %7s %1023s %7s ", type_text, class, name_text, protocol) != 4 ||
		strcmp(class, "IN") != 0 ||
		(strcmp(protocol, "udp") != 0 && strcmp(protocol, "tcp") != 0) ||
		rr_type_parse(type_text, &type) != 0 || dname_parse(name_text, &name) != 0)
		return false;
	questions_add_found(q, name.wire, type);
	return true;
}

// Runtimes wrap lines in JSON of their own: every quotation mark may be the one that counts.
size_t questions_read_log(struct questions *q, FILE *in)
{
	char line[LINE_BYTES];
	size_t n = 0;

	while (fgets(line, sizeof(line), in) != NULL) {
		bool is_read = false;
		for (const char *p = strchr(line, '"'); p != NULL && !is_read;
			p = strchr(p + 1, '"'))
			is_read = add_logged(q, p + 1);
		n += is_read;
	}
	return n;
}

void questions_read_listing(struct questions *q, const struct listing *l)
{
	for (size_t i = 0; i < l->n; i++) {
		const struct listing_name *name = &l->names[i];
		const struct image_set *set = name->img->sets + name->in->first_set;
		for (unsigned k = 0; k < name->in->n_sets; k++)
			questions_add_found(q, name->name.wire, set[k].type);
		questions_add_found(q, name->name.wire, RR_TYPE_A);
		questions_add_found(q, name->name.wire, RR_TYPE_AAAA);
	}
}
