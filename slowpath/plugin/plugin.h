// SPDX-License-Identifier: Apache-2.0
// What the slow path knows of one kind of directive: how to prepare it, what it does with a
// question on the way down and with the reply on the way up. The engine (slowpath/outside) walks
// the directives of a server block in plugin.cfg order and calls them; a plugin never calls
// another.
//
// A plugin does not block, lock or look at the clock but through the job. What it makes lives in
// the job's arena, what it prepares in its state, which all threads share and none changes.
#pragma once

#include "slowpath/message/response.h"
#include "zones/base/err.h"
#include "zones/image/policy_plugins.h"
#include "zones/link/rule_counters.h"
#include "zones/wire/query.h"

#include <stdbool.h>
#include <stdint.h>

// What is asked at this point of the chain. `rewrite` and others change it for what comes behind.
struct question {
	struct dname name; // lower case
	uint16_t type, class;
	uint16_t flags; // RD, CD, AD of the header word
};

// EDNS options that upstreams get beside our own OPT (rewrite edns0).
struct plugin_option {
	uint16_t code;
	uint16_t size;
	const uint8_t *data;
};

enum { PLUGIN_OPTIONS_MAX = 8 };

// Where a query came from and was sent to.
struct plugin_peer {
	uint8_t family; // 4 or 6; 0: not known
	uint8_t address[16];
	uint16_t port;
};

// One query on its way. Plugins change question, response and options; all else is the engine's.
struct job {
	struct arena arena;
	const struct query *query; // as the client asked; its name in lower case
	const uint8_t *spelled; // the client's spelling of the name, wire form
	struct plugin_peer from, to;
	enum transport transport;
	struct question question;
	struct response response; // valid on the way up
	struct plugin_option options[PLUGIN_OPTIONS_MAX];
	size_t n_options;
	// By a rule of this block: the rules behind it do not act. The rule takes it back on the
	// way up; who resolves job->target begins with false.
	bool acl_allowed; // by an `acl` of this block: the ones behind it do not act
	bool acl_met, acl_refused; // an `acl` of this block has seen it; one has answered
	bool rewrite_stopped;
	struct question target; // PLUGIN_RESOLVE: what to ask the whole server
	const char *metric_server, *metric_zone; // borrowed from the image
	struct rule_counters *counters; // borrowed; NULL: nothing is counted
	const void *find_ctx; // the engine's, for find
	// Looks a name up among the records of the image (autopath). The answer's message is taken
	// apart into *out. False: no such name or type.
	bool (*find)(
		struct job *j, uint16_t view, const struct question *what, struct response *out);
};

// One directive at work on one query: its own memory between the calls, zeroed at first.
struct frame {
	const void *state; // what prepare made
	const void *data; // struct policy_<kind>
	struct question saved; // the question before this directive, set by the engine
	unsigned phase; // the plugin's
	void *memory; // the plugin's, in the job's arena
};

enum plugin_verdict {
	PLUGIN_NEXT, // ask the directives behind; reply() is called on the way up when there is one
	PLUGIN_ANSWER, // job->response is the reply (reply() of this directive is not called)
	PLUGIN_DROP, // no reply at all
	PLUGIN_RESOLVE, // ask the whole server for job->target, then resolved()
	PLUGIN_AGAIN, // only from reply()/resolved(): ask the directives behind again, with
		      // job->question
};

struct plugin {
	uint8_t kind; // enum policy_kind

	// Makes the state; NULL function: there is none. Returns false with a reason when the
	// directive cannot work: queries that reach it get SERVFAIL, and the reason is logged once.
	bool (*prepare)(const void *data, void **state, struct err *err);
	void (*release)(void *state); // NULL: nothing to do; state may be NULL

	// True when files that the state was made from have changed (asked about once a second);
	// NULL: there are none.
	bool (*is_outdated)(const void *data, const void *state);

	// On the way down. NULL: PLUGIN_NEXT.
	enum plugin_verdict (*ask)(struct job *j, struct frame *f);
	// On the way up: PLUGIN_ANSWER (go on up), PLUGIN_AGAIN, PLUGIN_RESOLVE, PLUGIN_DROP. NULL:
	// none.
	enum plugin_verdict (*reply)(struct job *j, struct frame *f);
	// The answer of the whole server to job->target is in job->response; what the plugin had
	// made before is in its frame.
	enum plugin_verdict (*resolved)(struct job *j, struct frame *f);
};

// The plugin of a kind, or NULL: cache and forward are the engine's own.
const struct plugin *plugin_of(uint8_t kind);

// The longest of the zones that holds the name, or NULL.
const uint8_t *plugin_zone(const struct policy_names *zones, const struct dname *name);

// k8s:2.13 fallthrough: whether a miss for this name goes on.
bool plugin_falls(const struct policy_fall *fall, const struct dname *name);

bool plugin_is_in(const struct policy_cidr *net, const struct plugin_peer *peer);

// Counts one of a metric of the server that was asked (zones/link/rule_counters.h). zone NULL: the
// metric has none.
void plugin_count(const struct job *j, enum rule_metric metric, const uint8_t *zone);

// The same with labels behind zone and view.
void plugin_count_more(const struct job *j, enum rule_metric metric, const uint8_t *zone,
	const char *const *more, size_t n_more);

// Matches of regular expressions that took too long, of the whole process.
uint64_t plugin_regex_given_up(void);
