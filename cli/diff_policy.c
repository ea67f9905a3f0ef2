// SPDX-License-Identifier: Apache-2.0
// Prints listeners, rules and steps. The directives that the slow path executes appear as a digest:
// that they changed shows, what changed is in the Corefile.
#include "cli/diff_policy.h"

#include "zones/base/siphash.h"
#include "zones/wire/dname.h"

#include <arpa/inet.h>
#include <stdarg.h>
#include <stdio.h>

enum { LINE_BYTES = 2048 };

struct line {
	char text[LINE_BYTES];
	size_t len;
};

__attribute__((format(printf, 2, 3))) static void add(struct line *l, const char *fmt, ...)
{
	va_list ap;

	va_start(ap, fmt);
	int n = vsnprintf(l->text + l->len, sizeof(l->text) - l->len, fmt, ap);
	va_end(ap);
	if (n > 0)
		l->len += (size_t)n;
	if (l->len >= sizeof(l->text))
		l->len = sizeof(l->text) - 1; // cut
}

static void add_listener(struct line *out, const struct image_listener *l)
{
	char address[INET6_ADDRSTRLEN] = "*";

	if (l->family != 0)
		(void)inet_ntop(l->family == 4 ? AF_INET : AF_INET6, l->address, address,
			sizeof(address)); // the buffer is large enough
	add(out, "; listen %s#%u", address, l->port);
}

static void add_step(struct line *out, const struct image *img, const struct image_step *step)
{
	static const char *const kinds[] = {[STEP_LOOKUP] = "answers",
		[STEP_STATIC] = "answers",
		[STEP_PUNT] = "slow path",
		[STEP_REFUSE] = "refuses",
		[STEP_SERVFAIL] = "fails"};
	static const struct {
		uint8_t flag;
		const char *text;
	} flags[] = {{STEP_FALLTHROUGH, " fallthrough"}, {STEP_UNSYNCED, " unsynced"},
		{STEP_PODS_INSECURE, " pods"}, {STEP_ZONAL, " zonal"}};

	add(out, " | line %u %.*s: %s", step->line, (int)step->plugin_size,
		(const char *)img->text + step->plugin_off, kinds[step->kind]);
	for (size_t i = 0; i < sizeof(flags) / sizeof(flags[0]); i++) {
		if ((step->flags & flags[i].flag) != 0)
			add(out, "%s", flags[i].text);
	}
	if ((step->flags & STEP_PODS_INSECURE) != 0)
		add(out, " ttl %u", step->pod_ttl_s);
}

static void print_rule(const struct image *img, const struct image_listener *l,
	const struct image_rule *rule, struct line *out)
{
	char zone[DNAME_TEXT_MAX_BYTES];

	out->len = 0;
	add_listener(out, l);
	add(out, " zone %s", dname_print(img->text + rule->zone_off, zone, sizeof(zone)));
	if ((rule->flags & RULE_ROTATE) != 0)
		add(out, " rotate");
	if (img->servers[rule->server].udp_max_bytes != DNS_UDP_MAX_BYTES)
		add(out, " bufsize %u", img->servers[rule->server].udp_max_bytes);
	for (unsigned i = 0; i < rule->n_steps; i++)
		add_step(out, img, &img->steps[rule->first_step + i]);
}

void diff_policy_lines(const struct snapshot *s, diff_policy_fn *line, void *user)
{
	static const uint8_t key[16];
	static struct line out; // too large for a stack frame
	const struct image *img = snapshot_top(s);

	if (img == NULL)
		return;
	for (uint32_t i = 0; i < img->n_listeners; i++) {
		const struct image_listener *l = &img->listeners[i];
		for (uint32_t k = 0; l->family != IMAGE_FAMILY_BLOCK && k < l->n_rules; k++) {
			print_rule(img, l, &img->rules[l->first_rule + k], &out);
			line(user, out.text);
		}
	}
	if (img->policy_bytes == 0)
		return;
	out.len = 0;
	add(&out, "; directives of the slow path, digest %016llx",
		(unsigned long long)siphash24(key, img->policy, img->policy_bytes));
	line(user, out.text);
}
