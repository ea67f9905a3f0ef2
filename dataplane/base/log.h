// SPDX-License-Identifier: Apache-2.0
// Lines `level module message key=value` on standard error. Workers never call this.
#pragma once

enum log_level { LOG_LEVEL_ERROR, LOG_LEVEL_WARN, LOG_LEVEL_INFO };

// One line, one write. The message is constant; fields is a format for the key=value part ("%s", ""
// for none).
__attribute__((format(printf, 4, 5))) void log_line(
	enum log_level level, const char *module, const char *message, const char *fields, ...);
