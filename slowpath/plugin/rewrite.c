// SPDX-License-Identifier: Apache-2.0
// `rewrite`: one rule (k8s:2.13). The rules of a block stand one behind the other in the chain; the
// first that applies and says `stop` keeps those behind it from acting on this question.
#include "slowpath/plugin/rewrite.h"

#include "slowpath/plugin/made.h"
#include "slowpath/plugin/plugins.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

enum phase {
	PHASE_PASSED, // the rule did not apply: nothing to do on the way up
	PHASE_APPLIED,
	PHASE_STOPPED, // applied, and the last one
};

// The name around a name rule that maps answers back.
struct names {
	struct name_text before, after;
};

static void rewrite_release(void *state)
{
	struct rewrite_state *s = state;

	if (s == NULL)
		return;
	for (size_t i = 0; s->answers != NULL && i < s->rule->answers.n; i++)
		regex_free(s->answers[i]);
	free(s->answers);
	regex_free(s->from);
	free(s->option);
	free(s);
}

static bool has_match(const struct policy_rewrite *rule)
{
	return rule->field == POLICY_REWRITE_NAME || rule->field == POLICY_REWRITE_TTL ||
		rule->field == POLICY_REWRITE_CNAME || rule->field == POLICY_REWRITE_RCODE;
}

static int option_make(struct rewrite_state *s)
{
	const char *text = s->rule->option_data;
	bool is_hex = strncmp(text, "0x", 2) == 0;
	size_t len = strlen(text);
	char digits[3] = "";

	s->option_size = is_hex ? (len - 2) / 2 : len;
	s->option = calloc(1, s->option_size + 1);
	if (s->option == NULL)
		return -ENOMEM;
	for (size_t i = 0; i < s->option_size; i++) {
		memcpy(digits, text + 2 + 2 * i, is_hex ? 2 : 0);
		s->option[i] = is_hex ? (uint8_t)strtoul(digits, NULL, 16) : (uint8_t)text[i];
	}
	return 0;
}

static int state_make(struct rewrite_state *s, struct err *err)
{
	const struct policy_rewrite *rule = s->rule;

	s->answers = calloc(rule->answers.n + 1, sizeof(struct regex *));
	if (s->answers == NULL || option_make(s) != 0)
		return err_set(err, -ENOMEM, "memory is short");
	if (has_match(rule) && rule->match == POLICY_REGEX) {
		s->from = regex_new(rule->from, err);
		if (s->from == NULL)
			return -EINVAL;
	}
	for (size_t i = 0; i < rule->answers.n; i++) {
		s->answers[i] = regex_new(rule->answers.items[i].from, err);
		if (s->answers[i] == NULL)
			return -EINVAL;
	}
	return 0;
}

static bool rewrite_prepare(const void *data, void **state, struct err *err)
{
	struct rewrite_state *s = calloc(1, sizeof(*s));

	if (s == NULL) {
		(void)err_set(err, -ENOMEM, "memory is short"); // told by false
		return false;
	}
	s->rule = data;
	if (state_make(s, err) != 0) {
		rewrite_release(s);
		return false;
	}
	*state = s;
	return true;
}

static enum rewrite_result ask_name(struct job *j, struct frame *f)
{
	const struct rewrite_state *s = f->state;
	struct names *names = arena_alloc(&j->arena, sizeof(*names)); // too large for a stack frame
	struct dname name;

	if (names == NULL)
		return REWRITE_FAILED;
	name_text_of(j->question.name.wire, &names->before);
	if (!rewrite_text(s, &names->before, &names->after))
		return REWRITE_IGNORED;
	if (name_text_parse(&names->after, &name) != 0)
		return REWRITE_FAILED; // as CoreDNS: "invalid name after rewrite"
	if (s->rule->answer_auto && s->rule->match != POLICY_SUFFIX)
		f->memory = names;
	dname_lower(&name);
	j->question.name = name;
	return REWRITE_DONE;
}

static enum rewrite_result ask_number(const struct policy_rewrite *rule, uint16_t *number)
{
	if (rule->number_from == 0 || rule->number_to == 0 || *number != rule->number_from)
		return REWRITE_IGNORED;
	*number = rule->number_to;
	return REWRITE_DONE;
}

