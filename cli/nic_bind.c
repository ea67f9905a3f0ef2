// SPDX-License-Identifier: Apache-2.0
// Hands a card over by driver_override (Documentation/ABI/testing/sysfs-bus-pci): only this card is
// meant, whatever others have the same numbers.
#include "cli/nic.h"

#include "cli/nic_file.h"
#include "cli/tool.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

static const char drivers_dir[] = "/sys/bus/pci";

// Without the modules vfio-pci cannot be bound, or DPDK finds "no supported IOMMU".
static int load_modules(const char *root, struct err *err)
{
	char modprobe[] = "modprobe", all[] = "-a", pci[] = "vfio-pci",
	     type1[] = "vfio_iommu_type1";
	char *argv[] = {modprobe, all, pci, type1, NULL};
	bool is_loaded = nic_file_exists(root, "/sys/bus/pci/drivers/vfio-pci") &&
		nic_file_exists(root, "/sys/module/vfio_iommu_type1");

	if (is_loaded)
		return 0;
	if (root[0] != 0)
		return err_set(err, -ENOENT, "vfio-pci or vfio_iommu_type1 is not loaded");
	return tool_run_slow(argv, err);
}

static int write_device(
	const char *root, const char *address, const char *file, const char *text, struct err *err)
{
	int rc = nic_file_write(text, "%s%s/devices/%s/%s", root, drivers_dir, address, file);

	return rc == 0 ? 0 : err_set(err, rc, "%s of %s: %s", file, address, strerror(-rc));
}

// Takes the card from its driver, and lets the bus choose again.
static int probe_again(const char *root, const struct nic *n, struct err *err)
{
	int rc = n->driver[0] == 0
		? 0
		: write_device(root, n->address, "driver/unbind", n->address, err);

	if (rc != 0)
		return rc;
	rc = nic_file_write(n->address, "%s%s/drivers_probe", root, drivers_dir);
	return rc == 0 ? 0 : err_set(err, rc, "no driver took %s: %s", n->address, strerror(-rc));
}

static int expect_driver(const char *root, const struct nic *n, const char *driver, struct err *err)
{
	char now[NIC_NAME_BYTES];

	nic_link_read(now, sizeof(now), "%s%s/devices/%s/driver", root, drivers_dir, n->address);
	if (strcmp(now, driver) == 0)
		return 0;
	return err_set(err, -EIO, "%s is bound to %s, not to %s: see the kernel's log", n->address,
		now[0] != 0 ? now : "no driver", driver);
}

// As it was: a card that vfio-pci does not take must not be lost to the kernel.
static void give_back(const char *root, const struct nic *n)
{
	struct err ignored = {0};

	(void)write_device(root, n->address, "driver_override", "\n", &ignored);
	(void)nic_file_write(n->address, "%s%s/drivers_probe", root, drivers_dir);
}

int nic_bind(const char *root, const struct nic *n, bool is_forced, struct err *err)
{
	if (nic_is_shared(n))
		return err_set(err, -EINVAL,
			"%s stays with %s, which shares it with DPDK: run "
			"--port %s",
			n->address, n->driver, n->address);
	if (strcmp(n->driver, "vfio-pci") == 0)
		return 0;
	if (n->group[0] == 0)
		return err_set(err, -ENODEV, "%s has no IOMMU group: burst53 nic explain %s",
			n->address, n->address);
	if (n->is_used && !is_forced)
		return err_set(err, -EBUSY,
			"%s has routes, addresses or a bond, which this would cut off: --force",
			n->ifname);
	int rc = load_modules(root, err);
	if (rc == 0)
		rc = write_device(root, n->address, "driver_override", "vfio-pci", err);
	if (rc == 0)
		rc = probe_again(root, n, err);
	if (rc == 0)
		rc = expect_driver(root, n, "vfio-pci", err);
	if (rc != 0)
		give_back(root, n);
	return rc;
}

int nic_unbind(const char *root, const struct nic *n, struct err *err)
{
	int rc = write_device(root, n->address, "driver_override", "\n", err);

	if (rc != 0 || (n->driver[0] != 0 && !nic_is_given(n)))
		return rc;
	return probe_again(root, n, err);
}
