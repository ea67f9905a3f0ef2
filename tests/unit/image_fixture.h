// SPDX-License-Identifier: Apache-2.0
// A small image for tests: one server block `.:53` with `kubernetes cluster.local in-addr.arpa
// { pods insecure; fallthrough in-addr.arpa }` and a punting root, about 50 services with every
// kind of section, built through the real builder.
#pragma once

#include "zones/image/build.h"
#include "zones/image/image.h"

#include <stddef.h>
#include <stdint.h>

struct image_fixture {
	void *bytes; // malloc'ed
	size_t size_bytes;
	struct image image;
};

// n_services services `svcN.ns.svc.cluster.local` (10.96.x.y, one named port), a headless service
// `hl.ns` of n_endpoints, `ipv6.ns` (AAAA), an alias `_._tcp.svc0.ns`, `dns-version`, PTR of every
// service. Addresses and TTL encode `generation`: service N has 10.96+generation%100.N/256.N%256.
struct image_fixture_spec {
	unsigned n_services, n_endpoints;
	uint64_t generation;
	// Overlay on another image when base is not NULL: every even service changed to this
	// generation, every service divisible by 5 gone.
	const struct image *base;
};

// Builds and checks; fails the test when either fails.
void image_fixture_make(struct image_fixture *f, const struct image_fixture_spec *spec);
void image_fixture_free(struct image_fixture *f);

// The builder's policy part alone, for tests that add their own names. Views: 1.
void image_fixture_policy(struct image_build *b, uint32_t serial);

// Wire form of a text, lower-cased; fails the test on a bad one.
struct dname image_fixture_name(const char *text);
