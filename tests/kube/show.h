// SPDX-License-Identifier: Apache-2.0
// What the probe prints about objects and resources.
#pragma once

#include "control/kube/kube.h"

void show_object(const struct object_meta *meta);
void show_stats(enum object_kind kind, const struct kube_stats *stats, size_t objects);
