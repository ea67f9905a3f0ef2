// SPDX-License-Identifier: Apache-2.0
// The filter's constants are written into the object's bytes, so that no map has to be found and
// filled after the program runs. A BPF link holds it: nothing is left when we are killed.
#include "dataplane/port/xdp.h"

#include <bpf/bpf.h>
#include <bpf/libbpf.h>

#include <errno.h>
#include <linux/if_link.h>
#include <net/if.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

extern const char xdp_object_start[], xdp_object_end[];

static int object_write(int fd, const void *bytes, size_t size_bytes, struct err *err)
{
	if (write(fd, bytes, size_bytes) != (ssize_t)size_bytes)
		return err_set(err, -EIO, "XDP program cannot be written: %s", strerror(errno));
	return fd;
}

int xdp_object_make(const struct xdp_filter *filter, struct err *err)
{
	size_t size = (size_t)(xdp_object_end - xdp_object_start);
	char *object = malloc(size);
	int rc;

	if (object == NULL)
		return err_set(err, -ENOMEM, "memory is short");
	memcpy(object, xdp_object_start, size);
	char *place = memmem(object, size, XDP_MAGIC, XDP_MAGIC_BYTES);
	int fd = memfd_create("burst53-xdp", 0); // DPDK opens it by its name in /proc
	if (place == NULL || (size_t)(object + size - place) < sizeof(*filter))
		rc = err_set(err, -EINVAL, "XDP program has no place for its addresses");
	else if (fd < 0)
		rc = err_set(err, -errno, "memfd: %s", strerror(errno));
	else {
		memcpy(place, filter, sizeof(*filter));
		memcpy(place, XDP_MAGIC, XDP_MAGIC_BYTES);
		rc = object_write(fd, object, size, err);
	}
	if (rc < 0 && fd >= 0)
		(void)close(fd); // the first failure is the one to report
	free(object);
	return rc;
}

int xdp_check(const char *ifname, struct err *err)
{
	__u32 id = 0;
	int rc = bpf_xdp_query_id((int)if_nametoindex(ifname), 0, &id);

	if (rc < 0)
		return err_set(err, rc, "XDP on %s: %s", ifname, strerror(-rc));
	if (id != 0)
		return err_set(err, -EBUSY,
			"port: %s has another XDP program (id %u): ip link set dev %s xdp off",
			ifname, (unsigned)id, ifname);
	return 0;
}

int xdp_hold(const char *ifname, struct err *err)
{
	int ifindex = (int)if_nametoindex(ifname);
	__u32 id = 0;
	int rc = bpf_xdp_query_id(ifindex, 0, &id);
	int program = rc < 0 ? rc : bpf_prog_get_fd_by_id(id);

	if (program < 0)
		return err_set(err, program, "XDP program of %s: %s", ifname, strerror(-program));
	rc = bpf_xdp_detach(ifindex, 0, NULL); // for a moment the kernel sees all, as before
	if (rc == 0)
		rc = bpf_link_create(program, ifindex, BPF_XDP, NULL);
	(void)close(program); // the link holds it
	return rc >= 0 ? rc : err_set(err, rc, "XDP link on %s: %s", ifname, strerror(-rc));
}
