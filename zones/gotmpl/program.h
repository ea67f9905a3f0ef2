// SPDX-License-Identifier: Apache-2.0
// A compiled template: instructions for a machine with a stack of values and numbered slots for
// variables. Private to zones/gotmpl.
#pragma once

#include "zones/gotmpl/gotmpl.h"

enum {
	GOTMPL_CODE_MAX = 2048, // instructions of a program
	GOTMPL_STEPS_MAX = 20000, // instructions that a run may take
	GOTMPL_STACK_MAX = 64,
	GOTMPL_SLOTS_MAX = 48,
	GOTMPL_ARGS_MAX = 16, // of one function
	GOTMPL_OUT_MAX_BYTES = 65535,
};

enum value_kind {
	VALUE_NONE, // a group that is not there
	VALUE_BOOL,
	VALUE_INT,
	VALUE_UINT,
	VALUE_TEXT,
	VALUE_MATCH, // the list .Match
	VALUE_GROUP, // the map .Group
	VALUE_DATA, // what is printed of it is decided when it is compiled
	VALUE_QUESTION,
	VALUE_MESSAGE,
};

struct value {
	enum value_kind kind;
	union {
		bool is_true;
		int64_t i;
		uint64_t u;
		struct gotmpl_text text;
	};
};

enum op {
	OP_PRINT_TEXT, // value
	OP_PUSH, // value
	OP_FIELD, // a: enum field of what is on the stack
	OP_GROUP, // value: the name; of the map on the stack
	OP_CALL, // a: function, b: arguments
	OP_STORE, // a: slot
	OP_LOAD, // a: slot
	OP_PRINT,
	OP_JUMP, // b: where
	OP_JUMP_FALSE, // b; pops
	OP_AND, // b: jump when the top is false, else pop
	OP_OR, // b: jump when the top is true, else pop
	OP_RANGE, // a: slot of the position; behind it element and index; b: where when done
};

struct instruction {
	enum op op;
	uint16_t a, b;
	struct value value;
};

enum field {
	FIELD_ZONE,
	FIELD_NAME,
	FIELD_REGEX,
	FIELD_CLASS,
	FIELD_TYPE,
	FIELD_REMOTE,
	FIELD_MATCH,
	FIELD_GROUP,
	FIELD_QUESTION,
	FIELD_MESSAGE,
	FIELD_QUESTION_NAME,
	FIELD_QTYPE,
	FIELD_QCLASS,
	FIELD_ID,
	FIELD_RD,
	FIELD_CD,
	FIELD_AD,
};

struct gotmpl {
	const struct instruction *code;
	size_t n;
};

// A text that grows in an arena; failure sticks.
struct sink {
	struct arena *arena;
	char *s;
	size_t n, cap;
	int failed; // negative errno value
};

void sink_add(struct sink *k, const char *s, size_t n);
void sink_text(struct sink *k, const char *s);

// One run.
struct run {
	const struct gotmpl_data *data;
	struct arena *arena;
	struct err *err;
};

struct function {
	const char *name;
	uint8_t min, max; // arguments
	int (*call)(struct run *r, const struct value *args, size_t n, struct value *out);
};

// The index of a function, or -1.
int function_find(const char *name, size_t len);
const struct function *function_at(size_t i);

// As Go prints a value.
void value_print(struct sink *k, const struct gotmpl_data *d, const struct value *v);
bool value_is_true(const struct gotmpl_data *d, const struct value *v);

// The group of a name or number; VALUE_NONE when there is none.
struct value group_find(const struct gotmpl_data *d, const struct gotmpl_text *name);

// Go's fmt.Sprintf.
void format_print(struct sink *k, const struct gotmpl_data *d, const struct gotmpl_text *format,
	const struct value *args, size_t n);

static inline struct value value_text(const char *s, size_t n)
{
	return (struct value){.kind = VALUE_TEXT, .text = {s, n}};
}

static inline struct value value_bool(bool b)
{
	return (struct value){.kind = VALUE_BOOL, .is_true = b};
}
