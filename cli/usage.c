// SPDX-License-Identifier: Apache-2.0
// Texts for people who mistyped.
#include "cli/usage.h"

#include "cli/command.h"

#include "zones/corefile/words.h"

#include <stdio.h>

int usage_error(const char *command, const char *why, const char *what)
{
	if (why != NULL)
		(void)fprintf(stderr, "burst53 %s: %s%s\n", command, why, what);
	(void)fprintf(stderr, "Try `burst53 %s --help`.\n", command);
	return EXIT_USAGE;
}

bool usage_number(const char *text, unsigned min, unsigned max, unsigned *out)
{
	uint64_t n = 0;

	if (word_number(text, min, max, &n) != 0)
		return false;
	*out = (unsigned)n;
	return true;
}
