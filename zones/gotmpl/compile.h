// SPDX-License-Identifier: Apache-2.0
// What the parts of the compiler share. Private to zones/gotmpl.
#pragma once

#include "zones/gotmpl/lex.h"

enum {
	VARIABLES_MAX = 24,
	BLOCKS_MAX = 16,
	LEVELS_MAX = 16, // of parentheses
	BRANCHES_MAX = 32, // of one if
};

struct variable {
	const char *name;
	size_t len;
	uint16_t slot;
	enum value_kind kind; // VALUE_TEXT stands for texts, numbers and truth values
};

enum block_kind { BLOCK_IF, BLOCK_WITH, BLOCK_RANGE };

// An if, with or range that is open.
struct block {
	enum block_kind kind;
	size_t otherwise; // the jump taken when the condition is false
	size_t again; // range: where the next round begins
	size_t ends[BRANCHES_MAX]; // jumps to the end
	size_t n_ends;
	bool has_else;
	// With what the condition declares, which `else` sees too.
	size_t kept_variables;
	uint16_t kept_slots;
	// As it was before.
	size_t n_variables;
	uint16_t n_slots, dot_slot;
	enum value_kind dot_kind;
};

// A command within parentheses that are open.
struct level {
	enum { COMMAND_EMPTY, COMMAND_VALUE, COMMAND_FUNCTION, COMMAND_AND, COMMAND_OR } command;
	size_t function, n_args;
	enum value_kind kind; // of the last operand, then of the command
	enum value_kind before; // of the operands of `and` and `or` in front of the last
	bool has_operand; // right in front: a field may follow it
	bool is_piped;
	uint16_t piped_slot;
	size_t tests[GOTMPL_ARGS_MAX]; // jumps of `and` and `or`
	size_t n_tests;
};

struct compile {
	struct arena *arena;
	struct err *err;
	const char *at;
	bool trims; // the last action ended ` -}}`
	struct instruction *code; // GOTMPL_CODE_MAX
	size_t n;
	struct variable variables[VARIABLES_MAX];
	size_t n_variables;
	uint16_t n_slots, dot_slot;
	enum value_kind dot_kind;
	struct block blocks[BLOCKS_MAX];
	size_t n_blocks;
	struct level levels[LEVELS_MAX];
	size_t n_levels;
};

// What an action's pipeline left.
struct pipe {
	enum value_kind kind;
	bool is_stored; // in a variable: nothing is printed
	uint16_t slot;
	const char *index; // range $index, $element := ...
	size_t index_len;
	const char *element;
	size_t element_len;
};

__attribute__((format(printf, 2, 3))) int compile_error(struct compile *c, const char *fmt, ...);

// Appends; returns where it stands, for later patches. Running out of room is remembered as n.
size_t emit(struct compile *c, const struct instruction *i);

[[nodiscard]] int slot_new(struct compile *c, uint16_t *out);

[[nodiscard]] int variable_add(
	struct compile *c, const char *name, size_t len, uint16_t slot, enum value_kind kind);

struct lexeme compile_next(struct compile *c);

// From here to the end of the action. is_range: declarations name index and element.
enum pipe_use { PIPE_ACTION, PIPE_RANGE };
[[nodiscard]] int pipe_compile(struct compile *c, enum pipe_use use, struct pipe *out);
