// SPDX-License-Identifier: Apache-2.0
// Ties libcurl's sockets and timer to the loop, and sets the options of a request (api:1.6).
#include "control/kube/http.h"

#include "zones/base/url.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include <netinet/in.h>
#include <netinet/tcp.h>
#include <sys/socket.h>

#define KEEPALIVE_S 30L // idle time; then probes, each 10 s, 3 of them
#define USER_TIMEOUT_MS 30000U // sent data without an acknowledgement: the path is dead (api:F11)

struct http {
	uv_loop_t *loop;
	CURLM *multi;
	uv_timer_t timer;
	size_t handles; // that the loop still holds
	void (*closed)(void *user);
	void *closed_user;
	bool closing;
};

struct http_request {
	struct http *http;
	CURL *easy;
	struct curl_slist *headers;
	struct curl_slist *connect_to;
	struct http_handler handler;
	char error[CURL_ERROR_SIZE];
};

// One socket of libcurl's.
struct http_socket {
	uv_poll_t poll;
	struct http *http;
	curl_socket_t fd;
};

static void http_unref(struct http *h)
{
	h->handles--;
	if (h->handles != 0 || !h->closing)
		return;
	if (h->closed != NULL)
		h->closed(h->closed_user);
	free(h);
}

static void on_socket_closed(uv_handle_t *handle)
{
	struct http_socket *s = handle->data;
	struct http *h = s->http;

	free(s);
	http_unref(h);
}

static void on_timer_closed(uv_handle_t *handle)
{
	http_unref(handle->data);
}

static void request_free(struct http_request *r)
{
	if (r->easy != NULL) {
		(void)curl_multi_remove_handle(r->http->multi, r->easy); // fine if it is not in
		curl_easy_cleanup(r->easy);
	}
	curl_slist_free_all(r->headers);
	curl_slist_free_all(r->connect_to);
	free(r);
}

static void request_done(struct http_request *r, CURLcode code)
{
	struct http_outcome o = {.code = code, .text = r->error};
	struct http_handler handler = r->handler;
	curl_off_t retry = 0;
	curl_off_t connect_us = 0;
	curl_off_t tls_us = 0;
	const char *scheme = NULL;

	(void)curl_easy_getinfo(r->easy, CURLINFO_RESPONSE_CODE, &o.status); // the variables
	(void)curl_easy_getinfo(r->easy, CURLINFO_RETRY_AFTER, &retry); // keep their defaults
	(void)curl_easy_getinfo(r->easy, CURLINFO_CONNECT_TIME_T, &connect_us); // when one of
	(void)curl_easy_getinfo(r->easy, CURLINFO_APPCONNECT_TIME_T, &tls_us); // these fails
	(void)curl_easy_getinfo(r->easy, CURLINFO_SCHEME, &scheme);
	o.retry_after_s = (long)retry;
	o.connected = o.status != 0 || tls_us != 0 ||
		(connect_us != 0 && scheme != NULL && strcasecmp(scheme, "http") == 0);
	if (r->error[0] == '\0')
		o.text = curl_easy_strerror(code);
	handler.done(handler.user, &o);
	request_free(r);
}

static void take_finished(struct http *h)
{
	CURLMsg *msg;
	int left;

	while ((msg = curl_multi_info_read(h->multi, &left)) != NULL) {
		struct http_request *r = NULL;

		if (msg->msg != CURLMSG_DONE)
			continue;
		if (curl_easy_getinfo(msg->easy_handle, CURLINFO_PRIVATE, &r) == CURLE_OK &&
			r != NULL)
			request_done(r, msg->data.result);
	}
}

static void on_poll(uv_poll_t *poll, int status, int events)
{
	struct http_socket *s = poll->data;
	struct http *h = s->http;
	int flags = 0;
	int running;

	if (status < 0)
		flags = CURL_CSELECT_ERR;
	if (events & UV_READABLE)
		flags |= CURL_CSELECT_IN;
	if (events & UV_WRITABLE)
		flags |= CURL_CSELECT_OUT;
	(void)curl_multi_socket_action(h->multi, s->fd, flags, &running); // results come by message
	take_finished(h);
}

static void on_timer(uv_timer_t *timer)
{
	struct http *h = timer->data;
	int running;

	(void)curl_multi_socket_action(h->multi, CURL_SOCKET_TIMEOUT, 0, &running); // as above
	take_finished(h);
}

static int set_timer(CURLM *multi, long timeout_ms, void *user)
{
	struct http *h = user;

	(void)multi;
	if (h->closing)
		return 0;
	if (timeout_ms < 0)
		return uv_timer_stop(&h->timer);
	return uv_timer_start(&h->timer, on_timer, (uint64_t)timeout_ms, 0);
}

