// SPDX-License-Identifier: Apache-2.0
// Asks the kernel by ioctl and getifaddrs: few questions, asked once at start.
#include "cli/net_link.h"

#include <errno.h>
#include <ifaddrs.h>
#include <net/if_arp.h>
#include <stdio.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <unistd.h>

static int read_facts(int sock, struct net_link *out)
{
	struct ifreq req = {0};

	memcpy(req.ifr_name, out->name, sizeof(req.ifr_name));
	if (ioctl(sock, SIOCGIFINDEX, &req) != 0)
		return -errno;
	out->index = req.ifr_ifindex;
	if (ioctl(sock, SIOCGIFMTU, &req) != 0)
		return -errno;
	out->mtu = (unsigned)req.ifr_mtu;
	if (ioctl(sock, SIOCGIFFLAGS, &req) != 0)
		return -errno;
	out->is_up = (req.ifr_flags & IFF_UP) != 0;
	out->has_arp = (req.ifr_flags & (IFF_NOARP | IFF_LOOPBACK)) == 0;
	if (ioctl(sock, SIOCGIFHWADDR, &req) != 0)
		return -errno;
	if (req.ifr_hwaddr.sa_family != ARPHRD_ETHER)
		out->has_arp = false;
	memcpy(out->mac, req.ifr_hwaddr.sa_data, sizeof(out->mac));
	return 0;
}

int net_link_find(const char *name, struct net_link *out, struct err *err)
{
	memset(out, 0, sizeof(*out));
	(void)snprintf(out->name, sizeof(out->name), "%s", name); // length was checked
	int sock = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);
	if (sock < 0)
		return err_set(err, -errno, "no socket: %s", strerror(errno));
	int rc = read_facts(sock, out);
	(void)close(sock);
	if (rc == -ENODEV)
		return err_set(err, rc, "there is no interface %s", name);
	if (rc != 0)
		return err_set(err, rc, "interface %s: %s", name, strerror(-rc));
	return 0;
}

static bool is_address_of(const struct address *a, const struct sockaddr *sa)
{
	struct sockaddr_in in4;
	struct sockaddr_in6 in6;

	if (sa == NULL)
		return false;
	if (a->family == 4 && sa->sa_family == AF_INET) {
		memcpy(&in4, sa, sizeof(in4));
		return memcmp(&in4.sin_addr, a->bytes, 4) == 0;
	}
	if (a->family == 6 && sa->sa_family == AF_INET6) {
		memcpy(&in6, sa, sizeof(in6));
		return memcmp(&in6.sin6_addr, a->bytes, 16) == 0;
	}
	return false;
}

int net_link_owner(const struct address *a, char *ifname)
{
	struct ifaddrs *all;

	ifname[0] = 0;
	if (getifaddrs(&all) != 0)
		return -errno;
	for (const struct ifaddrs *i = all; i != NULL && ifname[0] == 0; i = i->ifa_next) {
		if (is_address_of(a, i->ifa_addr))
			(void)snprintf(ifname, IFNAMSIZ, "%.*s", IFNAMSIZ - 1, i->ifa_name);
	}
	freeifaddrs(all);
	return 0;
}
