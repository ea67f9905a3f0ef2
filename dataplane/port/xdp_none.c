// SPDX-License-Identifier: Apache-2.0
// In place of xdp.c where clang is missing, without which there is no XDP program.
#include "dataplane/port/xdp.h"

#include <errno.h>

int xdp_object_make(const struct xdp_filter *filter, struct err *err)
{
	(void)filter;
	return err_set(err, -ENOTSUP, "built without clang: no af_xdp ports");
}

int xdp_check(const char *ifname, struct err *err)
{
	(void)ifname;
	return err_set(err, -ENOTSUP, "built without clang: no af_xdp ports");
}

int xdp_hold(const char *ifname, struct err *err)
{
	(void)ifname;
	return err_set(err, -ENOTSUP, "built without clang: no af_xdp ports");
}
