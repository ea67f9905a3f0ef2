// SPDX-License-Identifier: Apache-2.0
// By the system's own ip and nft. The table replaces itself in one transaction, so adding it again
// is also the repair.
#include "cli/nodelocal_net.h"

#include "cli/net_link.h"
#include "cli/say.h"
#include "cli/tool.h"

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>

enum { RULES_BYTES = 16 << 10, COMMAND_BYTES = 256 };

#define TABLE "inet burst53_nodelocal"

struct text {
	char *buf;
	size_t size_bytes, pos;
};

__attribute__((format(printf, 2, 3))) static void put(struct text *t, const char *fmt, ...)
{
	va_list ap;

	if (t->pos >= t->size_bytes)
		return;
	va_start(ap, fmt);
	int n = vsnprintf(t->buf + t->pos, t->size_bytes - t->pos, fmt, ap);
	va_end(ap);
	t->pos += n < 0 ? t->size_bytes : (size_t)n;
}

static int run_ip(const char *commands, struct err *err)
{
	char ip[] = "ip", batch[] = "-batch", input[] = "-";
	char *argv[] = {ip, batch, input, NULL};

	return tool_run(argv, commands, err);
}

static int run_nft(const char *rules, struct err *err)
{
	char nft[] = "nft", file[] = "-f", input[] = "-";
	char *argv[] = {nft, file, input, NULL};

	return tool_run(argv, rules, err);
}

static int link_make(const struct nodelocal_options *o, struct nodelocal_net *net)
{
	char command[COMMAND_BYTES];
	struct net_link link;
	struct err why = {0};

	if (net_link_find(o->ifname, &link, &why) == 0)
		return 0;
	why = (struct err){0};
	(void)snprintf(command, sizeof(command), "link add %s type dummy\n", o->ifname);
	int rc = run_ip(command, &why);
	if (rc == 0)
		return 0;
	if (!net->is_on_loopback)
		say_warn("no dummy link can be made here, the addresses go on the loopback "
			 "interface link=%s reason=\"%s\"",
			o->ifname, why.text);
	net->is_on_loopback = true;
	return rc;
}

int nodelocal_link_add(
	const struct nodelocal_options *o, struct nodelocal_net *net, struct err *err)
{
	char command[COMMAND_BYTES];
	char owner[IFNAMSIZ];
	int rc = 0;

	if (!net->is_on_loopback)
		(void)link_make(o, net); // on failure it is the loopback
	const char *link = net->is_on_loopback ? "lo" : o->ifname;
	for (size_t i = 0; i < o->n_addresses && rc == 0; i++) {
		const struct address *a = &o->addresses[i];
		if (net_link_owner(a, owner) == 0 && owner[0] != 0)
			continue;
		(void)snprintf(command, sizeof(command),
			"link set %s up\naddr add %s/%u dev %s%s\n", link, a->text,
			a->family == 4 ? 32u : 128u, link, a->family == 6 ? " nodad" : "");
		rc = run_ip(command, err);
	}
	return rc;
}

bool nodelocal_link_is_there(const struct nodelocal_options *o)
{
	char owner[IFNAMSIZ];

	for (size_t i = 0; i < o->n_addresses; i++) {
		if (net_link_owner(&o->addresses[i], owner) != 0 || owner[0] == 0)
			return false;
	}
	return true;
}

void nodelocal_link_del(const struct nodelocal_options *o, const struct nodelocal_net *net)
{
	char command[COMMAND_BYTES];
	struct err err = {0};

	if (!net->is_on_loopback) {
		(void)snprintf(command, sizeof(command), "link del %s\n", o->ifname);
		if (run_ip(command, &err) != 0)
			say_warn("the link stays link=%s reason=\"%s\"", o->ifname, err.text);
		return;
	}
	for (size_t i = 0; i < o->n_addresses; i++) {
		const struct address *a = &o->addresses[i];
		(void)snprintf(command, sizeof(command), "addr del %s/%u dev lo\n", a->text,
			a->family == 4 ? 32u : 128u);
		err = (struct err){0};
		if (run_ip(command, &err) != 0)
			say_warn("the address stays address=%s reason=\"%s\"", a->text, err.text);
	}
}

// Questions to the addresses and answers from them; the health check's port on our own way out.
static void put_chain(
	struct text *t, const struct nodelocal_options *o, const char *hook, bool is_output)
{
	put(t, "\tchain %s {\n\t\ttype filter hook %s priority raw; policy accept;\n", hook, hook);
	for (size_t i = 0; i < o->n_addresses; i++) {
		const struct address *a = &o->addresses[i];
		const char *ip = a->family == 4 ? "ip" : "ip6";
		put(t, "\t\t%s daddr %s meta l4proto { tcp, udp } th dport 53 notrack\n", ip,
			a->text);
		if (!is_output)
			continue;
		put(t, "\t\t%s saddr %s meta l4proto { tcp, udp } th sport 53 notrack\n", ip,
			a->text);
		put(t, "\t\t%s daddr %s tcp dport %u notrack\n", ip, a->text, o->health_port);
		put(t, "\t\t%s saddr %s tcp sport %u notrack\n", ip, a->text, o->health_port);
	}
	put(t, "\t}\n");
}

int nodelocal_rules_print(const struct nodelocal_options *o, char *buf, size_t size_bytes)
{
	struct text t = {.buf = buf, .size_bytes = size_bytes};

	put(&t, "add table " TABLE "\ndelete table " TABLE "\ntable " TABLE " {\n");
	put_chain(&t, o, "prerouting", false);
	put_chain(&t, o, "output", true);
	put(&t, "}\n");
	return t.pos < t.size_bytes ? 0 : -ENOSPC;
}

int nodelocal_rules_add(const struct nodelocal_options *o, struct err *err)
{
	static char rules[RULES_BYTES]; // too large for a stack frame

	if (nodelocal_rules_print(o, rules, sizeof(rules)) != 0)
		return err_set(err, -ENOSPC, "too many addresses for one table");
	return run_nft(rules, err);
}

void nodelocal_rules_del(void)
{
	struct err err = {0};

	if (run_nft("add table " TABLE "\ndelete table " TABLE "\n", &err) != 0)
		say_warn("the rules stay table=\"" TABLE "\" reason=\"%s\"", err.text);
}
