// SPDX-License-Identifier: Apache-2.0
// What the parts of the rewrite plugin share. Private to slowpath/plugin.
#pragma once

#include "slowpath/plugin/name_text.h"
#include "slowpath/plugin/plugin.h"

// What prepare makes of one rule.
struct rewrite_state {
	const struct policy_rewrite *rule;
	struct regex *from; // POLICY_REGEX
	struct regex **answers; // of rule->answers
	uint8_t *option; // edns0 local: its bytes
	size_t option_size;
};

enum rewrite_result {
	REWRITE_IGNORED, // the rule does not apply
	REWRITE_DONE,
	REWRITE_FAILED, // it gives no name
};

// Whether the rule's condition holds for a name; *m for POLICY_REGEX.
bool rewrite_is_match(
	const struct rewrite_state *s, const struct name_text *name, struct regex_match *m);

// The text that the rule makes of another one. False: it does not apply.
bool rewrite_text(
	const struct rewrite_state *s, const struct name_text *name, struct name_text *out);

// Changes job->options, as the rule says.
enum rewrite_result rewrite_edns0(struct job *j, const struct rewrite_state *s);

// A name rule on the way up: before and after are the question's names around it, NULL when the
// names of answers are not mapped back. 0, -EINVAL when some name becomes none, -ENOMEM.
[[nodiscard]] int rewrite_records(struct job *j, const struct rewrite_state *s,
	const struct name_text *before, const struct name_text *after);

// A cname rule on the way up, and when a target has been resolved.
enum plugin_verdict rewrite_cname_reply(struct job *j, struct frame *f);
enum plugin_verdict rewrite_cname_resolved(struct job *j, struct frame *f);
