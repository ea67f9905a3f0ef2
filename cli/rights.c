// SPDX-License-Identifier: Apache-2.0
// The supervisor keeps what a child needs at its start, and what it takes to end it: the rest goes
// before the first child is there, so that the tenth start has the rights of the first.
#include "cli/rights.h"

#include "cli/say.h"

#include "zones/base/array.h"
#include "zones/sandbox/sandbox.h"

#include <errno.h>
#include <linux/capability.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <unistd.h>

enum { FILES_MAX = 1 << 18, WORD_BITS = 32 };

#define RIGHT(capability) (UINT64_C(1) << (capability))

// Of the dataplane until its port is open (rel:6.1). The first two also take back the rule and the
// node's way to its own addresses.
static uint64_t port_rights(enum port_kind kind)
{
	const uint64_t link = RIGHT(CAP_NET_ADMIN) | RIGHT(CAP_NET_RAW);

	switch (kind) {
	case PORT_NONE:
		return 0;
	case PORT_AF_PACKET:
		return link;
	case PORT_AF_XDP:
		return link | RIGHT(CAP_SYS_ADMIN) | RIGHT(CAP_BPF) | RIGHT(CAP_IPC_LOCK);
	case PORT_PCI:
	case PORT_EAL:
	default:
		// Devices and pages may belong to another user.
		return link | RIGHT(CAP_SYS_ADMIN) | RIGHT(CAP_IPC_LOCK) | RIGHT(CAP_DAC_OVERRIDE);
	}
}

uint64_t rights_needed(const struct rights_plan *p)
{
	// Credentials of other users, for control.
	uint64_t needed = port_rights(p->port_kind) | RIGHT(CAP_DAC_READ_SEARCH);

	if (p->is_root) // children become other users
		needed |= RIGHT(CAP_SETUID) | RIGHT(CAP_SETGID) | RIGHT(CAP_KILL);
	if (p->has_api_netns)
		needed |= RIGHT(CAP_SYS_ADMIN);
	return needed;
}

static int narrow_bounds(uint64_t needed)
{
	for (int cap = 0; cap <= CAP_LAST_CAP; cap++) {
		if ((needed >> cap & 1) != 0)
			continue;
		// EINVAL: not known to this kernel. EPERM: not ours to change, and with
		// no_new_privs no exec gives more than there is.
		if (prctl(PR_CAPBSET_DROP, cap, 0, 0, 0) != 0 && errno != EINVAL && errno != EPERM)
			return -errno;
	}
	return 0;
}

// The ambient set follows.
static int narrow_own(uint64_t needed)
{
	struct __user_cap_header_struct head = {.version = _LINUX_CAPABILITY_VERSION_3};
	struct __user_cap_data_struct data[2] = {0};

	if (syscall(SYS_capget, &head, data) != 0)
		return -errno;
	for (unsigned i = 0; i < ARRAY_LEN(data); i++) {
		data[i].permitted &= (uint32_t)(needed >> (WORD_BITS * i));
		data[i].inheritable &= data[i].permitted;
		data[i].effective = data[i].permitted;
	}
	return syscall(SYS_capset, &head, data) == 0 ? 0 : -errno;
}

// Many connections, packet memory, for the children: what we may not raise stays as it is.
static void raise_limits(void)
{
	struct rlimit files, memory = {RLIM_INFINITY, RLIM_INFINITY};

	if (getrlimit(RLIMIT_NOFILE, &files) == 0 && files.rlim_max < FILES_MAX) {
		const struct rlimit more = {FILES_MAX, FILES_MAX};
		(void)setrlimit(RLIMIT_NOFILE, &more);
	}
	if (getrlimit(RLIMIT_NOFILE, &files) == 0 && files.rlim_cur < files.rlim_max) {
		files.rlim_cur = files.rlim_max;
		(void)setrlimit(RLIMIT_NOFILE, &files);
	}
	(void)setrlimit(RLIMIT_MEMLOCK, &memory);
}

int rights_keep(const struct rights_plan *p, struct err *err)
{
	uint64_t needed = rights_needed(p);

	raise_limits();
	int rc = narrow_bounds(needed);
	if (rc == 0)
		rc = narrow_own(needed);
	if (rc == -EPERM) // of a service manager whose filter knows no capset()
		say_warn("capabilities stay as they are reason=\"%s\"", strerror(-rc));
	else if (rc != 0)
		return err_set(err, rc, "capabilities: %s", strerror(-rc));
	return sandbox_enter(SANDBOX_SUPERVISOR, sandbox_manner(), err);
}
