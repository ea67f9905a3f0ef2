// SPDX-License-Identifier: Apache-2.0
// Lines `ADDRESS NAME...`. Each name is an entry, and so is each address by its reverse name.
#include "control/hosts.h"

#include "control/base/log.h"
#include "control/object/object.h"
#include "control/synth/synth.h"
#include "zones/base/array.h"
#include "zones/wire/dname.h"

#include <arpa/inet.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

enum { FILE_MAX_BYTES = 16 * 1024 * 1024, ENTRIES_MAX = 1000000 };

// One record: a name's address, or an address' name.
struct hosts_entry {
	const uint8_t *name; // wire form, lower case, in the arena
	uint16_t type; // A, AAAA or PTR
	struct object_address addr;
	const uint8_t *target; // of a PTR
};

static bool is_in_zones(const struct config_zones *zones, const uint8_t *name)
{
	for (size_t i = 0; i < zones->n; i++) {
		if (dname_is_within(name, zones->items[i].wire))
			return true;
	}
	return false;
}

static int entry_add(struct hosts *h, const struct hosts_entry *e)
{
	if (h->n == ENTRIES_MAX)
		return 0;
	void *grown = array_grow(h->entries, &h->cap, h->n + 1, sizeof(h->entries[0]));
	if (grown == NULL)
		return -ENOMEM;
	h->entries = grown;
	h->entries[h->n++] = *e;
	return 0;
}

static int name_add(struct hosts *h, const struct object_address *addr, const char *text)
{
	struct hosts_entry e = {
		.type = addr->family == OBJECT_IPV4 ? RR_TYPE_A : RR_TYPE_AAAA, .addr = *addr};
	struct dname name;
	struct dname reverse;

	if (dname_parse(text, &name) != 0)
		return 0; // CoreDNS passes over what it cannot read
	dname_lower(&name);
	if (!is_in_zones(&h->config->zones, name.wire))
		return 0;
	const uint8_t *wire = arena_copy(&h->arena, name.wire, name.size_bytes);
	if (wire == NULL)
		return -ENOMEM;
	e.name = wire;
	int rc = entry_add(h, &e);
	if (rc != 0 || h->config->no_reverse)
		return rc;
	synth_reverse_name(addr, &reverse);
	e.type = RR_TYPE_PTR;
	e.target = wire;
	e.name = arena_copy(&h->arena, reverse.wire, reverse.size_bytes);
	return e.name == NULL ? -ENOMEM : entry_add(h, &e);
}

// The interface behind a % says nothing to clients.
static bool address_parse(const char *text, struct object_address *out)
{
	char address[INET6_ADDRSTRLEN] = "";
	size_t len = strcspn(text, "%");

	if (len >= sizeof(address))
		return false;
	memcpy(address, text, len);
	return object_address_parse(address, out);
}

// One line of the file; it is cut into words in place.
static int line_add(struct hosts *h, char *line)
{
	struct object_address addr;
	char *end = NULL;
	int rc = 0;

	line[strcspn(line, "#")] = '\0';
	char *word = strtok_r(line, " \t\r", &end);
	if (word == NULL || !address_parse(word, &addr))
		return 0;
	while (rc == 0 && (word = strtok_r(NULL, " \t\r", &end)) != NULL)
		rc = name_add(h, &addr, word);
	return rc;
}

static int text_add(struct hosts *h, char *text)
{
	char *end = NULL;
	int rc = 0;

	for (char *l = strtok_r(text, "\n", &end); l != NULL && rc == 0;
		l = strtok_r(NULL, "\n", &end))
		rc = line_add(h, l);
	return rc;
}

static int file_add(struct hosts *h, FILE *f)
{
	struct stat st;

	if (fstat(fileno(f), &st) != 0 || !S_ISREG(st.st_mode) || st.st_size > FILE_MAX_BYTES) {
		log_warn("hosts", "file is not read", LOG_STR("file", h->config->path));
		return 0;
	}
	h->mtime = st.st_mtim;
	h->size_bytes = st.st_size;
	char *text = malloc((size_t)st.st_size + 1);
	if (text == NULL)
		return -ENOMEM;
	text[fread(text, 1, (size_t)st.st_size, f)] = '\0';
	int rc = text_add(h, text);
	free(text);
	return rc;
}

static int inline_add(struct hosts *h, const struct config_host *line)
{
	struct object_address addr;
	int rc = 0;

	if (!address_parse(line->address, &addr))
		return 0;
	for (size_t i = 0; i < line->names.n && rc == 0; i++)
		rc = name_add(h, &addr, line->names.items[i]);
	return rc;
}

static int wire_compare(const uint8_t *a, const uint8_t *b)
{
	size_t n = dname_size(a, DNS_NAME_MAX_BYTES);
	size_t m = dname_size(b, DNS_NAME_MAX_BYTES);
	int c = memcmp(a, b, n < m ? n : m);

	return c != 0 ? c : (n > m) - (n < m);
}

