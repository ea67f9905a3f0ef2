// SPDX-License-Identifier: Apache-2.0
// Counts free hugepages of all sizes in sysfs.
#include "cli/hugepages.h"

#include <dirent.h>
#include <errno.h>
#include <mntent.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

static const char folder[] = "/sys/kernel/mm/hugepages";

static unsigned long free_pages(const char *name)
{
	char path[320];
	unsigned long n = 0;

	(void)snprintf(path, sizeof(path), "%s/%s/free_hugepages", folder, name);
	FILE *f = fopen(path, "re");
	if (f == NULL)
		return 0;
	if (fscanf(f, "%lu", &n) != 1)
		n = 0;
	(void)fclose(f); // only read
	return n;
}

static unsigned long free_mb(void)
{
	unsigned long mb = 0, kb;
	DIR *dir = opendir(folder);

	for (const struct dirent *e = dir == NULL ? NULL : readdir(dir); e != NULL;
		e = readdir(dir)) {
		if (sscanf(e->d_name, "hugepages-%lukB", &kb) == 1)
			mb += free_pages(e->d_name) * (kb / 1024);
	}
	if (dir != NULL)
		(void)closedir(dir);
	return mb;
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
	unsigned long have = free_mb();
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
			"%lu MB of free hugepages, %u MB are needed: sysctl vm.nr_hugepages=%u, "
			"or --no-huge for a first try",
			have, o->memory_mb, o->memory_mb / 2);
	*is_no_huge = true;
	*note = may_use ? "not enough free hugepages, running without (slower)"
			: "the hugepages belong to another user, running without (slower)";
	return 0;
}
