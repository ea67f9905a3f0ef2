// SPDX-License-Identifier: Apache-2.0
// The certificate must be valid for the server name (`tls_servername` or %NAME), or, without one,
// for the upstream's address.
#include "slowpath/forward/tls.h"

#include <errno.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <openssl/err.h>
#include <openssl/ssl.h>
#include <openssl/x509v3.h>

struct tls_client {
	SSL_CTX *ctx;
};

struct tls_session {
	SSL *ssl;
};

static bool is_set(const char *text)
{
	return text[0] != 0;
}

static bool load(SSL_CTX *ctx, const struct policy_forward *p)
{
	if (SSL_CTX_set_min_proto_version(ctx, TLS1_2_VERSION) != 1)
		return false;
	if (is_set(p->tls_ca) ? SSL_CTX_load_verify_locations(ctx, p->tls_ca, NULL) != 1
			      : SSL_CTX_set_default_verify_paths(ctx) != 1)
		return false;
	if (!is_set(p->tls_cert))
		return true;
	return SSL_CTX_use_certificate_chain_file(ctx, p->tls_cert) == 1 &&
		SSL_CTX_use_PrivateKey_file(ctx, p->tls_key, SSL_FILETYPE_PEM) == 1 &&
		SSL_CTX_check_private_key(ctx) == 1;
}

struct tls_client *tls_client_new(const struct policy_forward *policy, struct err *err)
{
	struct tls_client *c = calloc(1, sizeof(*c));

	if (c != NULL)
		c->ctx = SSL_CTX_new(TLS_client_method());
	if (c == NULL || c->ctx == NULL) {
		(void)err_set(err, -ENOMEM, "memory is short"); // NULL says it
		tls_client_free(c);
		return NULL;
	}
	if (!load(c->ctx, policy)) {
		const char *why = ERR_reason_error_string(ERR_peek_last_error());
		(void)err_set(err, -EINVAL, "forward: tls: %s", // NULL says it
			why == NULL ? "the files cannot be used" : why);
		ERR_clear_error();
		tls_client_free(c);
		return NULL;
	}
	SSL_CTX_set_verify(c->ctx, SSL_VERIFY_PEER, NULL);
	SSL_CTX_set_mode(
		c->ctx, SSL_MODE_ENABLE_PARTIAL_WRITE | SSL_MODE_ACCEPT_MOVING_WRITE_BUFFER);
	return c;
}

void tls_client_free(struct tls_client *c)
{
	if (c == NULL)
		return;
	SSL_CTX_free(c->ctx);
	free(c);
}

static bool verify_for(SSL *ssl, const char *server_name, const char *address)
{
	if (!is_set(server_name))
		return X509_VERIFY_PARAM_set1_ip_asc(SSL_get0_param(ssl), address) == 1;
	char name[1024]; // a server name is at most 255 bytes

	(void)snprintf(name, sizeof(name), "%s", server_name); // the macro wants it without const
	return SSL_set1_host(ssl, name) == 1 && SSL_set_tlsext_host_name(ssl, name) == 1;
}

struct tls_session *tls_session_new(
	struct tls_client *c, int fd, const char *server_name, const char *address)
{
	struct tls_session *s = calloc(1, sizeof(*s));

	if (s == NULL)
		return NULL;
	s->ssl = SSL_new(c->ctx);
	if (s->ssl == NULL || SSL_set_fd(s->ssl, fd) != 1 ||
		!verify_for(s->ssl, server_name, address)) {
		tls_session_free(s);
		return NULL;
	}
	SSL_set_connect_state(s->ssl);
	return s;
}

void tls_session_free(struct tls_session *s)
{
	if (s == NULL)
		return;
	SSL_free(s->ssl);
	free(s);
}

static enum tls_want outcome(const struct tls_session *s, int rc)
{
	enum tls_want want = TLS_FAILED;

	switch (SSL_get_error(s->ssl, rc)) {
	case SSL_ERROR_NONE:
		return TLS_DONE;
	case SSL_ERROR_WANT_READ:
		want = TLS_WANT_READ;
		break;
	case SSL_ERROR_WANT_WRITE:
		want = TLS_WANT_WRITE;
		break;
	case SSL_ERROR_ZERO_RETURN:
		want = TLS_DONE;
		break;
	default:
		break;
	}
	ERR_clear_error(); // the queue belongs to the thread, not to this session
	return want;
}

enum tls_want tls_handshake(struct tls_session *s)
{
	return outcome(s, SSL_do_handshake(s->ssl));
}

const char *tls_refusal(const struct tls_session *s)
{
	long result = SSL_get_verify_result(s->ssl);

	return result == X509_V_OK ? NULL : X509_verify_cert_error_string(result);
}

enum tls_want tls_write(struct tls_session *s, const uint8_t *bytes, size_t size, size_t *n)
{
	*n = 0;
	return outcome(s, SSL_write_ex(s->ssl, bytes, size, n));
}

enum tls_want tls_read(struct tls_session *s, uint8_t *bytes, size_t size, size_t *n)
{
	*n = 0;
	return outcome(s, SSL_read_ex(s->ssl, bytes, size, n));
}
