// SPDX-License-Identifier: Apache-2.0
// Asks for the server's current resource version. After etcd was restored to an older state a
// server takes a watch from a version it has not reached and says nothing for hours (api:F9); this
// notices it within a round trip.
#pragma once

#include "control/kube/http.h"
#include "control/kube/reader.h"
#include "control/kube/stream.h"

#include <stdint.h>

struct check {
	struct reader_env *env; // borrowed, as spec
	const struct kube_spec *spec;
	void (*backwards)(struct check *c, uint64_t now); // the server is behind known
	void *user;

	struct http_request *request; // NULL: none is under way
	struct stream stream;
	struct kube_stats stats; // kept apart: nothing is counted here
	uint64_t known;
};

// Asks whether the server has reached version known; one that is under way is forgotten. What goes
// wrong with it is ignored: the next watch brings the next check.
void check_start(struct check *c, uint64_t known);

void check_cancel(struct check *c);
