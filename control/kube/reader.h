// SPDX-License-Identifier: Apache-2.0
// One request after another that fill one set of one resource: pages or a streamed list, then
// watches. It carries requests out and says how they ended; resource.c decides what comes next.
#pragma once

#include "control/kube/creds.h"
#include "control/kube/http.h"
#include "control/kube/kube.h"
#include "control/kube/stream.h"

#include <stdbool.h>
#include <stdint.h>

// What all resources of a client share.
struct reader_env {
	uv_loop_t *loop;
	struct http *http;
	struct creds creds;
	const struct kube_config *config;
	struct kube_events events;
	struct kube_timing timing;
	unsigned server; // which of config->servers is asked
	bool creds_ready; // false while an exec plugin runs for the first time
	void (*unauthorized)(struct reader_env *env); // a 401: get credentials anew
	void (*reached)(struct reader_env *env); // a server answers again: others need not wait
};

enum reader_want {
	READER_STREAMED, // sendInitialEvents
	READER_PAGED,
	READER_WATCH, // from rv
};

struct reader {
	struct reader_env *env; // borrowed, as the three below
	const struct kube_spec *spec;
	struct kube_stats *stats;
	void (*ended)(struct reader *rd, enum kube_result result); // the request has ended
	void (*progress)(
		struct reader *rd); // good, complete or backwards was set; from inside libcurl
	void *user;

	enum object_set set;
	enum reader_want want;
	struct http_request *request; // NULL: none is under way
	struct stream stream;
	bool complete; // all that exists has been read; rv is where a watch goes on
	bool backwards; // a version was lower than the one before
	bool unpaged; // a page came too late: all in one (api:1.3)
	bool fresh; // do not trust standing connections
	bool good; // the request was answered with 200
	bool checked; // that the server has reached rv
	bool tried_401; // credentials were read again for this request
	char rv[40];
	uint64_t list_rv; // as number, when complete was reached
	char *next_page; // continue token, owned
	char page_rv[40];
	unsigned generation; // changes when it is reset
	unsigned shorts; // watches in a row that ended at once
	uint64_t started_ns; // the same as
	uint64_t started_ms;
	uint64_t last_byte_ms;
	uint64_t deadline_ms;
	unsigned server; // that was asked
	char text[160]; // about the last failure
	long retry_after_s;
};

// Where the API has objects of a kind.
const char *reader_path(enum object_kind kind);

// Starts the request that want and rv call for. ended may come right away when it cannot even
// start.
void reader_start(struct reader *rd);

// Ends the request if nothing has come for too long; then ended has been called.
void reader_check_silence(struct reader *rd);

// Ends the request without ended, and forgets how far it was.
void reader_reset(struct reader *rd);
