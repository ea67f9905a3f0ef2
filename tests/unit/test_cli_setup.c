// SPDX-License-Identifier: Apache-2.0
// `burst53 setup` on a made-up machine: it changes what is missing, once, and says so.
#include "cli/setup.h"

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

#define PAGES "/sys/kernel/mm/hugepages/hugepages-2048kB/"
#define CARD "/sys/bus/pci/devices/0000:01:00.0/"

static char root[64];
static struct setup s; // large

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
	(void)unlink(path);
	assert_int_equal(symlink(target, path), 0);
}

static unsigned long pages(void)
{
	char path[600];
	unsigned long n = 0;

	path_make(path, PAGES "nr_hugepages");
	FILE *f = fopen(path, "r");
	assert_non_null(f);
	assert_int_equal(fscanf(f, "%lu", &n), 1);
	assert_int_equal(fclose(f), 0);
	return n;
}

static int make_root(void **state)
{
	(void)state;
	(void)snprintf(root, sizeof(root), "/tmp/burst53-setup.XXXXXX");
	if (mkdtemp(root) == NULL)
		return -1;
	put(PAGES "nr_hugepages", "10\n");
	put(PAGES "free_hugepages", "4\n");
	put("/proc/mounts", "none /proc proc rw 0 0\nnone /pages hugetlbfs rw 0 0\n");
	put("/dev/net/tun", "");
	put(CARD "class", "0x020000\n");
	put(CARD "vendor", "0x8086\n");
	put(CARD "device", "0x154c\n");
	put_link(CARD "driver", "/sys/bus/pci/drivers/vfio-pci");
	put_link(CARD "iommu_group", "/sys/kernel/iommu_groups/7");
	put("/dev/vfio/7", "");
	s = (struct setup){.root = root, .memory_mb = 64};
	return 0;
}

static int remove_root(void **state)
{
	char command[100];

	(void)state;
	(void)snprintf(command, sizeof(command), "rm -rf %s", root);
	return system(command); // NOLINT(cert-env33-c): a folder of our own
}

static const struct setup_step *step(const char *name)
{
	for (size_t i = 0; i < s.n; i++) {
		if (strcmp(s.steps[i].name, name) == 0)
			return &s.steps[i];
	}
	fail_msg("there is no step %s", name);
	return &s.steps[0];
}

static void missing_hugepages_are_added_to_those_in_use(void **state)
{
	(void)state;
	setup_run(&s);
	assert_int_equal(step("hugepages")->state, SETUP_DONE);
	assert_int_equal(10 + (64 - 8) / 2, pages());
	put(PAGES "free_hugepages", "32\n"); // as the kernel would say now
	setup_run(&s);
	assert_int_equal(step("hugepages")->state, SETUP_READY);
	assert_int_equal(38, pages());
	assert_true(setup_is_ready(&s));
}

static void a_check_changes_nothing(void **state)
{
	(void)state;
	s.is_check = true;
	setup_run(&s);
	assert_int_equal(step("hugepages")->state, SETUP_TODO);
	assert_non_null(strstr(step("hugepages")->text, "vm.nr_hugepages=38"));
	assert_int_equal(10, pages());
	assert_false(setup_is_ready(&s));
}

static void no_hugepages_are_asked_for_with_0(void **state)
{
	(void)state;
	s.memory_mb = 0;
	setup_run(&s);
	assert_string_equal("tun", s.steps[0].name);
	assert_true(setup_is_ready(&s));
}

static void a_mount_and_a_node_that_are_missing_are_said(void **state)
{
	(void)state;
	put("/proc/mounts", "none /proc proc rw 0 0\n");
	char path[600];
	path_make(path, "/dev/net/tun");
	assert_int_equal(unlink(path), 0);
	s.uid = 7;
	setup_run(&s);
	assert_int_equal(step("hugetlbfs")->state, SETUP_TODO);
	assert_non_null(strstr(step("hugetlbfs")->text, "uid=7"));
	assert_int_equal(step("tun")->state, SETUP_TODO);
	assert_false(setup_is_ready(&s));
}

static void a_card_that_is_given_away_stays_so(void **state)
{
	(void)state;
	s.memory_mb = 0;
	s.card = "01:00.0";
	setup_run(&s);
	assert_int_equal(step("card")->state, SETUP_READY);
	assert_int_equal(step("vfio")->state, SETUP_READY);
	assert_true(setup_is_ready(&s));
	char path[600];
	path_make(path, "/dev/vfio/7");
	assert_int_equal(unlink(path), 0);
	setup_run(&s);
	assert_int_equal(step("vfio")->state, SETUP_FAILED);
}

static void a_card_that_cannot_be_had_fails_its_step_only(void **state)
{
	(void)state;
	s.card = "0000:09:00.0";
	setup_run(&s);
	assert_int_equal(step("card")->state, SETUP_FAILED);
	assert_int_equal(step("hugepages")->state, SETUP_DONE);
	assert_false(setup_is_ready(&s));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(
			missing_hugepages_are_added_to_those_in_use, make_root, remove_root),
		cmocka_unit_test_setup_teardown(a_check_changes_nothing, make_root, remove_root),
		cmocka_unit_test_setup_teardown(
			no_hugepages_are_asked_for_with_0, make_root, remove_root),
		cmocka_unit_test_setup_teardown(
			a_mount_and_a_node_that_are_missing_are_said, make_root, remove_root),
		cmocka_unit_test_setup_teardown(
			a_card_that_is_given_away_stays_so, make_root, remove_root),
		cmocka_unit_test_setup_teardown(
			a_card_that_cannot_be_had_fails_its_step_only, make_root, remove_root),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
