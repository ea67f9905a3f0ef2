// SPDX-License-Identifier: Apache-2.0
// Reads tokens and certificates; never logs them.
#include "control/kube/creds.h"

#include "control/base/cleanup.h"
#include "control/base/log.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>

#define FILE_BYTES (1U << 20)

// The whole file as text, owned by the caller; NULL with errno set. Opened without blocking: a FIFO
// in the place of a token must not stop the loop.
static char *file_read(const char *path)
{
	CLEANUP_FD int fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK);
	CLEANUP_CHAR char *text = fd >= 0 ? malloc(FILE_BYTES + 1) : NULL;
	size_t len = 0;
	ssize_t n = 1;

	if (text == NULL)
		return NULL;
	while (n > 0 && len < FILE_BYTES) {
		n = read(fd, text + len, FILE_BYTES - len);
		len += n > 0 ? (size_t)n : 0;
	}
	if (n < 0)
		return NULL;
	text[len] = '\0';
	return strdup(text);
}

static char *token_read(const char *path)
{
	char *text = file_read(path);
	size_t len = text != NULL ? strlen(text) : 0;

	while (len > 0 && strchr(" \t\r\n", text[len - 1]) != NULL)
		text[--len] = '\0';
	if (len != 0 && strpbrk(text, "\r\n") == NULL)
		return text;
	if (text != NULL)
		errno = EINVAL; // empty, or it would break out of its header
	free(text);
	return NULL;
}

static char *pem_read(const char *path)
{
	char *text = file_read(path);

	if (text != NULL && strstr(text, "-----BEGIN ") != NULL)
		return text;
	if (text != NULL)
		errno = EINVAL;
	free(text);
	return NULL;
}

// Puts a new value into a slot if it differs; value is taken, NULL keeps the old one.
static bool replace(char **slot, char *value)
{
	if (value == NULL)
		return false;
	if (*slot != NULL && strcmp(*slot, value) == 0) {
		free(value);
		return false;
	}
	free(*slot);
	*slot = value;
	return true;
}

static int first_read(char **slot, char *value, const char *what, const char *path, struct err *e)
{
	*slot = value;
	if (value != NULL)
		return 0;
	return err_set(e, -errno, "cannot use the %s %s: %s", what, path, strerror(errno));
}

static int init_pem(
	char **slot, const char *data, const char *path, const char *what, struct err *e)
{
	if (data != NULL) {
		*slot = strdup(data);
		return *slot != NULL ? 0 : -ENOMEM;
	}
	return path != NULL ? first_read(slot, pem_read(path), what, path, e) : 0;
}

int creds_init(struct creds *c, const struct kube_config *k, struct err *e)
{
	int rc;

	c->config = k;
	rc = init_pem(&c->ca, k->ca_data, k->ca_file, "certificate authority", e);
	if (rc == 0)
		rc = init_pem(&c->cert, k->cert_data, k->cert_file, "client certificate", e);
	if (rc == 0)
		rc = init_pem(&c->key, k->key_data, k->key_file, "client key", e);
	if (rc == 0 && k->token_file != NULL)
		rc = first_read(
			&c->token, token_read(k->token_file), "token file", k->token_file, e);
	else if (rc == 0 && k->token != NULL)
		rc = (c->token = strdup(k->token)) != NULL ? 0 : -ENOMEM;
	if (rc != 0)
		creds_fini(c);
	return rc;
}

// A file that cannot be used keeps the old value; said once until all can be read again.
static void warn_unreadable(struct creds *c, const char *path)
{
	if (!c->warned)
		log_warn("kube", "credential file cannot be used, the old content stays",
			LOG_STR("file", path), LOG_STR("reason", strerror(errno)));
	c->warned = true;
}

static bool refresh_pem(struct creds *c, char **slot, const char *data, const char *path)
{
	char *value = data == NULL && path != NULL ? pem_read(path) : NULL;

	if (data == NULL && path != NULL && value == NULL)
		warn_unreadable(c, path);
	return replace(slot, value);
}

unsigned creds_refresh(struct creds *c)
{
	const struct kube_config *k = c->config;
	bool warned = c->warned;
	unsigned changed = 0;
	char *token;

	c->warned = false;
	if (refresh_pem(c, &c->ca, k->ca_data, k->ca_file))
		changed |= CREDS_TLS;
	// The two belong together: with only one of them changed the next request fails and the
	// next refresh has both.
	if (refresh_pem(c, &c->cert, k->cert_data, k->cert_file))
		changed |= CREDS_TLS;
	if (refresh_pem(c, &c->key, k->key_data, k->key_file))
		changed |= CREDS_TLS;
	if (k->token_file != NULL) {
		token = token_read(k->token_file);
		if (token == NULL)
			warn_unreadable(c, k->token_file);
		if (replace(&c->token, token))
			changed |= CREDS_TOKEN;
	}
	if (warned && !c->warned)
		log_info("kube", "credential files can be used again");
	return changed;
}

unsigned creds_set(struct creds *c, const char *token, const char *cert, const char *key)
{
	unsigned changed = 0;

	if (token != NULL && replace(&c->token, strdup(token)))
		changed |= CREDS_TOKEN;
	if (cert != NULL && replace(&c->cert, strdup(cert)))
		changed |= CREDS_TLS;
	if (key != NULL && replace(&c->key, strdup(key)))
		changed |= CREDS_TLS;
	return changed;
}

void creds_fini(struct creds *c)
{
	if (c->token != NULL)
		explicit_bzero(c->token, strlen(c->token));
	if (c->key != NULL)
		explicit_bzero(c->key, strlen(c->key));
	free(c->token);
	free(c->ca);
	free(c->cert);
	free(c->key);
	*c = (struct creds){0};
}
