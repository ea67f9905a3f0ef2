// SPDX-License-Identifier: Apache-2.0
// The words inside {{ }}. Private to zones/gotmpl.
#pragma once

#include "zones/gotmpl/program.h"

enum lex_kind {
	LEX_END, // of the action
	LEX_WORD, // a function or keyword
	LEX_FIELD, // one `.name`
	LEX_DOT,
	LEX_VARIABLE, // $ or $name
	LEX_VALUE, // string, number, true, false
	LEX_OPEN,
	LEX_CLOSE,
	LEX_PIPE,
	LEX_COMMA,
	LEX_DECLARE, // :=
	LEX_ASSIGN, // =
	LEX_BAD, // why is set
};

struct lexeme {
	enum lex_kind kind;
	bool is_glued; // no blank in front of it
	const char *s; // of WORD, FIELD (without the dot), VARIABLE (without $)
	size_t n;
	struct value value;
	const char *why;
};

// Reads the word at *at and moves behind it; at the end of the action, behind `}}`. *trims is set
// when that is written ` -}}`. Texts are in the template or the arena.
struct lexeme lex_next(const char **at, struct arena *a, bool *trims);
