// SPDX-License-Identifier: Apache-2.0
// A child with a pipe on its output: all of that is read, the end is waited for, then it is judged.
#include "control/kube/exec.h"

#include "control/base/cleanup.h"
#include "control/kube/base64.h"
#include "control/kube/decode.h"

#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <jansson.h>

#define INFO "KUBERNETES_EXEC_INFO="
#define OUTPUT_BYTES (1U << 20)

extern char **environ;

struct exec_run {
	const struct kube_config *config;
	uv_process_t process;
	uv_pipe_t out;
	uv_timer_t timer;
	void (*done)(void *user, const struct exec_result *result);
	void *user;
	void (*closed)(void *user);
	void *closed_user;
	char *text; // what it has printed
	size_t len;
	unsigned handles; // that the loop holds
	int64_t exit_code;
	int signal;
	bool exited;
	bool ended; // its output
	bool timed_out;
	bool too_long;
};

static void on_closed(uv_handle_t *handle)
{
	struct exec_run *run = handle->data;

	run->handles--;
	if (run->handles != 0)
		return;
	if (run->closed != NULL)
		run->closed(run->closed_user);
	if (run->text != NULL)
		explicit_bzero(run->text, run->len); // a token is in it
	free(run->text);
	free(run);
}

static void close_all(struct exec_run *run)
{
	uv_handle_t *handles[] = {
		(uv_handle_t *)&run->process, (uv_handle_t *)&run->out, (uv_handle_t *)&run->timer};

	for (size_t i = 0; i < 3; i++)
		if (!uv_is_closing(handles[i]))
			uv_close(handles[i], on_closed);
}

// The credentials in what was printed; json keeps the strings alive.
static void read_credential(
	const struct exec_run *run, const json_t *json, struct exec_result *result)
{
	const json_t *status = decode_member(json, "status", JSON_OBJECT);
	const char *version = decode_str(json, "apiVersion");
	const char *kind = decode_str(json, "kind");
	const char *expires = decode_str(status, "expirationTimestamp");

	if (kind == NULL || strcmp(kind, "ExecCredential") != 0 || version == NULL ||
		strcmp(version, run->config->exec->api_version) != 0) {
		result->error = "it printed no ExecCredential of the version asked for";
		return;
	}
	result->token = decode_str(status, "token");
	result->cert = decode_str(status, "clientCertificateData");
	result->key = decode_str(status, "clientKeyData");
	result->expires_ms = expires != NULL ? decode_time_ms(expires) : 0;
	if (result->token != NULL && strpbrk(result->token, "\r\n") != NULL)
		result->error = "its token has a line break inside";
	else if (result->token == NULL && (result->cert == NULL || result->key == NULL))
		result->error = "it printed neither a token nor a certificate with its key";
}

static void finish(struct exec_run *run)
{
	struct exec_result result = {0};
	json_t *json = NULL;
	char text[64];

	if (!run->exited || !run->ended)
		return;
	if (run->timed_out) {
		result.error = "it did not end in time";
	} else if (run->too_long) {
		result.error = "it printed too much";
	} else if (run->exit_code != 0 || run->signal != 0) {
		(void)snprintf(text, sizeof(text), "it ended with %s %d",
			run->signal != 0 ? "signal" : "code",
			run->signal != 0 ? run->signal : (int)run->exit_code); // fits
		result.error = text;
	} else {
		json = json_loadb(run->text != NULL ? run->text : "", run->len, 0, NULL);
		read_credential(run, json, &result);
	}
	close_all(run);
	run->done(run->user, &result);
	json_decref(json);
}

static void on_exit_of(uv_process_t *process, int64_t code, int signal)
{
	struct exec_run *run = process->data;

	run->exited = true;
	run->exit_code = code;
	run->signal = signal;
	finish(run);
}

static void on_timer(uv_timer_t *timer)
{
	struct exec_run *run = timer->data;

	run->timed_out = true;
	if (!run->exited)
		(void)uv_process_kill(&run->process, SIGKILL); // it may be gone already
	// A grandchild may hold the pipe: its end is not waited for.
	run->ended = true;
	finish(run);
}

static void give_room(uv_handle_t *handle, size_t wish, uv_buf_t *buf)
{
	struct exec_run *run = handle->data;

	(void)wish;
	if (run->text == NULL)
		run->text = malloc(OUTPUT_BYTES);
	if (run->text == NULL || run->len == OUTPUT_BYTES)
		*buf = uv_buf_init(NULL, 0); // ends the reading with ENOBUFS
	else
		*buf = uv_buf_init(run->text + run->len, (unsigned)(OUTPUT_BYTES - run->len));
}

static void on_output(uv_stream_t *stream, ssize_t n, const uv_buf_t *buf)
{
	struct exec_run *run = stream->data;

	(void)buf;
	if (n >= 0) {
		run->len += (size_t)n;
		return;
	}
	run->too_long = n != UV_EOF;
	if (run->too_long && !run->exited)
		(void)uv_process_kill(&run->process, SIGKILL); // it may be gone already
	(void)uv_read_stop(stream); // always 0
	run->ended = true;
	finish(run);
}

