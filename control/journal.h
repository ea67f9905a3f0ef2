// SPDX-License-Identifier: Apache-2.0
// Writes what changed into the history file: which object, and which names it touches.
#pragma once

#include "control/setup.h"
#include "zones/link/history.h"

// In front of a change, as cluster_events.changing has it. Objects that touch very many names (a
// namespace, a slice that is replaced) are written down for the first of them only.
void journal_changing(struct history_writer *w, const struct setup *s, const struct cluster *c,
	const struct object_meta *old, const struct object_meta *new);
