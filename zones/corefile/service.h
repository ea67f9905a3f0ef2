// SPDX-License-Identifier: Apache-2.0
// Typed options of the directives about running the server: health, ready, prometheus, errors, log,
// reload, timeouts.
#pragma once

#include "zones/corefile/config.h"

// host "" means every address.
struct config_listen {
	const char *host;
	uint16_t port;
};

struct config_health {
	struct config_listen listen; // :8080
	uint64_t lameduck_ms;
};

struct config_ready {
	struct config_listen listen; // :8181
	bool monitor_continuously;
};

struct config_prometheus {
	struct config_listen listen; // localhost:9153
};

enum errors_level { LEVEL_ERROR, LEVEL_WARNING, LEVEL_INFO, LEVEL_DEBUG };

struct config_consolidate {
	uint64_t period_ms;
	const char *pattern; // regular expression
	enum errors_level level;
	bool show_first;
};

struct config_errors {
	struct config_consolidate *rules;
	size_t n_rules;
	bool stacktrace;
};

enum log_class { LOG_SUCCESS = 1, LOG_DENIAL = 2, LOG_ERROR = 4, LOG_ALL = 8 };

struct config_log {
	struct config_zones zones;
	const char *format; // with {common} and {combined} expanded
	unsigned classes; // mask of enum log_class
};

struct config_dnstap {
	const char *text; // the collector as written
	const char *path; // of a Unix socket, "" for an address
	const char *identity, *version, *extra; // "": ours, ours, none
	uint8_t address[16];
	uint16_t port;
	uint16_t buffer_mib;
	uint8_t family; // 0: a Unix socket, 4, 6
	bool is_full;
};

struct config_reload {
	bool off;
	uint64_t interval_ms; // 30000
	uint64_t jitter_ms; // 15000
};

struct config_timeouts {
	uint64_t read_ms; // 3000
	uint64_t write_ms; // 5000
	uint64_t idle_ms; // 10000
	uint32_t max_tcp_queries; // per connection, 0 = unlimited
};

struct config_multisocket {
	uint32_t sockets; // 0: as many as processors
};

struct config_root {
	const char *path;
};
