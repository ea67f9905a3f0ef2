// SPDX-License-Identifier: Apache-2.0
// The command line of burst53-control.
#pragma once

#include "control/setup.h"

enum { OPTIONS_ADDRESSES_MAX = 32 };

struct options {
	struct setup_options setup;
	struct object_address addresses[OPTIONS_ADDRESSES_MAX]; // what setup.addresses points to
	uint8_t prefix_lens[OPTIONS_ADDRESSES_MAX]; // of these
	const char *run_dir;
	const char *state_dir;
	const char *write_image; // build one image and end
	int counters_fd; // -1: none
	uint64_t max_image_age_s;
};

// Fills *o; the strings are borrowed from argv. 0, 1 when the help was printed, or -EINVAL with a
// message on standard error.
[[nodiscard]] int options_parse(int argc, char **argv, struct options *o);
