// SPDX-License-Identifier: Apache-2.0
// What `log` and `errors` of the Corefile in force ask for, in the shared page: the monitor writes
// the lines.
#pragma once

#include "zones/corefile/service.h"
#include "zones/link/counters.h"

// The classes of one `log`, as enum qlog_class_bit.
uint8_t page_log_classes(const struct config_log *l);

// Replaces the rules. What finds no room is left out and logged once.
void page_log_rules(struct qlog_rules *page, const struct config *c);
