// SPDX-License-Identifier: Apache-2.0
// Replies that plugins make themselves.
#pragma once

#include "slowpath/plugin/plugin.h"

// The name that is asked for, in the client's spelling when nobody has changed it. Owned by the
// job's arena; NULL when memory is short.
const uint8_t *made_owner(struct job *j);

// Appends a record of class IN to job->response; the data is copied. 0 or -ENOMEM.
[[nodiscard]] int made_add(struct job *j, enum response_part part, const struct response_rr *rr);

// Empty replies: nothing to say, or an error that nobody writes.
enum plugin_verdict made_empty(struct job *j, uint16_t rcode);
enum plugin_verdict made_error(struct job *j, uint16_t rcode);
enum plugin_verdict made_fail(struct job *j); // SERVFAIL
