// SPDX-License-Identifier: Apache-2.0
// Keeps the credentials of a client up to date: reads files again, runs the credential plugin, and
// says when connections must be made anew.
#pragma once

#include "control/kube/exec.h"
#include "control/kube/reader.h"

#include <uv.h>

struct login {
	struct reader_env *env; // whose creds and creds_ready are kept
	void (*tls_changed)(
		struct login *login); // standing connections were made with something else
	uv_timer_t timer;
	struct exec_run *run; // the plugin is at work
	uint64_t files_due_ms; // when files are read again
	uint64_t plugin_due_ms; // not before
	int64_t expires_ms; // Unix time, 0: never
	bool has_run; // the plugin has given something once
	bool failing; // it was said that the plugin fails
	unsigned parts; // that the loop still holds
	void (*closed)(struct login *login);
};

// Reads everything for the first time; env->loop, config and timing must be set.
[[nodiscard]] int login_init(struct login *login, struct reader_env *env,
	void (*tls_changed)(struct login *login), struct err *e);

// Somebody was refused: gets everything anew. While the plugin runs, creds_ready is false.
void login_refresh(struct login *login);

void login_close(struct login *login, void (*closed)(struct login *login));
