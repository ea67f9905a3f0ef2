// SPDX-License-Identifier: Apache-2.0
// One pass over the words.
#include "cli/go_flags.h"

#include "zones/corefile/words.h"

#include <errno.h>
#include <stdbool.h>
#include <string.h>

static const struct go_flag *find_flag(
	const struct go_flag *flags, size_t n, const char *name, size_t size_bytes)
{
	for (size_t i = 0; i < n; i++) {
		if (strlen(flags[i].name) == size_bytes &&
			memcmp(flags[i].name, name, size_bytes) == 0)
			return &flags[i];
	}
	return NULL;
}

static bool is_one_of(const char *text, const char *const *words)
{
	for (; *words != NULL; words++) {
		if (strcmp(text, *words) == 0)
			return true;
	}
	return false;
}

// As Go's strconv.ParseBool.
static bool parse_bool(const char *text, bool *out)
{
	static const char *const yes[] = {"1", "t", "T", "true", "TRUE", "True", NULL};
	static const char *const no[] = {"0", "f", "F", "false", "FALSE", "False", NULL};

	*out = is_one_of(text, yes);
	return *out || is_one_of(text, no);
}

static int take(const struct go_flag *f, const char *value, struct err *err)
{
	uint64_t number = 0;

	switch (f->kind) {
	case GO_TEXT:
		*(const char **)f->out = value;
		return 0;
	case GO_BOOL:
		if (parse_bool(value, f->out))
			return 0;
		return err_set(err, -EINVAL, "-%s is true or false, not '%.40s'", f->name, value);
	case GO_DURATION:
		if (word_duration(value, f->out) == 0)
			return 0;
		return err_set(
			err, -EINVAL, "-%s is a duration like 60s, not '%.40s'", f->name, value);
	case GO_PORT:
	default:
		break;
	}
	if (word_number(value, 1, UINT16_MAX, &number) != 0)
		return err_set(err, -EINVAL, "-%s is a port, not '%.40s'", f->name, value);
	*(uint16_t *)f->out = (uint16_t)number;
	return 0;
}

int go_flags_parse(int argc, char **argv, const struct go_flag *flags, size_t n, struct err *err)
{
	int rc = 0;

	for (int i = 1; i < argc && rc == 0; i++) {
		const char *word = argv[i];
		if (word[0] != '-' || word[1] == 0)
			return err_set(err, -EINVAL, "'%.60s' is no option", word);
		word += word[1] == '-' ? 2 : 1;
		if (strcmp(word, "h") == 0 || strcmp(word, "help") == 0)
			return -ECANCELED;
		size_t len = strcspn(word, "=");
		const struct go_flag *f = find_flag(flags, n, word, len);
		if (f == NULL)
			return err_set(err, -EINVAL, "there is no option -%.60s", word);
		if (word[len] == '=')
			rc = take(f, word + len + 1, err);
		else if (f->kind == GO_BOOL)
			rc = take(f, "true", err);
		else if (i + 1 < argc)
			rc = take(f, argv[++i], err);
		else
			rc = err_set(err, -EINVAL, "-%s needs a value", f->name);
	}
	return rc;
}
