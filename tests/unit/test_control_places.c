// SPDX-License-Identifier: Apache-2.0
// Which Corefiles the sockets of another one serve.
#include "control/places.h"

#include "zones/base/array.h"

#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

static void parse(const char *text, struct config *out)
{
	const struct config_options options = {.skip_file_checks = true};
	struct err err = {0};

	if (config_parse_text("Corefile", text, &options, out, &err) != 0)
		fail_msg("%s: %s", text, err.text);
}

static void places_may_go_but_not_come(void **state)
{
	static const struct {
		const char *bound, *next, *error; // NULL: accepted
	} cases[] = {
		{".:53 {\n}\n", ".:53 {\n}\n", NULL},
		{".:53 {\n}\n", "a.test:53 b.test:53 {\n}\n", NULL},
		{".:53 {\n}\n", ".:1053 {\n}\n", "every address port 1053"},
		{".:53 a.test:1053 {\n}\n", ".:53 {\n}\n", NULL},
		{".:53 {\n}\n", ".:53 {\nbind 10.0.0.1\n}\n", "10.0.0.1 port 53"},
		{".:53 {\nbind 10.0.0.1 10.0.0.2\n}\n", ".:53 {\nbind 10.0.0.2\n}\n", NULL},
		{".:53 {\nbind 10.0.0.1\n}\n", ".:53 {\n}\n", "every address port 53"},
		{".:53 {\nbind lo {\nexcept ::1\n}\n}\n", ".:53 {\nbind lo {\nexcept ::1\n}\n}\n",
			NULL},
		{".:53 {\nbind lo {\nexcept ::1\n}\n}\n", ".:53 {\nbind lo\n}\n", "lo port 53"},
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
		struct config bound = {0}, next = {0};
		struct places places;
		struct err err = {0};
		parse(cases[i].bound, &bound);
		parse(cases[i].next, &next);
		assert_int_equal(places_take(&bound, &places), 0);
		int rc = places_check(&places, &next, &err);
		assert_int_equal(rc, cases[i].error == NULL ? 0 : -EADDRNOTAVAIL);
		if (cases[i].error != NULL)
			assert_non_null(strstr(err.text, cases[i].error));
		places_free(&places);
		config_free(&bound);
		config_free(&next);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(places_may_go_but_not_come),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
