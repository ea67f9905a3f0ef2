// SPDX-License-Identifier: Apache-2.0
// The names that CoreDNS accepts for types, classes and RCODEs.
#include "zones/corefile/words.h"

#include "zones/base/array.h"
#include "zones/wire/rr.h"

#include <errno.h>
#include <strings.h>

struct mnemonic {
	const char *name;
	uint16_t number;
};

static int find_mnemonic(const struct mnemonic *list, size_t n, const char *text, uint16_t *out)
{
	for (size_t i = 0; i < n; i++) {
		if (strcasecmp(list[i].name, text) == 0) {
			*out = list[i].number;
			return 0;
		}
	}
	return -EINVAL;
}

int word_type(const char *text, uint16_t *out)
{
	// Types that CoreDNS knows by name and zones/wire has no use for.
	static const struct mnemonic more[] = {
		{"NULL", 10},
		{"RP", 17},
		{"AFSDB", 18},
		{"X25", 19},
		{"ISDN", 20},
		{"RT", 21},
		{"SIG", 24},
		{"KEY", 25},
		{"PX", 26},
		{"GPOS", 27},
		{"LOC", 29},
		{"EID", 31},
		{"NIMLOC", 32},
		{"KX", 36},
		{"CERT", 37},
		{"APL", 42},
		{"SSHFP", 44},
		{"IPSECKEY", 45},
		{"DHCID", 49},
		{"NSEC3PARAM", 51},
		{"SMIMEA", 53},
		{"HIP", 55},
		{"NINFO", 56},
		{"RKEY", 57},
		{"TALINK", 58},
		{"CDS", 59},
		{"CDNSKEY", 60},
		{"OPENPGPKEY", 61},
		{"CSYNC", 62},
		{"ZONEMD", 63},
		{"SPF", 99},
		{"UINFO", 100},
		{"UID", 101},
		{"GID", 102},
		{"NID", 104},
		{"L32", 105},
		{"L64", 106},
		{"LP", 107},
		{"EUI48", 108},
		{"EUI64", 109},
		{"URI", 256},
		{"AVC", 258},
		{"AMTRELAY", 260},
	};

	if (rr_type_parse(text, out) == 0)
		return 0;
	return find_mnemonic(more, ARRAY_LEN(more), text, out);
}

int word_class(const char *text, uint16_t *out)
{
	static const struct mnemonic classes[] = {
		{"IN", 1}, {"CS", 2}, {"CH", 3}, {"HS", 4}, {"NONE", 254}, {"ANY", 255}};

	return find_mnemonic(classes, ARRAY_LEN(classes), text, out);
}

int word_rcode(const char *text, uint16_t *out)
{
	static const struct mnemonic rcodes[] = {
		{"NOERROR", 0},
		{"FORMERR", 1},
		{"SERVFAIL", 2},
		{"NXDOMAIN", 3},
		{"NOTIMP", 4},
		{"NOTIMPL", 4},
		{"REFUSED", 5},
		{"YXDOMAIN", 6},
		{"YXRRSET", 7},
		{"NXRRSET", 8},
		{"NOTAUTH", 9},
		{"NOTZONE", 10},
		{"BADSIG", 16},
		{"BADVERS", 16},
		{"BADKEY", 17},
		{"BADTIME", 18},
		{"BADMODE", 19},
		{"BADNAME", 20},
		{"BADALG", 21},
		{"BADTRUNC", 22},
		{"BADCOOKIE", 23},
	};
	uint64_t n = 0;

	if (word_number(text, 0, 23, &n) == 0) {
		*out = (uint16_t)n;
		return 0;
	}
	return find_mnemonic(rcodes, ARRAY_LEN(rcodes), text, out);
}

bool word_is_upper(const char *text)
{
	if (text[0] < 'A' || text[0] > 'Z')
		return false;
	for (; *text != '\0'; text++) {
		if (*text >= 'a' && *text <= 'z')
			return false;
	}
	return true;
}
