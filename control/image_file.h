// SPDX-License-Identifier: Apache-2.0
// One image of a Corefile and a saved cluster, without any other process: for tests and commands.
#pragma once

#include "control/setup.h"

// Builds a base (generation 1, serial 1 so that the same input gives the same bytes) and writes it
// to path. Without a dump: as it is before the first sync. 0 or -errno with the reason in e.
[[nodiscard]] int image_file_write(const struct setup_options *o, const char *path, struct err *e);
