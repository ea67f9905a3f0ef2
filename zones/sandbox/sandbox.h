// SPDX-License-Identifier: Apache-2.0
// The last thing a process does before it serves: it gives up every system call that its work does
// not need (rel:6.2), and the chance to leave its memory in a core file.
#pragma once

#include "zones/base/err.h"

#include <stdbool.h>

enum sandbox_role {
	SANDBOX_DATAPLANE, // no files, no sockets of the Internet families
	SANDBOX_SLOWPATH, // sockets; files only for reading
	SANDBOX_MONITOR, // the same
	SANDBOX_CONTROL, // sockets, its own files
	SANDBOX_CONTROL_LOGIN, // starts the program of a kubeconfig that fetches credentials
	SANDBOX_SUPERVISOR, // whatever the start of a child takes
	SANDBOX_ROLE_COUNT
};

// What happens to a call that is in no list. The calls that only an intruder makes end the process
// in any case.
enum sandbox_manner {
	SANDBOX_REFUSE, // EPERM: libraries differ between systems, and a server goes on
	SANDBOX_KILL, // for tests: the list shows itself as wrong
};

// SANDBOX_KILL when the environment says BURST53_SANDBOX=kill.
enum sandbox_manner sandbox_manner(void);

// For every thread of the process, those to come, and all programs it starts; for good. 0 or
// -errno; a kernel without seccomp is no error.
[[nodiscard]] int sandbox_enter(
	enum sandbox_role role, enum sandbox_manner manner, struct err *err);

// Whether this build keeps to the lists; one with a sanitizer only has the calls that end it.
bool sandbox_has_lists(void);
