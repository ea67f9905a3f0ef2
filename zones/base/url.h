// SPDX-License-Identifier: Apache-2.0
// URLs as they may be shown: one may hold a password.
#pragma once

enum { URL_SHOWN_BYTES = 256 };

// The URL without user and password, in out where there are any, cut at its size.
const char *url_without_user(const char *url, char out[URL_SHOWN_BYTES]);
