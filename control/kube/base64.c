// SPDX-License-Identifier: Apache-2.0
// Base64, six bits at a time.
#include "control/kube/base64.h"

#include <stdint.h>
#include <stdlib.h>
#include <string.h>

// The value of a digit, -1 for anything else.
static int digit(char c)
{
	if (c >= 'A' && c <= 'Z')
		return c - 'A';
	if (c >= 'a' && c <= 'z')
		return c - 'a' + 26;
	if (c >= '0' && c <= '9')
		return c - '0' + 52;
	if (c == '+')
		return 62;
	return c == '/' ? 63 : -1;
}

char *base64_decode(const char *text)
{
	char *out = malloc(strlen(text) / 4 * 3 + 4);
	uint32_t bits = 0;
	unsigned n_bits = 0;
	size_t digits = 0;
	size_t pads = 0;
	size_t len = 0;
	int v = 0;

	if (out == NULL)
		return NULL;
	for (; *text != '\0' && v >= 0; text++) {
		if (strchr(" \t\r\n", *text) != NULL)
			continue;
		digits++;
		if (*text == '=') {
			pads++;
			continue;
		}
		v = pads == 0 ? digit(*text) : -1;
		bits = (bits << 6 | (uint32_t)(v & 63)) & 0xffffff;
		n_bits += 6;
		if (n_bits >= 8) {
			n_bits -= 8;
			out[len++] = (char)(bits >> n_bits & 0xff);
		}
	}
	out[len] = '\0';
	if (v >= 0 && pads <= 2 && digits % 4 == 0 && strlen(out) == len)
		return out;
	free(out);
	return NULL;
}

char *base64_encode(const char *bytes, size_t n)
{
	static const char digits[] =
		"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
	char *out = malloc((n + 2) / 3 * 4 + 1);
	char *p = out;

	for (size_t i = 0; out != NULL && i < n; i += 3) {
		uint32_t bits = (uint32_t)(uint8_t)bytes[i] << 16;

		if (i + 1 < n)
			bits |= (uint32_t)(uint8_t)bytes[i + 1] << 8;
		if (i + 2 < n)
			bits |= (uint8_t)bytes[i + 2];
		*p++ = digits[bits >> 18];
		*p++ = digits[bits >> 12 & 63];
		*p++ = i + 1 < n ? digits[bits >> 6 & 63] : '=';
		*p++ = i + 2 < n ? digits[bits & 63] : '=';
	}
	if (out != NULL)
		*p = '\0';
	return out;
}