static int entry_compare(const void *a, const void *b)
{
	const struct hosts_entry *x = a;
	const struct hosts_entry *y = b;
	int c = wire_compare(x->name, y->name);

	if (c == 0)
		c = (int)x->type - (int)y->type;
	if (c == 0 && x->type == RR_TYPE_PTR)
		return wire_compare(x->target, y->target);
	return c != 0 ? c : memcmp(&x->addr, &y->addr, sizeof(x->addr));
}

static void sort_unique(struct hosts *h)
{
	size_t n = 0;

	if (h->n == 0)
		return;
	qsort(h->entries, h->n, sizeof(h->entries[0]), entry_compare);
	for (size_t i = 0; i < h->n; i++) {
		if (n == 0 || entry_compare(&h->entries[n - 1], &h->entries[i]) != 0)
			h->entries[n++] = h->entries[i];
	}
	h->n = n;
}

int hosts_load(struct hosts *h, const struct config_hosts *config)
{
	int rc = 0;

	memset(h, 0, sizeof(*h));
	h->config = config;
	FILE *f = config->path == NULL ? NULL : fopen(config->path, "re");
	if (f != NULL) {
		rc = file_add(h, f);
		(void)fclose(f); // only read
	}
	for (size_t i = 0; i < config->n_lines && rc == 0; i++)
		rc = inline_add(h, &config->lines[i]);
	sort_unique(h);
	return rc;
}

void hosts_fini(struct hosts *h)
{
	arena_fini(&h->arena);
	free(h->entries);
	memset(h, 0, sizeof(*h));
}

bool hosts_has_names(const struct hosts *h, const uint8_t *zone)
{
	for (size_t i = 0; i < h->n; i++) {
		if (dname_is_within(h->entries[i].name, zone))
			return true;
	}
	return false;
}

bool hosts_has_addresses(const struct hosts *h, const uint8_t *zone)
{
	for (size_t i = 0; i < h->n; i++) {
		const struct hosts_entry *e = &h->entries[i];
		if (e->type == RR_TYPE_PTR && dname_is_within(e->name, zone))
			return true;
	}
	return false;
}

bool hosts_has_changed(const struct hosts *h)
{
	struct stat st;

	if (h->config->path == NULL || stat(h->config->path, &st) != 0)
		return false; // CoreDNS keeps what it had
	return st.st_size != h->size_bytes || st.st_mtim.tv_sec != h->mtime.tv_sec ||
		st.st_mtim.tv_nsec != h->mtime.tv_nsec;
}

// The records of n entries of one name, by type; sets and data have room for all.
static size_t fill_sets(const struct hosts *h, const struct hosts_entry *e, size_t n,
	struct record_data *data, struct record_set sets[3])
{
	size_t n_sets = 0;

	for (size_t i = 0; i < n; i++) {
		memset(&data[i], 0, sizeof(data[i]));
		if (e[i].type == RR_TYPE_PTR) {
			size_t size = dname_size(e[i].target, DNS_NAME_MAX_BYTES);
			memcpy(data[i].target.wire, e[i].target, size);
			data[i].target.size_bytes = (uint8_t)size;
		} else {
			data[i].addr.family = e[i].addr.family;
			memcpy(data[i].addr.bytes, e[i].addr.bytes, sizeof(data[i].addr.bytes));
		}
		if (n_sets == 0 || sets[n_sets - 1].type != e[i].type)
			sets[n_sets++] = (struct record_set){
				.type = e[i].type, .ttl_s = h->config->ttl, .data = &data[i]};
		sets[n_sets - 1].n++;
	}
	return n_sets;
}

// For which types the name is not there, so that the question goes on (CoreDNS plugin/hosts): a
// reverse name is known to PTR only, any other name to all but PTR.
static uint8_t miss_flags(const struct hosts_entry *e, size_t n)
{
	return e[n - 1].type == RR_TYPE_PTR && e[0].type == RR_TYPE_PTR ? NAME_STRICT : NAME_NO_PTR;
}

static int name_feed(const struct hosts *h, const struct hosts_entry *e, size_t n, uint16_t view,
	struct image_build *b)
{
	struct record_data *data = malloc(n * sizeof(*data));
	struct record_set sets[3];

	if (data == NULL)
		return -ENOMEM;
	const struct image_build_name name = {.view = view,
		.wire = e->name,
		.sets = sets,
		.n_sets = fill_sets(h, e, n, data, sets),
		.alias_of = IMAGE_NONE,
		.flags = miss_flags(e, n)};
	int rc = image_build_name(b, &name, NULL);
	free(data);
	return rc;
}

int hosts_feed(const struct hosts *h, uint16_t view, struct image_build *b)
{
	int rc = 0;

	for (size_t i = 0, n; i < h->n && rc == 0; i += n) {
		n = 1;
		while (i + n < h->n &&
			wire_compare(h->entries[i].name, h->entries[i + n].name) == 0)
			n++;
		rc = name_feed(h, &h->entries[i], n, view, b);
	}
	return rc;
}
