// SPDX-License-Identifier: Apache-2.0
// The client: one resource per watched kind, the credentials they share, and their common end.
#include "control/kube/kube.h"

#include "control/kube/jsonmem.h"
#include "control/kube/login.h"
#include "control/kube/resource.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

struct kube_client {
	struct reader_env env; // first: env is all that resources know of the client
	struct login login;
	struct resource *resources[OBJECT_KINDS];
	size_t open; // parts that are not closed yet
	void (*closed)(void *user);
	void *closed_user;
};

static void on_tls_changed(struct login *login)
{
	struct kube_client *c = (struct kube_client *)login->env;

	for (size_t i = 0; i < OBJECT_KINDS; i++)
		if (c->resources[i] != NULL)
			resource_reconnect(c->resources[i]);
}

static void on_unauthorized(struct reader_env *env)
{
	login_refresh(&((struct kube_client *)env)->login);
}

static void on_reached(struct reader_env *env)
{
	struct kube_client *c = (struct kube_client *)env;

	for (size_t i = 0; i < OBJECT_KINDS; i++)
		if (c->resources[i] != NULL)
			resource_kick(c->resources[i]);
}

struct kube_client *kube_client_new(uv_loop_t *loop, const struct kube_config *config,
	const struct kube_events *events, const struct kube_timing *timing, struct err *e)
{
	struct kube_client *c = calloc(1, sizeof(*c));

	if (c == NULL) {
		(void)err_set(e, -ENOMEM, "out of memory");
		return NULL;
	}
	c->env = (struct reader_env){
		.loop = loop,
		.config = config,
		.events = *events,
		.unauthorized = on_unauthorized,
		.reached = on_reached,
	};
	if (timing != NULL)
		c->env.timing = *timing;
	else
		kube_timing_default(&c->env.timing);
	jsonmem_init();
	c->env.http = http_new(loop, e);
	if (c->env.http == NULL) {
		free(c);
		return NULL;
	}
	if (login_init(&c->login, &c->env, on_tls_changed, e) == 0)
		return c;
	(void)err_set(e, -ENOMEM, "out of memory"); // keeps what was said before
	http_close(c->env.http, NULL, NULL); // the loop's next turn frees it
	free(c);
	return NULL;
}

int kube_client_watch(struct kube_client *c, const struct kube_spec *spec)
{
	struct resource *r;
	int rc;

	if ((unsigned)spec->kind >= OBJECT_KINDS || c->resources[spec->kind] != NULL)
		return -EINVAL;
	r = malloc(sizeof(*r));
	rc = r != NULL ? resource_init(r, &c->env, spec) : -ENOMEM;
	if (rc != 0) {
		free(r);
		return rc;
	}
	c->resources[spec->kind] = r;
	resource_start(r);
	return 0;
}

void kube_client_relist(struct kube_client *c, enum object_kind kind)
{
	if ((unsigned)kind < OBJECT_KINDS && c->resources[kind] != NULL)
		resource_relist(c->resources[kind]);
}

const struct kube_stats *kube_client_stats(const struct kube_client *c, enum object_kind kind)
{
	static const struct kube_stats none;

	if ((unsigned)kind >= OBJECT_KINDS || c->resources[kind] == NULL)
		return &none;
	return &c->resources[kind]->stats;
}

bool kube_client_is_synced(const struct kube_client *c)
{
	bool any = false;

	for (size_t i = 0; i < OBJECT_KINDS; i++) {
		if (c->resources[i] == NULL)
			continue;
		if (!c->resources[i]->stats.synced)
			return false;
		any = true;
	}
	return any;
}

static void on_part_closed(struct kube_client *c)
{
	c->open--;
	if (c->open != 0)
		return;
	if (c->closed != NULL)
		c->closed(c->closed_user);
	free(c);
}

static void on_resource_closed(struct resource *r)
{
	struct kube_client *c = (struct kube_client *)r->env;

	free(r);
	on_part_closed(c);
}

static void on_login_closed(struct login *login)
{
	on_part_closed((struct kube_client *)login->env);
}

static void on_http_closed(void *user)
{
	on_part_closed(user);
}

void kube_client_close(struct kube_client *c, void (*done)(void *user), void *user)
{
	c->closed = done;
	c->closed_user = user;
	c->open = 2;
	for (size_t i = 0; i < OBJECT_KINDS; i++) {
		if (c->resources[i] == NULL)
			continue;
		c->open++;
		resource_close(c->resources[i], on_resource_closed);
		c->resources[i] = NULL;
	}
	http_close(c->env.http, on_http_closed, c);
	login_close(&c->login, on_login_closed);
}
