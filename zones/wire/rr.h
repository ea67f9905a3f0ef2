// SPDX-License-Identifier: Apache-2.0
// Numbers of the DNS: RR types, classes, RCODEs, opcodes, header bits, EDNS options, extended
// errors. Sources: IANA DNS parameters; RFC 1035, 6891, 8914.
#pragma once

#include <stdint.h>

// The types that have a name in text; anything else prints as TYPEnnn (RFC 3597).
#define RR_TYPES(X) \
	X(A, 1) \
	X(NS, 2) \
	X(CNAME, 5) \
	X(SOA, 6) \
	X(PTR, 12) \
	X(HINFO, 13) \
	X(MX, 15) \
	X(TXT, 16) \
	X(AAAA, 28) \
	X(SRV, 33) \
	X(NAPTR, 35) \
	X(DNAME, 39) \
	X(OPT, 41) \
	X(DS, 43) \
	X(RRSIG, 46) \
	X(NSEC, 47) \
	X(DNSKEY, 48) \
	X(NSEC3, 50) \
	X(TLSA, 52) \
	X(SVCB, 64) \
	X(HTTPS, 65) \
	X(NXNAME, 128) \
	X(TKEY, 249) \
	X(TSIG, 250) \
	X(IXFR, 251) \
	X(AXFR, 252) \
	X(MAILB, 253) \
	X(MAILA, 254) \
	X(ANY, 255) \
	X(CAA, 257)

#define RR_TYPE_ENUM(name, number) RR_TYPE_##name = number,
enum rr_type { RR_TYPES(RR_TYPE_ENUM) };
#undef RR_TYPE_ENUM

enum rr_class {
	RR_CLASS_IN = 1,
	RR_CLASS_CH = 3,
	RR_CLASS_HS = 4,
	RR_CLASS_NONE = 254,
	RR_CLASS_ANY = 255,
};

enum rcode {
	RCODE_NOERROR = 0,
	RCODE_FORMERR = 1,
	RCODE_SERVFAIL = 2,
	RCODE_NXDOMAIN = 3,
	RCODE_NOTIMP = 4,
	RCODE_REFUSED = 5,
	RCODE_NOTAUTH = 9,
	RCODE_BADVERS = 16,
	RCODE_BADCOOKIE = 23,
};

enum opcode { OPCODE_QUERY = 0, OPCODE_NOTIFY = 4 };

// Bits of the second 16-bit word of the header (RFC 1035 4.1.1, RFC 4035 3.2).
enum header_flag {
	HEADER_QR = 0x8000,
	HEADER_OPCODE = 0x7800,
	HEADER_AA = 0x0400,
	HEADER_TC = 0x0200,
	HEADER_RD = 0x0100,
	HEADER_RA = 0x0080,
	HEADER_Z = 0x0040,
	HEADER_AD = 0x0020,
	HEADER_CD = 0x0010,
	HEADER_RCODE = 0x000f,
};

enum edns_option {
	EDNS_NSID = 3,
	EDNS_ECS = 8,
	EDNS_COOKIE = 10,
	EDNS_KEEPALIVE = 11,
	EDNS_PADDING = 12,
	EDNS_EDE = 15,
};

// Extended DNS error codes (RFC 8914 4) that burst53 sends; EDE_NONE means no option.
enum ede {
	EDE_NONE = -1,
	EDE_OTHER = 0,
	EDE_STALE_ANSWER = 3,
	EDE_CACHED_ERROR = 13,
	EDE_NOT_READY = 14,
	EDE_BLOCKED = 15,
	EDE_FILTERED = 17,
	EDE_PROHIBITED = 18,
	EDE_STALE_NXDOMAIN = 19,
	EDE_NOT_AUTHORITATIVE = 20,
	EDE_NOT_SUPPORTED = 21,
	EDE_NO_REACHABLE_AUTHORITY = 22,
	EDE_NETWORK_ERROR = 23,
	EDE_INVALID_DATA = 24,
	EDE_INVALID_QUERY_TYPE = 30,
};

enum {
	DNS_HEADER_BYTES = 12,
	DNS_NAME_MAX_BYTES = 255,
	DNS_LABEL_MAX_BYTES = 63,
	DNS_UDP_MIN_BYTES = 512,
	DNS_UDP_MAX_BYTES = 1232, // RFC 9715 R3 and the 2020 flag day
	DNS_MSG_MAX_BYTES = 65535,
	DNS_RR_FIXED_BYTES = 10, // type, class, TTL, rdlength
	DNS_OPT_BYTES = 11,
};

// Text of a type ("A", "TYPE65280") into buf; returns buf. 16 bytes are enough.
const char *rr_type_print(uint16_t type, char *buf, unsigned long size_bytes);

// Parses "A" or "TYPE123", any case. 0 on success, -EINVAL otherwise.
[[nodiscard]] int rr_type_parse(const char *text, uint16_t *type);

// Text of an rcode ("NXDOMAIN", "RCODE11") into buf; returns buf.
const char *rcode_print(unsigned rcode, char *buf, unsigned long size_bytes);
