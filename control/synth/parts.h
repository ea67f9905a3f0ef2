// SPDX-License-Identifier: Apache-2.0
// A service taken apart, to be named in several zones. Private to control/synth.
#pragma once

#include "control/synth/items.h"

// What a service is made of, the same in every zone.
struct parts {
	struct items own; // cluster IPs, or the endpoints of a headless service
	struct items endpoints; // for the names of endpoints
	bool is_headless;
	bool has_hosts_only; // k8s:2.8: CoreDNS finds an import by its ports
};

// Emits the service's own name, those of its ports and of its endpoints.
[[nodiscard]] int parts_emit(struct work *w, const struct synth_zone *zone,
	const struct parts *parts, const struct dname *owner);
