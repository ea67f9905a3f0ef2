// SPDX-License-Identifier: Apache-2.0
// Runs a credential plugin of a kubeconfig and reads the ExecCredential it prints. No shell, a time
// limit, and a limit of what it may print.
#pragma once

#include "control/kube/config.h"

#include <uv.h>

#include <stdbool.h>
#include <stdint.h>

// Strings are borrowed for the call; NULL means that the plugin gave none.
struct exec_result {
	const char *error; // NULL: it worked
	const char *token;
	const char *cert; // PEM
	const char *key;
	int64_t expires_ms; // Unix time, 0: never
};

struct exec_run;

struct exec_options {
	const struct kube_config *config; // with its exec; must outlive the run
	const char *ca; // PEM for the plugin, may be NULL; borrowed for the call
	unsigned timeout_ms;
	// Called once, later, unless the run is cancelled; the run is gone then.
	void (*done)(void *user, const struct exec_result *result);
	void *user;
};

// NULL with *error set (a constant) when it cannot even be started.
struct exec_run *exec_start(
	uv_loop_t *loop, const struct exec_options *options, const char **error);

// Kills the plugin. closed is called when the loop holds nothing of the run any more.
void exec_cancel(struct exec_run *run, void (*closed)(void *user), void *user);
