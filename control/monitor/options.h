// SPDX-License-Identifier: Apache-2.0
// The command line of burst53-monitor.
#pragma once

#include "zones/link/health.h"

#include <stddef.h>

enum {
	PLACES_MAX = 32,
	PLACE_BYTES = 256,
};

// What is served at a place; a place may serve several.
enum place_serves { SERVES_HEALTH = 1, SERVES_READY = 2, SERVES_METRICS = 4 };

// An address and a port; host "" is every address.
struct place {
	char host[PLACE_BYTES];
	char port[8];
	unsigned serves; // mask of enum place_serves
};

struct options {
	int counters_fd;
	int beat_fd; // -1: nobody watches us
	enum health_server server;
	struct place places[PLACES_MAX];
	size_t n_places;
};

enum options_verdict { OPTIONS_PARSED, OPTIONS_HELP, OPTIONS_WRONG };

// Help goes to stdout, what is wrong to stderr.
enum options_verdict options_parse(int argc, char **argv, struct options *o);
