// SPDX-License-Identifier: Apache-2.0
// Base64 of RFC 4648 section 4, for the *-data members of kubeconfigs.
#pragma once

#include <stddef.h>

// The decoded text with a NUL behind it, owned by the caller; NULL when it is not base64, when it
// has a NUL inside, or when memory is short. White space is skipped.
char *base64_decode(const char *text);

// Owned by the caller; NULL when memory is short.
char *base64_encode(const char *bytes, size_t n);
