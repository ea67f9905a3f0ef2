// SPDX-License-Identifier: Apache-2.0
// Pod names `a-b-c-d.ns.pod.Z`: the address that a label spells (k8s:2.6).
#pragma once

#include "zones/wire/query.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

// True when the question is `x.ns.pod.Z`: one label in front of a namespace. zone_labels: those of
// Z.
static inline bool pod_is_question(const struct query *q, uint8_t zone_labels)
{
	static const uint8_t pod[4] = "\3pod";

	return q->nlabels == zone_labels + 3u &&
		memcmp(q->name + q->label_off[2], pod, sizeof(pod)) == 0;
}

// True when CoreDNS puts dots for the dashes of a label: three, no double one. Colons otherwise.
bool pod_is_dotted(const uint8_t *label, size_t len);

// Family (4 or 6) of the address in a label of len bytes, written to addr; 0 when it spells none.
// Three dashes are the dots of an IPv4 address, or of the end of an IPv6 address with colons in
// front; an IPv4-mapped IPv6 address is IPv4, as for Go's net.IP.
unsigned pod_address(const uint8_t *label, size_t len, uint8_t addr[16]);
