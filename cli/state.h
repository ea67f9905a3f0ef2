// SPDX-License-Identifier: Apache-2.0
// RUN-DIR/state: what a supervisor made and started, as text. The next one cleans up by it after a
// kill -9, and `burst53 status` shows it.
#pragma once

#include "cli/address.h"
#include "cli/drop_rule.h"
#include "cli/proc.h"
#include "cli/run_options.h"
#include "cli/sockets.h"

#include "zones/snapshot/snapshot.h"

#include <stdbool.h>
#include <stddef.h>

enum { STATE_CHILDREN_MAX = 8, STATE_NAME_BYTES = 16 };

enum address_mode { MODE_KERNEL, MODE_SHARED, MODE_OWN }; // DESIGN 4

struct state_child {
	char name[STATE_NAME_BYTES];
	struct proc proc;
	unsigned starts; // how often it was started
};

struct state_address {
	char text[ADDRESS_TEXT_BYTES];
	enum address_mode mode;
};

struct state {
	struct proc supervisor;
	char table[DROP_TABLE_BYTES]; // nft table, empty for none
	char port[128];
	int counters_fd; // number of the counters' descriptor in the children
	struct state_child children[STATE_CHILDREN_MAX];
	size_t n_children;
	struct state_address addresses[RUN_ADDRESSES_MAX];
	size_t n_addresses;
	// Where plain DNS is answered; an address of zeros is every one of its family.
	struct server_address listens[SOCKETS_MAX];
	size_t n_listens;
};

const char *address_mode_text(enum address_mode mode);

const struct state_child *state_find_child(const struct state *s, const char *name); // or NULL
bool state_has_child(const struct state *s, const char *name);

// Replaces the file as a whole. 0 or -errno.
[[nodiscard]] int state_write(const char *path, const struct state *s);

// 0, -ENOENT when there is none, -EBADMSG when it is no such file, or another -errno.
[[nodiscard]] int state_read(const char *path, struct state *s);
