// SPDX-License-Identifier: Apache-2.0
// What the parsers of directives share: the state of one parse, how errors are told, zones, and
// tables of properties. Private to zones/corefile.
#pragma once

#include "zones/corefile/blocks.h"
#include "zones/corefile/cluster.h"
#include "zones/corefile/config.h"
#include "zones/corefile/plugins.h"
#include "zones/corefile/service.h"
#include "zones/corefile/upstream.h"
#include "zones/corefile/words.h"

#include <errno.h>

struct parse {
	struct config *c;
	struct arena *arena; // of c
	const struct config_options *o;
	struct err *e;
	struct config_server *server; // in work
	const char *root; // folder of the block's `root`, or NULL
	const char *directory; // what relative file names mean for the process
};

static inline struct config_pos token_pos(const struct token *t)
{
	return (struct config_pos){.file = t->file, .line = t->line, .column = t->column};
}

// Records an error at a word and returns -EINVAL, so that a caller can `return parse_error(...)`.
__attribute__((format(printf, 3, 4))) int parse_error(
	struct parse *p, const struct token *t, const char *fmt, ...);

// The same for something that `check --fix` knows how to repair.
__attribute__((format(printf, 4, 5))) int parse_fixable(
	struct parse *p, const struct token *t, enum config_fix fix, const char *fmt, ...);

// A warning or a note; always 0.
__attribute__((format(printf, 4, 5))) int parse_tell(struct parse *p, const struct token *t,
	enum config_severity severity, const char *fmt, ...);

int parse_no_memory(struct parse *p);

// Whether to go on after rc: 0, or an error while all of them are wanted.
static inline bool parse_goes_on(const struct parse *p, int rc)
{
	return rc == 0 || (rc == -EINVAL && p->o->all_errors);
}

// Between min and max arguments, no braces when with_block is false.
enum parse_braces { BRACES_NO, BRACES_YES };
[[nodiscard]] int parse_shape(
	struct parse *p, const struct node *n, size_t min, size_t max, enum parse_braces braces);

// printf into the arena; NULL when memory is short.
__attribute__((format(printf, 2, 3))) char *arena_printf(struct arena *a, const char *fmt, ...);

[[nodiscard]] int parse_words(
	struct parse *p, const struct token *t, size_t n, struct config_words *out);

// n arguments joined by one blank.
[[nodiscard]] int parse_joined(struct parse *p, const struct token *t, size_t n, const char **out);

// A file name relative to `root`, else as written.
[[nodiscard]] int parse_path(struct parse *p, const struct token *t, const char **out);

// Exactly one zone of a text that is no CIDR.
[[nodiscard]] int zone_parse(
	struct parse *p, const struct token *t, const char *text, struct config_zone *out);

// Appends the zone that a word names, or the zones of a CIDR (k8s:3.6); scheme and port are
// dropped.
[[nodiscard]] int zones_add(struct parse *p, const struct token *t, struct config_zones *out);

// n words as zones; without any, those of the server block.
[[nodiscard]] int zones_or_server(
	struct parse *p, const struct token *t, size_t n, struct config_zones *out);

// Zone names that may carry a port are split here: text becomes what is in front of `:port`.
[[nodiscard]] int zone_split_port(
	struct parse *p, const struct token *t, const char **text, uint16_t *port);

// `fallthrough [ZONES]`.
[[nodiscard]] int fall_parse(struct parse *p, const struct node *n, struct config_fall *out);

enum property_kind {
	PROP_CALL,
	PROP_FLAG, // no arguments, sets a bool
	PROP_U32, // one number in [min, max]
	PROP_MS, // one duration in [min, max] milliseconds
	PROP_TEXT, // one word
	PROP_FALL, // struct config_fall
	PROP_IGNORED, // any arguments, read and forgotten
};

// Whether CoreDNS reads over more words on the line: then they are a warning, not an error.
enum property_strictness { STRICT, LAX };

// One line inside the braces of a directive. offset is into the struct that is filled.
struct property {
	const char *name;
	enum property_kind kind;
	size_t offset;
	uint64_t min, max; // of the value; PROP_CALL: of the number of arguments
	int (*take)(struct parse *p, const struct node *n, void *out);
	enum property_strictness strictness;
};

enum { ANY_NUMBER = 100000 };

// Reads all properties of a directive into out by the table.
[[nodiscard]] int properties_parse(struct parse *p, const struct node *n,
	const struct property *table, size_t n_table, void *out);

// Refuses properties: for directives that have none.
[[nodiscard]] int properties_none(struct parse *p, const struct node *n);
