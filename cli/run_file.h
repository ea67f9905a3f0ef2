// SPDX-License-Identifier: Apache-2.0
// burst53.conf: a setting a line, named like the option of `burst53 run`, and its value behind it.
// `#` begins a comment.
#pragma once

#include "cli/run_options.h"

// Takes the settings of a file. 0 or -errno with file, line and column in *err. The text becomes
// o->file_text.
[[nodiscard]] int run_file_read(const char *path, struct run_options *o, struct err *err);
