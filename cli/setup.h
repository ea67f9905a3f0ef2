// SPDX-License-Identifier: Apache-2.0
// What a machine or pod needs before `burst53 run` has a port of its own, made once: hugepages and
// their file system, kernel modules, the card's hand-over. Each step looks first and changes only
// what is missing.
#pragma once

#include <stdbool.h>
#include <stddef.h>

enum { SETUP_STEPS_MAX = 24, SETUP_TEXT_BYTES = 240 };

enum setup_state {
	SETUP_READY, // was so before
	SETUP_DONE, // is so now
	SETUP_TODO, // only looked, and it is not so
	SETUP_FAILED,
};

struct setup_step {
	const char *name;
	enum setup_state state;
	char text[SETUP_TEXT_BYTES];
};

struct setup {
	const char *root; // prefix of all paths: "" for this machine
	const char *card; // PCI address or interface; NULL: none
	unsigned memory_mb; // 0: no hugepages
	unsigned uid; // that will use the hugepages
	bool is_check; // changes nothing
	bool is_forced; // takes a card that is in use
	size_t n;
	struct setup_step steps[SETUP_STEPS_MAX];
};

// Adds a step for everything there is to do, in order; a failed one does not keep the next ones
// from being tried.
void setup_run(struct setup *s);

// Whether nothing is left to do.
bool setup_is_ready(const struct setup *s);
