// SPDX-License-Identifier: Apache-2.0
// Whom the processes that need no rights belong to when the supervisor is root.
#pragma once

#include "cli/run_options.h"

#include "zones/base/err.h"

#include <sys/types.h>

// Of nobody else, for systems without the package's user.
enum { USER_FALLBACK = 53053 };

struct user {
	uid_t uid; // 0: as the supervisor
	gid_t gid;
};

// --user, else the user `burst53` of the package, else USER_FALLBACK. A supervisor that is not
// root, or may not change users (in a container), leaves them as they are unless --user was given.
// 0 or -errno.
[[nodiscard]] int user_choose(const struct run_options *o, struct user *out, struct err *err);

// Gives a file of ours to that user; no symbolic link is followed. 0 or -errno, 0 when there is no
// file.
[[nodiscard]] int user_give(const struct user *u, const char *path);
