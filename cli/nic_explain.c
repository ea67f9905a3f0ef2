// SPDX-License-Identifier: Apache-2.0
// What stands between a card and burst53, from firmware to cable, with the command that mends it.
#include "cli/nic.h"

#include "cli/hugepages.h"
#include "cli/nic_file.h"

#include "zones/base/array.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

static struct nic_check *check_add(struct nic_report *r, const char *name, enum nic_state state)
{
	struct nic_check *c = &r->checks[r->n < NIC_CHECKS_MAX ? r->n++ : NIC_CHECKS_MAX - 1];

	*c = (struct nic_check){.name = name, .state = state};
	return c;
}

__attribute__((format(printf, 2, 3))) static void say(struct nic_check *c, const char *fmt, ...)
{
	va_list ap;

	va_start(ap, fmt);
	(void)vsnprintf(c->text, sizeof(c->text), fmt, ap);
	va_end(ap);
}

__attribute__((format(printf, 2, 3))) static void advise(struct nic_check *c, const char *fmt, ...)
{
	va_list ap;

	va_start(ap, fmt);
	(void)vsnprintf(c->remedy, sizeof(c->remedy), fmt, ap);
	va_end(ap);
}

static bool is_asked_for(const char *root)
{
	char line[2048];

	return nic_file_read(line, sizeof(line), "%s/proc/cmdline", root) &&
		(strstr(line, "intel_iommu=on") != NULL || strstr(line, "amd_iommu=on") != NULL);
}

static void explain_iommu(const char *root, const struct nic *n, struct nic_report *r)
{
	struct nic_check *c = check_add(r, "iommu", n->group[0] != 0 ? NIC_GOOD : NIC_TODO);

	if (n->group[0] != 0 && n->neighbour[0] == 0) {
		say(c, "group %s, nobody else's", n->group);
		return;
	}
	if (n->group[0] != 0) {
		c->state = NIC_TODO;
		say(c, "group %s also has %s, which the kernel uses", n->group, n->neighbour);
		advise(c, "put the card into another slot, or give up %s too", n->neighbour);
		return;
	}
	say(c, "no group: nothing keeps the card off other memory, so vfio-pci refuses it");
	if (is_asked_for(root))
		advise(c,
			"switch VT-d or AMD-Vi on in the firmware (in a virtual machine: give it "
			"a virtual IOMMU)");
	else
		advise(c,
			"boot with intel_iommu=on (AMD: amd_iommu=on), VT-d or AMD-Vi switched "
			"on in the firmware");
}

static void explain_modules(const char *root, struct nic_report *r)
{
	bool has_pci = nic_file_exists(root, "/sys/bus/pci/drivers/vfio-pci");
	bool has_type1 = nic_file_exists(root, "/sys/module/vfio_iommu_type1");
	struct nic_check *c = check_add(r, "modules", has_pci && has_type1 ? NIC_GOOD : NIC_TODO);

	say(c, "vfio-pci %s, vfio_iommu_type1 %s", has_pci ? "loaded" : "missing",
		has_type1 ? "loaded" : "missing");
	if (c->state == NIC_TODO)
		advise(c, "modprobe -a vfio-pci vfio_iommu_type1");
}

static void explain_driver(const struct nic *n, struct nic_report *r)
{
	struct nic_check *c = check_add(r, "driver", NIC_GOOD);

	if (nic_is_shared(n)) {
		say(c, "%s, which shares the card with DPDK: nothing to bind", n->driver);
		return;
	}
	say(c, "%s", n->driver[0] != 0 ? n->driver : "none");
	if (nic_is_given(n))
		return;
	c->state = NIC_TODO;
	if (n->is_used)
		advise(c, "move what uses %s to another interface, then burst53 nic bind %s",
			n->ifname, n->address);
	else
		advise(c, "burst53 nic bind %s", n->address);
}

static void explain_interface(const struct nic *n, struct nic_report *r)
{
	struct nic_check *c = check_add(r, "interface", NIC_GOOD);

	if (n->ifname[0] == 0) {
		say(c, "none: the kernel does not use the card");
		return;
	}
	say(c, "%s%s", n->ifname,
		n->is_used ? ", which has routes, addresses or a bond: they go with it"
			   : ", unused");
	if (n->is_used)
		c->state = NIC_NOTE;
}

static void explain_link(const struct nic *n, struct nic_report *r)
{
	struct nic_check *c = check_add(r, "link", NIC_NOTE);

	if (n->ifname[0] == 0) {
		say(c, "only the dataplane knows: /ready says no without one");
		return;
	}
	c->state = n->has_carrier ? NIC_GOOD : NIC_NOTE;
	if (n->has_carrier)
		say(c, "up");
	else
		say(c, "down, or the interface is: ip link set %s up", n->ifname);
}

static void explain_hugepages(const char *root, unsigned memory_mb, struct nic_report *r)
{
	unsigned long mb = hugepages_free_mb(root);
	struct nic_check *c = check_add(r, "hugepages", mb >= memory_mb ? NIC_GOOD : NIC_TODO);

	say(c, "%lu MB free, %u MB needed", mb, memory_mb);
	if (c->state == NIC_TODO)
		advise(c, "sysctl -w vm.nr_hugepages=%lu", hugepages_wanted(root, memory_mb));
}

static void explain_queues(const struct nic *n, struct nic_report *r)
{
	struct nic_check *c = check_add(r, "queues", NIC_GOOD);

	if (n->queues == 0)
		say(c, "the dataplane's line `port opened` has them: as many as --workers");
	else
		say(c, "%u under the kernel: --workers %u at most", n->queues, n->queues);
}

// The vendors whose drivers dataplane/port/offload.c believes.
static void explain_offloads(const struct nic *n, struct nic_report *r)
{
	static const unsigned fillers[] = {0x8086, 0x15b3, 0x14e4}; // Intel, Mellanox, Broadcom
	struct nic_check *c = check_add(r, "offloads", NIC_GOOD);
	bool is_filler = false;

	for (size_t i = 0; i < ARRAY_LEN(fillers); i++)
		is_filler |= n->vendor == fillers[i];
	say(c,
		"UDP checksums by %s; several queues by RSS over addresses and ports, ND by a "
		"multicast filter where the card has them: `port opened` says what is used",
		is_filler ? "the card" : "software");
}

static void explain_functions(const struct nic *n, struct nic_report *r)
{
	if (n->physical[0] != 0) {
		struct nic_check *c = check_add(r, "function", NIC_NOTE);
		say(c,
			"virtual, of %s, which decides its MAC: ip link set %s vf N mac M, before "
			"the "
			"start",
			n->physical, n->physical);
	} else if (n->vfs_max > 0) {
		struct nic_check *c = check_add(r, "function", NIC_NOTE);
		say(c,
			"physical, %u of %u virtual ones made: `sriov_numvfs` makes them, one can "
			"serve while the kernel keeps this",
			n->vfs, n->vfs_max);
	}
}

void nic_explain(const char *root, const struct nic *n, unsigned memory_mb, struct nic_report *r)
{
	*r = (struct nic_report){0};
	if (!nic_is_shared(n)) {
		explain_iommu(root, n, r);
		explain_modules(root, r);
	}
	explain_interface(n, r);
	explain_driver(n, r);
	explain_hugepages(root, memory_mb, r);
	explain_functions(n, r);
	explain_link(n, r);
	explain_queues(n, r);
	explain_offloads(n, r);
}

bool nic_report_is_ready(const struct nic_report *r)
{
	for (size_t i = 0; i < r->n; i++) {
		if (r->checks[i].state == NIC_TODO)
			return false;
	}
	return true;
}
