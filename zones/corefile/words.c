// SPDX-License-Identifier: Apache-2.0
// Numbers, durations, addresses and mnemonics, read strictly.
#include "zones/corefile/words.h"

#include "zones/base/array.h"

#include <arpa/inet.h>
#include <errno.h>
#include <string.h>

int word_number(const char *text, uint64_t min, uint64_t max, uint64_t *out)
{
	uint64_t n = 0;

	if (*text == '\0')
		return -EINVAL;
	for (const char *p = text; *p != '\0'; p++) {
		if (*p < '0' || *p > '9' || n > UINT64_MAX / 10 - 1)
			return -EINVAL;
		n = n * 10 + (uint64_t)(*p - '0');
	}
	if (n < min || n > max)
		return -EINVAL;
	*out = n;
	return 0;
}

// Nanoseconds of a unit and its length, 0 when there is none. Longest first.
static uint64_t unit_ns(const char *text, size_t *len)
{
	static const struct {
		const char *name;
		uint64_t ns;
	} units[] = {
		{"ns", 1},
		{"us", 1000},
		{"\xc2\xb5s", 1000},
		{"\xce\xbcs", 1000},
		{"ms", 1000000},
		{"s", 1000000000},
		{"m", 60000000000},
		{"h", 3600000000000},
	};

	for (size_t i = 0; i < ARRAY_LEN(units); i++) {
		*len = strlen(units[i].name);
		if (strncmp(text, units[i].name, *len) == 0)
			return units[i].ns;
	}
	return 0;
}

// One "1.5h"; *p moves behind it. By hand, because strtod follows the locale.
static int duration_part(const char **p, double *ns)
{
	size_t whole = strspn(*p, "0123456789");
	const char *rest = *p + whole;
	size_t fraction = *rest == '.' ? strspn(rest + 1, "0123456789") : 0;
	double value = 0;
	double scale = 1;
	size_t len = 0;

	if (whole + fraction == 0)
		return -EINVAL;
	for (size_t i = 0; i < whole; i++)
		value = value * 10 + ((*p)[i] - '0');
	for (size_t i = 1; i <= fraction; i++) {
		scale /= 10;
		value += scale * (rest[i] - '0');
	}
	rest += *rest == '.' ? 1 + fraction : 0;
	uint64_t unit = unit_ns(rest, &len);
	if (unit == 0)
		return -EINVAL;
	*ns += value * (double)unit;
	*p = rest + len;
	return 0;
}

int word_duration(const char *text, uint64_t *out_ms)
{
	const double max_ns = 9.2e18; // what Go can hold, 292 years
	const char *p = text[0] == '+' ? text + 1 : text;
	double ns = 0;

	if (strcmp(p, "0") == 0) {
		*out_ms = 0;
		return 0;
	}
	if (*p == '\0')
		return -EINVAL;
	while (*p != '\0') {
		if (duration_part(&p, &ns) != 0 || ns > max_ns)
			return -EINVAL;
	}
	uint64_t ms = (uint64_t)(ns / 1e6 + 0.5);
	*out_ms = ms == 0 && ns > 0 ? 1 : ms;
	return 0;
}

static void clear_host_bits(struct config_cidr *c)
{
	size_t size = c->family == 4 ? 4 : 16;

	for (size_t i = 0; i < size; i++) {
		size_t keep = c->bits > i * 8 ? c->bits - i * 8 : 0;
		if (keep < 8)
			c->address[i] &= (uint8_t)(0xff00u >> keep);
	}
}

