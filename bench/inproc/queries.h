// SPDX-License-Identifier: Apache-2.0
// The questions of the in-process benchmark, as whole frames that a port would receive.
#pragma once

#include "bench/inproc/names.h"

#include "dataplane/net/host.h"

#include <stddef.h>
#include <stdint.h>

enum { QUERY_FRAME_BYTES = 190, ANY_COUNT = 0xffff };

struct query_frame {
	uint16_t size_bytes;
	uint8_t bytes[QUERY_FRAME_BYTES];
};

struct query_case {
	const char *name;
	const char *text; // for tables
	// Frame i: fills the name (text without the final dot) and the type.
	void (*ask)(
		const struct names *n, uint32_t i, char *name, size_t size_bytes, uint16_t *type);
	uint8_t edns; // enum query_edns_kind
	uint16_t rcode, n_an; // expected; ANY_COUNT: any
};

// What the workers' cache holds (outside.h).
#define OUTSIDE_NAME "www%u.example.com"
enum { OUTSIDE_NAMES = 10000 };

enum query_edns_kind { EDNS_NO, EDNS_PLAIN, EDNS_COOKIE_NEW };

extern const struct query_case query_cases[];
extern const size_t n_query_cases;

// n frames of the case to the host's first address from many clients, names in random order.
// malloc'ed.
struct query_frame *queries_make(
	const struct query_case *c, const struct names *names, const struct host *host, uint32_t n);