static json_t *cluster_info(const struct kube_config *c, const char *ca)
{
	char *coded = ca != NULL ? base64_encode(ca, strlen(ca)) : NULL;
	json_t *cluster = json_pack("{s:s, s:b, s:s*, s:s*, s:s*}", "server", c->servers[0],
		"insecure-skip-tls-verify", (int)c->insecure_skip_tls_verify, "tls-server-name",
		c->tls_server_name, "proxy-url", c->proxy_url, "certificate-authority-data", coded);

	free(coded);
	return cluster;
}

// What the plugin is told (api:1.6), as a variable of its environment.
static char *exec_info(const struct kube_config *c, const char *ca)
{
	CLEANUP_JSON json_t *info = json_pack("{s:s, s:s, s:{s:b}}", "kind", "ExecCredential",
		"apiVersion", c->exec->api_version, "spec", "interactive", 0);

	if (c->exec->provide_cluster_info &&
		json_object_set_new(
			json_object_get(info, "spec"), "cluster", cluster_info(c, ca)) != 0)
		return NULL;
	// Not json_dumps: its text would be of jsonmem's, and not for free().
	size_t n = json_dumpb(info, NULL, 0, JSON_COMPACT);
	char *line = n == 0 ? NULL : malloc(strlen(INFO) + n + 1);
	if (line == NULL)
		return NULL;
	memcpy(line, INFO, strlen(INFO));
	if (json_dumpb(info, line + strlen(INFO), n, JSON_COMPACT) != n) { // memory is short
		free(line);
		return NULL;
	}
	line[strlen(INFO) + n] = 0;
	return line;
}

static bool is_overridden(const char *line, char *const *by)
{
	size_t len = strcspn(line, "=") + 1;

	for (; by != NULL && *by != NULL; by++)
		if (strncmp(*by, line, len) == 0)
			return true;
	return strncmp(line, INFO, len) == 0;
}

// Our environment, the plugin's own variables and info; the array is owned by the caller, the
// strings are not.
static char **make_env(const struct kube_exec *x, char *info)
{
	size_t n = 2;
	char **env;

	for (char **e = environ; *e != NULL; e++)
		n++;
	for (char **e = x->env; e != NULL && *e != NULL; e++)
		n++;
	env = calloc(n, sizeof(*env));
	n = 0;
	for (char **e = environ; env != NULL && *e != NULL; e++)
		if (!is_overridden(*e, x->env))
			env[n++] = *e;
	for (char **e = x->env; env != NULL && e != NULL && *e != NULL; e++)
		env[n++] = *e;
	if (env != NULL)
		env[n] = info;
	return env;
}

static int spawn(uv_loop_t *loop, struct exec_run *run, char **env)
{
	const struct kube_exec *x = run->config->exec;
	uv_stdio_container_t stdio[3] = {
		{.flags = UV_IGNORE},
		{.flags = (uv_stdio_flags)(UV_CREATE_PIPE | UV_WRITABLE_PIPE),
			.data.stream = (uv_stream_t *)&run->out},
		{.flags = UV_INHERIT_FD,
			.data.fd = STDERR_FILENO}, // what it says is for the operator
	};
	uv_process_options_t options = {
		.exit_cb = on_exit_of,
		.file = x->argv[0],
		.args = x->argv,
		.env = env,
		.stdio = stdio,
		.stdio_count = 3,
	};

	return uv_spawn(loop, &run->process, &options);
}

struct exec_run *exec_start(uv_loop_t *loop, const struct exec_options *o, const char **error)
{
	struct exec_run *run = calloc(1, sizeof(*run));
	CLEANUP_CHAR char *info = exec_info(o->config, o->ca);
	char **env = info != NULL ? make_env(o->config->exec, info) : NULL;
	int rc = UV_ENOMEM;

	*error = uv_strerror(rc);
	if (run == NULL || env == NULL) {
		free(run);
		free(env);
		return NULL;
	}
	run->config = o->config;
	run->done = o->done;
	run->user = o->user;
	run->process.data = run;
	run->out.data = run;
	run->timer.data = run;
	(void)uv_pipe_init(loop, &run->out, 0); // always 0, as the timer's
	(void)uv_timer_init(loop, &run->timer);
	rc = spawn(loop, run, env);
	free(env);
	run->handles = 3; // the process handle is in the loop even when nothing was started
	if (rc == 0)
		rc = uv_read_start((uv_stream_t *)&run->out, give_room, on_output);
	if (rc == 0) {
		(void)uv_timer_start(&run->timer, on_timer, o->timeout_ms, 0); // the timer is open
		return run;
	}
	*error = uv_strerror(rc);
	close_all(run);
	return NULL;
}

void exec_cancel(struct exec_run *run, void (*closed)(void *user), void *user)
{
	if (!run->exited)
		(void)uv_process_kill(&run->process, SIGKILL); // it may be gone already
	run->closed = closed;
	run->closed_user = user;
	close_all(run);
}
