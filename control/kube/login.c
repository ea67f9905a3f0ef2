// SPDX-License-Identifier: Apache-2.0
// Rotation of credentials (api:F6, F14): files each minute and after a 401, the plugin before its
// credentials expire and after a 401.
#include "control/kube/login.h"

#include "control/base/log.h"

#include <time.h>

#define PLUGIN_MS 60000U
#define PLUGIN_RETRY_MS 5000U
#define EXPIRY_MARGIN_MS 10000
#define TICK_MS 1000U

// Never more often than this.
static uint64_t plugin_pause_ms(const struct login *l)
{
	unsigned ms = l->env->timing.credentials_ms;

	return ms < PLUGIN_RETRY_MS ? ms : PLUGIN_RETRY_MS;
}

static int64_t wall_ms(void)
{
	struct timespec ts = {0};

	(void)clock_gettime(CLOCK_REALTIME, &ts); // cannot fail for this clock
	return (int64_t)ts.tv_sec * 1000 + ts.tv_nsec / 1000000;
}

static void apply(struct login *l, unsigned changed)
{
	if (!(changed & CREDS_TLS))
		return;
	log_info("kube", "certificates have changed, connecting anew");
	l->tls_changed(l);
}

static void on_plugin_done(void *user, const struct exec_result *result)
{
	struct login *l = user;
	const struct kube_exec *x = l->env->config->exec;

	l->run = NULL;
	l->plugin_due_ms = uv_now(l->env->loop) + plugin_pause_ms(l);
	if (result->error != NULL) {
		if (!l->failing)
			log_error("kube", "the credential plugin failed, trying again",
				LOG_STR("command", x->argv[0]), LOG_STR("reason", result->error));
		l->failing = true;
		l->env->creds_ready = l->has_run;
		return;
	}
	l->failing = false;
	l->has_run = true;
	l->expires_ms = result->expires_ms;
	l->env->creds_ready = true;
	apply(l, creds_set(&l->env->creds, result->token, result->cert, result->key));
}

static void start_plugin(struct login *l)
{
	const struct kube_exec *x = l->env->config->exec;
	const char *error = NULL;
	struct exec_options o = {
		.config = l->env->config,
		.ca = l->env->creds.ca,
		.timeout_ms = PLUGIN_MS,
		.done = on_plugin_done,
		.user = l,
	};

	l->plugin_due_ms = uv_now(l->env->loop) + plugin_pause_ms(l);
	l->run = exec_start(l->env->loop, &o, &error);
	if (l->run != NULL)
		return;
	if (!l->failing)
		log_error("kube", "the credential plugin cannot be started",
			LOG_STR("command", x->argv[0]), LOG_STR("reason", error),
			LOG_STR("hint", x->install_hint));
	l->failing = true;
	l->env->creds_ready = l->has_run;
}

static bool plugin_is_due(const struct login *l)
{
	if (l->env->config->exec == NULL || l->run != NULL ||
		uv_now(l->env->loop) < l->plugin_due_ms)
		return false;
	return !l->has_run || l->failing ||
		(l->expires_ms != 0 && wall_ms() > l->expires_ms - EXPIRY_MARGIN_MS);
}

static void on_tick(uv_timer_t *timer)
{
	struct login *l = timer->data;
	uint64_t now = uv_now(l->env->loop);

	if (now >= l->files_due_ms) {
		l->files_due_ms = now + l->env->timing.credentials_ms;
		apply(l, creds_refresh(&l->env->creds));
	}
	if (plugin_is_due(l))
		start_plugin(l);
}

int login_init(struct login *l, struct reader_env *env, void (*tls_changed)(struct login *login),
	struct err *e)
{
	unsigned tick_ms =
		env->timing.credentials_ms < TICK_MS ? env->timing.credentials_ms : TICK_MS;
	int rc = creds_init(&env->creds, env->config, e);

	if (rc != 0)
		return rc;
	*l = (struct login){.env = env, .tls_changed = tls_changed};
	l->files_due_ms = uv_now(env->loop) + env->timing.credentials_ms;
	(void)uv_timer_init(env->loop, &l->timer); // always 0
	l->timer.data = l;
	(void)uv_timer_start(&l->timer, on_tick, tick_ms, tick_ms); // the timer is open
	env->creds_ready = env->config->exec == NULL;
	if (!env->creds_ready)
		start_plugin(l);
	return 0;
}

void login_refresh(struct login *l)
{
	apply(l, creds_refresh(&l->env->creds));
	if (l->env->config->exec == NULL || l->run != NULL ||
		uv_now(l->env->loop) < l->plugin_due_ms)
		return;
	l->env->creds_ready = false;
	start_plugin(l);
}

static void part_closed(struct login *l)
{
	l->parts--;
	if (l->parts != 0)
		return;
	creds_fini(&l->env->creds);
	l->closed(l);
}

static void on_timer_closed(uv_handle_t *handle)
{
	part_closed(handle->data);
}

static void on_run_closed(void *user)
{
	part_closed(user);
}

void login_close(struct login *l, void (*closed)(struct login *login))
{
	l->closed = closed;
	l->parts = 1;
	if (l->run != NULL) {
		l->parts++;
		exec_cancel(l->run, on_run_closed, l);
	}
	uv_close((uv_handle_t *)&l->timer, on_timer_closed);
}
