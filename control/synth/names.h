// SPDX-License-Identifier: Apache-2.0
// Building and taking apart the names of cluster DNS. Private to control/synth.
#pragma once

#include "control/object/object.h"
#include "zones/wire/dname.h"

#include <stdbool.h>
#include <stddef.h>

// The text of an address as Go prints it: IPv6 as RFC 5952 says, never with a dotted part.
enum { NAMES_ADDRESS_MAX_BYTES = 48 };
const char *names_address(const struct object_address *addr, char buf[NAMES_ADDRESS_MAX_BYTES]);

// An endpoint's address as a label: dots and colons become dashes (k8s:2.5, endpoint name 3).
const char *names_dashed(const struct object_address *addr, char buf[NAMES_ADDRESS_MAX_BYTES]);
// The same for a pod's name: without the 0 that makes the label end in no dash.
const char *names_pod(const struct object_address *addr, char buf[NAMES_ADDRESS_MAX_BYTES]);
// Reads a pod's label of len bytes: three dashes and no "--" are IPv4, all else IPv6 (k8s:2.6).
bool names_pod_parse(const char *label, size_t len, struct object_address *out);

// True for 1 to 63 printable characters without dot and blank: what can be one label.
bool names_is_label(const char *text);

// Puts the text in front as one label, lower-cased. -EINVAL or -ENAMETOOLONG.
[[nodiscard]] int names_prepend(struct dname *name, const char *text);
// Puts all labels of the text in front, spelled as they are: for targets.
[[nodiscard]] int names_prepend_all(struct dname *name, const char *text);

// The reverse name of an address.
void names_reverse(const struct object_address *addr, struct dname *out);
// The address of a whole reverse name; false when it is none or only a part of one.
bool names_reverse_parse(const uint8_t *wire, struct object_address *out);

// Whether a query for `query` is answered by an entry of this name and mask (zones/wire/query.h,
// underscores): leading underscores of the first two labels are looked at on their own.
bool names_accepts(const struct dname *entry, uint8_t us_mask, const struct dname *query);
