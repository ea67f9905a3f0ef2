// SPDX-License-Identifier: Apache-2.0
// Counts free hugepages of all sizes in sysfs.
#include "cli/hugepages.h"

#include <dirent.h>
#include <errno.h>
#include <stdio.h>
#include <string.h>

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

int hugepages_decide(
	const struct run_options *o, bool *is_no_huge, const char **note, struct err *err)
{
	*is_no_huge = o->hugepages == HUGE_OFF;
	*note = NULL;
	if (o->port_kind == PORT_NONE || o->hugepages == HUGE_OFF)
		return 0;
	unsigned long have = free_mb();
	if (have >= o->memory_mb)
		return 0;
	if (o->port_kind == PORT_PCI)
		return err_set(err, -ENOMEM,
			"%lu MB of free hugepages, %u MB are needed: sysctl vm.nr_hugepages=%u, "
			"or --no-huge for a first try",
			have, o->memory_mb, o->memory_mb / 2);
	*is_no_huge = true;
	*note = "not enough free hugepages, running without (slower)";
	return 0;
}
