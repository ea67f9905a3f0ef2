// SPDX-License-Identifier: Apache-2.0
// The way of NEXT: begun, read, compared where there is reason to, and made LIVE in one step. The
// functions work on r->next.
#pragma once

#include "control/kube/resource.h"

// A reader begins to read all, after delay_ms.
void next_begin(struct resource *r, enum kube_relist_reason reason, unsigned delay_ms);

// Forgets how far rd was and chooses streamed or paged anew.
void next_prepare(struct resource *r, struct reader *rd);

// What has been read is dropped.
void next_drop(struct resource *r);

// All that exists has been read.
void next_complete(struct resource *r);

// The end of an audit (api:F9, F10).
void next_compare(struct resource *r);

// NEXT becomes LIVE, unless it looks wrong and is not confirmed yet (api:F5).
void next_promote(struct resource *r);

void next_schedule_audit(struct resource *r);
