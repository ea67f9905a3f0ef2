// SPDX-License-Identifier: Apache-2.0
// Tests of slowpath/outside/task: questions on their way through the directives of a Corefile, as
// control makes it an image, without upstreams.
#include "control/hosts.h"
#include "control/policy.h"
#include "slowpath/outside/outside.h"
#include "zones/base/array.h"
#include "zones/corefile/plugins.h"
#include "zones/wire/message.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

enum { SERVERS_MAX = 4, TEXT_BYTES = 2048 };

// A server of one Corefile.
struct world {
	struct config config;
	struct hosts hosts[SERVERS_MAX];
	struct policy *policy;
	uint8_t *bytes;
	struct image image;
	struct plan *plan;
	struct root root;
	struct outside_thread *outside;
	struct server server;
	char reply[TEXT_BYTES]; // "RCODE flags | record | ..."
};

static void image_make(struct world *w)
{
	const struct image_build_id id = {.kind = IMAGE_BASE, .generation = 1};
	struct image_build *b = image_build_new(&id);
	struct policy_view views[SERVERS_MAX];
	struct err err = {0};
	size_t size;

	(void)policy_views(&w->config, views, SERVERS_MAX); // no more than blocks
	assert_int_equal(policy_write(w->policy, b, views), 0);
	for (size_t i = 0; i < w->config.n_servers; i++) {
		if (w->hosts[i].config != NULL)
			assert_int_equal(
				hosts_feed(&w->hosts[i], policy_hosts_view(w->policy, i), b), 0);
	}
	assert_int_equal(image_build_seal(b, &size, &err), 0);
	w->bytes = aligned_alloc(64, size);
	image_build_write(b, w->bytes);
	image_build_free(b);
	if (image_check(w->bytes, size, &w->image, &err) != IMAGE_REFUSED_OK)
		fail_msg("%s", err.text);
}

static void world_make(struct world *w, const char *corefile)
{
	const struct config_options o = {.skip_file_checks = true};
	const struct outside_options none = {0};
	struct err err = {0};

	*w = (struct world){0};
	if (config_parse_text("Corefile", corefile, &o, &w->config, &err) != 0)
		fail_msg("%s", err.text);
	for (size_t i = 0; i < w->config.n_servers; i++) {
		const struct config_directive *d = config_find(&w->config.servers[i], DIR_HOSTS, 0);
		if (d != NULL)
			assert_int_equal(hosts_load(&w->hosts[i], d->data), 0);
	}
	w->policy = policy_new(&w->config, w->hosts, &err);
	if (w->policy == NULL)
		fail_msg("%s", err.text);
	image_make(w);
	w->plan = plan_make(w->image.policy, w->image.policy_bytes, NULL, NULL);
	assert_non_null(w->plan);
	w->root = (struct root){
		.snapshot = {.base = &w->image}, .generation = 1, .plan = &w->plan->holder};
	w->outside = outside_new(&none);
	w->server = (struct server){
		.root = &w->root, .outside = outside_answer, .outside_ctx = w->outside};
}

static void world_free(struct world *w)
{
	outside_free(w->outside);
	holder_drop(&w->plan->holder);
	free(w->bytes);
	policy_free(w->policy);
	for (size_t i = 0; i < SERVERS_MAX; i++)
		hosts_fini(&w->hosts[i]);
	config_free(&w->config);
}

