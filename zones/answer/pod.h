// SPDX-License-Identifier: Apache-2.0
// Pod names `a-b-c-d.ns.pod.Z`: the address that a label spells (k8s:2.6).
#pragma once

#include <stddef.h>
#include <stdint.h>

// Family (4 or 6) of the address in a label of len bytes, written to addr; 0 when it spells none.
// Exactly three dashes and no double one mean IPv4, anything else IPv6; an IPv4-mapped IPv6
// address is IPv4, as for Go's net.IP.
unsigned pod_address(const uint8_t *label, size_t len, uint8_t addr[16]);
