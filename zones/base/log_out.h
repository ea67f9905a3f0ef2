// SPDX-License-Identifier: Apache-2.0
// Where log lines of every process end. Who reads them may stall: the process that logs must not.
#pragma once

#include <stddef.h>

// Writes a line with its newline to fd, at once and whole. When nobody has made room for a moment
// the line is left out, and the next one that finds room says how many were. Any thread.
void log_out(int fd, const char *line, size_t size_bytes);
