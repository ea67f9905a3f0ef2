// SPDX-License-Identifier: Apache-2.0
// Tells one version of a file from another without reading it.
#pragma once

#include <stdint.h>

// Changes when the file is written, replaced or made readable. 0: there is none.
uint64_t file_mark(const char *path);
