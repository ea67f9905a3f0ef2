// SPDX-License-Identifier: Apache-2.0
// Single words of a Corefile as values: numbers, durations, addresses, CIDRs, listen addresses,
// names of types and RCODEs. All return 0 or -EINVAL and leave *out alone on error.
#pragma once

#include "zones/corefile/plugins.h"
#include "zones/corefile/service.h"

// Decimal digits only, within [min, max].
[[nodiscard]] int word_number(const char *text, uint64_t min, uint64_t max, uint64_t *out);

// As Go writes durations: "1h30m", "0.5s", "100ms", "0". Negative ones are refused. In ms, rounded
// up to 1 when positive.
[[nodiscard]] int word_duration(const char *text, uint64_t *out_ms);

// "10.0.0.0/8", "fd00::/8"; a lone address is a host's. Host bits are cleared.
[[nodiscard]] int word_cidr(const char *text, struct config_cidr *out);

// An IPv4 or IPv6 address, the latter perhaps with %interface.
bool word_is_address(const char *text);

// "host:port", ":port", "[v6]:port". host is copied into the arena. -ENOMEM too.
[[nodiscard]] int word_listen(struct arena *a, const char *text, struct config_listen *out);

// Splits "host", "host:port", "[v6]:port", "v6"; port is untouched when there is none. host is
// copied into the arena. -ENOMEM too.
[[nodiscard]] int word_host_port(struct arena *a, const char *text, char **host, uint16_t *port);

// "A", "TYPE123", "ANY"; any case.
[[nodiscard]] int word_type(const char *text, uint16_t *out);

// "IN", "CH", "HS", "ANY", "NONE".
[[nodiscard]] int word_class(const char *text, uint16_t *out);

// "NXDOMAIN", any case; numbers up to 23 too.
[[nodiscard]] int word_rcode(const char *text, uint16_t *out);

// Whether it begins with a letter and has no small ones: what CoreDNS wants where it does not fold
// the case of mnemonics.
bool word_is_upper(const char *text);

// The one of n words that is closest to text by edit distance, or NULL when none is close.
const char *word_nearest(const char *text, const char *const *words, size_t n);
