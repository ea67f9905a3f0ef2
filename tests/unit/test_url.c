// SPDX-License-Identifier: Apache-2.0
// URLs are shown without user and password.
#include "zones/base/url.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

static void users_and_passwords_are_not_shown(void **state)
{
	static const struct {
		const char *url, *shown;
	} rows[] = {
		{"https://10.96.0.1:443/path", "https://10.96.0.1:443/path"},
		{"https://user:secret@10.96.0.1:6443", "https://10.96.0.1:6443"},
		{"https://user@host/a@b", "https://host/a@b"},
		{"https://u:p@ss@[fd00::1]:6443/x?y", "https://[fd00::1]:6443/x?y"},
		{"https://host/?q=a@b", "https://host/?q=a@b"},
		{"host:80", "host:80"},
		{"", ""},
	};
	char out[URL_SHOWN_BYTES];

	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++)
		assert_string_equal(url_without_user(rows[i].url, out), rows[i].shown);
}

int main(void)
{
	const struct CMUnitTest tests[] = {cmocka_unit_test(users_and_passwords_are_not_shown)};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
