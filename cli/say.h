// SPDX-License-Identifier: Apache-2.0
// What the supervisor tells people: lines `level supervisor message key=value` on stderr.
#pragma once

__attribute__((format(printf, 1, 2))) void say_error(const char *fmt, ...);
__attribute__((format(printf, 1, 2))) void say_warn(const char *fmt, ...);
__attribute__((format(printf, 1, 2))) void say_info(const char *fmt, ...);
