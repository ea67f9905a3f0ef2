// SPDX-License-Identifier: Apache-2.0
// rte_eal_init takes a command line: this file writes it.
#include "dataplane/port/eal.h"

#include <rte_eal.h>
#include <rte_errno.h>
#include <rte_log.h>

#include <dirent.h>
#include <errno.h>
#include <sched.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

enum {
	ARGS_MAX = 16,
	ARG_BYTES = 1024,
	RING_FRAMES = 2048,
	RING_BLOCK_BYTES = 65536,
	RING_HEADER_BYTES = 80, // of TPACKET_V2, in front of each frame
};

struct args {
	int n;
	bool is_cut;
	char *list[ARGS_MAX + 1];
	char text[ARGS_MAX][ARG_BYTES];
};

__attribute__((format(printf, 2, 3))) static void args_add(struct args *a, const char *fmt, ...)
{
	va_list list;

	if (a->n == ARGS_MAX) {
		a->is_cut = true;
		return;
	}
	va_start(list, fmt);
	int len = vsnprintf(a->text[a->n], ARG_BYTES, fmt, list);
	va_end(list);
	if (len < 0 || len >= ARG_BYTES)
		a->is_cut = true;
	a->list[a->n] = a->text[a->n];
	a->n++;
}

// The CPUs we may use, as "0,1,5"; returns how many, with their numbers in cpus.
static unsigned cpus_read(unsigned cpus[CPU_SETSIZE], char *text, size_t size_bytes)
{
	cpu_set_t set;
	unsigned n = 0;
	size_t pos = 0;

	text[0] = 0;
	if (sched_getaffinity(0, sizeof(set), &set) != 0)
		return 0;
	for (unsigned i = 0; i < CPU_SETSIZE; i++) {
		if (!CPU_ISSET(i, &set))
			continue;
		int len = snprintf(text + pos, size_bytes - pos, "%s%u", n == 0 ? "" : ",", i);
		if (len > 0 && (size_t)len < size_bytes - pos)
			pos += (size_t)len;
		cpus[n++] = i;
	}
	return n;
}

static int lcores_add(const struct eal_options *o, struct args *a, struct err *err)
{
	static unsigned cpus[CPU_SETSIZE];
	char all[ARG_BYTES / 4];
	char text[ARG_BYTES];
	unsigned n = cpus_read(cpus, all, sizeof(all));
	int pos = snprintf(text, sizeof(text), "0@(%s)", all);

	if (o->workers > EAL_WORKERS_MAX || (o->is_pinned && o->workers > n))
		return err_set(err, -EINVAL, "%u workers are more than the %u CPUs we may use",
			o->workers, n);
	for (unsigned i = 0; i < o->workers && pos < (int)sizeof(text); i++) {
		unsigned lcore = eal_worker_lcore(i);
		size_t left = sizeof(text) - (size_t)pos;
		if (o->is_pinned)
			pos += snprintf(text + pos, left, ",%u@%u", lcore, cpus[n - 1 - i]);
		else
			pos += snprintf(text + pos, left, ",%u@(%s)", lcore, all);
	}
	args_add(a, "--lcores=%s", text);
	args_add(a, "--main-lcore=0");
	return pos < (int)sizeof(text) ? 0 : err_set(err, -EINVAL, "too many CPUs to name");
}

unsigned eal_ring_frame_bytes(unsigned frame_bytes)
{
	unsigned size = 2048;

	while (size < frame_bytes + RING_HEADER_BYTES)
		size *= 2;
	return size;
}

// spec/performance 5.4: the driver's own 512 frames in 4 KiB blocks lose packets early.
static void device_add(const struct eal_options *o, struct args *a)
{
	const struct port_spec *p = o->port;

	switch (p->kind) {
	case PORT_AF_PACKET:
		args_add(a,
			"--vdev=net_af_packet0,iface=%s,qpairs=%u,blocksz=%u,framesz=%u,framecnt=%"
			"u,"
			"qdisc_bypass=1",
			p->ifname, o->workers, (unsigned)RING_BLOCK_BYTES,
			eal_ring_frame_bytes(o->frame_bytes), (unsigned)RING_FRAMES);
		break;
	case PORT_AF_XDP:
		args_add(a,
			"--vdev=net_af_xdp0,iface=%s,start_queue=0,queue_count=%u,"
			"xdp_prog=/proc/self/fd/%d",
			p->ifname, o->workers, o->xdp_fd);
		break;
	case PORT_EAL:
		args_add(a, "--vdev=%s", p->device);
		break;
	case PORT_PCI:
		args_add(a, "--allow=%s", p->device);
		return;
	}
	args_add(a, "--no-pci");
	// No device needs physical addresses, and without root the kernel tells none: memory could
	// not grow.
	args_add(a, "--iova-mode=va");
}

static unsigned long free_pages(const char *size_name)
{
	char path[320];
	unsigned long n = 0;

	(void)snprintf(path, sizeof(path), "/sys/kernel/mm/hugepages/%s/free_hugepages", size_name);
	FILE *f = fopen(path, "re");
	if (f == NULL)
		return 0;
	if (fscanf(f, "%lu", &n) != 1)
		n = 0;
	(void)fclose(f); // only read
	return n;
}

static bool has_hugepages(void)
{
	DIR *dir = opendir("/sys/kernel/mm/hugepages");
	bool found = false;

	if (dir == NULL)
		return false;
	for (const struct dirent *e = readdir(dir); e != NULL && !found; e = readdir(dir))
		found = strncmp(e->d_name, "hugepages-", 10) == 0 && free_pages(e->d_name) > 0;
	(void)closedir(dir);
	return found;
}

static int memory_add(const struct eal_options *o, struct args *a, struct err *err)
{
	if (!o->is_no_huge && !has_hugepages())
		return err_set(err, -ENOMEM,
			"no free hugepages: sysctl vm.nr_hugepages=256, or --no-huge for a first "
			"try");
	if (o->is_no_huge) {
		args_add(a, "--no-huge");
		args_add(a, "-m%u", o->memory_mb);
		args_add(a, "--no-shconf");
	} else {
		args_add(a, "--in-memory"); // no files to leave behind, no second process
	}
	return 0;
}

int eal_start(const struct eal_options *o, struct err *err)
{
	static struct args a;

	a = (struct args){0};
	args_add(&a, "burst53-dataplane");
	int rc = lcores_add(o, &a, err);
	if (rc == 0)
		rc = memory_add(o, &a, err);
	if (rc != 0)
		return rc;
	args_add(&a, "--file-prefix=burst53-%d", (int)getpid());
	args_add(&a, "--no-telemetry");
	args_add(&a, "--log-level=*:error");
	device_add(o, &a);
	if (a.is_cut)
		return err_set(err, -E2BIG, "the port's arguments are too long");
	// Else its lines also go to syslog, for which it would need a socket later on.
	(void)rte_openlog_stream(stderr);
	if (rte_eal_init(a.n, a.list) >= 0)
		return 0;
	if (rte_errno == ENOMEM && !o->is_no_huge)
		return err_set(err, -ENOMEM,
			"not enough free hugepages, others have taken them: sysctl "
			"vm.nr_hugepages=N with a larger N, or --no-huge for a first try");
	return err_set(err, rte_errno != 0 ? -rte_errno : -EIO,
		"DPDK cannot start (%s): see its lines above", rte_strerror(rte_errno));
}

void eal_stop(void)
{
	(void)rte_eal_cleanup(); // the process ends anyway
}
