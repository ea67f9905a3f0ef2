// SPDX-License-Identifier: Apache-2.0
// What a directive does, in a sentence for people.
#pragma once

#include "zones/corefile/config.h"

#include <stdio.h>

// "workers", "slow path", "control", "monitor", "no effect".
const char *explain_runs(enum config_runs runs);

// Writes the sentence, without a line break.
void explain_directive(FILE *out, const struct config_directive *d);

// The directive for whose sake workers hand over every query of a block that has cluster names, or
// NULL.
const struct config_directive *explain_punts_all(const struct config_server *s);

// "cluster.local., example.org. on port 53 of every address".
void explain_server(FILE *out, const struct config_server *s);
