// SPDX-License-Identifier: Apache-2.0
// Text forms of RR types and RCODEs.
#include "zones/wire/rr.h"

#include "zones/base/array.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <strings.h>

struct named {
	const char *text;
	unsigned number;
};

#define RR_TYPE_NAMED(name, number) {#name, number},
static const struct named rr_types[] = {RR_TYPES(RR_TYPE_NAMED)};
#undef RR_TYPE_NAMED

static const struct named rcodes[] = {
	{"NOERROR", 0},
	{"FORMERR", 1},
	{"SERVFAIL", 2},
	{"NXDOMAIN", 3},
	{"NOTIMP", 4},
	{"REFUSED", 5},
	{"YXDOMAIN", 6},
	{"YXRRSET", 7},
	{"NXRRSET", 8},
	{"NOTAUTH", 9},
	{"NOTZONE", 10},
	{"BADVERS", 16},
	{"BADCOOKIE", 23},
};

const char *rr_type_print(uint16_t type, char *buf, unsigned long size_bytes)
{
	for (size_t i = 0; i < ARRAY_LEN(rr_types); i++) {
		if (rr_types[i].number == type) {
			(void)snprintf(buf, size_bytes, "%s", rr_types[i].text);
			return buf;
		}
	}
	(void)snprintf(buf, size_bytes, "TYPE%u", type); // RFC 3597 5
	return buf;
}

int rr_type_parse(const char *text, uint16_t *type)
{
	char *end = NULL;

	for (size_t i = 0; i < ARRAY_LEN(rr_types); i++) {
		if (strcasecmp(rr_types[i].text, text) == 0) {
			*type = (uint16_t)rr_types[i].number;
			return 0;
		}
	}
	if (strncasecmp(text, "TYPE", 4) != 0 || text[4] < '0' || text[4] > '9')
		return -EINVAL;
	unsigned long n = strtoul(text + 4, &end, 10);
	if (*end != '\0' || n > UINT16_MAX)
		return -EINVAL;
	*type = (uint16_t)n;
	return 0;
}

const char *rcode_print(unsigned rcode, char *buf, unsigned long size_bytes)
{
	for (size_t i = 0; i < ARRAY_LEN(rcodes); i++) {
		if (rcodes[i].number == rcode) {
			(void)snprintf(buf, size_bytes, "%s", rcodes[i].text);
			return buf;
		}
	}
	(void)snprintf(buf, size_bytes, "RCODE%u", rcode);
	return buf;
}