static void print_reply(struct world *w, const uint8_t *msg, size_t size_bytes)
{
	struct rdbuf r = rdbuf_of(msg, size_bytes);
	uint16_t flags = be16_get(msg + 2);
	struct dname name;
	struct message_rr rr;
	char text[512];
	char rcode[16];

	size_t n = (size_t)snprintf(w->reply, TEXT_BYTES, "%s%s%s",
		rcode_print(flags & HEADER_RCODE, rcode, sizeof(rcode)),
		flags & HEADER_AA ? " aa" : "", flags & HEADER_TC ? " tc" : "");
	r.pos = DNS_HEADER_BYTES;
	message_name(&r, size_bytes, &name);
	(void)rdbuf_take(&r, 4);
	for (unsigned part = 0; part < 3; part++) {
		for (unsigned i = be16_get(msg + 6 + 2 * part); i > 0; i--) {
			message_rr(&r, &rr);
			assert_false(r.bad);
			n += (size_t)snprintf(w->reply + n, TEXT_BYTES - n, " | %s%s",
				part == 0 ? "" : (part == 1 ? "!" : "+"),
				message_rr_print(&r, &rr, text, sizeof(text)));
		}
	}
	for (char *c = w->reply; *c != '\0'; c++)
		*c = *c == '\t' ? ' ' : *c;
}

static void no_reply(struct origin *o, const uint8_t *msg, size_t size_bytes)
{
	(void)o;
	(void)msg;
	(void)size_bytes;
	fail_msg("nothing is asked that takes time");
}

static void no_drop(struct origin *o)
{
	no_reply(o, NULL, 0);
}

// Asks for `name`, with an ID. The reply is w->reply, too.
static const char *ask_class(
	struct world *w, const char *name, uint16_t type, uint16_t class, uint16_t id)
{
	static uint8_t msg[600], out[DNS_MSG_MAX_BYTES];
	struct wrbuf in = wrbuf_of(msg, sizeof(msg)), reply = wrbuf_of(out, sizeof(out));
	const struct origin origin = {.reply = no_reply, .drop = no_drop};
	struct dname wire;

	assert_int_equal(dname_parse(name, &wire), 0);
	wrbuf_u16(&in, id);
	wrbuf_u16(&in, HEADER_RD);
	wrbuf_u16(&in, 1);
	wrbuf_bytes(&in, "\0\0\0\0\0", 6);
	wrbuf_bytes(&in, wire.wire, wire.size_bytes);
	wrbuf_u16(&in, type);
	wrbuf_u16(&in, class);
	const struct request r = {.transport = TRANSPORT_UDP,
		.to = {.family = 4, .bytes = {192, 0, 2, 53}, .port = 53},
		.from = {.family = 4, .bytes = {192, 0, 2, 7}, .port = 4000},
		.msg = msg,
		.size_bytes = in.pos,
		.udp_max_bytes = DNS_UDP_MAX_BYTES,
		.origin = &origin};
	enum serve_verdict v = serve_query(&w->server, &r, &reply);
	assert_int_not_equal(v, SERVE_LATER);
	if (v == SERVE_DROP)
		return "dropped";
	// The reply's question is the client's, as it spelled it.
	assert_memory_equal(out + DNS_HEADER_BYTES, msg + DNS_HEADER_BYTES, wire.size_bytes + 4u);
	assert_int_equal(be16_get(out), id);
	print_reply(w, out, reply.pos);
	return w->reply;
}

static const char *ask(struct world *w, const char *name, uint16_t type, uint16_t id)
{
	return ask_class(w, name, type, RR_CLASS_IN, id);
}

#define HOSTS "hosts /nothing {\n 10.0.0.1 b.test\n 10.0.0.2 two.test\n 10.0.0.3 two.test\n"

struct task_case {
	const char *what;
	const char *directives;
	const char *name;
	uint16_t type;
	const char *reply;
};

