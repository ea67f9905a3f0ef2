// SPDX-License-Identifier: Apache-2.0
// Collectors that several blocks name in the same words are one, with one connection.
#include "control/page_tap.h"

#include "control/base/log.h"

#include <stdio.h>
#include <string.h>

static bool is_same(const struct tap_rule *a, const struct tap_rule *b)
{
	const size_t head = offsetof(struct tap_rule, is_full);

	// Both were zeroed before they were filled.
	return memcmp((const char *)a + head, (const char *)b + head, sizeof(*a) - head) == 0;
}

// False: some text has no room.
static bool fill(struct tap_rule *r, const struct config_dnstap *d)
{
	memset(r, 0, sizeof(*r));
	r->is_full = d->is_full;
	r->family = d->family;
	r->port = d->port;
	r->buffer_mib = d->buffer_mib;
	memcpy(r->address, d->address, sizeof(r->address));
	int path = snprintf(r->path, sizeof(r->path), "%s", d->path);
	int identity = snprintf(r->identity, sizeof(r->identity), "%s", d->identity);
	int version = snprintf(r->version, sizeof(r->version), "%s", d->version);
	int extra = snprintf(r->extra, sizeof(r->extra), "%s", d->extra);
	return path < TAP_PATH_BYTES && identity < TAP_TEXT_BYTES && version < TAP_TEXT_BYTES &&
		extra < TAP_TEXT_BYTES;
}

static void add(struct tap_rules *p, const struct config_dnstap *d, size_t block)
{
	struct tap_rule r;
	uint32_t i = 0;

	if (!fill(&r, d) || block >= TAP_BLOCKS_MAX) {
		log_warn("corefile", "dnstap is left out: too long, or too many blocks",
			LOG_STR("collector", d->text));
		return;
	}
	while (i < p->n && !is_same(&p->list[i], &r))
		i++;
	if (i == TAPS_MAX) {
		log_warn("corefile", "too many collectors, a dnstap is left out",
			LOG_STR("collector", d->text));
		return;
	}
	if (i == p->n) {
		p->list[i] = r;
		p->n++;
	}
	p->list[i].blocks[block / 8] |= (uint8_t)(1u << block % 8);
}

void page_tap_rules(struct tap_rules *page, const struct config *c)
{
	uint64_t version = version_begin(&page->version);

	page->n = 0;
	for (size_t i = 0; i < c->n_servers; i++) {
		const struct config_directive *d;
		for (size_t k = 0; (d = config_find(&c->servers[i], DIR_DNSTAP, k)) != NULL; k++)
			add(page, d->data, i);
	}
	version_end(&page->version, version);
}
