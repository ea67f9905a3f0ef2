// SPDX-License-Identifier: Apache-2.0
// Reads /sys/bus/pci/devices and what hangs on a device there.
#include "cli/nic.h"

#include "cli/nic_file.h"

#include "zones/base/array.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { CLASS_ETHERNET = 0x0200, CLASS_BRIDGE = 0x06, MLX = 0x15b3 };

static const char devices[] = "/sys/bus/pci/devices";

static unsigned number(const char *root, const char *address, const char *file)
{
	char text[NIC_NAME_BYTES];

	if (!nic_file_read(text, sizeof(text), "%s%s/%s/%s", root, devices, address, file))
		return 0;
	return (unsigned)strtoul(text, NULL, 0);
}

static bool is_network(const char *root, const char *address)
{
	return number(root, address, "class") >> 8 == CLASS_ETHERNET;
}

bool nic_is_given(const struct nic *n)
{
	static const char *const drivers[] = {"vfio-pci", "igb_uio", "uio_pci_generic"};

	for (size_t i = 0; i < ARRAY_LEN(drivers); i++) {
		if (strcmp(n->driver, drivers[i]) == 0)
			return true;
	}
	return false;
}

bool nic_is_shared(const struct nic *n)
{
	return n->vendor == MLX && strncmp(n->driver, "mlx", 3) == 0;
}

struct neighbours {
	const char *root;
	struct nic *n;
};

// Bridges may stay: vfio minds only end points (Documentation/driver-api/vfio.rst).
static bool look_at_neighbour(const char *address, void *arg)
{
	const struct neighbours *ctx = arg;
	char driver[NIC_NAME_BYTES];

	if (strcmp(address, ctx->n->address) == 0 ||
		number(ctx->root, address, "class") >> 16 == CLASS_BRIDGE)
		return true;
	nic_link_read(driver, sizeof(driver), "%s%s/%s/driver", ctx->root, devices, address);
	if (driver[0] == 0 || strcmp(driver, "vfio-pci") == 0)
		return true;
	(void)snprintf(ctx->n->neighbour, sizeof(ctx->n->neighbour), "%s", address);
	return false;
}

static bool take_first(const char *name, void *arg)
{
	(void)snprintf(arg, NIC_NAME_BYTES, "%s", name);
	return false;
}

static bool count_queue(const char *name, void *arg)
{
	if (strncmp(name, "rx-", 3) == 0)
		(*(unsigned *)arg)++;
	return true;
}

static bool is_line_of(const char *line, const char *ifname, bool is_last)
{
	size_t len = strlen(ifname), size = strcspn(line, "\n");

	if (!is_last)
		return strncmp(line, ifname, len) == 0 && (line[len] == '\t' || line[len] == ' ');
	return size > len && strncmp(line + size - len, ifname, len) == 0 &&
		line[size - len - 1] == ' ';
}

static bool found_one(const char *name, void *arg)
{
	(void)name;
	*(bool *)arg = true;
	return false;
}

// A port of a bond, bridge or VLAN: routes and addresses name that, not the port.
static bool is_below(const char *root, const char *ifname)
{
	bool found = false;

	nic_dir_walk(found_one, &found, "master", "%s/sys/class/net/%s", root, ifname);
	nic_dir_walk(found_one, &found, "upper_", "%s/sys/class/net/%s", root, ifname);
	return found;
}

// Link-local addresses (scope 20) are everywhere and nobody's.
static bool is_used(const char *root, const char *ifname)
{
	static const char *const files[] = {"/proc/net/route", "/proc/net/if_inet6"};
	bool found = is_below(root, ifname);

	for (size_t i = 0; i < ARRAY_LEN(files) && !found; i++) {
		char path[NIC_PATH_BYTES], line[256];
		(void)snprintf(path, sizeof(path), "%s%s", root, files[i]);
		FILE *f = fopen(path, "re");
		while (f != NULL && !found && fgets(line, sizeof(line), f) != NULL)
			found = is_line_of(line, ifname, i == 1) &&
				(i == 0 || strstr(line, " 20 ") == NULL);
		if (f != NULL)
			(void)fclose(f); // only read
	}
	return found;
}

