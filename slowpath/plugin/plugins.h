// SPDX-License-Identifier: Apache-2.0
// The plugins there are, each defined in the file of its name.
#pragma once

#include "slowpath/plugin/plugin.h"

#define PLUGINS(X) \
	X(acl) \
	X(any) \
	X(autopath) \
	X(chaos) \
	X(dns64) \
	X(file) \
	X(header) \
	X(loadbalance) \
	X(local) \
	X(rewrite) \
	X(template) \
	X(whoami)

#define PLUGIN_DECLARE(name) extern const struct plugin plugin_##name;
PLUGINS(PLUGIN_DECLARE)
#undef PLUGIN_DECLARE
