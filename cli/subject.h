// SPDX-License-Identifier: Apache-2.0
// What a name is about: its shape, and the namespace, service, endpoint, port or address that it
// spells (k8s:2.2). From the name and the zones alone, whether or not the name exists.
#pragma once

#include "zones/snapshot/snapshot.h"
#include "zones/wire/dname.h"

#include <stddef.h>
#include <stdint.h>

#define SUBJECT_SHAPES(X) \
	X(OUTSIDE, "outside") \
	X(APEX, "apex") \
	X(REVERSE_APEX, "rapex") \
	X(REVERSE, "reverse") \
	X(NS_DNS, "ns.dns") \
	X(DNS_VERSION, "dns-version") \
	X(SVC, "svc") \
	X(POD, "pod") \
	X(NS_SVC, "ns.svc") \
	X(NS_POD, "ns.pod") \
	X(SERVICE, "service") \
	X(ENDPOINT, "endpoint") \
	X(PORT, "port") \
	X(DEEP, "deep") \
	X(POD_NAME, "podname") \
	X(POD_EXTRA, "podextra") \
	X(POD_DEEP, "poddeep") \
	X(OTHER, "other")

#define SUBJECT_ENUM(name, text) SUBJECT_##name,
enum subject_shape { SUBJECT_SHAPES(SUBJECT_ENUM) SUBJECT_SHAPE_COUNT };
#undef SUBJECT_ENUM

// The word of a shape in tables.
const char *subject_shape_text(enum subject_shape shape);

// The zones of Kubernetes' data.
struct subject_zones {
	struct dname *items; // owned
	size_t n, cap;
};

// 0 or -ENOMEM. A zone that is there already is not added again.
[[nodiscard]] int subject_zones_add(struct subject_zones *z, const uint8_t *wire);
// The zones that a snapshot's rules answer from Kubernetes' data.
[[nodiscard]] int subject_zones_of(const struct snapshot *s, struct subject_zones *z);
void subject_zones_fini(struct subject_zones *z);

enum { SUBJECT_LABEL_BYTES = 256 }; // 63 bytes, each as \DDD, and a NUL

// Parts that the shape does not have are "".
struct subject {
	enum subject_shape shape;
	const struct dname *zone; // borrowed from the zones; NULL outside
	char ns[SUBJECT_LABEL_BYTES];
	char service[SUBJECT_LABEL_BYTES];
	char endpoint[SUBJECT_LABEL_BYTES]; // also the first label of a pod's name
	char port[SUBJECT_LABEL_BYTES]; // with its underscore, if it has one
	char protocol[SUBJECT_LABEL_BYTES];
	uint8_t family; // of a whole reverse name: 4 or 6, else 0
	uint8_t address[16];
};

void subject_of(const struct subject_zones *zones, const uint8_t *name, struct subject *out);
