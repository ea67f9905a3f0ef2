// SPDX-License-Identifier: Apache-2.0
// One setting of `burst53 run`, wherever it was written: its key, and its value into the options.
#pragma once

#include "cli/run_options.h"

#include <getopt.h>

enum run_key {
	KEY_CONF = 256,
	KEY_KUBECONFIG,
	KEY_CONTEXT,
	KEY_DUMP,
	KEY_RUN_DIR,
	KEY_STATE_DIR,
	KEY_API_NETNS,
	KEY_PIDFILE,
	KEY_COOKIE_FILE,
	KEY_USER,
	KEY_ADDRESS,
	KEY_GATEWAY,
	KEY_PORT,
	KEY_WORKERS,
	KEY_IDLE,
	KEY_NO_HUGE,
	KEY_MEMORY,
	KEY_MTU,
	KEY_VLAN,
	KEY_MAX_IMAGE_AGE,
	KEY_DNS_PORT,
	KEY_NETWORK,
	KEY_OUTSIDE,
	KEY_RATE,
	KEY_RATE_BURST,
	KEY_RATE_SLIP,
	KEY_RATE_PREFIXES4,
	KEY_RATE_PREFIXES6,
	KEY_KEEP_INSIDE,
	KEY_MIXED_CASE,
	KEY_NO_COOKIES,
	KEY_QUIET,
	KEY_CONFIG,
	KEY_HELP,
	KEY_END,
};

// The names of the keys, for getopt_long.
extern const struct option run_long_options[];

// Takes a value (NULL for a key without one). 0, or -EINVAL with a sentence in *err. Strings stay
// borrowed.
[[nodiscard]] int run_value_take(
	enum run_key key, const char *value, struct run_options *o, struct err *err);

// What the file said about a key is no longer meant: the command line names it too. is_seen tells
// which keys the command line has named.
void run_value_forget(enum run_key key, const bool is_seen[KEY_END], struct run_options *o);
