// SPDX-License-Identifier: Apache-2.0
// An ordinary build.
#include "zones/sandbox/sandbox.h"

bool sandbox_has_lists(void)
{
	return true;
}
