// SPDX-License-Identifier: Apache-2.0
// burst53-control.
#include "control/image_file.h"
#include "control/options.h"
#include "control/run.h"

#include <stdio.h>

static int fail(const struct err *e)
{
	char text[512];

	(void)fprintf(stderr, "burst53-control: %s\n", err_print(e, text, sizeof(text)));
	return 1;
}

int main(int argc, char **argv)
{
	static struct options o;
	static struct run r;
	struct err e = {0};
	int rc = options_parse(argc, argv, &o);

	if (rc != 0)
		return rc > 0 ? 0 : 2;
	if (o.write_image != NULL)
		return image_file_write(&o.setup, o.write_image, &e) == 0 ? 0 : fail(&e);
	return run_control(&r, &o, &e) == 0 ? 0 : fail(&e);
}
