// SPDX-License-Identifier: Apache-2.0
// Rights are for starting: once the port runs, the process has none.
#pragma once

#include "zones/base/err.h"

// Gives up user, groups and capabilities for every thread of the process, for good. 0 or -errno.
[[nodiscard]] int privileges_drop(struct err *err);
