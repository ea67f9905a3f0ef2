// SPDX-License-Identifier: Apache-2.0
// The steps, each: is it so already, may it be changed, change it, look again.
#include "cli/setup.h"

#include "cli/hugepages.h"
#include "cli/nic.h"
#include "cli/nic_file.h"
#include "cli/tool.h"

#include "zones/base/err.h"

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <unistd.h>

static const char pages_2m[] = "/sys/kernel/mm/hugepages/hugepages-2048kB";

__attribute__((format(printf, 4, 5))) static void add(
	struct setup *s, const char *name, enum setup_state state, const char *fmt, ...)
{
	struct setup_step *step = &s->steps[s->n < SETUP_STEPS_MAX ? s->n++ : SETUP_STEPS_MAX - 1];
	va_list ap;

	step->name = name;
	step->state = state;
	va_start(ap, fmt);
	(void)vsnprintf(step->text, sizeof(step->text), fmt, ap);
	va_end(ap);
}

// Pages that somebody uses stay: what is missing is added to them.
static void make_hugepages(struct setup *s)
{
	unsigned long have = hugepages_free_mb(s->root);
	char text[32];

	if (have >= s->memory_mb) {
		add(s, "hugepages", SETUP_READY, "%lu MB free, %u MB needed", have, s->memory_mb);
		return;
	}
	unsigned long wanted = hugepages_wanted(s->root, s->memory_mb);
	if (s->is_check) {
		add(s, "hugepages", SETUP_TODO,
			"%lu MB free, %u MB needed: sysctl -w vm.nr_hugepages=%lu", have,
			s->memory_mb, wanted);
		return;
	}
	(void)snprintf(text, sizeof(text), "%lu\n", wanted);
	int rc = nic_file_write(text, "%s%s/nr_hugepages", s->root, pages_2m);
	have = hugepages_free_mb(s->root);
	if (rc == 0 && (have >= s->memory_mb || s->root[0] != 0))
		add(s, "hugepages", SETUP_DONE, "%lu pages of 2 MB", wanted);
	else if (rc != 0)
		add(s, "hugepages", SETUP_FAILED, "%s%s/nr_hugepages: %s", s->root, pages_2m,
			strerror(-rc));
	else
		add(s, "hugepages", SETUP_FAILED,
			"only %lu MB can be had, memory is in pieces: hugepages=%lu on the "
			"kernel's command line",
			have, wanted);
}

// A file system for pages that the user may use. DPDK looks into every mounted one.
static bool has_mount(const struct setup *s, char *place, size_t size_bytes)
{
	char path[NIC_PATH_BYTES], line[1024];
	bool is_found = false;

	(void)snprintf(path, sizeof(path), "%s/proc/mounts", s->root);
	FILE *f = fopen(path, "re");
	while (f != NULL && !is_found && fgets(line, sizeof(line), f) != NULL) {
		char where[512], type[64];
		if (sscanf(line, "%*s %511s %63s", where, type) != 2)
			continue;
		is_found = strcmp(type, "hugetlbfs") == 0;
		(void)snprintf(place, size_bytes, "%.200s", where);
	}
	if (f != NULL)
		(void)fclose(f); // only read
	return is_found;
}

static void mount_hugepages(struct setup *s)
{
	char place[208] = "/dev/hugepages", options[64];
	struct stat st;

	if (has_mount(s, place, sizeof(place))) {
		bool is_theirs = s->root[0] == 0 && s->uid != 0 && stat(place, &st) == 0 &&
			st.st_uid != s->uid;
		if (is_theirs)
			add(s, "hugetlbfs", SETUP_TODO,
				"%s belongs to user %u: mount -o remount,uid=%u,mode=0700 %s",
				place, (unsigned)st.st_uid, s->uid, place);
		else
			add(s, "hugetlbfs", SETUP_READY, "%s", place);
		return;
	}
	(void)snprintf(options, sizeof(options), "uid=%u,mode=0700", s->uid);
	if (s->is_check || s->root[0] != 0) {
		add(s, "hugetlbfs", SETUP_TODO, "mount -t hugetlbfs -o %s none /dev/hugepages",
			options);
		return;
	}
	if ((mkdir("/dev/hugepages", 0755) != 0 && errno != EEXIST) ||
		mount("none", "/dev/hugepages", "hugetlbfs", MS_NOSUID | MS_NODEV, options) != 0)
		add(s, "hugetlbfs", SETUP_FAILED, "/dev/hugepages: %s", strerror(errno));
	else
		add(s, "hugetlbfs", SETUP_DONE, "/dev/hugepages, %s", options);
}