static const struct task_case cases[] = {
	{"a plugin answers", "any\n" HOSTS "}", "b.test.", RR_TYPE_ANY,
		"NOERROR | b.test. 8482 IN HINFO \"ANY obsoleted\" \"See RFC 8482\""},
	{"what it does not answer goes on to the data", "any\n" HOSTS "}", "b.test.", RR_TYPE_A,
		"NOERROR aa | b.test. 3600 IN A 10.0.0.1"},
	{"a rewritten name is looked up, and the reply is for the name that was asked",
		"rewrite name exact A.test b.test answer auto\n" HOSTS "}", "a.TEST.", RR_TYPE_A,
		"NOERROR aa | a.TEST. 3600 IN A 10.0.0.1"},
	{"rules follow one another",
		"rewrite continue name exact x.test y.test answer auto\n"
		"rewrite name exact y.test b.test answer auto\n" HOSTS "}",
		"x.test.", RR_TYPE_A, "NOERROR aa | x.test. 3600 IN A 10.0.0.1"},
	{"the first rule that applies is the last",
		"rewrite name exact x.test y.test answer auto\n"
		"rewrite name exact y.test b.test\n" HOSTS "}",
		"x.test.", RR_TYPE_A, "SERVFAIL"},
	{"a rule leads out of the zone of its own step",
		"rewrite name exact a.elsewhere b.test answer auto\n" HOSTS "}", "a.elsewhere.",
		RR_TYPE_A, "NOERROR aa | a.elsewhere. 3600 IN A 10.0.0.1"},
	{"what falls through a template meets the data",
		"template IN A test {\n match ^nothing\n fallthrough\n}\n" HOSTS "}", "b.test.",
		RR_TYPE_A, "NOERROR aa | b.test. 3600 IN A 10.0.0.1"},
	{"a template for another type is passed", "template IN TXT test {\n}\n" HOSTS "}",
		"b.test.", RR_TYPE_A, "NOERROR aa | b.test. 3600 IN A 10.0.0.1"},
	{"a template answers for a rewritten name",
		"rewrite name exact a.test t.test answer auto\n"
		"template IN A t.test {\n answer \"{{ .Name }} 60 IN A 192.0.2.1\"\n}",
		"a.test.", RR_TYPE_A, "NOERROR aa | a.test. 60 IN A 192.0.2.1"},
	{"a miss is SERVFAIL where no plugin follows", "any\n" HOSTS " fallthrough\n}",
		"missing.test.", RR_TYPE_ANY,
		"NOERROR | missing.test. 8482 IN HINFO \"ANY "
		"obsoleted\" \"See RFC 8482\""},
	{"names behind a rule that nobody has are SERVFAIL",
		"rewrite name exact a.test c.test\n" HOSTS "}", "a.test.", RR_TYPE_A, "SERVFAIL"},
	{"acl drops", "acl {\n drop net 192.0.2.0/24\n}\n" HOSTS "}", "b.test.", RR_TYPE_A,
		"dropped"},
	{"acl blocks", "acl {\n block net 192.0.2.0/24\n}\n" HOSTS "}", "b.test.", RR_TYPE_A,
		"REFUSED"},
	{"acl lets others pass", "acl {\n block net 198.51.100.0/24\n}\n" HOSTS "}", "b.test.",
		RR_TYPE_A, "NOERROR aa | b.test. 3600 IN A 10.0.0.1"},
	{"a reply is changed on its way up", "rewrite ttl exact b.test. 5\n" HOSTS "}", "b.test.",
		RR_TYPE_A, "NOERROR aa | b.test. 5 IN A 10.0.0.1"},
	{"a new alias is resolved by the whole server",
		"rewrite cname exact t.test. b.test.\n"
		"template IN A a.test {\n answer \"a.test. 60 IN CNAME t.test.\"\n}\n" HOSTS "}",
		"a.test.", RR_TYPE_A,
		"NOERROR aa | a.test. 60 IN CNAME b.test. | b.test. 3600 IN A 10.0.0.1"},
	{"a server that asks itself for ever ends",
		"rewrite cname suffix test. test.\n"
		"template IN A test {\n answer \"{{ .Name }} 60 IN CNAME {{ .Name }}\"\n}",
		"a.test.", RR_TYPE_A, NULL},
	{"minimal takes the rest away", "minimal\nwhoami", "a.test.", RR_TYPE_A, "NOERROR aa"},
};

