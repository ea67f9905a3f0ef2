// SPDX-License-Identifier: Apache-2.0
// A question on its way through the directives of its server block: down until one answers, then
// back up with the reply. Private to slowpath/outside.
//
// It may wait for upstreams, or for what this server answers to a question of its own. What it
// needs then is copied or held; rules and names are read from the snapshot of the moment.
#pragma once

#include "slowpath/forward/plan.h"
#include "slowpath/outside/outside.h"
#include "slowpath/plugin/plugin.h"

enum {
	TASK_AGAIN_MAX = 16, // ways down again
	TASK_RESOLVE_MAX = 32, // questions of our own for one client's
	TASK_DEPTH_MAX = 8, // of questions that such questions lead to
};

// A directive that the question has passed, which may see the reply.
struct task_frame {
	struct frame frame;
	const struct plan_op *op;
	size_t n_options; // of the job in front of it
};

enum task_move {
	TASK_DOWN, // to the next step
	TASK_UP, // the reply is in the job
	TASK_RESOLVED, // the answer to job.target is in the job
	TASK_ALIAS, // the same for the target of an alias of the snapshot
	TASK_DONE, // the reply is the client's
	TASK_DROPPED, // there is none
	TASK_WAITING, // on_reply or on_drop come later
};

struct task {
	struct job job; // first
	struct server *server; // of the thread
	struct plan *plan; // held
	const struct plan_chain *chain;
	uint32_t chain_number;
	uint64_t policy_hash; // of the policy that has the chain
	struct request request; // the client's; msg and origin are not valid
	struct origin origin; // gets the reply
	const uint8_t *zone; // of the rule; NULL when memory is short
	struct query query;
	struct answer_env env; // without find
	uint16_t udp_max_bytes; // of the server block
	uint16_t rule_flags;
	uint16_t block; // of the Corefile
	uint8_t tap_wish;
	enum task_move move;
	enum task_move then; // the move when what it waits for has come
	uint32_t next; // steps from this ordinal on
	unsigned n_again;
	unsigned n_asked; // what request.n_asked points to when this is the client's own task
	struct response alias; // that its target completes
	uint8_t plugin; // enum scope_plugin of what has answered
	uint16_t question_bytes;
	uint8_t question[DNS_HEADER_BYTES + DNS_NAME_MAX_BYTES + 4]; // with the header
	size_t n_frames;
	struct task_frame frames[]; // chain->n
};

// For a step that is not `forward`. Replies at once or later.
enum serve_verdict task_answer(struct server *s, const struct outside *o, struct wrbuf *w);

// The parts below are shared by the files of the task.

// NULL when memory is short.
struct task *task_new(struct server *s, const struct outside *o);
void task_free(struct task *t);

// Writes the reply; w holds header and question.
void task_write(const struct task *t, struct wrbuf *w);

// The origin of everything that a task asks.
struct origin task_origin(struct task *t);

// A message is the answer; NULL: there was none. Sets the move.
void task_take(struct task *t, const uint8_t *msg, size_t size_bytes);

// Whether what has been taken is an error of `forward`, which nobody has written.
void task_judge(struct task *t, bool is_failed);

// An answer of ours without records, on its way up.
void task_fail(struct task *t, enum rcode rcode);

// The query that the job's question is now, for steps.
void task_query(const struct task *t, struct query *q);

// Each sets the move.
void task_data_step(struct task *t, const struct image_rule *rule, const struct image_step *step);
void task_forward(struct task *t, const struct image_step *step);
void task_resolve(struct task *t, const struct question *what, enum task_move then);
// For job.find.
bool task_find(struct job *j, uint16_t view, const struct question *what, struct response *out);
void task_join_alias(struct task *t);
