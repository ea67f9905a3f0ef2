// SPDX-License-Identifier: Apache-2.0
// Asks rtnetlink for the functions of the physical one's interface. The socket is made before
// rights are given up.
#include "dataplane/port/vf.h"

#include "zones/base/array.h"

#include <linux/if_link.h>
#include <linux/netlink.h>
#include <linux/rtnetlink.h>

#include <dirent.h>
#include <net/if.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/time.h>
#include <unistd.h>

enum { PATH_BYTES = 320, FUNCTIONS_MAX = 256, REPLY_BYTES = 1 << 17 };

// Their physical function takes receiving and sending from them whenever it is reset, and says so
// by an interrupt that not every machine delivers. The functions of other cards go on, or tell.
static const char *const dependent[] = {"net_e1000_igb_vf", "net_ixgbe_vf"};

static bool is_dependent(const char *driver)
{
	for (size_t i = 0; i < ARRAY_LEN(dependent); i++) {
		if (strcmp(driver, dependent[i]) == 0)
			return true;
	}
	return false;
}

// Index of the first interface of the physical function; 0 without one.
static int interface_of(const char *devices, const char *device)
{
	char path[PATH_BYTES];
	int index = 0;

	(void)snprintf(path, sizeof(path), "%s/%s/physfn/net", devices, device);
	DIR *dir = opendir(path);
	if (dir == NULL)
		return 0;
	for (const struct dirent *e = readdir(dir); e != NULL && index == 0; e = readdir(dir)) {
		if (e->d_name[0] != '.')
			index = (int)if_nametoindex(e->d_name);
	}
	(void)closedir(dir);
	return index;
}

// Which of the physical function's links leads to the device.
static bool find_number(const char *devices, const char *device, unsigned *number)
{
	char path[PATH_BYTES], target[256];

	for (unsigned i = 0; i < FUNCTIONS_MAX; i++) {
		(void)snprintf(path, sizeof(path), "%s/%s/physfn/virtfn%u", devices, device, i);
		ssize_t n = readlink(path, target, sizeof(target) - 1);
		if (n < 0)
			return false;
		target[n] = 0;
		const char *slash = strrchr(target, '/');
		if (slash != NULL && strcmp(slash + 1, device) == 0) {
			*number = i;
			return true;
		}
	}
	return false;
}

static bool ask(const struct vf *vf)
{
	struct {
		struct nlmsghdr head;
		struct ifinfomsg link;
		struct rtattr attr;
		uint32_t mask;
	} q = {.head = {.nlmsg_len = sizeof(q),
		       .nlmsg_type = RTM_GETLINK,
		       .nlmsg_flags = NLM_F_REQUEST},
		.link = {.ifi_family = AF_UNSPEC, .ifi_index = vf->index},
		.attr = {.rta_len = RTA_LENGTH(sizeof(uint32_t)), .rta_type = IFLA_EXT_MASK},
		.mask = RTEXT_FILTER_VF | RTEXT_FILTER_SKIP_STATS};

	return send(vf->fd, &q, sizeof(q), 0) == (ssize_t)sizeof(q);
}

// The attribute of a type among those in size bytes, or NULL.
static struct rtattr *find(struct rtattr *a, size_t size, unsigned type)
{
	int left = (int)size;

	for (; RTA_OK(a, left); a = RTA_NEXT(a, left)) {
		if ((a->rta_type & NLA_TYPE_MASK) == type)
			return a;
	}
	return NULL;
}

static bool take_mac(struct rtattr *list, unsigned number, uint8_t mac[6])
{
	struct rtattr *info = RTA_DATA(list);
	int left = (int)RTA_PAYLOAD(list);

	for (; RTA_OK(info, left); info = RTA_NEXT(info, left)) {
		struct rtattr *a = find(RTA_DATA(info), RTA_PAYLOAD(info), IFLA_VF_MAC);
		struct ifla_vf_mac m;
		if (a == NULL || RTA_PAYLOAD(a) < sizeof(m))
			continue;
		memcpy(&m, RTA_DATA(a), sizeof(m));
		if (m.vf != number)
			continue;
		memcpy(mac, m.mac, 6);
		return true;
	}
	return false;
}

// The attributes behind the header of a message about a link.
static bool take_side(const struct ifinfomsg *link, struct rtattr *first, size_t size,
	unsigned number, struct vf_side *out)
{
	struct rtattr *list = find(first, size, IFLA_VFINFO_LIST);
	struct rtattr *changes = find(first, size, IFLA_CARRIER_CHANGES);

	*out = (struct vf_side){.is_up = (link->ifi_flags & IFF_UP) != 0,
		.is_running = (link->ifi_flags & IFF_RUNNING) != 0};
	if (changes != NULL && RTA_PAYLOAD(changes) >= sizeof(out->changes))
		memcpy(&out->changes, RTA_DATA(changes), sizeof(out->changes));
	return list != NULL && take_mac(list, number, out->mac);
}

// Only the main thread asks.
static bool read_side(const struct vf *vf, struct vf_side *out)
{
	static _Alignas(struct nlmsghdr) char reply[REPLY_BYTES];
	const size_t before = NLMSG_SPACE(sizeof(struct ifinfomsg));

	if (!ask(vf))
		return false;
	ssize_t n = recv(vf->fd, reply, sizeof(reply), 0);
	struct nlmsghdr *head = (struct nlmsghdr *)(void *)reply;
	if (n < 0 || !NLMSG_OK(head, (size_t)n) || head->nlmsg_type != RTM_NEWLINK ||
		head->nlmsg_len < before)
		return false;
	return take_side(NLMSG_DATA(head), (struct rtattr *)(void *)(reply + before),
		head->nlmsg_len - before, vf->number, out);
}

void vf_open(const char *devices, const char *device, const char *driver, struct vf *vf)
{
	const struct timeval wait = {.tv_sec = 1};

	*vf = (struct vf){.fd = -1,
		.index = interface_of(devices, device),
		.is_dependent = is_dependent(driver)};
	if (vf->index == 0 || !find_number(devices, device, &vf->number))
		return;
	vf->fd = socket(AF_NETLINK, SOCK_RAW | SOCK_CLOEXEC, NETLINK_ROUTE);
	if (vf->fd < 0)
		return;
	(void)setsockopt(vf->fd, SOL_SOCKET, SO_RCVTIMEO, &wait, sizeof(wait));
	if (!read_side(vf, &vf->start))
		vf_close(vf);
}

void vf_close(struct vf *vf)
{
	if (vf->fd >= 0)
		(void)close(vf->fd); // nothing was written
	vf->fd = -1;
}

const char *vf_loss(struct vf *vf)
{
	struct vf_side now;

	if (vf->fd < 0 || !read_side(vf, &now))
		return NULL;
	if (memcmp(now.mac, vf->start.mac, sizeof(now.mac)) != 0)
		return "the host has given the virtual function another MAC";
	vf->is_stopped = vf->is_dependent && !now.is_up;
	// Not before it works again: a new process would get a MAC made up by the driver.
	if (vf->is_dependent && now.is_up && now.is_running && now.changes != vf->start.changes)
		return "the physical function was down or reset";
	return NULL;
}
