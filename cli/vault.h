// SPDX-License-Identifier: Apache-2.0
// The newest base and overlay that control published, kept as sealed memfds so that a restarted
// process answers at once, without control and without the API.
#pragma once

#include "zones/base/err.h"
#include "zones/image/format.h"
#include "zones/link/publish.h"

struct vault_image {
	int fd; // -1: none
	struct publish_msg msg; // as it came
	struct image_header header;
};

struct vault {
	struct vault_image base, overlay;
	struct vault_image next; // a base that waits for its overlay (PUBLISH_PAIR_NEXT)
};

void vault_init(struct vault *v);

// Takes what a publish message brought. On success fd is the vault's; else the caller's still, and
// *err says why. 0 or -errno. Only seals, size and header are checked: the processes that read the
// bytes check them whole.
[[nodiscard]] int vault_take(
	struct vault *v, const struct publish_msg *msg, int fd, struct err *err);

void vault_fini(struct vault *v);
