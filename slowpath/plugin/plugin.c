// SPDX-License-Identifier: Apache-2.0
// The table of plugins, and what several of them need.
#include "slowpath/plugin/plugin.h"

#include "slowpath/plugin/plugins.h"
#include "zones/base/array.h"
#include "zones/regex/regex.h"
#include "zones/wire/dname.h"

#include <string.h>

#define PLUGIN_ENTRY(name) &plugin_##name,
static const struct plugin *const plugins[] = {PLUGINS(PLUGIN_ENTRY)};
#undef PLUGIN_ENTRY

const struct plugin *plugin_of(uint8_t kind)
{
	for (size_t i = 0; i < ARRAY_LEN(plugins); i++) {
		if (plugins[i]->kind == kind)
			return plugins[i];
	}
	return NULL;
}

const uint8_t *plugin_zone(const struct policy_names *zones, const struct dname *name)
{
	const uint8_t *best = NULL;
	size_t best_bytes = 0;

	for (size_t i = 0; i < zones->n; i++) {
		const uint8_t *zone = zones->items[i].wire;
		size_t bytes = dname_size(zone, DNS_NAME_MAX_BYTES);
		if (bytes > best_bytes && dname_is_within(name->wire, zone)) {
			best = zone;
			best_bytes = bytes;
		}
	}
	return best;
}

bool plugin_falls(const struct policy_fall *fall, const struct dname *name)
{
	return fall->on && plugin_zone(&fall->zones, name) != NULL;
}

bool plugin_is_in(const struct policy_cidr *net, const struct plugin_peer *peer)
{
	unsigned bytes = net->bits / 8u;
	unsigned rest = net->bits % 8u;

	if (net->family != peer->family || memcmp(net->address, peer->address, bytes) != 0)
		return false;
	return rest == 0 || (net->address[bytes] ^ peer->address[bytes]) >> (8 - rest) == 0;
}

void plugin_count_more(const struct job *j, enum rule_metric metric, const uint8_t *zone,
	const char *const *more, size_t n_more)
{
	char zone_text[DNAME_TEXT_MAX_BYTES];
	const char *values[RULE_VALUES_MAX] = {j->metric_server == NULL ? "" : j->metric_server};
	size_t n = 1;

	if (j->counters == NULL)
		return;
	if (zone != NULL) {
		values[n++] = dname_print(zone, zone_text, sizeof(zone_text));
		values[n++] = ""; // view
	}
	for (size_t i = 0; i < n_more && n < RULE_VALUES_MAX; i++)
		values[n++] = more[i];
	rule_count(j->counters, metric, values, n);
}

void plugin_count(const struct job *j, enum rule_metric metric, const uint8_t *zone)
{
	plugin_count_more(j, metric, zone, NULL, 0);
}

uint64_t plugin_regex_given_up(void)
{
	return regex_given_up();
}
