// SPDX-License-Identifier: Apache-2.0
// A Corefile as data: server blocks with their keys, addresses and typed directives. Everything
// lives in the arena of struct config; every pointer is borrowed from it.
#pragma once

#include "zones/base/arena.h"
#include "zones/base/err.h"
#include "zones/corefile/kinds.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct config_pos {
	const char *file; // never NULL; as the user named it
	unsigned line;
	unsigned column;
};

struct config_zone {
	const char *text; // absolute, lower case: "cluster.local.", "."
	const uint8_t *wire; // the same, uncompressed wire form
	size_t wire_bytes;
};

struct config_zones {
	struct config_zone *items;
	size_t n;
};

struct config_words {
	const char **items;
	size_t n;
};

// `fallthrough [ZONES]`: without zones it covers every name, zones then holds ".".
struct config_fall {
	bool on;
	struct config_zones zones;
};

// Which process executes a directive; what `check` tells people.
enum config_runs {
	RUNS_WORKERS, // precompiled into the image or executed as policy by the dataplane
	RUNS_SLOWPATH,
	RUNS_CONTROL, // shapes what control builds or how the processes are set up
	RUNS_MONITOR, // HTTP ports, logs, metrics
	NO_EFFECT, // accepted so that the file stays valid, does nothing here
};

// One occurrence of a directive. `data` points to the struct config_<name> of plugins.h, cluster.h
// or upstream.h, or is NULL for a directive without options or without effect.
struct config_directive {
	enum config_kind kind; // its value is the plugin.cfg order
	const char *name;
	struct config_pos pos;
	enum config_runs runs;
	const char *why; // one sentence for a person: why it runs there
	struct config_words args; // words of the directive's own line, after expansion
	const void *data;
};

enum config_scheme {
	SCHEME_DNS,
	SCHEME_TLS,
	SCHEME_QUIC,
	SCHEME_GRPC,
	SCHEME_HTTPS,
	SCHEME_HTTPS3
};

// One served zone on one port; a CIDR key that is not on a label boundary gives several.
struct config_key {
	enum config_scheme scheme;
	uint16_t port;
	struct config_zone zone;
	struct config_pos pos;
};

// Where a block listens: an address ("10.0.0.10", "fd00::10") or the name of an interface, which
// whoever opens sockets resolves. No bind at all means every address.
struct config_bind {
	const char *text;
	bool is_interface;
	bool is_except; // `except`: leave these addresses out
	struct config_pos pos;
};

struct config_kubernetes;

struct config_server {
	struct config_pos pos;
	struct config_key *keys;
	size_t n_keys;
	struct config_bind *binds;
	size_t n_binds;
	// In order of execution; occurrences of one directive stay in file order.
	struct config_directive *directives;
	size_t n_directives;
	const struct config_kubernetes *kubernetes; // NULL or the one instance of this block
	struct config_pos end; // of the closing brace, or the end of the file
};

enum config_severity { PROBLEM_ERROR, PROBLEM_WARNING, PROBLEM_NOTE };

// What `check --fix` may do about a problem.
enum config_fix {
	FIX_NONE,
	FIX_DELETE, // drop the line, and the braces that follow it
	FIX_PROXY, // `proxy` becomes `forward`
	FIX_RESOLV_CONF, // the missing file becomes /etc/resolv.conf
	FIX_TRANSFER, // `transfer to` moves out of the plugin's braces
};

struct config_problem {
	enum config_severity severity;
	enum config_fix fix;
	struct config_pos pos;
	unsigned width; // characters to underline, at least 1
	const char *text; // what is wrong and what to do
};

struct token;

struct config {
	struct arena arena;
	struct config_server *servers;
	size_t n_servers;
	struct config_problem *problems; // warnings and notes too; by file, line and column
	size_t n_problems;
	struct config_words files; // every file read, the Corefile first
	const struct token *tokens; // all words after imports and environment (tokens.h)
	size_t n_tokens;
	uint64_t hash; // over the tokens; for `reload`
	bool is_builtin; // no Corefile: `.:53 { whoami log }`
};

struct config_options {
	uint16_t port; // -dns.port; 0 means 53
	bool all_errors; // go on after an error and list all of them in problems
	bool skip_file_checks; // do not look whether what the Corefile names exists here
	bool needs_kubeconfig; // the files that a block names must be there, and the context in it
	bool needs_interfaces; // those that a block binds must be there
	const char *directory; // for config_parse_text: imports and files are relative to it
};

// Parses a file; path NULL is ./Corefile and, when that does not exist, the built-in one. Returns 0
// or -EINVAL (or -ENOENT, -ENOMEM ...) with the first error in *e. *c must be zeroed and is owned
// by the caller in both cases: config_free it.
[[nodiscard]] int config_parse_file(
	const char *path, const struct config_options *o, struct config *c, struct err *e);

// The same over bytes; name stands for the file in messages.
[[nodiscard]] int config_parse_text(const char *name, const char *text,
	const struct config_options *o, struct config *c, struct err *e);

void config_free(struct config *c);

// The name of a directive as written in a Corefile.
const char *config_kind_name(enum config_kind kind);

// The n-th occurrence (from 0) of a directive in a server, or NULL.
const struct config_directive *config_find(
	const struct config_server *s, enum config_kind kind, size_t n);
