// SPDX-License-Identifier: Apache-2.0
// Records from the text form of zone files (RFC 1035 5.1).
#pragma once

#include "slowpath/message/response.h"

// One record: `OWNER [TTL] [CLASS] TYPE DATA`, names relative to the root, 3600 s and IN where
// nothing is said. Owned by the arena. 0, -EINVAL when the text is no record, -ENOMEM.
[[nodiscard]] int record_text_parse(struct arena *a, const char *text, struct response_rr *out);

// The mnemonic of a type, "" when it has none; NULL when memory is short.
const char *record_type_text(struct arena *a, uint16_t type);
