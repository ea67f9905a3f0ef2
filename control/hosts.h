// SPDX-License-Identifier: Apache-2.0
// The hosts directive (k8s:2.13) as fixed names of the image: the lines of its file and those in
// the Corefile. A changed file is taken like a changed Corefile.
#pragma once

#include "zones/base/arena.h"
#include "zones/base/err.h"
#include "zones/corefile/plugins.h"
#include "zones/image/build.h"

#include <stdbool.h>
#include <stdint.h>
#include <time.h>

struct hosts_entry;

struct hosts {
	const struct config_hosts *config; // borrowed
	struct arena arena;
	struct hosts_entry *entries; // sorted by name
	size_t n, cap;
	struct timespec mtime; // of the file, zero when it is not there
	int64_t size_bytes;
};

// Reads the file (a missing one is empty) and the lines of the Corefile. 0 or -ENOMEM. *h is zeroed
// first; hosts_fini it in any case.
[[nodiscard]] int hosts_load(struct hosts *h, const struct config_hosts *config);
void hosts_fini(struct hosts *h);

// Whether some name lies in the zone.
bool hosts_has_names(const struct hosts *h, const uint8_t *zone);
// The same for names of addresses: they are known in every zone.
bool hosts_has_addresses(const struct hosts *h, const uint8_t *zone);

// Whether the file is another one now than when it was read.
bool hosts_has_changed(const struct hosts *h);

// Adds all names to an image, under their own view. 0 or -errno.
[[nodiscard]] int hosts_feed(const struct hosts *h, uint16_t view, struct image_build *b);
