// SPDX-License-Identifier: Apache-2.0
// Fuzzes a template: a pattern, a Go template and a name, a line each. What comes out is a record
// whose names are whole, or nothing.
#include "slowpath/plugin/record_text.h"
#include "zones/gotmpl/gotmpl.h"
#include "zones/regex/regex.h"
#include "zones/wire/dname.h"

#include <stdlib.h>
#include <string.h>

static void run(struct arena *a, const char *pattern, const char *text, const char *name)
{
	struct gotmpl_text match[REGEX_GROUPS_MAX];
	const char *names[REGEX_GROUPS_MAX];
	struct err e = {0};
	struct regex *re = regex_new(pattern, &e);
	const struct gotmpl *t = gotmpl_compile(text, a, &e);
	struct regex_match m;
	struct response_rr rr;
	const char *out = "";

	if (re != NULL && t != NULL && regex_find(re, name, strlen(name), &m)) {
		for (size_t i = 0; i < m.n; i++) {
			names[i] = regex_group_name(re, i);
			match[i] = (struct gotmpl_text){
				name + m.group[i].begin, m.group[i].end - m.group[i].begin};
		}
		const struct gotmpl_data d = {".", name, pattern, "IN", "A", "192.0.2.1", match,
			names, m.n, name, 1, 1, 1, false, false, false};
		if (gotmpl_run(t, &d, a, &out, &e) == 0 && record_text_parse(a, out, &rr) == 0 &&
			dname_size(rr.owner, DNS_NAME_MAX_BYTES) == 0)
			abort();
	} else if (e.code == 0 && (re == NULL || t == NULL)) {
		abort();
	}
	regex_free(re);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	char *text = strndup((const char *)data, size);
	char *second = text == NULL ? NULL : strchr(text, '\n');
	char *third = second == NULL ? NULL : strchr(second + 1, '\n');
	struct arena a = {0};

	if (third != NULL) {
		*second = *third = '\0';
		run(&a, text, second + 1, third + 1);
	}
	arena_fini(&a);
	free(text);
	return 0;
}
