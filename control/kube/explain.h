// SPDX-License-Identifier: Apache-2.0
// What is said about failures: once when they begin, again every few minutes, and when they end.
#pragma once

#include "control/kube/reader.h"
#include "control/kube/resource.h"

// Notes in the stats, and in the log when it is time, that a request has failed.
void explain_failure(
	struct resource *r, const struct reader *rd, enum kube_result result, unsigned wait_ms);

// Notes that it works again.
void explain_success(struct resource *r);