static struct http_socket *socket_new(struct http *h, curl_socket_t fd)
{
	struct http_socket *s = calloc(1, sizeof(*s));

	if (s == NULL)
		return NULL;
	s->http = h;
	s->fd = fd;
	if (uv_poll_init_socket(h->loop, &s->poll, fd) != 0) {
		free(s);
		return NULL;
	}
	s->poll.data = s;
	h->handles++;
	(void)curl_multi_assign(h->multi, fd, s); // fails only for a socket libcurl does not know
	return s;
}

static int set_socket(CURL *easy, curl_socket_t fd, int what, void *user, void *socket_user)
{
	struct http *h = user;
	struct http_socket *s = socket_user;
	int events = 0;

	(void)easy;
	if (what == CURL_POLL_REMOVE) {
		if (s != NULL) {
			(void)curl_multi_assign(h->multi, fd, NULL); // may be forgotten already
			uv_close((uv_handle_t *)&s->poll, on_socket_closed);
		}
		return 0;
	}
	if (s == NULL)
		s = socket_new(h, fd);
	if (s == NULL)
		return -1; // libcurl fails the transfer
	if (what & CURL_POLL_IN)
		events |= UV_READABLE;
	if (what & CURL_POLL_OUT)
		events |= UV_WRITABLE;
	return uv_poll_start(&s->poll, events, on_poll) == 0 ? 0 : -1;
}

struct http *http_new(uv_loop_t *loop, struct err *e)
{
	struct http *h = calloc(1, sizeof(*h));

	if (h == NULL || curl_global_init(CURL_GLOBAL_DEFAULT) != CURLE_OK) {
		free(h);
		(void)err_set(e, -ENOMEM, "libcurl cannot start");
		return NULL;
	}
	h->loop = loop;
	h->multi = curl_multi_init();
	if (h->multi == NULL || uv_timer_init(loop, &h->timer) != 0) {
		(void)curl_multi_cleanup(h->multi); // NULL is fine
		free(h);
		(void)err_set(e, -ENOMEM, "libcurl cannot start");
		return NULL;
	}
	h->timer.data = h;
	h->handles = 1;
	(void)curl_multi_setopt(h->multi, CURLMOPT_SOCKETFUNCTION, set_socket); // constants
	(void)curl_multi_setopt(h->multi, CURLMOPT_SOCKETDATA, h); // of a libcurl
	(void)curl_multi_setopt(h->multi, CURLMOPT_TIMERFUNCTION, set_timer); // that was
	(void)curl_multi_setopt(h->multi, CURLMOPT_TIMERDATA, h); // linked at build time
	return h;
}

static int set_sockopts(void *user, curl_socket_t fd, curlsocktype purpose)
{
	unsigned timeout = USER_TIMEOUT_MS;
	int count = 3;

	(void)user;
	(void)purpose;
	// The silence timer is behind these: a kernel without them only notices later.
	(void)setsockopt(fd, IPPROTO_TCP, TCP_KEEPCNT, &count, sizeof(count));
	(void)setsockopt(fd, IPPROTO_TCP, TCP_USER_TIMEOUT, &timeout, sizeof(timeout));
	return CURL_SOCKOPT_OK;
}

static size_t on_body(char *bytes, size_t size, size_t n, void *user)
{
	struct http_request *r = user;
	const char *type = NULL;
	long status = 0;

	(void)curl_easy_getinfo(r->easy, CURLINFO_RESPONSE_CODE, &status); // stays 0
	(void)curl_easy_getinfo(r->easy, CURLINFO_CONTENT_TYPE, &type); // stays NULL
	if (r->handler.body(r->handler.user, status, type != NULL ? type : "", bytes, size * n) !=
		0)
		return 0; // anything but size * n ends the transfer
	return size * n;
}

// Called for each line; the empty one ends the head.
static size_t on_header(char *bytes, size_t size, size_t n, void *user)
{
	struct http_request *r = user;
	long status = 0;

	(void)curl_easy_getinfo(r->easy, CURLINFO_RESPONSE_CODE, &status); // stays 0
	if (size * n <= 2 && (bytes[0] == '\r' || bytes[0] == '\n') && status >= 200)
		r->handler.head(r->handler.user, status);
	return size * n;
}

static CURLcode set_blob(CURL *easy, CURLoption option, const char *pem)
{
	struct curl_blob blob = {.flags = CURL_BLOB_COPY};

	if (pem == NULL)
		return CURLE_OK;
	blob.data = (void *)(uintptr_t)pem; // copied, not written to
	blob.len = strlen(pem);
	return curl_easy_setopt(easy, option, &blob);
}

