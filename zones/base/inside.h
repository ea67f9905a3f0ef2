// SPDX-License-Identifier: Apache-2.0
// Kinds of names that may be kept from leaving the server (proto:L1-L3), as people write them:
// "special,local,reverse".
#pragma once

#include <stdbool.h>

enum inside_kind {
	INSIDE_SPECIAL = 1, // localhost., invalid., onion., alt., home.arpa.
	INSIDE_LOCAL = 2, // local.
	INSIDE_REVERSE = 4, // the locally served zones of RFC 6303 and RFC 7793
};

// Reads a list of kinds into bits. False: it is none.
bool inside_parse(const char *text, unsigned *out);
