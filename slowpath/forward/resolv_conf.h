// SPDX-License-Identifier: Apache-2.0
// The name servers of a file in resolv.conf format (resolv.conf(5)).
#pragma once

#include <stdint.h>

enum {
	RESOLV_CONF_MAX = 15,
	RESOLV_CONF_TEXT_BYTES = 64,
	RESOLV_CONF_MAX_BYTES = 64 * 1024, // of the file that are read
};

// Reads the addresses, in order. Returns how many, or -errno.
[[nodiscard]] int resolv_conf_read(
	const char *path, char list[RESOLV_CONF_MAX][RESOLV_CONF_TEXT_BYTES]);

// The same from text that ends with a NUL.
int resolv_conf_parse(char *text, char list[RESOLV_CONF_MAX][RESOLV_CONF_TEXT_BYTES]);

// Number of an interface by name or number, 0 when there is none.
uint32_t resolv_conf_interface(const char *name);
