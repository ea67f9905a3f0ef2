// SPDX-License-Identifier: Apache-2.0
// A saved cluster as the source of objects: what `kubectl get ... -A -o json` prints, YAML
// manifests, a folder of such files, or an object keyed by resource.
#pragma once

#include "control/kube/kube.h"

// Gives begin, put and synced for each of the n specs, then is done. Label selectors of the specs
// are applied here. Errors name file, line and column; then abandoned follows begin. An object
// without a name, and single values that cannot be used, are left out, and the log names them.
[[nodiscard]] int kube_dump_load(const char *path, const struct kube_spec *specs, size_t n,
	const struct kube_events *events, struct err *e);
