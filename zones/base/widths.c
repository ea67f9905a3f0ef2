// SPDX-License-Identifier: Apache-2.0
// Reads a list of prefix lengths and factors.
#include "zones/base/widths.h"

#include <errno.h>
#include <stdbool.h>
#include <stdlib.h>

// A number from 1 to max at *text, which ends behind it.
static bool take_number(const char **text, unsigned long max, unsigned long *out)
{
	char *end = NULL;

	if (**text < '0' || **text > '9')
		return false;
	*out = strtoul(*text, &end, 10);
	*text = end;
	return *out >= 1 && *out <= max;
}

// A wider network holds the narrower one, so it is looked at later and may have as much at least.
static int width_add(struct widths *w, struct width next, struct err *err)
{
	const struct width *last = w->n > 0 ? &w->list[w->n - 1] : NULL;

	if (w->n == WIDTHS_MAX)
		return err_set(err, -EINVAL, "more than %d prefix lengths", WIDTHS_MAX);
	if (last != NULL && next.prefix_len >= last->prefix_len)
		return err_set(err, -EINVAL, "/%u must not come behind /%u: longest prefix first",
			next.prefix_len, last->prefix_len);
	if (last != NULL && next.factor < last->factor)
		return err_set(err, -EINVAL, "a /%u must not have less than a /%u", next.prefix_len,
			last->prefix_len);
	w->list[w->n++] = next;
	return 0;
}

int widths_parse(const char *text, unsigned family, struct widths *out, struct err *err)
{
	const char *at = text;
	unsigned long len, factor;
	int rc = 0;

	*out = (struct widths){0};
	while (rc == 0) {
		if (!take_number(&at, family == 4 ? 32 : 128, &len) || *at++ != ':' ||
			!take_number(&at, WIDTH_FACTOR_MAX, &factor) || (*at != ',' && *at != 0))
			return err_set(err, -EINVAL,
				"'%.40s' is no list of LENGTH:FACTOR, with lengths from 1 to %d",
				text, family == 4 ? 32 : 128);
		rc = width_add(out,
			(struct width){.prefix_len = (uint8_t)len, .factor = (uint16_t)factor},
			err);
		if (*at++ == 0)
			return rc;
	}
	return rc;
}