// Not inlined: its buffers would add up with others' on one stack frame.
__attribute__((noinline)) static enum rewrite_result ask_condition(
	const struct job *j, const struct rewrite_state *s)
{
	struct name_text name;
	struct regex_match m;

	name_text_of(j->question.name.wire, &name);
	return rewrite_is_match(s, &name, &m) ? REWRITE_DONE : REWRITE_IGNORED;
}

static enum rewrite_result apply(struct job *j, struct frame *f)
{
	const struct rewrite_state *s = f->state;

	switch (s->rule->field) {
	case POLICY_REWRITE_NAME:
		return ask_name(j, f);
	case POLICY_REWRITE_TYPE:
		return ask_number(s->rule, &j->question.type);
	case POLICY_REWRITE_CLASS:
		return ask_number(s->rule, &j->question.class);
	case POLICY_REWRITE_EDNS0:
		return rewrite_edns0(j, s);
	case POLICY_REWRITE_CNAME:
		return REWRITE_DONE; // whatever the name: answers decide (CoreDNS does so too)
	default:
		return ask_condition(j, s);
	}
}

static enum plugin_verdict rewrite_ask(struct job *j, struct frame *f)
{
	const struct rewrite_state *s = f->state;

	if (j->rewrite_stopped)
		return PLUGIN_NEXT;
	switch (apply(j, f)) {
	case REWRITE_IGNORED:
		break;
	case REWRITE_DONE:
		f->phase = s->rule->go_on ? PHASE_APPLIED : PHASE_STOPPED;
		j->rewrite_stopped = !s->rule->go_on;
		break;
	case REWRITE_FAILED:
		(void)made_fail(j); // always the answer
		j->response.author = RESPONSE_FAILED;
		return PLUGIN_ANSWER;
	}
	return PLUGIN_NEXT;
}

static void reply_ttl(struct job *j, const struct policy_rewrite *rule)
{
	for (size_t p = 0; p < RESPONSE_PARTS; p++) {
		struct response_rrs *part = &j->response.part[p];
		for (size_t i = 0; i < part->n; i++) {
			uint32_t *ttl_s = &part->items[i].ttl_s;
			if (*ttl_s < rule->ttl_min_s)
				*ttl_s = rule->ttl_min_s;
			else if (*ttl_s > rule->ttl_max_s)
				*ttl_s = rule->ttl_max_s;
		}
	}
}

static void reply_name(struct job *j, const struct frame *f)
{
	const struct names *names = f->memory;

	if (rewrite_records(j, f->state, names == NULL ? NULL : &names->before,
		    names == NULL ? NULL : &names->after) != 0)
		response_init(&j->response, RCODE_SERVFAIL, 0);
}

static bool changes_replies(const struct policy_rewrite *rule)
{
	switch (rule->field) {
	case POLICY_REWRITE_TYPE:
	case POLICY_REWRITE_CLASS:
		return false;
	case POLICY_REWRITE_NAME:
		return rule->answer_auto || rule->answers.n > 0;
	case POLICY_REWRITE_EDNS0:
		return rule->revert;
	case POLICY_REWRITE_TTL:
	case POLICY_REWRITE_CNAME:
	case POLICY_REWRITE_RCODE:
	default:
		return true;
	}
}

static enum plugin_verdict rewrite_reply(struct job *j, struct frame *f)
{
	const struct rewrite_state *s = f->state;

	if (f->phase == PHASE_PASSED)
		return PLUGIN_ANSWER;
	if (f->phase == PHASE_STOPPED)
		j->rewrite_stopped = false; // what is asked again meets the rules again
	// CoreDNS' rewrite writes what it gets an error for, to be able to change it.
	if (f->phase == PHASE_STOPPED || changes_replies(s->rule))
		j->response.author = RESPONSE_WRITTEN;
	if (s->rule->field == POLICY_REWRITE_NAME)
		reply_name(j, f);
	else if (s->rule->field == POLICY_REWRITE_TTL)
		reply_ttl(j, s->rule);
	else if (s->rule->field == POLICY_REWRITE_RCODE &&
		j->response.rcode == s->rule->number_from)
		j->response.rcode = s->rule->number_to;
	else if (s->rule->field == POLICY_REWRITE_CNAME)
		return rewrite_cname_reply(j, f);
	return PLUGIN_ANSWER;
}

const struct plugin plugin_rewrite = {.kind = POLICY_REWRITE,
	.prepare = rewrite_prepare,
	.release = rewrite_release,
	.ask = rewrite_ask,
	.reply = rewrite_reply,
	.resolved = rewrite_cname_resolved};
