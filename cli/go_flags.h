// SPDX-License-Identifier: Apache-2.0
// Command lines as Go programs take them: -name value, -name=value, --name; booleans alone or with
// =true and =false.
#pragma once

#include "zones/base/err.h"

#include <stddef.h>

enum go_flag_kind {
	GO_TEXT, // const char *
	GO_BOOL, // bool
	GO_DURATION, // uint64_t, ms
	GO_PORT, // uint16_t
};

struct go_flag {
	const char *name;
	enum go_flag_kind kind;
	void *out;
};

// Fills what the flags point to. 0 or -EINVAL with a sentence; -h and -help give -ECANCELED without
// one.
[[nodiscard]] int go_flags_parse(
	int argc, char **argv, const struct go_flag *flags, size_t n, struct err *err);
