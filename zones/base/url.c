// SPDX-License-Identifier: Apache-2.0
// Whatever stands in front of the last @ before the path is user and password (RFC 3986, 3.2.1).
#include "zones/base/url.h"

#include <stdio.h>
#include <string.h>

const char *url_without_user(const char *url, char out[URL_SHOWN_BYTES])
{
	const char *slashes = strstr(url, "//");

	if (slashes == NULL)
		return url;
	const char *host = slashes + 2, *end = host + strcspn(host, "/?#");
	const char *at = memrchr(host, '@', (size_t)(end - host));
	if (at == NULL)
		return url;
	(void)snprintf(out, URL_SHOWN_BYTES, "%.*s%s", (int)(host - url), url, at + 1);
	return out;
}