// The TAP of addresses that are on no interface.
static void load_tun(struct setup *s)
{
	char modprobe[] = "modprobe", tun[] = "tun";
	char *argv[] = {modprobe, tun, NULL};
	struct err err = {0};

	if (nic_file_exists(s->root, "/dev/net/tun")) {
		add(s, "tun", SETUP_READY, "/dev/net/tun");
		return;
	}
	if (s->is_check || s->root[0] != 0)
		add(s, "tun", SETUP_TODO, "modprobe tun");
	else if (tool_run_slow(argv, &err) != 0 || !nic_file_exists(s->root, "/dev/net/tun"))
		add(s, "tun", SETUP_FAILED, "/dev/net/tun is not there: %s",
			err.code != 0 ? err.text : "no device node");
	else
		add(s, "tun", SETUP_DONE, "/dev/net/tun");
}

static void hand_over(struct setup *s, const struct nic *n)
{
	struct err err = {0};

	if (nic_is_given(n) || nic_is_shared(n)) {
		add(s, "card", SETUP_READY, "%s is with %s", n->address, n->driver);
		return;
	}
	if (s->is_check)
		add(s, "card", SETUP_TODO, "burst53 nic bind %s", n->address);
	else if (nic_bind(s->root, n, s->is_forced, &err) != 0)
		add(s, "card", SETUP_FAILED, "%s", err.text);
	else
		add(s, "card", SETUP_DONE, "%s is with vfio-pci", n->address);
}

// What only a person can mend, and what VFIO needs to be opened.
static void look_at_card(struct setup *s, const struct nic *n)
{
	static struct nic_report r; // large
	char path[64];

	nic_explain(s->root, n, s->memory_mb, &r);
	for (size_t i = 0; i < r.n; i++) {
		if (r.checks[i].state == NIC_TODO && strcmp(r.checks[i].name, "iommu") == 0)
			add(s, "iommu", SETUP_TODO, "%s: %s", r.checks[i].text, r.checks[i].remedy);
	}
	if (nic_is_shared(n) || n->group[0] == 0)
		return;
	(void)snprintf(path, sizeof(path), "/dev/vfio/%s", n->group);
	if (nic_file_exists(s->root, path))
		add(s, "vfio", SETUP_READY, "%s", path);
	else
		add(s, "vfio", nic_is_given(n) ? SETUP_FAILED : SETUP_TODO,
			"%s is not there: the driver makes it; a container must be given it", path);
}

static void set_up_card(struct setup *s)
{
	struct nic n;
	struct err err = {0};

	if (nic_read(s->root, s->card, &n, &err) != 0) {
		add(s, "card", SETUP_FAILED, "%s", err.text);
		return;
	}
	hand_over(s, &n);
	if (nic_read(s->root, n.address, &n, &err) == 0)
		look_at_card(s, &n);
}

void setup_run(struct setup *s)
{
	s->n = 0;
	if (s->memory_mb != 0) {
		make_hugepages(s);
		mount_hugepages(s);
	}
	load_tun(s);
	if (s->card != NULL)
		set_up_card(s);
}

bool setup_is_ready(const struct setup *s)
{
	for (size_t i = 0; i < s->n; i++) {
		if (s->steps[i].state == SETUP_TODO || s->steps[i].state == SETUP_FAILED)
			return false;
	}
	return true;
}
