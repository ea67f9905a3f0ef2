// SPDX-License-Identifier: Apache-2.0
// Reads the words of --port.
#include "dataplane/port/spec.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

static int interface_parse(const char *name, struct port_spec *spec, struct err *err)
{
	size_t len = strlen(name);

	// A comma would start another device argument.
	if (len == 0 || len >= sizeof(spec->ifname) || strpbrk(name, ",/ ") != NULL)
		return err_set(err, -EINVAL, "port: \"%s\" is no interface name", name);
	memcpy(spec->ifname, name, len + 1);
	return 0;
}

// [dddd:]bb:dd.f, maybe with device arguments behind a comma.
static bool is_pci(const char *text)
{
	unsigned domain, bus, device, function;
	char end = 0;

	if (sscanf(text, "%4x:%2x:%2x.%1u%c", &domain, &bus, &device, &function, &end) < 4 &&
		sscanf(text, "%2x:%2x.%1u%c", &bus, &device, &function, &end) < 3)
		return false;
	return end == 0 || end == ',';
}

int port_spec_parse(const char *text, struct port_spec *spec, struct err *err)
{
	static const char packet[] = "af_packet:", xdp[] = "af_xdp:", eal[] = "eal:";

	*spec = (struct port_spec){.kind = PORT_PCI, .device = text};
	if (strncmp(text, packet, sizeof(packet) - 1) == 0) {
		spec->kind = PORT_AF_PACKET;
		return interface_parse(text + sizeof(packet) - 1, spec, err);
	}
	if (strncmp(text, xdp, sizeof(xdp) - 1) == 0) {
		spec->kind = PORT_AF_XDP;
		return interface_parse(text + sizeof(xdp) - 1, spec, err);
	}
	if (strncmp(text, eal, sizeof(eal) - 1) == 0) {
		spec->kind = PORT_EAL;
		spec->device = text + sizeof(eal) - 1;
		if (strncmp(spec->device, "net_", 4) == 0)
			return 0;
		return err_set(err, -EINVAL,
			"port: eal: wants the arguments of a virtual device, such as "
			"eal:net_ring0");
	}
	if (is_pci(text))
		return 0;
	return err_set(err, -EINVAL,
		"port: \"%s\" is neither a PCI address nor af_packet:IF, af_xdp:IF, eal:...", text);
}
