// SPDX-License-Identifier: Apache-2.0
// The name servers of a file in resolv.conf format (resolv.conf(5)).
#pragma once

enum {
	RESOLV_CONF_MAX = 15,
	RESOLV_CONF_TEXT_BYTES = 64,
	RESOLV_CONF_MAX_BYTES = 64 * 1024, // of the file that are read
};

struct resolv_conf {
	unsigned n;
	char list[RESOLV_CONF_MAX][RESOLV_CONF_TEXT_BYTES]; // addresses, in order
};

// 0; -ENODATA when no line names a server by its address, -EINVAL for what is no file, or -errno.
// *out is written only with 0.
[[nodiscard]] int resolv_conf_read(const char *path, struct resolv_conf *out);

// The same from text that ends with a NUL and is changed.
void resolv_conf_parse(char *text, struct resolv_conf *out);

// What is wrong with the file, in words.
const char *resolv_conf_reason(int rc);
