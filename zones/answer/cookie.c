// SPDX-License-Identifier: Apache-2.0
// Makes and checks server cookies.
#include "zones/answer/cookie.h"

#include "zones/base/be.h"
#include "zones/base/siphash.h"

#include <string.h>

enum { COOKIE_VERSION = 1, MAX_AGE_S = 3600, MAX_AHEAD_S = 300, RENEW_AGE_S = 1800 };

// RFC 9018 4.4: client cookie | version | reserved | timestamp | client address.
static void server_cookie(const uint8_t secret[16], const struct cookie_client *client,
	const uint8_t *client_cookie, const uint8_t head[8], uint8_t out[COOKIE_SERVER_BYTES])
{
	uint8_t input[8 + 8 + 16];
	size_t n = client->family == 4 ? 4 : 16;

	memcpy(input, client_cookie, 8);
	memcpy(input + 8, head, 8);
	memcpy(input + 16, client->address, n);
	uint64_t hash = siphash24(secret, input, 16 + n);
	memcpy(out, head, 8);
	memcpy(out + 8, &hash, 8);
}

// Compares without stopping at the first difference, so that time tells nothing.
static bool is_same(const uint8_t *a, const uint8_t *b, size_t n)
{
	uint8_t diff = 0;

	for (size_t i = 0; i < n; i++)
		diff |= a[i] ^ b[i];
	return diff == 0;
}

// RFC 9018 4.3: serial number arithmetic on the timestamp.
static bool is_fresh(const uint8_t *cookie, uint32_t now_s, int32_t max_age_s)
{
	int32_t age = (int32_t)(now_s - be32_get(cookie + 4));

	return age <= max_age_s && age >= -MAX_AHEAD_S;
}

static bool is_valid(const struct cookie_secrets *secrets, const struct cookie_client *client,
	const struct query_edns *edns, unsigned *which)
{
	const uint8_t *sent = edns->cookie + COOKIE_CLIENT_BYTES;
	uint8_t want[COOKIE_SERVER_BYTES];

	if (edns->cookie_size != COOKIE_FULL_BYTES || sent[0] != COOKIE_VERSION ||
		!is_fresh(sent, client->now_s, MAX_AGE_S))
		return false;
	for (unsigned i = 0; i < secrets->n; i++) {
		server_cookie(secrets->secret[i], client, edns->cookie, sent, want);
		if (is_same(want, sent, sizeof(want))) {
			*which = i;
			return true;
		}
	}
	return false;
}

bool cookie_answer(const struct cookie_secrets *secrets, const struct cookie_client *client,
	const struct query_edns *edns, uint8_t out[COOKIE_FULL_BYTES])
{
	uint8_t head[8] = {COOKIE_VERSION};
	unsigned which = 0;
	bool valid = is_valid(secrets, client, edns, &which);

	memcpy(out, edns->cookie, COOKIE_CLIENT_BYTES);
	if (valid && which == 0 &&
		is_fresh(edns->cookie + COOKIE_CLIENT_BYTES, client->now_s, RENEW_AGE_S)) {
		memcpy(out + COOKIE_CLIENT_BYTES, edns->cookie + COOKIE_CLIENT_BYTES,
			COOKIE_SERVER_BYTES);
		return true;
	}
	be32_put(head + 4, client->now_s);
	server_cookie(secrets->secret[0], client, edns->cookie, head, out + COOKIE_CLIENT_BYTES);
	return valid;
}
