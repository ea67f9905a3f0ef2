// SPDX-License-Identifier: Apache-2.0
// The body of one reply of the API server -> objects and bookmarks: a page of a list, or a watch.
// Decides nothing about what to do next.
#pragma once

#include "control/kube/decode.h"
#include "control/kube/split.h"

#include <stdbool.h>
#include <stddef.h>

enum stream_kind {
	STREAM_PAGE,
	STREAM_WATCH,
};

// What the server said when it refused, or in the middle of a watch.
struct stream_status {
	long code; // 0: nothing
	long retry_after_s;
	bool too_large; // it has not reached our resource version yet
	bool expired; // 410, or the reasons that mean it
	char text[160];
};

// All strings are borrowed for the call.
struct stream_handler {
	void *user;
	void (*put)(void *user, struct object_meta *object); // taken
	void (*del)(void *user, const char *ns, const char *name);
	// There is an object of this name, but it could not be read: what was known of it stays.
	void (*keep)(void *user, const char *ns, const char *name);
	// The watch has got to this resource version; initial_end: everything that exists has been
	// sent.
	void (*progress)(void *user, const char *resource_version, bool initial_end);
};

struct stream {
	// Set by stream_init.
	const struct kube_spec *spec;
	struct kube_stats *stats;
	struct stream_handler handler;
	enum stream_kind kind;
	struct split split;

	// What was found.
	struct stream_status status; // an ERROR event, or the body of a refusal
	bool initial; // a watch that still sends what exists: its objects' versions are not
		      // progress
	struct err broken; // not what an API server sends
	bool listed; // a page was complete
	uint64_t events;
	char resource_version[40]; // of the page
	char *next_page; // its continue token, owned; NULL: the last one
	char *refusal; // the body of a reply other than 200, owned
	size_t refusal_bytes;
};

// spec and stats are borrowed until stream_fini.
void stream_init(struct stream *s, enum stream_kind kind, const struct kube_spec *spec,
	struct kube_stats *stats, const struct stream_handler *handler);

// For http_handler.body: 0, or not 0 when nothing more is wanted.
int stream_body(
	struct stream *s, long status, const char *content_type, const char *bytes, size_t n);

// After the last byte: reads the refusal, and finds bodies that are cut.
void stream_end(struct stream *s, long status);

void stream_fini(struct stream *s);
