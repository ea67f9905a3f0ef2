// SPDX-License-Identifier: Apache-2.0
// Counts free hugepages of all sizes in sysfs.
#include "cli/hugepages.h"

#include "cli/nic_file.h"

#include <errno.h>
#include <mntent.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

static const char folder[] = "/sys/kernel/mm/hugepages";

struct counting {
	const char *root;
	unsigned long mb;
};

static bool add_size(const char *name, void *arg)
{
	struct counting *c = arg;
	unsigned long kb, n;
	char text[32];

	if (sscanf(name, "hugepages-%lukB", &kb) == 1 &&
		nic_file_read(
			text, sizeof(text), "%s%s/%s/free_hugepages", c->root, folder, name) &&
		sscanf(text, "%lu", &n) == 1)
		c->mb += n * (kb / 1024);
	return true;
}

unsigned long hugepages_free_mb(const char *root)
{
	struct counting c = {.root = root};

	nic_dir_walk(add_size, &c, "hugepages-", "%s%s", root, folder);
	return c.mb;
}

unsigned long hugepages_wanted(const char *root, unsigned memory_mb)
{
	unsigned long have = hugepages_free_mb(root), all = 0;
	char text[32];

	if (!nic_file_read(
		    text, sizeof(text), "%s%s/hugepages-2048kB/nr_hugepages", root, folder) ||
		sscanf(text, "%lu", &all) != 1)
		all = 0;
	return have >= memory_mb ? all : all + (memory_mb - have + 1) / 2;
}

// DPDK looks into every mounted hugetlbfs, and gives up on one that belongs to somebody else.
static bool may_use_mounts(void)
{
	FILE *f = setmntent("/proc/mounts", "re");
	bool may = true;

	for (struct mntent *m = f == NULL ? NULL : getmntent(f); m != NULL; m = getmntent(f)) {
		if (strcmp(m->mnt_type, "hugetlbfs") == 0)
			may &= access(m->mnt_dir, R_OK | W_OK | X_OK) == 0;
	}
	if (f != NULL)
		(void)endmntent(f); // only read
	return may;
}

int hugepages_decide(
	const struct run_options *o, bool *is_no_huge, const char **note, struct err *err)
{
	*is_no_huge = o->hugepages == HUGE_OFF;
	*note = NULL;
	if (o->port_kind == PORT_NONE || o->hugepages == HUGE_OFF)
		return 0;
	unsigned long have = hugepages_free_mb("");
	bool may_use = may_use_mounts();
	if (have >= o->memory_mb && may_use)
		return 0;
	if (o->port_kind == PORT_PCI && !may_use)
		return err_set(err, -EACCES,
			"hugepages belong to another user: mount hugetlbfs with uid=%u, or "
			"--no-huge for a first try",
			(unsigned)geteuid());
	if (o->port_kind == PORT_PCI)
		return err_set(err, -ENOMEM,
			"%lu MB of free hugepages, %u MB are needed: sysctl vm.nr_hugepages=%lu, "
			"or --no-huge for a first try",
			have, o->memory_mb, hugepages_wanted("", o->memory_mb));
	*is_no_huge = true;
	*note = may_use ? "not enough free hugepages, running without (slower)"
			: "the hugepages belong to another user, running without (slower)";
	return 0;
}
