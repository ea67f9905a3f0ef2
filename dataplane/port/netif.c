// SPDX-License-Identifier: Apache-2.0
// Interfaces by ioctl and packet socket. A packet socket of protocol 0 receives nothing: it is only
// there to ask through.
#include "dataplane/port/netif.h"

#include <errno.h>
#include <ifaddrs.h>
#include <linux/ethtool.h>
#include <linux/sockios.h>
#include <net/if.h>
#include <netinet/in.h>
#include <netpacket/packet.h>
#include <stdio.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <unistd.h>

int netif_check(const char *ifname, struct err *err)
{
	if (if_nametoindex(ifname) == 0)
		return err_set(err, -ENODEV, "port: there is no interface %s here", ifname);
	int fd = socket(AF_PACKET, SOCK_RAW | SOCK_CLOEXEC, 0);
	if (fd < 0 && errno == EPERM)
		return err_set(err, -EPERM,
			"port: no permission to take the frames of %s (CAP_NET_RAW and "
			"CAP_NET_ADMIN "
			"are needed)",
			ifname);
	if (fd < 0)
		return err_set(err, -errno, "port: packet socket: %s", strerror(errno));
	(void)close(fd); // nothing was written
	return 0;
}

static int request(const char *ifname, unsigned long code, struct ifreq *r)
{
	(void)snprintf(r->ifr_name, sizeof(r->ifr_name), "%s", ifname);
	int fd = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0);
	if (fd < 0)
		return -errno;
	int rc = ioctl(fd, code, r) == 0 ? 0 : -errno;
	(void)close(fd); // nothing was written
	return rc;
}

unsigned netif_mtu(const char *ifname)
{
	struct ifreq r = {0};

	return request(ifname, SIOCGIFMTU, &r) == 0 && r.ifr_mtu > 0 ? (unsigned)r.ifr_mtu : 0;
}

// True as well where a driver cannot tell.
static bool has_carrier(const char *ifname)
{
	struct ethtool_value link = {.cmd = ETHTOOL_GLINK};
	struct ifreq r = {.ifr_data = (char *)&link};

	return request(ifname, SIOCETHTOOL, &r) != 0 || link.data != 0;
}

// A carrier that is lost takes up to a second to reach the flags; one that is back needs them,
// which say that frames are sent again.
bool netif_is_running(const char *ifname)
{
	const int want = IFF_UP | IFF_RUNNING;
	struct ifreq r = {0};

	return request(ifname, SIOCGIFFLAGS, &r) == 0 && (r.ifr_flags & want) == want &&
		has_carrier(ifname);
}

static bool is_address(const struct sockaddr *sa, unsigned family, const uint8_t *bytes)
{
	if (sa == NULL)
		return false;
	if (family == 4 && sa->sa_family == AF_INET) {
		struct sockaddr_in in;
		memcpy(&in, sa, sizeof(in));
		return memcmp(&in.sin_addr, bytes, 4) == 0;
	}
	if (family == 6 && sa->sa_family == AF_INET6) {
		struct sockaddr_in6 in6;
		memcpy(&in6, sa, sizeof(in6));
		return memcmp(&in6.sin6_addr, bytes, 16) == 0;
	}
	return false;
}

bool netif_has_address(const char *ifname, unsigned family, const uint8_t *bytes)
{
	struct ifaddrs *all = NULL;
	bool found = false;

	if (getifaddrs(&all) != 0)
		return false;
	for (const struct ifaddrs *a = all; a != NULL && !found; a = a->ifa_next)
		found = strcmp(a->ifa_name, ifname) == 0 && is_address(a->ifa_addr, family, bytes);
	freeifaddrs(all);
	return found;
}

int netif_join(const char *ifname, const uint8_t (*macs)[6], size_t n)
{
	struct packet_mreq m = {.mr_ifindex = (int)if_nametoindex(ifname),
		.mr_type = PACKET_MR_MULTICAST,
		.mr_alen = 6};
	int fd = socket(AF_PACKET, SOCK_RAW | SOCK_CLOEXEC, 0);

	if (fd < 0)
		return -errno;
	for (size_t i = 0; i < n; i++) {
		memcpy(m.mr_address, macs[i], 6);
		if (setsockopt(fd, SOL_PACKET, PACKET_ADD_MEMBERSHIP, &m, sizeof(m)) != 0) {
			int rc = -errno;
			(void)close(fd); // the first failure is the one to report
			return rc;
		}
	}
	return fd;
}
