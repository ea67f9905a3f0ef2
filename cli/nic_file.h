// SPDX-License-Identifier: Apache-2.0
// Small files, links and folders of sysfs, by printed paths.
#pragma once

#include <stdbool.h>
#include <stddef.h>

enum { NIC_PATH_BYTES = 512 };

// The first line of a file without its end. False and "": there is none.
__attribute__((format(printf, 3, 4))) bool nic_file_read(
	char *out, size_t size_bytes, const char *fmt, ...);

// Writes a text, as it stands. 0 or -errno.
[[nodiscard, gnu::format(printf, 2, 3)]] int nic_file_write(const char *text, const char *fmt, ...);

bool nic_file_exists(const char *root, const char *path);

// The last word of a link's target; "" without a link.
__attribute__((format(printf, 3, 4))) void nic_link_read(
	char *out, size_t size_bytes, const char *fmt, ...);

// Calls fn for each name of a folder that begins with prefix (NULL: any) until it says false.
typedef bool nic_dir_fn(const char *name, void *arg);
__attribute__((format(printf, 4, 5))) void nic_dir_walk(
	nic_dir_fn *fn, void *arg, const char *prefix, const char *fmt, ...);
