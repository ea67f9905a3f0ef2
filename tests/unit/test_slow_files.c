// SPDX-License-Identifier: Apache-2.0
// Tests of the files that `forward` names: what they last said stays, and what is counted.
#include "slowpath/forward/files.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

static char folder[] = "/tmp/burst53-files-XXXXXX";
static char paths[2][64];

static void put(int i, const char *text)
{
	FILE *f = fopen(paths[i], "w");

	assert_non_null(f);
	(void)fputs(text, f);
	assert_int_equal(fclose(f), 0);
}

static int set_up(void **state)
{
	(void)state;
	if (mkdtemp(folder) == NULL)
		return -1;
	for (int i = 0; i < 2; i++)
		(void)snprintf(paths[i], sizeof(paths[i]), "%s/%d", folder, i);
	return 0;
}

static int tear_down(void **state)
{
	(void)state;
	for (int i = 0; i < 2; i++)
		(void)unlink(paths[i]);
	return rmdir(folder);
}

// A policy with two forwards; the first names one file twice.
static struct policy_set policy_of_files(void)
{
	static struct policy_upstream to[3];
	static struct policy_forward forwards[2];
	static struct policy_op ops[2];
	static struct policy_chain chain = {.ops = ops, .n = 2};

	for (int i = 0; i < 3; i++)
		to[i] = (struct policy_upstream){
			.kind = POLICY_UPSTREAM_FILE, .host = paths[i == 2], .server_name = ""};
	forwards[0].to = (struct policy_upstreams){to, 2};
	forwards[1].to = (struct policy_upstreams){to, 3};
	for (int i = 0; i < 2; i++)
		ops[i] = (struct policy_op){.kind = POLICY_FORWARD, .data = &forwards[i]};
	return (struct policy_set){.chains = &chain, .n = 1};
}

static void a_file_is_known_by_what_it_last_said(void **state)
{
	const struct policy_set policy = policy_of_files();
	struct upstream_files f, next;
	struct arena a = {0};

	(void)state;
	put(0, "nameserver 192.0.2.1\n");
	assert_int_equal(upstream_files_make(&f, &a, &policy, NULL), 0);
	assert_int_equal(f.n, 2); // each once
	assert_int_equal(upstream_files_faults(&f), 1); // the second is not there
	assert_false(upstream_files_look(&f));
	put(0, "");
	assert_false(upstream_files_look(&f));
	assert_int_equal(upstream_files_faults(&f), 2);
	assert_int_equal(upstream_files_find(&f, paths[0])->servers.n, 1);
	assert_int_equal(upstream_files_find(&f, paths[1])->servers.n, 0);
	// Another policy that names the same files inherits.
	assert_int_equal(upstream_files_make(&next, &a, &policy, &f), 0);
	assert_int_equal(upstream_files_find(&next, paths[0])->servers.n, 1);
	assert_false(next.is_changed);
	put(0, "# again\nnameserver 192.0.2.1\n");
	assert_false(upstream_files_look(&next));
	assert_int_equal(upstream_files_faults(&next), 1);
	put(1, "nameserver 192.0.2.2\n");
	assert_true(upstream_files_look(&next));
	assert_true(upstream_files_look(&next)); // until a plan is made from it
	assert_int_equal(upstream_files_faults(&next), 0);
	assert_null(upstream_files_find(&next, "/nonexistent"));
	arena_fini(&a);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_file_is_known_by_what_it_last_said),
	};

	return cmocka_run_group_tests(tests, set_up, tear_down);
}
