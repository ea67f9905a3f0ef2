// SPDX-License-Identifier: Apache-2.0
// Why a question is answered as it is: zone, rule and line of the Corefile, who executes it, the
// object behind the name, the generation.
#pragma once

#include "cli/reply_text.h"

#include <jansson.h>

// An object of strings and numbers in the order of reading; NULL when memory is short. What does
// not apply is left out.
json_t *explain_json(const struct reply_text *t);