int word_cidr(const char *text, struct config_cidr *out)
{
	char address[INET6_ADDRSTRLEN + 1];
	const char *slash = strchr(text, '/');
	size_t len = slash == NULL ? strlen(text) : (size_t)(slash - text);
	struct config_cidr c = {0};
	uint64_t bits = 0;

	if (len >= sizeof(address))
		return -EINVAL;
	memcpy(address, text, len);
	address[len] = '\0';
	if (inet_pton(AF_INET, address, c.address) == 1)
		c.family = 4;
	else if (inet_pton(AF_INET6, address, c.address) == 1)
		c.family = 6;
	else
		return -EINVAL;
	bits = c.family == 4 ? 32 : 128;
	if (slash != NULL && word_number(slash + 1, 0, bits, &bits) != 0)
		return -EINVAL;
	c.bits = (uint8_t)bits;
	clear_host_bits(&c);
	*out = c;
	return 0;
}

bool word_is_address(const char *text)
{
	char address[INET6_ADDRSTRLEN + 1];
	unsigned char bytes[16];
	size_t len = strcspn(text, "%");

	if (len >= sizeof(address))
		return false;
	memcpy(address, text, len);
	address[len] = '\0';
	if (text[len] == '%')
		return text[len + 1] != '\0' && inet_pton(AF_INET6, address, bytes) == 1;
	return inet_pton(AF_INET, address, bytes) == 1 || inet_pton(AF_INET6, address, bytes) == 1;
}

static char *copy_range(struct arena *a, const char *text, size_t len)
{
	char *s = arena_alloc(a, len + 1);

	if (s != NULL)
		memcpy(s, text, len);
	return s;
}

static int parse_port(const char *text, uint16_t *port)
{
	uint64_t n = 0;

	if (word_number(text, 1, UINT16_MAX, &n) != 0)
		return -EINVAL;
	*port = (uint16_t)n;
	return 0;
}

int word_host_port(struct arena *a, const char *text, char **host, uint16_t *port)
{
	const char *colon = strrchr(text, ':');
	size_t len = strlen(text);

	if (text[0] == '[') {
		const char *close = strchr(text, ']');
		if (close == NULL || (close[1] != '\0' && close[1] != ':'))
			return -EINVAL;
		if (close[1] == ':' && parse_port(close + 2, port) != 0)
			return -EINVAL;
		*host = copy_range(a, text + 1, (size_t)(close - text - 1));
		return *host == NULL ? -ENOMEM : 0;
	}
	// More than one colon: an IPv6 address without port.
	if (colon != NULL && strchr(text, ':') == colon) {
		if (parse_port(colon + 1, port) != 0)
			return -EINVAL;
		len = (size_t)(colon - text);
	}
	*host = copy_range(a, text, len);
	return *host == NULL ? -ENOMEM : 0;
}

int word_listen(struct arena *a, const char *text, struct config_listen *out)
{
	uint16_t port = 0;
	char *host = NULL;
	int rc = word_host_port(a, text, &host, &port);

	if (rc != 0)
		return rc;
	if (port == 0)
		return -EINVAL;
	*out = (struct config_listen){.host = host, .port = port};
	return 0;
}

// Levenshtein distance; texts longer than the table count as far away.
static size_t edit_distance(const char *a, const char *b)
{
	enum { MAX = 32 };
	size_t row[MAX + 1];
	size_t n = strlen(b);

	if (strlen(a) > MAX || n > MAX)
		return MAX;
	for (size_t j = 0; j <= n; j++)
		row[j] = j;
	for (size_t i = 1; a[i - 1] != '\0'; i++) {
		size_t diagonal = row[0];
		row[0] = i;
		for (size_t j = 1; j <= n; j++) {
			size_t change = diagonal + (a[i - 1] != b[j - 1]);
			size_t skip = (row[j] < row[j - 1] ? row[j] : row[j - 1]) + 1;
			diagonal = row[j];
			row[j] = change < skip ? change : skip;
		}
	}
	return row[n];
}

const char *word_nearest(const char *text, const char *const *words, size_t n)
{
	size_t len = strlen(text);
	size_t best = len < 5 ? 2 : len < 8 ? 3 : 4; // farther is no typing error
	const char *found = NULL;

	for (size_t i = 0; i < n; i++) {
		size_t d = edit_distance(text, words[i]);
		if (d < best) {
			best = d;
			found = words[i];
		}
	}
	return found;
}
