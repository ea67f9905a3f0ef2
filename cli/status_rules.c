// SPDX-License-Identifier: Apache-2.0
// Reads the policy of the image that the supervisor keeps.
#include "cli/status_rules.h"

#include "cli/address.h"
#include "cli/source.h"

#include "zones/wire/dname.h"

#include <arpa/inet.h>
#include <stdio.h>
#include <string.h>

// A step behind the first is reached by what falls through.
static const char *executor(const struct image *top, const struct image_rule *rule)
{
	const struct image_step *step = &top->steps[rule->first_step];
	bool has_punt = false;

	for (unsigned i = 0; i < rule->n_steps; i++)
		has_punt |= step[i].kind == STEP_PUNT;
	if (!has_punt)
		return "workers";
	return step[0].kind == STEP_PUNT ? "slow path" : "workers, then slow path";
}

static const char *print_listen(const struct image_listener *l, char *text, size_t size_bytes)
{
	char address[INET6_ADDRSTRLEN] = "";

	if (l->family != 0)
		(void)inet_ntop(
			l->family == 6 ? AF_INET6 : AF_INET, l->address, address, sizeof(address));
	(void)snprintf(text, size_bytes, l->family == 6 ? "[%s]:%u" : "%s:%u", address, l->port);
	return text;
}

static void add_rules(
	json_t *list, const struct image *top, const struct image_listener *l, bool is_kernel)
{
	char listen[INET6_ADDRSTRLEN + 10], zone[DNAME_TEXT_MAX_BYTES];

	(void)print_listen(l, listen, sizeof(listen));
	for (uint32_t i = 0; i < l->n_rules; i++) {
		const struct image_rule *rule = &top->rules[l->first_rule + i];
		(void)dname_print(top->text + rule->zone_off, zone, sizeof(zone));
		(void)json_array_append_new(list,
			json_pack("{ss ss ss}", "listen", listen, "zone", zone, "executed_by",
				is_kernel ? "slow path" : executor(top, rule)));
	}
}

json_t *status_rules(const struct running *r)
{
	struct source s = {0};
	struct err err = {0}; // a snapshot that cannot be read has no rules
	json_t *list = json_array();
	int rc = r->base_fd < 0 ? -1 : source_take_base(&s, r->base_fd, r->base.size_bytes, &err);

	if (rc == 0 && r->overlay_fd >= 0)
		rc = source_take_overlay(&s, r->overlay_fd, r->overlay.size_bytes, &err);
	const struct image *top = rc == 0 ? snapshot_top(&s.snapshot) : NULL;
	for (uint32_t i = 0; top != NULL && i < top->n_listeners; i++) {
		if (top->listeners[i].family != IMAGE_FAMILY_BLOCK)
			add_rules(list, top, &top->listeners[i],
				!state_has_child(&r->state, "dataplane"));
	}
	source_close(&s);
	return list;
}
