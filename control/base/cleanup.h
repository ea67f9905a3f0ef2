// SPDX-License-Identifier: Apache-2.0
// Marks for local temporaries that end with their scope. Never for something that is returned.
#pragma once

#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

static inline void cleanup_char_fn(char **p)
{
	free(*p);
}

static inline void cleanup_file_fn(FILE **f)
{
	if (*f != NULL)
		(void)fclose(*f); // only read from: nothing can be lost
}

static inline void cleanup_fd_fn(const int *fd)
{
	if (*fd >= 0)
		(void)close(*fd); // only read from
}

#define CLEANUP_CHAR __attribute__((cleanup(cleanup_char_fn)))
#define CLEANUP_FILE __attribute__((cleanup(cleanup_file_fn)))
#define CLEANUP_FD __attribute__((cleanup(cleanup_fd_fn)))
// For json_t *; usable where jansson.h is included, the function is jansson's own.
#define CLEANUP_JSON __attribute__((cleanup(json_decrefp)))
