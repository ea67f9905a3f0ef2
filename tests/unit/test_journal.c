// SPDX-License-Identifier: Apache-2.0
// Tests of what control writes into the history: each change once for each watch that told it.
#include "tests/unit/objects_fixture.h"
#include "tests/unit/temp_file.h"

#include "control/journal.h"
#include "zones/base/array.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

static const char dump[] = "{\"kind\":\"Namespace\",\"metadata\":{\"name\":\"ns\"}}";

struct fixture {
	struct history_writer history;
	struct setup *setup;
};

struct seen {
	size_t n;
	char text[512];
};

static void on_changing(void *user, const struct cluster *c, const struct object_meta *old,
	const struct object_meta *new)
{
	struct fixture *f = user;

	journal_changing(&f->history, f->setup, c, old, new);
}

static void on_synced(void *user, struct cluster *c)
{
	(void)user;
	(void)c;
}

static void on_record(void *user, const struct history_change *c)
{
	struct seen *s = user;
	size_t len = strlen(s->text);

	(void)snprintf(
		s->text + len, sizeof(s->text) - len, "%s/%s[%s] ", c->ns, c->name, c->blocks);
	s->n++;
}

// Puts the service into every store of the Corefile's clusters, and reads what was written down.
static void run_case(const char *corefile, size_t n_clusters, const char *want)
{
	char paths[3][64];
	struct fixture f = {0};
	struct setup_options o = {.corefile = paths[0], .source = {.dump = paths[1]}};
	const struct cluster_events events = {&f, on_changing, on_synced};
	struct seen seen = {0};
	struct err e = {0};
	size_t n = 0;

	temp_file_write(paths[0], corefile);
	temp_file_write(paths[1], dump);
	temp_file_write(paths[2], "");
	assert_int_equal(history_open(&f.history, paths[2]), 0);
	f.setup = setup_new(&o, NULL, &e);
	assert_non_null(f.setup);
	assert_int_equal(setup_start(f.setup, NULL, NULL, &events, &e), 0);
	for (size_t i = 0; i < f.setup->n_instances; i++) {
		struct cluster *c = f.setup->instances[i].cluster;
		bool is_known = false;
		for (size_t k = 0; k < i; k++)
			is_known |= f.setup->instances[k].cluster == c;
		if (is_known)
			continue;
		objects_put(cluster_store(c), OBJECT_LIVE, "service ns/web headless\n");
		n++;
	}
	assert_int_equal(n, n_clusters);
	assert_int_equal(history_read(paths[2], on_record, &seen), 0);
	assert_string_equal(seen.text, want);
	setup_release(f.setup, NULL);
	history_close(&f.history);
	for (size_t i = 0; i < ARRAY_LEN(paths); i++)
		(void)unlink(paths[i]);
}

static void one_watch_tells_a_change_once(void **state)
{
	(void)state;
	run_case(".:53 {\nkubernetes\n}\n", 1, "ns/web[] ");
	// The blocks have one watch together.
	run_case(".:53 {\nkubernetes\n}\n.:5353 {\nkubernetes\n}\n", 1, "ns/web[] ");
	run_case("a.test {\nkubernetes\n}\nb.test {\nkubernetes {\nttl 9\n}\n}\n", 1, "ns/web[] ");
}

static void several_watches_are_told_apart_by_their_blocks(void **state)
{
	(void)state;
	run_case(".:53 {\nkubernetes\n}\n.:5353 {\nkubernetes {\npods verified\n}\n}\n", 2,
		"ns/web[2] ns/web[5] ");
	run_case("a.test {\nkubernetes\n}\nb.test {\nkubernetes {\nnoendpoints\n}\n}\n"
		 "c.test {\nkubernetes\n}\n",
		2, "ns/web[2, 10] ns/web[5] ");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(one_watch_tells_a_change_once),
		cmocka_unit_test(several_watches_are_told_apart_by_their_blocks),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