// The options whose failure leaves an unsafe request: all are checked.
static CURLcode set_tls(CURL *easy, const struct creds *c)
{
	long verify = c->config->insecure_skip_tls_verify ? 0 : 1;
	CURLcode rc = CURLE_OK;

	if (c->ca != NULL) {
		// Debian's default folder of public CAs would be trusted besides the cluster's own.
		rc = curl_easy_setopt(easy, CURLOPT_CAPATH, NULL);
		if (rc == CURLE_OK)
			rc = curl_easy_setopt(easy, CURLOPT_CAINFO, NULL);
		if (rc == CURLE_OK)
			rc = set_blob(easy, CURLOPT_CAINFO_BLOB, c->ca);
	}
	if (rc == CURLE_OK)
		rc = curl_easy_setopt(easy, CURLOPT_CA_CACHE_TIMEOUT, 0L);
	if (rc == CURLE_OK)
		rc = curl_easy_setopt(easy, CURLOPT_SSL_VERIFYPEER, verify);
	if (rc == CURLE_OK)
		rc = curl_easy_setopt(easy, CURLOPT_SSL_VERIFYHOST, verify * 2);
	if (rc == CURLE_OK)
		rc = set_blob(easy, CURLOPT_SSLCERT_BLOB, c->cert);
	if (rc == CURLE_OK)
		rc = set_blob(easy, CURLOPT_SSLKEY_BLOB, c->key);
	if (rc == CURLE_OK)
		rc = curl_easy_setopt(easy, CURLOPT_SSLVERSION, CURL_SSLVERSION_TLSv1_2);
	return rc;
}

static bool add_header(struct http_request *r, const char *name, const char *value)
{
	char *line = NULL;
	struct curl_slist *list;

	if (asprintf(&line, "%s%s", name, value) < 0)
		return false;
	list = curl_slist_append(r->headers, line);
	explicit_bzero(line, strlen(line)); // it may be the token
	free(line);
	if (list == NULL)
		return false;
	r->headers = list;
	return true;
}

static bool set_headers(struct http_request *r, const struct creds *c)
{
	bool ok = add_header(r, "Accept: application/json", "");

	if (ok && c->token != NULL)
		ok = add_header(r, "Authorization: Bearer ", c->token);
	for (char **h = c->config->headers; ok && h != NULL && *h != NULL; h++)
		ok = add_header(r, *h, "");
	return ok && curl_easy_setopt(r->easy, CURLOPT_HTTPHEADER, r->headers) == CURLE_OK;
}

static CURLcode set_login(CURL *easy, const struct kube_config *k)
{
	CURLcode rc = CURLE_OK;

	if (k->username != NULL)
		rc = curl_easy_setopt(easy, CURLOPT_USERNAME, k->username);
	if (rc == CURLE_OK && k->password != NULL)
		rc = curl_easy_setopt(easy, CURLOPT_PASSWORD, k->password);
	if (rc == CURLE_OK && k->proxy_url != NULL)
		rc = curl_easy_setopt(easy, CURLOPT_PROXY, k->proxy_url);
	if (rc == CURLE_OK && k->proxy_url != NULL)
		rc = curl_easy_setopt(easy, CURLOPT_NOPROXY, ""); // it was meant for this server
	return rc;
}

// tls-server-name: the URL carries that name, so that it is what the certificate is checked for,
// and the connection goes to the server all the same.
static CURLcode set_server_name(struct http_request *r, CURLU *url, const char *name)
{
	char *host = NULL;
	char *port = NULL;
	char *line = NULL;
	CURLcode rc = CURLE_OUT_OF_MEMORY;

	if (curl_url_get(url, CURLUPART_HOST, &host, 0) == CURLUE_OK &&
		curl_url_get(url, CURLUPART_PORT, &port, CURLU_DEFAULT_PORT) == CURLUE_OK &&
		asprintf(&line, "%s:%s:%s:%s", name, port, host, port) > 0) {
		r->connect_to = curl_slist_append(NULL, line);
		if (r->connect_to != NULL && add_header(r, "Host: ", host) &&
			curl_url_set(url, CURLUPART_HOST, name, 0) == CURLUE_OK)
			rc = curl_easy_setopt(r->easy, CURLOPT_CONNECT_TO, r->connect_to);
	}
	free(line);
	curl_free(host);
	curl_free(port);
	return rc;
}

