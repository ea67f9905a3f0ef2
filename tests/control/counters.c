// SPDX-License-Identifier: Apache-2.0
// Makes a page of shared counters, prints its descriptor's number, and keeps it until its input
// ends: the test opens it through /proc.
#include "zones/link/counters.h"

#include <stdio.h>

int main(void)
{
	int fd = counters_open();

	if (fd < 0)
		return 1;
	(void)printf("%d\n", fd);
	(void)fflush(stdout);
	while (getchar() != EOF)
		;
	return 0;
}
