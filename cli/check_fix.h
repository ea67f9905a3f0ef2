// SPDX-License-Identifier: Apache-2.0
// Turns what is written for former CoreDNS versions into what is valid today, leaving comments and
// everything else of the text as it stands.
#pragma once

#include "zones/corefile/config.h"

#include <stdio.h>

// A new text, owned by the caller, with the fixable problems of the file `name` repaired, or NULL
// when there is nothing to repair (or memory is short). Each repair is told to `log`.
char *fix_text(const char *name, const char *text, const struct config *c, FILE *log);
