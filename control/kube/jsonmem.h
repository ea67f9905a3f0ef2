// SPDX-License-Identifier: Apache-2.0
// Memory for jansson. Tells whether it was short: jansson reports that as if the text had been
// wrong, and an object must not be taken for unreadable because of it.
#pragma once

#include <stdbool.h>

// Puts itself between jansson and malloc, for the whole process. May be called again, by the same
// thread: that one alone reads objects, and frees them. Text that jansson makes (json_dumps) is of
// this memory too, and not for free().
void jsonmem_init(void);

// Whether an allocation of jansson's has failed on this thread since the last call.
bool jsonmem_take_failure(void);
