// SPDX-License-Identifier: Apache-2.0
// One question to a zone of a file. Private to slowpath/plugin.
#pragma once

#include "slowpath/plugin/plugin.h"
#include "slowpath/plugin/zone_data.h"

// A question at work: what has been made of the answer so far. Lives in the job's arena.
struct file_search {
	const struct zone_data *zone;
	struct response made;
	bool is_do; // signatures are wanted
};

// Answers job->question, or finds the target of an alias in job->target (PLUGIN_RESOLVE).
// PLUGIN_NEXT: there is no such name, and falls says that others may know it.
enum plugin_verdict file_search(struct job *j, struct file_search *s, bool falls);

// What the server has for the target is in the job.
enum plugin_verdict file_search_resolved(struct job *j, struct file_search *s);
