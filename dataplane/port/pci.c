// SPDX-License-Identifier: Apache-2.0
// Reads sysfs, so that "DPDK found 0 devices" gets a reason.
#include "dataplane/port/pci.h"

#include "zones/base/array.h"

#include <rte_dev.h>
#include <rte_ethdev.h>

#include <errno.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

enum { NAME_BYTES = 32, PATH_BYTES = 128 };

// Drivers that leave a device to user space, and those that share it with DPDK.
static const char *const drivers[] = {
	"vfio-pci", "igb_uio", "uio_pci_generic", "mlx4_core", "mlx5_core"};

static const char *_Atomic loss; // DPDK's interrupt thread: wo, main: ro

// The last word of the link `file` of a device, or "".
static void link_read(const char *name, const char *file, char *out, size_t size_bytes)
{
	char path[PATH_BYTES], target[256];

	(void)snprintf(path, sizeof(path), "/sys/bus/pci/devices/%s/%s", name, file);
	ssize_t n = readlink(path, target, sizeof(target) - 1);
	target[n < 0 ? 0 : n] = 0;
	const char *slash = strrchr(target, '/');
	(void)snprintf(out, size_bytes, "%s", slash == NULL ? "" : slash + 1);
}

// The device's name in sysfs: with domain, without arguments.
static void name_print(const char *device, char name[NAME_BYTES])
{
	int len = (int)strcspn(device, ",");
	bool has_domain = strchr(device, ':') != NULL && strchr(device, ':') - device == 4;

	(void)snprintf(name, NAME_BYTES, "%s%.*s", has_domain ? "" : "0000:", len, device);
}

static bool is_given(const char *driver)
{
	for (size_t i = 0; i < ARRAY_LEN(drivers); i++) {
		if (strcmp(driver, drivers[i]) == 0)
			return true;
	}
	return false;
}

int pci_check(const char *device, struct err *err)
{
	char name[NAME_BYTES], path[PATH_BYTES], driver[NAME_BYTES], group[NAME_BYTES];

	name_print(device, name);
	(void)snprintf(path, sizeof(path), "/sys/bus/pci/devices/%s", name);
	if (access(path, F_OK) != 0)
		return err_set(err, -ENODEV, "port: there is no device %s: burst53 nic list", name);
	link_read(name, "driver", driver, sizeof(driver));
	if (!is_given(driver))
		return err_set(err, -EBUSY,
			"port: %s is bound to %s, not to vfio-pci: burst53 nic bind %s", name,
			driver[0] != 0 ? driver : "no driver", name);
	if (strcmp(driver, "vfio-pci") != 0)
		return 0;
	pci_group(name, group, sizeof(group));
	if (strcmp(group, "none") == 0)
		return err_set(err, -ENODEV, "port: %s has no IOMMU group: burst53 nic explain %s",
			name, name);
	if (access("/sys/module/vfio_iommu_type1", F_OK) != 0)
		return err_set(err, -ENODEV,
			"port: the kernel module vfio_iommu_type1 is missing: "
			"modprobe vfio_iommu_type1");
	return 0;
}

void pci_group(const char *name, char *group, size_t size_bytes)
{
	link_read(name, "iommu_group", group, size_bytes);
	if (group[0] == 0)
		(void)snprintf(group, size_bytes, "none");
}

static void on_removal(const char *name, enum rte_dev_event_type event, void *arg)
{
	(void)name;
	(void)arg;
	if (event == RTE_DEV_EVENT_REMOVE)
		atomic_store(&loss, "the device is taken away");
}

static int on_reset(uint16_t port_id, enum rte_eth_event_type event, void *arg, void *result)
{
	(void)port_id;
	(void)event;
	(void)arg;
	(void)result;
	atomic_store(&loss, "the physical function was reset");
	return 0;
}

void pci_watch(const char *name, uint16_t port_id)
{
	// Without the first the kernel waits for us; without the second queries stop coming.
	(void)rte_dev_event_callback_register(name, on_removal, NULL);
	(void)rte_eth_dev_callback_register(port_id, RTE_ETH_EVENT_INTR_RESET, on_reset, NULL);
}

const char *pci_loss(void)
{
	return atomic_load_explicit(&loss, memory_order_relaxed);
}
