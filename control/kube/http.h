// SPDX-License-Identifier: Apache-2.0
// HTTP GET requests by libcurl's multi interface on a libuv loop. Knows sockets, TLS and time-outs,
// nothing of Kubernetes.
#pragma once

#include "control/kube/creds.h"
#include "zones/base/err.h"

#include <curl/curl.h>
#include <uv.h>

#include <stdbool.h>
#include <stddef.h>

struct http;
struct http_request;

struct http_outcome {
	CURLcode code;
	long status; // 0 when no answer came
	long retry_after_s; // 0 when absent
	bool connected; // the connection stood, TLS included
	const char *text; // what libcurl says about a failure
};

// body returns 0 to go on, anything else ends the request: done follows, with CURLE_WRITE_ERROR.
// After done the request is gone. status is known when body runs; content_type may be "".
struct http_handler {
	void *user;
	void (*head)(void *user, long status);
	int (*body)(void *user, long status, const char *content_type, const char *bytes, size_t n);
	void (*done)(void *user, const struct http_outcome *outcome);
};

struct http_options {
	const char *server; // the URL of the server, with a path perhaps
	const char *path; // with the query
	const struct creds *creds; // borrowed for the call
	unsigned connect_ms;
	bool fresh; // not on a connection that was used before
};

struct http *http_new(uv_loop_t *loop, struct err *e);

// Starts a request; NULL when memory is short or the URL is bad, with the reason in e.
struct http_request *http_get(struct http *http, const struct http_options *options,
	const struct http_handler *handler, struct err *e);

// Ends a request without done; not from inside its own callbacks.
void http_cancel(struct http_request *request);

// All requests must have ended. Calls done once the loop holds nothing of it any more, then it is
// gone.
void http_close(struct http *http, void (*done)(void *user), void *user);
