// SPDX-License-Identifier: Apache-2.0
// A consistent list of one object: its resource version is that of the whole store.
#include "control/kube/check.h"

#include <stdio.h>

static void on_head(void *user, long status)
{
	(void)user;
	(void)status;
}

static int on_body(void *user, long status, const char *type, const char *bytes, size_t n)
{
	struct check *c = user;

	return stream_body(&c->stream, status, type, bytes, n);
}

static void on_put(void *user, struct object_meta *object)
{
	(void)user;
	object_free(object);
}

static void on_done(void *user, const struct http_outcome *outcome)
{
	struct check *c = user;
	uint64_t now = 0;

	c->request = NULL;
	if (outcome->code == CURLE_OK && outcome->status == 200 && c->stream.listed)
		now = decode_resource_version(c->stream.resource_version);
	stream_fini(&c->stream);
	if (now != 0 && now < c->known)
		c->backwards(c, now);
}

void check_start(struct check *c, uint64_t known)
{
	struct stream_handler handler = {.user = c, .put = on_put};
	struct http_handler http = {c, on_head, on_body, on_done};
	struct http_options o = {
		.server = c->env->config->servers[c->env->server],
		.creds = &c->env->creds,
		.connect_ms = c->env->timing.connect_ms,
	};
	char path[128];

	check_cancel(c);
	c->known = known;
	stream_init(&c->stream, STREAM_PAGE, c->spec, &c->stats, &handler);
	(void)snprintf(path, sizeof(path), "%s?limit=1", reader_path(c->spec->kind)); // fits
	o.path = path;
	c->request = http_get(c->env->http, &o, &http, NULL);
}

void check_cancel(struct check *c)
{
	http_cancel(c->request);
	c->request = NULL;
	stream_fini(&c->stream);
}
