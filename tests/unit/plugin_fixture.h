// SPDX-License-Identifier: Apache-2.0
// Plays questions through a few plugins as the engine does, in front of a made-up rest of the
// server, and prints what comes out.
#pragma once

#include "slowpath/plugin/plugin.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

enum { PLAY_OPS_MAX = 4, PLAY_TEXT_BYTES = 4096 };

// What lies behind the plugins: a reply per name and type.
struct play_reply {
	const char *name; // "*": any
	uint16_t type;
	uint16_t rcode, flags;
	const char *answer[4]; // in text form; a ! in front: in the authority section
};

struct play_op {
	const struct plugin *plugin;
	const void *data; // struct policy_<kind>
};

struct play {
	struct play_op ops[PLAY_OPS_MAX];
	size_t n;
	const struct play_reply *world;
	size_t n_world;
	uint16_t type, class; // of the question; 0: A, IN
	struct plugin_peer from, to;
	enum transport transport;
	bool has_nsid;
	// As job.find; NULL: the image has nothing.
	bool (*find)(
		struct job *j, uint16_t view, const struct question *what, struct response *out);
	// What happened.
	char behind[300]; // the question that reached the world: "name TYPE"
	char options[300]; // the EDNS options that it got: "code:hex ..."
	unsigned resolved; // PLUGIN_RESOLVE
	bool is_dropped;
	char reply[PLAY_TEXT_BYTES]; // "RCODE [aa] [tc] | record | !record ...", sections in order
	struct rule_counters *counters; // NULL: nothing is counted
};

// Asks for the name, in its spelling. The reply is p->reply, too.
const char *play(struct play *p, const char *name);

// A domain name in wire form from text; in storage that later calls reuse.
const uint8_t *play_wire(const char *text);
