// SPDX-License-Identifier: Apache-2.0
// The data of the in-process benchmark: an image of many services, made by the real builder and
// mapped as the dataplane maps it.
#pragma once

#include "zones/image/image.h"

#include <stddef.h>
#include <stdint.h>

enum { NAMES_PER_SERVICE = 3, SERVICES_PER_NAMESPACE = 50 };

struct names {
	struct image image;
	void *bytes; // mapped from a memfd
	size_t size_bytes;
	uint32_t n_services;
};

// About n_names names: services `svcI.nsJ.svc.cluster.local` with an address, a named port and a
// reverse name each, and `nsJ.pod.cluster.local`. Ends the process when something fails.
void names_make(struct names *n, uint32_t n_names);
void names_free(struct names *n);

// The address of service i.
void names_address(uint32_t i, uint8_t out[4]);
