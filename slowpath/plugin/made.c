// SPDX-License-Identifier: Apache-2.0
// Replies that plugins make themselves.
#include "slowpath/plugin/made.h"

#include "zones/wire/dname.h"

#include <errno.h>

const uint8_t *made_owner(struct job *j)
{
	const struct dname *name = &j->question.name;
	bool is_same = j->spelled != NULL && dname_is_equal(name->wire, j->spelled);

	return arena_copy(&j->arena, is_same ? j->spelled : name->wire, name->size_bytes);
}

int made_add(struct job *j, enum response_part part, const struct response_rr *rr)
{
	struct response_rr copy = *rr;

	copy.rdata = arena_copy(&j->arena, rr->rdata, rr->rdata_size);
	if (copy.class == 0)
		copy.class = RR_CLASS_IN;
	if (copy.rdata == NULL || copy.owner == NULL)
		return -ENOMEM;
	return response_add(&j->arena, &j->response, part, &copy);
}

enum plugin_verdict made_empty(struct job *j, uint16_t rcode)
{
	response_init(&j->response, rcode, 0);
	return PLUGIN_ANSWER;
}

enum plugin_verdict made_error(struct job *j, uint16_t rcode)
{
	response_init(&j->response, rcode, 0);
	j->response.author = RESPONSE_UNWRITTEN;
	return PLUGIN_ANSWER;
}

enum plugin_verdict made_fail(struct job *j)
{
	return made_error(j, RCODE_SERVFAIL);
}
