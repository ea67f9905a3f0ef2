// SPDX-License-Identifier: Apache-2.0
// JSON of the API -> plain objects. Every field is optional and may be of any type: what cannot be
// used is skipped value by value and counted, and an object without a name is no object.
#pragma once

#include "control/kube/kube.h"
#include "control/object/object.h"

#include <jansson.h>

#include <stdbool.h>
#include <stdint.h>

enum decode_result {
	DECODE_OK, // object is set
	DECODE_IRRELEVANT, // a good object that DNS has no use for: as if it were deleted
	DECODE_BAD, // no object of this kind
	DECODE_NO_MEMORY,
};

// What was found; the strings are borrowed from the JSON.
struct decoded {
	struct object_meta *object; // owned by the caller, NULL unless DECODE_OK
	const char *ns;
	const char *name; // NULL when not even that could be read
	const char *resource_version; // "" when absent
	unsigned values_skipped;
	const char *skipped_field; // where the first of them was, a constant; NULL for none
};

// default_ns says that it is a manifest, which the API server has not completed: it is for a
// namespaced object that names none, and ports are TCP. NULL makes the former DECODE_BAD.
enum decode_result decode_object(const struct kube_spec *spec, const json_t *json,
	const char *default_ns, struct decoded *out);

// The member, NULL when it is absent or not of this type or json is no object. decode_str also
// refuses strings with a NUL inside.
const json_t *decode_member(const json_t *json, const char *key, json_type type);
const char *decode_str(const json_t *json, const char *key);
const char *decode_str_of(const json_t *json);

// A plain decimal number, as the resource versions of built-in types are; else 0.
uint64_t decode_resource_version(const char *text);

// RFC 3339 -> Unix milliseconds; 0 when it is none.
int64_t decode_time_ms(const char *text);

// Names of members that no object of this kind needs; NULL-terminated, for struct split.
const char *const *decode_drop_list(const struct kube_spec *spec);

// A member that says what is true without it, as a server writes it; NULL when there is none.
const char *decode_drop_text(const struct kube_spec *spec);
