// SPDX-License-Identifier: Apache-2.0
// node-cache's own metric (k8s:2.15): what went wrong while it set its node up.
#pragma once

#include "zones/base/err.h"

enum nodelocal_error {
	NODELOCAL_IPTABLES,
	NODELOCAL_IPTABLES_LOCK,
	NODELOCAL_INTERFACE_ADD,
	NODELOCAL_INTERFACE_CHECK,
	NODELOCAL_CONFIGMAP,
	NODELOCAL_ERRORS
};

struct nodelocal_metrics;

// Serves /metrics at "host:port". NULL with a reason.
struct nodelocal_metrics *nodelocal_metrics_start(const char *listen, struct err *err);
void nodelocal_metrics_stop(struct nodelocal_metrics *m); // NULL is fine

void nodelocal_metrics_count(struct nodelocal_metrics *m, enum nodelocal_error e); // NULL is fine
