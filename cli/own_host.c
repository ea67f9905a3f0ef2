// SPDX-License-Identifier: Apache-2.0
// A veth pair with addresses of its own, which the node's questions come from: replies then take
// the same way back whatever addresses the node has. Each instance has one of 64 small networks.
#include "cli/own_host.h"

#include "cli/tool.h"

#include <errno.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

enum { BATCH_BYTES = 8192, NETWORKS = 64 };

const char *const own_host_networks[2] = {"169.254.53.0/24", "fdb5:3000::/64"};

static const char inner[] = "node";

struct batch {
	char text[BATCH_BYTES];
	size_t pos; // beyond BATCH_BYTES: cut
};

__attribute__((format(printf, 2, 3))) static void add(struct batch *b, const char *fmt, ...)
{
	va_list ap;

	if (b->pos >= BATCH_BYTES)
		return;
	va_start(ap, fmt);
	int n = vsnprintf(b->text + b->pos, BATCH_BYTES - b->pos, fmt, ap);
	va_end(ap);
	b->pos += n < 0 ? BATCH_BYTES : (size_t)n;
}

static int run_batch(const struct batch *b, struct err *err)
{
	char ip[] = "ip", mode[] = "-batch", input[] = "-";
	char *argv[] = {ip, mode, input, NULL};

	return b->pos < BATCH_BYTES ? tool_run(argv, b->text, err)
				    : err_set(err, -ENOSPC, "too many addresses");
}

static bool has_family(const struct own_host_plan *p, uint8_t family)
{
	bool found = false;

	for (size_t i = 0; i < p->n_addresses; i++)
		found |= p->addresses[i].family == family;
	return found;
}

static unsigned network_base(void)
{
	return (unsigned)getpid() % NETWORKS * 4;
}

// Brings one end up; its addresses are the network's first (the node's) or second.
static void add_end(
	struct batch *b, const struct own_host_plan *p, const char *ifname, unsigned which)
{
	unsigned n = network_base() + which;

	add(b, "link set %s addrgenmode none mtu %u up\n", ifname, p->mtu);
	if (has_family(p, 4))
		add(b, "addr add 169.254.53.%u/30 dev %s\n", n, ifname);
	if (has_family(p, 6))
		add(b, "addr add fdb5:3000::%x/126 dev %s nodad\n", n, ifname);
}

int own_host_join(const struct own_host_plan *p, struct own_host *h, struct err *err)
{
	static struct batch b; // too large for a stack frame

	b.pos = 0;
	(void)snprintf(h->ifname, sizeof(h->ifname), "b53-%x", (unsigned)getpid());
	add(&b, "link add %s type veth peer name %s netns /proc/%d/fd/%d\n", inner, h->ifname,
		(int)getpid(), p->home_fd);
	add_end(&b, p, inner, 2);
	int rc = run_batch(&b, err);
	if (rc != 0)
		h->ifname[0] = 0;
	return rc;
}

int own_host_route(const struct own_host_plan *p, const struct own_host *h, struct err *err)
{
	static struct batch b; // too large for a stack frame
	unsigned n = network_base();

	b.pos = 0;
	add_end(&b, p, h->ifname, 1);
	for (size_t i = 0; i < p->n_addresses; i++) {
		const struct address *a = &p->addresses[i];
		if (a->family == 4)
			add(&b, "route replace %s/32 via 169.254.53.%u dev %s src 169.254.53.%u\n",
				a->text, n + 2, h->ifname, n + 1);
		else
			add(&b, "route replace %s/128 via fdb5:3000::%x dev %s src fdb5:3000::%x\n",
				a->text, n + 2, h->ifname, n + 1);
	}
	return run_batch(&b, err);
}

void own_host_close(struct own_host *h)
{
	char ip[] = "ip", link[] = "link", del[] = "del";
	char *argv[] = {ip, link, del, h->ifname, NULL};
	struct err err = {0};

	if (h->ifname[0] != 0)
		(void)tool_run(argv, "", &err); // it ends with the namespace all the same
	h->ifname[0] = 0;
}
