// SPDX-License-Identifier: Apache-2.0
// `chaos`: what server this is, in class CH (k8s:2.14).
#include "slowpath/plugin/made.h"
#include "slowpath/plugin/plugins.h"

#include "zones/wire/dname.h"

#include <string.h>
#include <unistd.h>

enum { TEXT_MAX_BYTES = 255, HOST_NAME_BYTES = 256 };

// One character string, cut where it must end.
static int add_text(struct job *j, const uint8_t *owner, const char *text)
{
	uint8_t data[1 + TEXT_MAX_BYTES];
	size_t n = strnlen(text, TEXT_MAX_BYTES);

	data[0] = (uint8_t)n;
	memcpy(data + 1, text, n);
	return made_add(j, RESPONSE_ANSWER,
		&(struct response_rr){.owner = owner,
			.type = RR_TYPE_TXT,
			.class = RR_CLASS_CH,
			.rdata = data,
			.rdata_size = (uint16_t)(1 + n)});
}

// From one that the query's number chooses: CoreDNS shuffles them.
static int add_authors(struct job *j, const uint8_t *owner, const struct policy_texts *authors)
{
	int rc = 0;

	for (size_t i = 0; i < authors->n && rc == 0; i++)
		rc = add_text(j, owner, authors->items[(j->query->id + i) % authors->n].text);
	return rc;
}

static int add_host(struct job *j, const uint8_t *owner)
{
	char name[HOST_NAME_BYTES] = "";

	if (gethostname(name, sizeof(name) - 1) != 0)
		return add_text(j, owner, "localhost");
	return add_text(j, owner, name);
}

static bool is_named(const struct job *j, const char *a, const char *b)
{
	const uint8_t *name = j->question.name.wire;

	return dname_is_equal(name, (const uint8_t *)a) || dname_is_equal(name, (const uint8_t *)b);
}

static enum plugin_verdict chaos_ask(struct job *j, struct frame *f)
{
	const struct policy_chaos *c = f->data;
	bool is_version = is_named(j, "\7version\4bind", "\7version\6server");
	bool is_authors = is_named(j, "\7authors\4bind", "\7authors\4bind");
	bool is_host = is_named(j, "\10hostname\4bind", "\2id\6server");
	int rc = 0;

	if (j->question.class != RR_CLASS_CH || j->question.type != RR_TYPE_TXT ||
		!(is_version || is_authors || is_host))
		return PLUGIN_NEXT;
	const uint8_t *owner = made_owner(j);
	if (owner == NULL)
		return made_fail(j);
	response_init(&j->response, RCODE_NOERROR, 0);
	if (is_version)
		rc = add_text(j, owner, c->version[0] == '\0' ? "burst53" : c->version);
	else if (is_authors)
		rc = add_authors(j, owner, &c->authors);
	else
		rc = add_host(j, owner);
	return rc == 0 ? PLUGIN_ANSWER : made_fail(j);
}

const struct plugin plugin_chaos = {.kind = POLICY_CHAOS, .ask = chaos_ask};
