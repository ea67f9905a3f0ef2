// SPDX-License-Identifier: Apache-2.0
// What `--port` names: a PCI address, af_packet:IF, af_xdp:IF or eal:DEVARGS.
#pragma once

#include "zones/base/err.h"

#include <net/if.h>
#include <stdbool.h>

enum port_kind { PORT_AF_PACKET, PORT_AF_XDP, PORT_PCI, PORT_EAL };

struct port_spec {
	enum port_kind kind;
	char ifname[IFNAMSIZ]; // of af_packet and af_xdp, else empty
	const char *device; // borrowed: PCI address or devargs
};

// Parses the text, which must outlive *spec. 0 or -EINVAL.
[[nodiscard]] int port_spec_parse(const char *text, struct port_spec *spec, struct err *err);

static inline bool port_spec_has_interface(const struct port_spec *s)
{
	return s->ifname[0] != 0;
}
