// SPDX-License-Identifier: Apache-2.0
// What our XDP program has to know: written into its object before it is loaded. Shared with the
// program itself, so only plain types.
#pragma once

#include <linux/types.h>

enum { XDP_ADDRESSES_MAX = 16, XDP_PORTS_MAX = 64, XDP_MAGIC_BYTES = 16 };

#define XDP_MAGIC "burst53 filter\r\n"

struct xdp_address {
	__u8 bytes[16]; // network order, IPv4 in the first 4
	__u8 family; // 4, 6 or 0 for none
	__u8 is_shared; // the kernel keeps all but served UDP
	__u8 reserved[2];
};

struct xdp_filter {
	__u8 magic[XDP_MAGIC_BYTES]; // how the place is found in the object
	__u32 n_addresses, n_ports;
	struct xdp_address addresses[XDP_ADDRESSES_MAX];
	__u16 ports[XDP_PORTS_MAX]; // served UDP ports, network order
};