static void questions_go_down_the_block_and_replies_up(void **state)
{
	char corefile[1024];
	struct world w;

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
		const struct task_case *c = &cases[i];
		(void)snprintf(corefile, sizeof(corefile), ".:53 {\n%s\n}\n", c->directives);
		world_make(&w, corefile);
		const char *reply = ask(&w, c->name, c->type, 7);
		if (c->reply != NULL && strcmp(reply, c->reply) != 0)
			fail_msg("%s:\n%s\nnot\n%s", c->what, reply, c->reply);
		world_free(&w);
	}
}

static void addresses_are_rotated_once(void **state)
{
	struct world w;
	char first[TEXT_BYTES];

	(void)state;
	world_make(&w,
		".:53 {\nloadbalance\nrewrite name exact a.test two.test answer auto\n" HOSTS
		"}\n}\n");
	(void)snprintf(first, sizeof(first), "%s", ask(&w, "a.test.", RR_TYPE_A, 2));
	assert_string_not_equal(first, ask(&w, "a.test.", RR_TYPE_A, 3));
	assert_string_equal(first, ask(&w, "a.test.", RR_TYPE_A, 4));
	world_free(&w);
}

static void blocks_do_not_see_each_others_directives(void **state)
{
	struct world w;

	(void)state;
	world_make(&w,
		"one.test:53 {\nany\nrewrite name exact a.one.test b.test answer auto\n}\n"
		"test:53 {\n" HOSTS "}\n}\n");
	// The name that the first block makes up is its own affair, and it has no data.
	assert_string_equal(ask(&w, "a.one.test.", RR_TYPE_A, 7), "SERVFAIL");
	assert_string_equal(
		ask(&w, "b.test.", RR_TYPE_A, 7), "NOERROR aa | b.test. 3600 IN A 10.0.0.1");
	world_free(&w);
}

static void class_chaos_is_for_blocks_with_chaos(void **state)
{
	static const struct {
		const char *directives, *name;
		uint16_t class;
		const char *reply;
	} chaos[] = {
		{"chaos v1 me\n" HOSTS "}", "version.bind.", RR_CLASS_CH,
			"NOERROR | version.bind. 0 CLASS? TXT \"v1\""},
		{"chaos v1 me\n" HOSTS "}", "b.test.", RR_CLASS_CH, "REFUSED"},
		{"chaos v1 me\n" HOSTS "}", "version.bind.", RR_CLASS_HS, "REFUSED"},
		{"any\n" HOSTS "}", "version.bind.", RR_CLASS_CH, "REFUSED"},
		{"chaos v1 me\n" HOSTS "}", "b.test.", RR_CLASS_IN, "NOERROR aa"},
	};
	char corefile[512];
	struct world w;

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(chaos); i++) {
		(void)snprintf(corefile, sizeof(corefile), ".:53 {\n%s\n}\n", chaos[i].directives);
		world_make(&w, corefile);
		assert_string_equal(ask_class(&w, chaos[i].name, RR_TYPE_TXT, chaos[i].class, 7),
			chaos[i].reply);
		world_free(&w);
	}
}

static void without_a_plan_there_is_no_answer(void **state)
{
	struct world w;

	(void)state;
	world_make(
		&w, ".:53 {\nany\nrewrite name exact a.test b.test answer auto\n" HOSTS "}\n}\n");
	assert_string_equal(
		ask(&w, "a.test.", RR_TYPE_A, 7), "NOERROR aa | a.test. 3600 IN A 10.0.0.1");
	w.root.plan = NULL;
	assert_string_equal(ask(&w, "a.test.", RR_TYPE_A, 7), "SERVFAIL");
	world_free(&w);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(questions_go_down_the_block_and_replies_up),
		cmocka_unit_test(addresses_are_rotated_once),
		cmocka_unit_test(blocks_do_not_see_each_others_directives),
		cmocka_unit_test(class_chaos_is_for_blocks_with_chaos),
		cmocka_unit_test(without_a_plan_there_is_no_answer),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
