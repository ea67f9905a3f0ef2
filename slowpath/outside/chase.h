// SPDX-License-Identifier: Apache-2.0
// Cluster names that are aliases of names outside (ExternalName, k8s:2.5): the alias from the
// snapshot, followed by what this server answers for its target.
#pragma once

#include "slowpath/serve/serve.h"

// Completes the alias that o->step punted. Replies at once or later.
enum serve_verdict chase_alias(struct server *s, const struct outside *o, struct wrbuf *w);
