// SPDX-License-Identifier: Apache-2.0
// Cards in a made-up sysfs: a used Intel port, a virtio card without IOMMU, a virtual function that
// is given away, a card that shares its group, and a disk controller.
#include "cli/nic.h"

#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cmocka.h>

static char root[64];

static void path_make(char path[600], const char *file)
{
	(void)snprintf(path, 600, "%s%s", root, file);
	for (char *slash = strchr(path + strlen(root) + 1, '/'); slash != NULL;
		slash = strchr(slash + 1, '/')) {
		*slash = 0;
		if (mkdir(path, 0755) != 0)
			assert_int_equal(errno, EEXIST);
		*slash = '/';
	}
}

static void put(const char *file, const char *text)
{
	char path[600];

	path_make(path, file);
	FILE *f = fopen(path, "w");
	assert_non_null(f);
	assert_true(fputs(text, f) >= 0);
	assert_int_equal(fclose(f), 0);
}

static void put_link(const char *file, const char *target)
{
	char path[600];

	path_make(path, file);
	assert_int_equal(symlink(target, path), 0);
}

static void get(const char *file, char text[64])
{
	char path[600];

	path_make(path, file);
	FILE *f = fopen(path, "r");
	assert_non_null(f);
	size_t n = fread(text, 1, 63, f);
	text[n] = 0;
	assert_int_equal(fclose(f), 0);
}

#define D "/sys/bus/pci/devices/"

// A device with its numbers, driver and group ("" for none).
static void put_device(const char *address, const char *class, const char *vendor,
	const char *driver, const char *group)
{
	char file[200], target[200];

	(void)snprintf(file, sizeof(file), D "%s/class", address);
	put(file, class);
	(void)snprintf(file, sizeof(file), D "%s/vendor", address);
	put(file, vendor);
	(void)snprintf(file, sizeof(file), D "%s/device", address);
	put(file, "0x10d3\n");
	(void)snprintf(file, sizeof(file), D "%s/driver_override", address);
	put(file, "(null)\n");
	(void)snprintf(file, sizeof(file), D "%s/driver", address);
	(void)snprintf(target, sizeof(target), "%s/sys/bus/pci/drivers/%s", root, driver);
	if (driver[0] != 0)
		put_link(file, target);
	if (group[0] == 0)
		return;
	(void)snprintf(file, sizeof(file), D "%s/iommu_group", address);
	(void)snprintf(target, sizeof(target), "%s/sys/kernel/iommu_groups/%s", root, group);
	put_link(file, target);
	(void)snprintf(
		file, sizeof(file), "/sys/kernel/iommu_groups/%s/devices/%s", group, address);
	put(file, "");
}

static int setup(void **state)
{
	(void)state;
	(void)snprintf(root, sizeof(root), "/tmp/burst53-nic-XXXXXX");
	assert_non_null(mkdtemp(root));
	put("/sys/bus/pci/drivers/e1000e/unbind", "");
	put("/sys/bus/pci/drivers/vfio-pci/unbind", "");
	put("/sys/bus/pci/drivers/virtio-pci/unbind", "");
	put("/sys/bus/pci/drivers/ahci/unbind", "");
	put("/sys/bus/pci/drivers_probe", "");
	put("/sys/module/vfio_iommu_type1/refcnt", "0\n");
	put("/sys/kernel/mm/hugepages/hugepages-2048kB/free_hugepages", "100\n");
	put("/sys/kernel/mm/hugepages/hugepages-2048kB/nr_hugepages", "200\n");
	put("/proc/cmdline", "quiet\n");
	put("/proc/net/route", "Iface\tDestination\neth0\t00000000\n");
	put("/proc/net/if_inet6", "fe80 03 40 20 80     eth1\n");
	put_device("0000:01:00.0", "0x020000\n", "0x8086\n", "e1000e", "7");
	put(D "0000:01:00.0/net/eth0/address", "52:54:00:00:00:01\n");
	put("/sys/class/net/eth0/address", "52:54:00:00:00:01\n");
	put("/sys/class/net/eth0/carrier", "1\n");
	put("/sys/class/net/eth0/queues/rx-0/x", "");
	put("/sys/class/net/eth0/queues/rx-1/x", "");
	put("/sys/class/net/eth0/queues/tx-0/x", "");
	put(D "0000:01:00.0/sriov_totalvfs", "7\n");
	put(D "0000:01:00.0/sriov_numvfs", "1\n");
	put_device("0000:02:00.0", "0x020000\n", "0x1af4\n", "virtio-pci", "");
	put(D "0000:02:00.0/virtio0/net/eth1/address", "x");
	put("/sys/class/net/eth1/carrier", "0\n");
	put_device("0000:01:10.0", "0x020000\n", "0x8086\n", "vfio-pci", "8");
	put_link(D "0000:01:10.0/physfn", "../0000:01:00.0");
	put_device("0000:03:00.0", "0x020000\n", "0x8086\n", "e1000e", "9");
	put_device("0000:03:00.1", "0x010600\n", "0x8086\n", "ahci", "9");
	put_device("0000:03:1c.0", "0x060400\n", "0x8086\n", "ahci", "9");
	return 0;
}

