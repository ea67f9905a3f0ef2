// SPDX-License-Identifier: Apache-2.0
// Any bytes as a Corefile: a configuration or an error with a place, listed or not.
#include "zones/corefile/config.h"

#include <stdlib.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	char *text = strndup((const char *)data, size);
	int first = 0;

	for (int all = 0; text != NULL && all < 2; all++) {
		const struct config_options o = {.all_errors = all != 0,
			.skip_file_checks = true,
			.directory = "/var/empty"};
		struct config c = {0};
		struct err e = {0};
		int rc = config_parse_text("Corefile", text, &o, &c, &e);
		if (all == 0)
			first = rc;
		if (rc != first || rc != e.code || (rc != 0 && (c.n_problems == 0 || e.line == 0)))
			abort();
		config_free(&c);
	}
	free(text);
	return 0;
}
