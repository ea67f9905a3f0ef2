// SPDX-License-Identifier: Apache-2.0
// Names come from the system's user database.
#include "cli/user.h"

#include <errno.h>
#include <linux/capability.h>
#include <pwd.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

static const char package_user[] = "burst53";

static bool may_change_users(void)
{
	const uint32_t needed = 1u << CAP_SETUID | 1u << CAP_SETGID | 1u << CAP_CHOWN;
	struct __user_cap_header_struct head = {.version = _LINUX_CAPABILITY_VERSION_3};
	struct __user_cap_data_struct data[2] = {0};

	return geteuid() == 0 && syscall(SYS_capget, &head, data) == 0 &&
		(data[0].effective & needed) == needed;
}

static bool find_name(const char *name, struct user *out)
{
	const struct passwd *p = getpwnam(name);

	if (p == NULL)
		return false;
	*out = (struct user){p->pw_uid, p->pw_gid};
	return true;
}

static int find_wanted(const char *wanted, struct user *out, struct err *err)
{
	char *end = NULL;

	if (find_name(wanted, out))
		return 0;
	unsigned long n = strtoul(wanted, &end, 10);
	if (wanted[0] < '0' || wanted[0] > '9' || *end != 0 || n >= UINT32_MAX)
		return err_set(err, -ENOENT, "there is no user '%.40s'", wanted);
	*out = (struct user){(uid_t)n, (gid_t)n};
	return 0;
}

int user_choose(const struct run_options *o, struct user *out, struct err *err)
{
	*out = (struct user){0};
	if (o->user != NULL) {
		int rc = find_wanted(o->user, out, err);
		if (rc != 0 || out->uid == 0 || may_change_users())
			return rc;
		if (out->uid != geteuid())
			return err_set(
				err, -EPERM, "--user %.40s: only root may change users", o->user);
		*out = (struct user){0};
		return 0;
	}
	// What control saves stands beside what only the supervisor may write: roles of others.
	if (!may_change_users() || strcmp(o->run_dir, o->state_dir) == 0)
		return 0;
	if (!find_name(package_user, out))
		*out = (struct user){USER_FALLBACK, USER_FALLBACK};
	return 0;
}

int user_give(const struct user *u, const char *path)
{
	struct stat st;

	if (u->uid == 0)
		return 0;
	if (lstat(path, &st) != 0)
		return errno == ENOENT ? 0 : -errno;
	// A folder of everybody's, as /tmp, is not ours to give.
	if (S_ISDIR(st.st_mode) && (st.st_mode & (S_IWGRP | S_IWOTH)) != 0)
		return 0;
	return lchown(path, u->uid, u->gid) == 0 ? 0 : -errno;
}
