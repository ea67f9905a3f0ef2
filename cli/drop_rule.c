// SPDX-License-Identifier: Apache-2.0
// Writes the rule as nft's own text and hands it to nft, whose files are transactions.
#include "cli/drop_rule.h"

#include "cli/tool.h"

#include <errno.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>

enum { RULESET_BYTES = 16384 };

struct text {
	char *buf;
	size_t size_bytes, pos;
	bool full;
};

__attribute__((format(printf, 2, 3))) static void put(struct text *t, const char *fmt, ...)
{
	va_list ap;

	va_start(ap, fmt);
	int n = vsnprintf(t->buf + t->pos, t->size_bytes - t->pos, fmt, ap);
	va_end(ap);
	if (n < 0 || (size_t)n >= t->size_bytes - t->pos)
		t->full = true;
	else
		t->pos += (size_t)n;
}

void drop_rule_name(const char *run_dir, char name[DROP_TABLE_BYTES])
{
	const char *slash = strrchr(run_dir, '/');
	const char *base = slash == NULL ? run_dir : slash + 1;
	uint32_t hash = 2166136261u; // FNV-1a over the whole path tells equal last parts apart
	char clean[33];
	size_t n = 0;

	for (const char *p = run_dir; *p != 0; p++)
		hash = (hash ^ (uint8_t)*p) * 16777619u;
	for (; base[n] != 0 && n + 1 < sizeof(clean); n++) {
		char c = base[n];
		bool ok =
			(c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9');
		clean[n] = (char)(ok ? c : '_');
	}
	clean[n] = 0;
	(void)snprintf(name, DROP_TABLE_BYTES, "burst53_%s_%08x", clean, hash);
}

// Everything for the address, and who asks the kernel for its MAC (it would answer under proxy_arp
// or proxy_ndp): burst53 answers those.
static void put_everything(struct text *t, const struct address *a)
{
	if (a->family == 4) {
		put(t, "\t\tip daddr %s drop\n\t\tarp daddr ip %s drop\n", a->text, a->text);
		return;
	}
	put(t, "\t\tip6 daddr %s drop\n", a->text);
	// nft of Debian 12 has no name for the target of a solicitation.
	put(t, "\t\ticmpv6 type nd-neighbor-solicit @th,64,128 0x");
	for (int i = 0; i < 16; i++)
		put(t, "%02x", a->bytes[i]);
	put(t, " drop\n");
}

static void put_served_udp(struct text *t, const struct drop_rule *r, const struct address *a)
{
	if (r->n_ports == 0)
		return;
	put(t, "\t\t%s daddr %s udp dport {", a->family == 4 ? "ip" : "ip6", a->text);
	for (size_t i = 0; i < r->n_ports; i++)
		put(t, "%s %u", i == 0 ? "" : ",", r->ports[i]);
	put(t, " } drop\n");
}

int drop_rule_print(const struct drop_rule *r, char *buf, size_t size_bytes)
{
	struct text t = {.buf = buf, .size_bytes = size_bytes};

	put(&t, "add table netdev %s\ndelete table netdev %s\n", r->table, r->table);
	put(&t, "table netdev %s {\n\tchain ingress {\n", r->table);
	put(&t, "\t\ttype filter hook ingress device \"%s\" priority -500; policy accept;\n",
		r->ifname);
	for (size_t i = 0; i < r->n_addresses; i++) {
		if (r->scopes[i] == DROP_EVERYTHING)
			put_everything(&t, &r->addresses[i]);
		else
			put_served_udp(&t, r, &r->addresses[i]);
	}
	put(&t, "\t}\n}\n");
	return t.full ? -ENOSPC : 0;
}

static int run_nft(const char *ruleset, struct err *err)
{
	char nft[] = "nft", file[] = "-f", input[] = "-";
	char *argv[] = {nft, file, input, NULL};

	return tool_run(argv, ruleset, err);
}

int drop_rule_add(const struct drop_rule *r, struct err *err)
{
	static char ruleset[RULESET_BYTES]; // too large for a stack frame

	if (drop_rule_print(r, ruleset, sizeof(ruleset)) != 0)
		return err_set(err, -ENOSPC, "too many addresses and ports for one rule");
	return run_nft(ruleset, err);
}

int drop_rule_del(const char *table, struct err *err)
{
	char ruleset[2 * DROP_TABLE_BYTES + 64];

	(void)snprintf(ruleset, sizeof(ruleset), "add table netdev %s\ndelete table netdev %s\n",
		table, table);
	return run_nft(ruleset, err);
}