static int teardown(void **state)
{
	char command[100];

	(void)state;
	(void)snprintf(command, sizeof(command), "rm -rf %s", root);
	return system(command);
}

static const struct nic_check *find_check(const struct nic_report *r, const char *name)
{
	for (size_t i = 0; i < r->n; i++) {
		if (strcmp(r->checks[i].name, name) == 0)
			return &r->checks[i];
	}
	fail_msg("there is no check %s", name);
	return &r->checks[0];
}

static void all_cards_are_listed_and_nothing_else(void **state)
{
	static const char *const addresses[] = {
		"0000:01:00.0", "0000:01:10.0", "0000:02:00.0", "0000:03:00.0"};
	static struct nic list[NICS_MAX];

	(void)state;
	assert_int_equal(nic_list(root, list), 4);
	for (size_t i = 0; i < 4; i++)
		assert_string_equal(list[i].address, addresses[i]);
	assert_string_equal(list[0].ifname, "eth0");
	assert_string_equal(list[0].mac, "52:54:00:00:00:01");
	assert_int_equal(list[0].queues, 2);
	assert_int_equal(list[0].vfs_max, 7);
	assert_true(list[0].has_carrier && list[0].is_used);
	assert_string_equal(list[1].physical, "eth0");
	assert_true(nic_is_given(&list[1]));
	assert_string_equal(list[2].ifname, "eth1"); // one step lower
	assert_false(list[2].has_carrier || list[2].is_used); // link-local only
}

static void a_card_is_found_by_each_of_its_names(void **state)
{
	static const char *const good[] = {"0000:01:00.0", "01:00.0", "eth0"};
	static const char *const bad[] = {"0000:09:00.0", "eth9", "../x", "03:00.1", ""};
	struct nic n;

	(void)state;
	for (size_t i = 0; i < sizeof(good) / sizeof(good[0]); i++) {
		struct err err = {0};
		assert_int_equal(nic_read(root, good[i], &n, &err), 0);
		assert_string_equal(n.address, "0000:01:00.0");
	}
	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
		struct err err = {0};
		assert_int_equal(nic_read(root, bad[i], &n, &err), -ENODEV);
		assert_non_null(strstr(err.text, "burst53 nic list"));
	}
}

struct explain_case {
	const char *card, *check;
	int state; // enum nic_state
	const char *text, *remedy; // parts
};

static const struct explain_case explained[] = {
	{"eth0", "iommu", NIC_GOOD, "group 7", ""},
	{"eth0", "modules", NIC_GOOD, "loaded", ""},
	{"eth0", "interface", NIC_NOTE, "routes, addresses or a bond", ""},
	{"eth0", "driver", NIC_TODO, "e1000e", "then burst53 nic bind 0000:01:00.0"},
	{"eth0", "hugepages", NIC_TODO, "200 MB free, 256 MB", "vm.nr_hugepages=228"},
	{"eth0", "queues", NIC_GOOD, "--workers 2", ""},
	{"eth0", "offloads", NIC_GOOD, "by the card", ""},
	{"eth0", "function", NIC_NOTE, "1 of 7", ""},
	{"eth1", "iommu", NIC_TODO, "no group", "boot with intel_iommu=on"},
	{"eth1", "driver", NIC_TODO, "virtio-pci", "burst53 nic bind 0000:02:00.0"},
	{"eth1", "link", NIC_NOTE, "down", ""},
	{"eth1", "offloads", NIC_GOOD, "by software", ""},
	{"01:10.0", "driver", NIC_GOOD, "vfio-pci", ""},
	{"01:10.0", "function", NIC_NOTE, "virtual, of eth0", ""},
	{"03:00.0", "iommu", NIC_TODO, "0000:03:00.1", "another slot"},
};

