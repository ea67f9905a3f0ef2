// SPDX-License-Identifier: Apache-2.0
// What `log` and `dnstap` are told of queries. Private to dataplane/worker.
#pragma once

#include "dataplane/worker/burst.h"

// Notes a reply for `log`, before its headers are turned; for b->log != NULL.
void burst_log(struct burst *b, const struct burst_query *bq, const struct answer_result *r,
	size_t size_bytes);

// Tells of a query that is still whole, and of a reply; for b->tap != NULL.
void burst_tap_query(struct burst *b, const struct burst_query *bq);
void burst_tap_reply(struct burst *b, const struct burst_query *bq, size_t size_bytes);
