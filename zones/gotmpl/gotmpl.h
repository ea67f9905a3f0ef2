// SPDX-License-Identifier: Apache-2.0
// The part of Go's text/template that Corefiles use in `template`: compiled once to a small
// program, run for each query. What a program is given is fixed (struct gotmpl_data), so that
// everything it may name is known when it is compiled; what this does not know is an error then.
#pragma once

#include "zones/base/arena.h"
#include "zones/base/err.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct gotmpl_text {
	const char *s; // not ended by NUL
	size_t n;
};

// k8s:2.13 template; CoreDNS' templateData. Texts are never NULL.
struct gotmpl_data {
	const char *zone, *name, *regex, *class, *type, *remote;
	const struct gotmpl_text *match; // .Match, .Group by number
	const char *const *group; // names of the groups, NULL where there is none
	size_t n_match;
	const char *question_name; // .Question.Name: in the client's spelling
	uint16_t qtype, qclass, id;
	bool is_rd, is_cd, is_ad;
};

struct gotmpl;

// Owned by the arena. NULL with a sentence in *err when the text is no template that can be run, or
// memory is short (code -ENOMEM).
const struct gotmpl *gotmpl_compile(const char *text, struct arena *a, struct err *err);

// Runs it. The text is owned by the arena and ended by NUL. 0, or -EINVAL with a sentence when the
// data do not fit (an index out of range, a number that is none), or -ENOMEM. Any number of threads
// may run one program.
[[nodiscard]] int gotmpl_run(const struct gotmpl *t, const struct gotmpl_data *d, struct arena *a,
	const char **out, struct err *err);
