// SPDX-License-Identifier: Apache-2.0
// How a received frame ends. Parsers and stages decide, the worker's loop counts, sends and frees
// (DESIGN 4): each frame gets exactly one of these.
#pragma once

#include "zones/link/counters.h"

enum verdict {
	VERDICT_DROP, // for a reason (enum drop_reason)
	VERDICT_QUERY, // a DNS query over UDP, on its way to a reply or a punt
	VERDICT_ANSWER, // ARP, ND or echo: answered from the frame alone
	VERDICT_PUNT, // the slow path answers
	VERDICT_EXCEPTION, // for the kernel that stands behind our addresses
};
