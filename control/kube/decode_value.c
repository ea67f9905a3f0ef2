// SPDX-License-Identifier: Apache-2.0
// Single values of objects: members, strings without NULs, resource versions, times.
#include "control/kube/decode.h"

#include <string.h>
#include <time.h>

const json_t *decode_member(const json_t *json, const char *key, json_type type)
{
	const json_t *v = json_object_get(json, key);

	return v != NULL && json_typeof(v) == type ? v : NULL;
}

const char *decode_str_of(const json_t *v)
{
	const char *s = json_string_value(v);

	return s != NULL && strlen(s) == json_string_length(v) ? s : NULL;
}

const char *decode_str(const json_t *json, const char *key)
{
	return decode_str_of(json_object_get(json, key));
}

uint64_t decode_resource_version(const char *text)
{
	uint64_t n = 0;

	for (const char *p = text; *p != '\0'; p++) {
		if (*p < '0' || *p > '9' || __builtin_mul_overflow(n, 10U, &n) ||
			__builtin_add_overflow(n, (uint64_t)(*p - '0'), &n))
			return 0;
	}
	return n;
}

static bool two_digits(const char *p, int64_t *n)
{
	if (p[0] < '0' || p[0] > '9' || p[1] < '0' || p[1] > '9')
		return false;
	*n = (p[0] - '0') * 10 + (p[1] - '0');
	return true;
}

int64_t decode_time_ms(const char *text)
{
	struct tm tm = {0};
	const char *p = strptime(text, "%Y-%m-%dT%H:%M:%S", &tm);
	int64_t ms = 0;
	int sign = 1;
	int64_t hours = 0;
	int64_t minutes = 0;

	if (p == NULL)
		return 0;
	if (*p == '.') {
		int64_t unit = 100;

		for (p++; *p >= '0' && *p <= '9'; p++, unit /= 10)
			ms += (*p - '0') * unit;
	}
	if (*p == '+' || *p == '-') {
		sign = *p == '-' ? 1 : -1;
		if (!two_digits(p + 1, &hours) || p[3] != ':' || !two_digits(p + 4, &minutes))
			return 0;
	} else if (*p != 'Z' && *p != 'z') {
		return 0;
	}
	return ((int64_t)timegm(&tm) + sign * (hours * 3600 + minutes * 60)) * 1000 + ms;
}
