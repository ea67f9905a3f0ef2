// SPDX-License-Identifier: Apache-2.0
// Puts together what the answer's result says and what the name spells.
#include "cli/explain.h"

#include "cli/explain_object.h"

#include "zones/base/be.h"

#include <stdio.h>
#include <string.h>

enum { TEXT_BYTES = 2048 };

static void set_text(json_t *why, const char *key, const char *value)
{
	// Out of memory: a line of the explanation is missing.
	if (value[0] != 0)
		(void)json_object_set_new(why, key, json_string(value));
}

static void set_number(json_t *why, const char *key, uint64_t value)
{
	(void)json_object_set_new(why, key, json_integer((json_int_t)value)); // as above
}

// The answer in words (k8s:2.12).
static const char *verdict_of(const struct reply_text *t)
{
	const struct answer_result *r = &t->reply->result;

	if (t->reply->verdict == ANSWER_PUNT)
		return r->found.name != NULL
			? "an alias to a name outside: the slow path follows it"
			: "the slow path asks for it";
	if (r->step != NULL && (r->step->flags & STEP_UNSYNCED) != 0 && r->rcode == RCODE_SERVFAIL)
		return "the cluster's objects have not been read yet";
	if (r->rcode == RCODE_NXDOMAIN)
		return "there is no such name";
	if (t->ask->type == RR_TYPE_AXFR || t->ask->type == RR_TYPE_IXFR)
		return "zones are not transferred";
	if (r->rcode == RCODE_REFUSED)
		return r->rule == NULL ? "no server block has a zone for the name"
				       : "the rule refuses";
	if (r->rcode != RCODE_NOERROR)
		return "no plugin answers";
	if (be16_get(t->reply->msg + 6) == 0) // ANCOUNT
		return "the name has no records of this type";
	return r->is_truncated ? "the name has these records, more than a message holds"
			       : "the name has these records";
}

static bool is_rewrite(const struct image *top, const struct image_step *step)
{
	static const char plugin[] = "rewrite";

	return step != NULL && step->plugin_size == sizeof(plugin) - 1 &&
		memcmp(top->text + step->plugin_off, plugin, sizeof(plugin) - 1) == 0;
}

static void explain_rule(const struct reply_text *t, const struct image *top, json_t *why)
{
	const struct image_rule *rule = t->reply->result.rule;
	const struct image_step *answered = t->reply->result.step;
	char zone[DNAME_TEXT_MAX_BYTES];
	char steps[TEXT_BYTES] = "";

	if (rule == NULL)
		return;
	const struct image_server *server = &top->servers[rule->server];
	set_text(why, "zone", dname_print(top->text + rule->zone_off, zone, sizeof(zone)));
	(void)json_object_set_new(why, "server",
		json_stringn((const char *)top->text + server->label_off, server->label_size));
	for (unsigned i = 0; i < rule->n_steps; i++) {
		const struct image_step *step = &top->steps[rule->first_step + i];
		size_t len = strlen(steps);
		if (step->plugin_size == 0) { // no directive: nothing is left to ask
			(void)snprintf(steps + len, sizeof(steps) - len, "%s",
				i == 0 ? "no plugin" : ", falls through to no other plugin");
			break;
		}
		// Cut when there are very many.
		(void)snprintf(steps + len, sizeof(steps) - len, "%s%.*s at line %u",
			i == 0 ? "" : ", falls through to ", (int)step->plugin_size,
			(const char *)top->text + step->plugin_off, step->line);
		if (step == answered)
			break;
	}
	set_text(why, "rule", steps);
	bool is_slow = t->is_kernel || t->reply->verdict == ANSWER_PUNT;
	set_text(why, "executed_by", is_slow ? "slow path" : "workers");
	if (answered == NULL || answered->plugin_size == 0)
		return;
	(void)json_object_set_new(why, "plugin",
		json_stringn(
			(const char *)top->text + answered->plugin_off, answered->plugin_size));
	set_number(why, "line", answered->line);
}

static void explain_subject(const struct reply_text *t, json_t *why)
{
	struct subject_zones zones = {0};
	static struct subject subject; // too large for a stack frame
	char text[TEXT_BYTES];

	if (subject_zones_of(t->snapshot, &zones) == 0) {
		subject_of(&zones, t->ask->name, &subject);
		set_text(why, "shape", subject_shape_text(subject.shape));
		const struct explain_question q = {t->snapshot, &zones, t->ask, t->reply};
		set_text(why, "object", explain_object(&q, &subject, text, sizeof(text)));
	}
	subject_zones_fini(&zones);
}

static void explain_name(const struct reply_text *t, json_t *why)
{
	const struct found *f = &t->reply->result.found;
	char name[DNAME_TEXT_MAX_BYTES];

	if (f->name == NULL)
		return;
	set_text(why, "entry", dname_print(image_name_wire(f->img, f->name), name, sizeof(name)));
	set_text(why, "image", f->img == t->snapshot->overlay ? "overlay" : "base");
}

json_t *explain_json(const struct reply_text *t)
{
	const struct image *top = snapshot_top(t->snapshot);
	json_t *why = json_object();

	if (top == NULL || why == NULL)
		return why;
	if (t->reply->verdict == ANSWER_PUNT && is_rewrite(top, t->reply->result.step))
		(void)json_object_set_new(why, "answer", // as above
			json_sprintf("the rewrite at line %u runs in the slow path: ask an "
				     "address that is served",
				t->reply->result.step->line));
	else
		set_text(why, "answer", verdict_of(t));
	explain_rule(t, top, why);
	explain_subject(t, why);
	explain_name(t, why);
	set_number(why, "generation", top->header->generation);
	set_number(why, "base_generation", t->snapshot->base->header->generation);
	return why;
}
