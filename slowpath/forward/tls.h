// SPDX-License-Identifier: Apache-2.0
// TLS towards upstreams (RFC 7858) with OpenSSL: one context per forward, one session per
// connection, driven by the owner of a non-blocking socket.
#pragma once

#include "zones/base/err.h"
#include "zones/image/policy.h"

#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

struct tls_client;
struct tls_session;

// Loads certificate, key and authorities as `tls` names them; without an authority the system's
// count. NULL with a reason.
struct tls_client *tls_client_new(const struct policy_forward *policy, struct err *err);
void tls_client_free(struct tls_client *c); // NULL is fine

// On a connected socket, which stays the caller's. server_name "" verifies the chain only against
// the address. NULL when memory is short.
struct tls_session *tls_session_new(
	struct tls_client *c, int fd, const char *server_name, const char *address);
void tls_session_free(struct tls_session *s); // NULL is fine

// What it waits for before the same call can go on.
enum tls_want { TLS_DONE, TLS_WANT_READ, TLS_WANT_WRITE, TLS_FAILED };

enum tls_want tls_handshake(struct tls_session *s);
// After TLS_FAILED of the handshake: why the upstream's certificate was refused; NULL: it was
// something else.
const char *tls_refusal(const struct tls_session *s);
// TLS_DONE: *n bytes went out or came in; 0 at the end of the stream.
enum tls_want tls_write(struct tls_session *s, const uint8_t *bytes, size_t size, size_t *n);
enum tls_want tls_read(struct tls_session *s, uint8_t *bytes, size_t size, size_t *n);
