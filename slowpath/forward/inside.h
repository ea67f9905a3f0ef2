// SPDX-License-Identifier: Apache-2.0
// Names that the standards keep from leaving a server (proto:L1-L3): answered here when the
// operator says so (`keep-inside`), because an upstream has nothing to say about them.
#pragma once

#include "slowpath/message/entry.h"

// The answer, owned by the caller; NULL: the question may leave (or memory is short). kinds are
// those kept inside. zone and from (wire form, lower case) are what the server block and its
// `forward` are for: whoever names such a zone there wants its names forwarded.
struct entry *inside_answer(
	unsigned kinds, const struct ask *a, const uint8_t *zone, const uint8_t *from);
