// SPDX-License-Identifier: Apache-2.0
// The files of a kubeconfig list as JSON, and look-ups in them: the first file that has a value
// wins.
#pragma once

#include "zones/base/err.h"

#include <jansson.h>

#include <stddef.h>

#define KUBECONFIG_FILES 16U

struct kubeconfig_file {
	char *path;
	json_t *doc; // NULL: the file is not there
};

struct kubeconfig {
	struct kubeconfig_file files[KUBECONFIG_FILES];
	size_t n;
	struct err *e; // borrowed; receives reasons
};

// Reads a colon list of paths into a struct of which only e is set. One of them must be there.
[[nodiscard]] int kubeconfig_read(struct kubeconfig *k, const char *paths);

void kubeconfig_fini(struct kubeconfig *k);

// The member of the entry of that name in a list of {name, member}; *at is the file it is from.
const json_t *kubeconfig_find(const struct kubeconfig *k, const char *list, const char *name,
	const char *member, const struct kubeconfig_file **at);

const char *kubeconfig_current_context(const struct kubeconfig *k);

// A path relative to the folder of the file that has it; owned by the caller, NULL when memory is
// short.
char *kubeconfig_resolve(const struct kubeconfig_file *at, const char *path);