static void each_obstacle_is_said_with_its_remedy(void **state)
{
	(void)state;
	for (size_t i = 0; i < sizeof(explained) / sizeof(explained[0]); i++) {
		const struct explain_case *c = &explained[i];
		struct err err = {0};
		struct nic_report r;
		struct nic n;
		assert_int_equal(nic_read(root, c->card, &n, &err), 0);
		nic_explain(root, &n, 256, &r);
		const struct nic_check *found = find_check(&r, c->check);
		if (found->state != (enum nic_state)c->state || !strstr(found->text, c->text) ||
			!strstr(found->remedy, c->remedy))
			fail_msg("%s %s: %u \"%s\" -> \"%s\"", c->card, c->check, found->state,
				found->text, found->remedy);
		assert_false(nic_report_is_ready(&r));
	}
}

static void a_card_that_lacks_nothing_is_ready(void **state)
{
	struct err err = {0};
	struct nic_report r;
	struct nic n;

	(void)state;
	assert_int_equal(nic_read(root, "01:10.0", &n, &err), 0);
	nic_explain(root, &n, 200, &r);
	assert_true(nic_report_is_ready(&r));
	put("/proc/cmdline", "intel_iommu=on\n");
	assert_int_equal(nic_read(root, "eth1", &n, &err), 0);
	nic_explain(root, &n, 200, &r);
	assert_non_null(strstr(find_check(&r, "iommu")->remedy, "virtual IOMMU"));
}

static void a_port_of_a_bond_is_in_use(void **state)
{
	struct err err = {0};
	struct nic n;

	(void)state;
	assert_int_equal(nic_read(root, "eth1", &n, &err), 0);
	assert_false(n.is_used);
	put("/sys/class/net/eth1/upper_bond0/address", "x");
	assert_int_equal(nic_read(root, "eth1", &n, &err), 0);
	assert_true(n.is_used);
}

static void what_must_not_be_bound_is_refused_untouched(void **state)
{
	static const struct {
		const char *card;
		int rc;
		const char *text;
	} cases[] = {{"eth0", -EBUSY, "--force"}, {"eth1", -ENODEV, "IOMMU"}};
	char text[64];

	(void)state;
	for (size_t i = 0; i < 2; i++) {
		struct err err = {0};
		struct nic n;
		assert_int_equal(nic_read(root, cases[i].card, &n, &err), 0);
		assert_int_equal(nic_bind(root, &n, false, &err), cases[i].rc);
		assert_non_null(strstr(err.text, cases[i].text));
	}
	get(D "0000:01:00.0/driver_override", text);
	assert_string_equal(text, "(null)\n");
	get("/sys/bus/pci/drivers_probe", text);
	assert_string_equal(text, "");
}

// Files do not act: the driver stays, as when vfio-pci refuses the card.
static void a_card_that_vfio_refuses_goes_back(void **state)
{
	struct err err = {0};
	struct nic n;
	char text[64];

	(void)state;
	assert_int_equal(nic_read(root, "eth0", &n, &err), 0);
	assert_int_equal(nic_bind(root, &n, true, &err), -EIO);
	assert_non_null(strstr(err.text, "is bound to e1000e"));
	get("/sys/bus/pci/drivers/e1000e/unbind", text);
	assert_string_equal(text, "0000:01:00.0");
	get("/sys/bus/pci/drivers_probe", text);
	assert_string_equal(text, "0000:01:00.0");
	get(D "0000:01:00.0/driver_override", text);
	assert_int_equal(text[0], '\n');
}

static void what_is_where_it_belongs_is_left_alone(void **state)
{
	struct err err = {0};
	struct nic n;
	char text[64];

	(void)state;
	assert_int_equal(nic_read(root, "01:10.0", &n, &err), 0);
	assert_int_equal(nic_bind(root, &n, false, &err), 0);
	get("/sys/bus/pci/drivers/vfio-pci/unbind", text);
	assert_string_equal(text, "");
	assert_int_equal(nic_unbind(root, &n, &err), 0);
	get("/sys/bus/pci/drivers/vfio-pci/unbind", text);
	assert_string_equal(text, "0000:01:10.0");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(
			all_cards_are_listed_and_nothing_else, setup, teardown),
		cmocka_unit_test_setup_teardown(
			a_card_is_found_by_each_of_its_names, setup, teardown),
		cmocka_unit_test_setup_teardown(
			each_obstacle_is_said_with_its_remedy, setup, teardown),
		cmocka_unit_test_setup_teardown(
			a_card_that_lacks_nothing_is_ready, setup, teardown),
		cmocka_unit_test_setup_teardown(a_port_of_a_bond_is_in_use, setup, teardown),
		cmocka_unit_test_setup_teardown(
			what_must_not_be_bound_is_refused_untouched, setup, teardown),
		cmocka_unit_test_setup_teardown(
			a_card_that_vfio_refuses_goes_back, setup, teardown),
		cmocka_unit_test_setup_teardown(
			what_is_where_it_belongs_is_left_alone, setup, teardown),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
