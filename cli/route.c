// SPDX-License-Identifier: Apache-2.0
// Reads the routing tables in /proc/net, which are those of our namespace.
#include "cli/route.h"

#include <arpa/inet.h>
#include <stdio.h>
#include <string.h>

enum { ROUTE_GATEWAY = 0x0002 }; // RTF_GATEWAY

static bool parse_route4(const char *line, const char *ifname, struct address *out)
{
	char name[32];
	unsigned destination, gateway, flags, mask;

	if (sscanf(line, "%31s %x %x %x %*s %*s %*s %x", name, &destination, &gateway, &flags,
		    &mask) != 5)
		return false;
	if (strcmp(name, ifname) != 0 || destination != 0 || mask != 0 ||
		(flags & ROUTE_GATEWAY) == 0)
		return false;
	memcpy(out->bytes, &gateway, 4); // printed as the host reads the network's bytes
	return true;
}

static bool parse_hex16(const char *text, uint8_t out[16])
{
	for (int i = 0; i < 16; i++) {
		unsigned byte;
		if (sscanf(text + 2 * i, "%2x", &byte) != 1)
			return false;
		out[i] = (uint8_t)byte;
	}
	return true;
}

static bool parse_route6(const char *line, const char *ifname, struct address *out)
{
	char destination[33], gateway[33], name[32];
	unsigned prefix_len, flags;

	if (sscanf(line, "%32s %x %*s %*s %32s %*s %*s %*s %x %31s", destination, &prefix_len,
		    gateway, &flags, name) != 5)
		return false;
	if (strcmp(name, ifname) != 0 || prefix_len != 0 || (flags & ROUTE_GATEWAY) == 0)
		return false;
	return parse_hex16(gateway, out->bytes);
}

bool route_gateway(const char *ifname, uint8_t family, struct address *out)
{
	char line[512];
	bool found = false;
	FILE *f = fopen(family == 4 ? "/proc/net/route" : "/proc/net/ipv6_route", "re");

	if (f == NULL)
		return false;
	*out = (struct address){.family = family, .prefix_len = family == 4 ? 32 : 128};
	while (!found && fgets(line, sizeof(line), f) != NULL)
		found = family == 4 ? parse_route4(line, ifname, out)
				    : parse_route6(line, ifname, out);
	(void)fclose(f); // only read
	return found &&
		inet_ntop(family == 4 ? AF_INET : AF_INET6, out->bytes, out->text,
			sizeof(out->text)) != NULL;
}
