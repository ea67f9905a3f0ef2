// SPDX-License-Identifier: Apache-2.0
// Which directives of a block are flags of its rules.
#include "control/policy_flags.h"

#include "control/page_log.h"

#include "zones/corefile/plugins.h"
#include "zones/image/format.h"
#include "zones/wire/dname.h"

// The first `log` whose zones hold the rule's counts (CoreDNS plugin/log).
static uint16_t log_flags(const struct config_server *s, const uint8_t *zone)
{
	const struct config_directive *d;

	for (size_t i = 0; (d = config_find(s, DIR_LOG, i)) != NULL; i++) {
		const struct config_log *l = d->data;
		for (size_t k = 0; k < l->zones.n; k++) {
			if (dname_is_within(zone, l->zones.items[k].wire))
				return (uint16_t)(page_log_classes(l) << RULE_LOG_SHIFT);
		}
	}
	return 0;
}

// One collector that wants the bytes has them kept for all.
static uint16_t tap_flags(const struct config_server *s)
{
	const struct config_directive *d;
	unsigned flags = 0;

	for (size_t i = 0; (d = config_find(s, DIR_DNSTAP, i)) != NULL; i++) {
		const struct config_dnstap *tap = d->data;
		flags |= RULE_TAP | (tap->is_full ? RULE_TAP_FULL : 0);
	}
	return (uint16_t)flags;
}

// Whether questions of other classes than IN may get more than REFUSED: CoreDNS lets them in for
// `chaos` and `forward`, and a rule may make class IN of them.
static bool takes_classes(const struct config_server *s)
{
	const struct config_directive *d;
	bool has_rule = false;

	for (size_t i = 0; (d = config_find(s, DIR_REWRITE, i)) != NULL; i++)
		has_rule |= ((const struct config_rewrite *)d->data)->field == REWRITE_CLASS;
	return config_find(s, DIR_CHAOS, 0) != NULL ||
		(has_rule && config_find(s, DIR_FORWARD, 0) != NULL);
}

uint16_t policy_rule_flags(const struct config_server *s, const uint8_t *zone)
{
	const struct config_directive *d = config_find(s, DIR_LOADBALANCE, 0);
	const struct config_loadbalance *b = d == NULL ? NULL : d->data;
	bool rotates = b != NULL && b->policy == BALANCE_ROUND_ROBIN; // the slow path orders others
	bool is_minimal = config_find(s, DIR_MINIMAL, 0) != NULL;

	return (uint16_t)((rotates ? RULE_ROTATE : 0) | (is_minimal ? RULE_MINIMAL : 0) |
		(takes_classes(s) ? RULE_CLASSES : 0) | log_flags(s, zone) | tap_flags(s));
}
