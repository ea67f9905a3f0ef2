// SPDX-License-Identifier: Apache-2.0
// This process steps into a new namespace, furnishes it, and steps back.
#include "cli/own_net.h"

#include "cli/say.h"
#include "cli/tool.h"

#include "zones/base/array.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/if_tun.h>
#include <net/if.h>
#include <sched.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>
#include <sys/ioctl.h>
#include <unistd.h>

enum { BATCH_BYTES = 8192 };

static const char tap_name[] = "burst53";

static int open_tap(struct own_net *n, struct err *err)
{
	struct ifreq r = {.ifr_flags = IFF_TAP | IFF_NO_PI | IFF_VNET_HDR};

	n->tap_fd = open("/dev/net/tun", O_RDWR | O_CLOEXEC | O_NONBLOCK);
	if (n->tap_fd < 0)
		return err_set(err, -errno, "/dev/net/tun: %s", strerror(errno));
	memcpy(r.ifr_name, tap_name, sizeof(tap_name));
	if (ioctl(n->tap_fd, TUNSETIFF, &r) != 0)
		return err_set(err, -errno, "TAP: %s", strerror(errno));
	return 0;
}

static int write_setting(const char *key, const char *value)
{
	char path[96];

	(void)snprintf(path, sizeof(path), "/proc/sys/net/%s", key); // ours are shorter
	int fd = open(path, O_WRONLY | O_CLOEXEC);
	if (fd < 0)
		return -errno;
	int rc = write(fd, value, strlen(value)) < 0 ? -errno : 0;
	(void)close(fd);
	return rc;
}

static bool has_gateway6(const struct own_net_plan *p)
{
	for (size_t i = 0; i < p->n_gateways; i++) {
		if (p->gateways[i].family == 6)
			return true;
	}
	return false;
}

// Addresses are those of the plan, and so is the gateway if it names one: whoever is on the link
// could give us others by a single packet.
static void close_ears(const struct own_net_plan *p)
{
	static const char *const keys[] = {"ipv4/conf/all/accept_redirects",
		"ipv4/conf/burst53/accept_redirects", "ipv6/conf/burst53/accept_redirects",
		"ipv6/conf/burst53/autoconf", "ipv6/conf/burst53/accept_ra"};
	size_t n = ARRAY_LEN(keys) - (has_gateway6(p) ? 0 : 1);

	for (size_t i = 0; i < n; i++) {
		int rc = write_setting(keys[i], "0");
		if (rc != 0 && rc != -ENOENT) // a kernel without IPv6
			say_warn("a setting of the served addresses' network key=%s reason=\"%s\"",
				keys[i], strerror(-rc));
	}
}

// Adds a line to the text for `ip -batch`; returns the new length, beyond size_bytes when cut.
__attribute__((format(printf, 4, 5))) static size_t add_line(
	char *text, size_t size_bytes, size_t pos, const char *fmt, ...)
{
	va_list ap;

	if (pos >= size_bytes)
		return pos;
	va_start(ap, fmt);
	int n = vsnprintf(text + pos, size_bytes - pos, fmt, ap);
	va_end(ap);
	return n < 0 ? size_bytes : pos + (size_t)n;
}

// No link-local address: it would be the one that the port's own interface has, by the same MAC.
// No duplicate detection: workers answer for the address, so the kernel would see itself.
static int print_batch(const struct own_net_plan *p, char *text, size_t size_bytes)
{
	size_t pos = add_line(text, size_bytes, 0,
		"link set lo up\nlink set %s addrgenmode none mtu %u\nlink set %s up\n", tap_name,
		p->mtu, tap_name);

	for (size_t i = 0; i < p->n_addresses; i++)
		pos = add_line(text, size_bytes, pos, "addr add %s/%u dev %s%s\n",
			p->addresses[i].text, p->addresses[i].prefix_len, tap_name,
			p->addresses[i].family == 6 ? " nodad" : "");
	for (size_t i = 0; i < p->n_gateways; i++)
		pos = add_line(text, size_bytes, pos, "route add default via %s dev %s onlink\n",
			p->gateways[i].text, tap_name);
	return pos < size_bytes ? 0 : -ENOSPC;
}

static int furnish(
	const struct own_net_plan *p, struct own_net *n, struct sockets *s, struct err *err)
{
	static char batch[BATCH_BYTES];
	char ip[] = "ip", mode[] = "-batch", input[] = "-";
	char *argv[] = {ip, mode, input, NULL};
	int rc = open_tap(n, err);

	if (rc == 0)
		close_ears(p);
	if (rc == 0)
		rc = print_batch(p, batch, sizeof(batch));
	if (rc == 0)
		rc = tool_run(argv, batch, err);
	if (rc == 0)
		rc = sockets_open(p->sockets, s, err);
	return rc;
}

// The node's own way to the addresses. Everybody else is served without it.
static void join_host(const struct own_host_plan *p, struct own_net *n)
{
	struct err err = {0};

	if (own_host_join(p, &n->host, &err) != 0)
		say_warn("this node itself does not reach the addresses reason=\"%s\"", err.text);
}

static void route_host(const struct own_host_plan *p, struct own_net *n)
{
	struct err err = {0};

	if (n->host.ifname[0] == 0 || own_host_route(p, &n->host, &err) == 0)
		return;
	say_warn("this node itself does not reach the addresses reason=\"%s\"", err.text);
	own_host_close(&n->host);
}

int own_net_open(
	const struct own_net_plan *plan, struct own_net *n, struct sockets *s, struct err *err)
{
	int home = open("/proc/self/ns/net", O_RDONLY | O_CLOEXEC);

	if (home < 0)
		return err_set(err, -errno, "own network namespace: %s", strerror(errno));
	if (unshare(CLONE_NEWNET) != 0) {
		int rc = err_set(err, -errno, "new network namespace: %s", strerror(errno));
		(void)close(home);
		return rc;
	}
	const struct own_host_plan host = {.addresses = plan->addresses,
		.n_addresses = plan->n_addresses,
		.mtu = plan->mtu,
		.home_fd = home};
	int rc = furnish(plan, n, s, err);
	if (rc == 0)
		join_host(&host, n);
	n->netns_fd = open("/proc/self/ns/net", O_RDONLY | O_CLOEXEC);
	if (rc == 0 && n->netns_fd < 0)
		rc = err_set(err, -errno, "network namespace: %s", strerror(errno));
	// Staying there would serve nobody: better not to start.
	if (setns(home, CLONE_NEWNET) != 0)
		rc = err_set(err, -ENOTRECOVERABLE, "back to our own network namespace: %s",
			strerror(errno));
	else if (rc == 0)
		route_host(&host, n);
	(void)close(home);
	return rc;
}

void own_net_close(struct own_net *n)
{
	own_host_close(&n->host);
	if (n->tap_fd >= 0)
		(void)close(n->tap_fd);
	if (n->netns_fd >= 0)
		(void)close(n->netns_fd);
	n->tap_fd = n->netns_fd = -1;
}