// The interface hangs on the device, or one step lower (virtio).
static void read_interface(const char *root, struct nic *n)
{
	char text[NIC_NAME_BYTES], at[NIC_PATH_BYTES], child[NIC_NAME_BYTES] = "";

	(void)snprintf(at, sizeof(at), "%s%s/%s", root, devices, n->address);
	nic_dir_walk(take_first, n->ifname, NULL, "%s/net", at);
	if (n->ifname[0] == 0) {
		nic_dir_walk(take_first, child, "virtio", "%s", at);
		if (child[0] != 0)
			nic_dir_walk(take_first, n->ifname, NULL, "%s/%s/net", at, child);
	}
	if (n->ifname[0] == 0)
		return;
	(void)snprintf(at, sizeof(at), "%s/sys/class/net/%s", root, n->ifname);
	(void)nic_file_read(n->mac, sizeof(n->mac), "%s/address", at);
	n->has_carrier =
		nic_file_read(text, sizeof(text), "%s/carrier", at) && strcmp(text, "1") == 0;
	nic_dir_walk(count_queue, &n->queues, "rx-", "%s/queues", at);
	n->is_used = is_used(root, n->ifname);
}

static void read_physical(const char *root, struct nic *n)
{
	nic_link_read(
		n->physical, sizeof(n->physical), "%s%s/%s/physfn", root, devices, n->address);
	if (n->physical[0] != 0)
		nic_dir_walk(
			take_first, n->physical, NULL, "%s%s/%s/net", root, devices, n->physical);
}

static void read_device(const char *root, const char *address, struct nic *n)
{
	char text[NIC_NAME_BYTES];
	struct neighbours ctx = {root, n};

	*n = (struct nic){.numa = -1};
	(void)snprintf(n->address, sizeof(n->address), "%s", address);
	n->vendor = number(root, address, "vendor");
	n->device = number(root, address, "device");
	n->vfs = number(root, address, "sriov_numvfs");
	n->vfs_max = number(root, address, "sriov_totalvfs");
	if (nic_file_read(text, sizeof(text), "%s%s/%s/numa_node", root, devices, address))
		n->numa = (int)strtol(text, NULL, 10);
	nic_link_read(n->driver, sizeof(n->driver), "%s%s/%s/driver", root, devices, address);
	nic_link_read(n->group, sizeof(n->group), "%s%s/%s/iommu_group", root, devices, address);
	nic_dir_walk(look_at_neighbour, &ctx, NULL, "%s%s/%s/iommu_group/devices", root, devices,
		address);
	read_physical(root, n);
	read_interface(root, n);
}

struct listing {
	const char *root;
	struct nic *list;
	size_t n;
};

static bool add_nic(const char *address, void *arg)
{
	struct listing *l = arg;

	if (is_network(l->root, address) && l->n < NICS_MAX)
		read_device(l->root, address, &l->list[l->n++]);
	return true;
}

static int compare(const void *a, const void *b)
{
	return strcmp(((const struct nic *)a)->address, ((const struct nic *)b)->address);
}

size_t nic_list(const char *root, struct nic list[NICS_MAX])
{
	struct listing l = {.root = root, .list = list};

	nic_dir_walk(add_nic, &l, NULL, "%s%s", root, devices);
	qsort(list, l.n, sizeof(list[0]), compare);
	return l.n;
}

int nic_read(const char *root, const char *name, struct nic *n, struct err *err)
{
	static struct nic list[NICS_MAX];
	bool has_domain = strcspn(name, ":") == 4;
	size_t count = nic_list(root, list);
	char address[NIC_NAME_BYTES];

	(void)snprintf(address, sizeof(address), "%s%.20s", has_domain ? "" : "0000:", name);
	for (size_t i = 0; i < count; i++) {
		bool is_interface = name[0] != 0 && strcmp(list[i].ifname, name) == 0;
		if (strcmp(list[i].address, address) != 0 && !is_interface)
			continue;
		*n = list[i];
		return 0;
	}
	return err_set(err, -ENODEV, "there is no network card '%.40s': burst53 nic list", name);
}