static CURLcode set_url(struct http_request *r, const struct http_options *o)
{
	CURLU *url = curl_url();
	char *text = NULL;
	char *full = NULL;
	size_t len = strlen(o->server);
	CURLcode rc = CURLE_URL_MALFORMAT;

	while (len > 0 && o->server[len - 1] == '/')
		len--;
	if (url != NULL && asprintf(&text, "%.*s%s", (int)len, o->server, o->path) > 0 &&
		curl_url_set(url, CURLUPART_URL, text, 0) == CURLUE_OK) {
		rc = CURLE_OK;
		if (o->creds->config->tls_server_name != NULL)
			rc = set_server_name(r, url, o->creds->config->tls_server_name);
		if (rc == CURLE_OK && curl_url_get(url, CURLUPART_URL, &full, 0) == CURLUE_OK)
			rc = curl_easy_setopt(r->easy, CURLOPT_URL, full);
	}
	free(text);
	curl_free(full);
	curl_url_cleanup(url);
	return rc;
}

static CURLcode set_transport(struct http_request *r, const struct http_options *o)
{
	CURL *e = r->easy;
	CURLcode rc = curl_easy_setopt(e, CURLOPT_PROTOCOLS_STR, "https,http");

	// The rest are constants that the linked libcurl knows; none changes what is safe.
	(void)curl_easy_setopt(e, CURLOPT_FOLLOWLOCATION, 0L); // a token is never carried elsewhere
	(void)curl_easy_setopt(e, CURLOPT_NOSIGNAL, 1L);
	// One connection per request: a dead or stuffed one takes nothing else with it.
	(void)curl_easy_setopt(e, CURLOPT_HTTP_VERSION, (long)CURL_HTTP_VERSION_1_1);
	(void)curl_easy_setopt(e, CURLOPT_CONNECTTIMEOUT_MS, (long)o->connect_ms);
	(void)curl_easy_setopt(e, CURLOPT_TCP_KEEPALIVE, 1L);
	(void)curl_easy_setopt(e, CURLOPT_TCP_KEEPIDLE, KEEPALIVE_S);
	(void)curl_easy_setopt(e, CURLOPT_TCP_KEEPINTVL, 10L);
	(void)curl_easy_setopt(e, CURLOPT_SOCKOPTFUNCTION, set_sockopts);
	(void)curl_easy_setopt(e, CURLOPT_FRESH_CONNECT, o->fresh ? 1L : 0L);
	(void)curl_easy_setopt(e, CURLOPT_BUFFERSIZE, 65536L);
	(void)curl_easy_setopt(e, CURLOPT_USERAGENT, "burst53-control/" B53_VERSION);
	(void)curl_easy_setopt(e, CURLOPT_WRITEFUNCTION, on_body);
	(void)curl_easy_setopt(e, CURLOPT_WRITEDATA, r);
	(void)curl_easy_setopt(e, CURLOPT_HEADERFUNCTION, on_header);
	(void)curl_easy_setopt(e, CURLOPT_HEADERDATA, r);
	(void)curl_easy_setopt(e, CURLOPT_SUPPRESS_CONNECT_HEADERS, 1L); // those of a proxy
	(void)curl_easy_setopt(e, CURLOPT_ERRORBUFFER, r->error);
	(void)curl_easy_setopt(e, CURLOPT_PRIVATE, r);
	return rc;
}

struct http_request *http_get(struct http *http, const struct http_options *o,
	const struct http_handler *handler, struct err *e)
{
	struct http_request *r = calloc(1, sizeof(*r));
	CURLcode rc = CURLE_OUT_OF_MEMORY;

	if (r != NULL) {
		r->http = http;
		r->handler = *handler;
		r->easy = curl_easy_init();
	}
	if (r != NULL && r->easy != NULL) {
		rc = set_transport(r, o);
		if (rc == CURLE_OK)
			rc = set_tls(r->easy, o->creds);
		if (rc == CURLE_OK)
			rc = set_login(r->easy, o->creds->config);
		if (rc == CURLE_OK)
			rc = set_url(r, o);
		if (rc == CURLE_OK && !set_headers(r, o->creds))
			rc = CURLE_OUT_OF_MEMORY;
		if (rc == CURLE_OK && curl_multi_add_handle(http->multi, r->easy) != CURLM_OK)
			rc = CURLE_FAILED_INIT;
	}
	if (rc == CURLE_OK)
		return r;
	char shown[URL_SHOWN_BYTES];
	(void)err_set(e, -EINVAL, "cannot ask %s: %s", url_without_user(o->server, shown),
		curl_easy_strerror(rc));
	if (r != NULL)
		request_free(r);
	return NULL;
}

void http_cancel(struct http_request *r)
{
	if (r != NULL)
		request_free(r);
}

void http_close(struct http *h, void (*done)(void *user), void *user)
{
	h->closing = true;
	h->closed = done;
	h->closed_user = user;
	(void)curl_multi_cleanup(h->multi); // closes the idle connections, and so their polls
	(void)uv_timer_stop(&h->timer); // cannot fail
	uv_close((uv_handle_t *)&h->timer, on_timer_closed);
}
