// SPDX-License-Identifier: Apache-2.0
// What a request shows to the server and how it checks the server, read from the places that
// kube_config names and kept up to date when those are rotated (api:F14).
#pragma once

#include "control/kube/config.h"
#include "zones/base/err.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct creds {
	const struct kube_config *config; // borrowed
	char *token; // NULL: none
	char *ca; // PEM; NULL: the system's store
	char *cert; // PEM
	char *key; // PEM
	bool warned; // about a file that could not be read
};

enum creds_change {
	CREDS_TOKEN = 1, // matters from the next request on
	CREDS_TLS = 2, // connections that stand were made with something else
};

// Reads everything; a file that cannot be read is an error here. Fills the zeroed struct.
[[nodiscard]] int creds_init(struct creds *c, const struct kube_config *config, struct err *e);

// Reads the files again by their names (rotation swaps links). A file that is missing, empty or no
// PEM keeps the old value. Returns an or of creds_change.
unsigned creds_refresh(struct creds *c);

// Takes over what an exec plugin printed; any may be NULL: unchanged. Returns an or of
// creds_change.
unsigned creds_set(struct creds *c, const char *token, const char *cert, const char *key);

// Accepts the zeroed struct.
void creds_fini(struct creds *c);
