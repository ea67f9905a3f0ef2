// SPDX-License-Identifier: Apache-2.0
// 802.1Q tags of frames that pass between the port and a kernel side that knows none (proto:I2).
#pragma once

#include "dataplane/net/wire.h"

#include "zones/base/be.h"

#include <stdint.h>
#include <string.h>

enum { VLAN_MACS_BYTES = 12, VLAN_ID_MASK = 0x0fff, VLAN_ID_MAX = 4094 }; // 802.1Q 9.6

// Gives the frame whose addresses stand at macs + VLAN_BYTES the tag; it begins at macs then.
static inline void vlan_put(uint8_t *macs, uint16_t id)
{
	memmove(macs, macs + VLAN_BYTES, VLAN_MACS_BYTES);
	be16_put(macs + VLAN_MACS_BYTES, ETHER_VLAN);
	be16_put(macs + VLAN_MACS_BYTES + 2, id);
}

// Takes the tag out of a frame that has one; the frame begins at the result then.
static inline uint8_t *vlan_take(uint8_t *frame)
{
	memmove(frame + VLAN_BYTES, frame, VLAN_MACS_BYTES);
	return frame + VLAN_BYTES;
}
