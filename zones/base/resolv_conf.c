// SPDX-License-Identifier: Apache-2.0
// Only `nameserver` lines matter: search lists are the clients' business. A line whose address is
// none is left out, as everybody does.
#include "zones/base/resolv_conf.h"

#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

static const char *next_word(char **at)
{
	char *start = *at;

	while (*start == ' ' || *start == '\t')
		start++;
	char *end = start + strcspn(start, " \t\r");
	*at = *end == 0 ? end : end + 1;
	*end = 0;
	return start;
}

// With an interface behind a link-local one: "fe80::1%eth0".
static bool is_address(const char *text)
{
	unsigned char bytes[sizeof(struct in6_addr)];
	char plain[RESOLV_CONF_TEXT_BYTES];
	size_t len = strcspn(text, "%");

	if (strlen(text) >= sizeof(plain))
		return false;
	memcpy(plain, text, len);
	plain[len] = 0;
	return inet_pton(AF_INET, text, bytes) == 1 || inet_pton(AF_INET6, plain, bytes) == 1;
}

void resolv_conf_parse(char *text, struct resolv_conf *out)
{
	char *save = NULL;

	out->n = 0;
	for (char *line = strtok_r(text, "\n", &save); line != NULL && out->n < RESOLV_CONF_MAX;
		line = strtok_r(NULL, "\n", &save)) {
		if (strcmp(next_word(&line), "nameserver") != 0)
			continue;
		const char *address = next_word(&line);
		if (is_address(address)) // so it fits
			(void)snprintf(out->list[out->n++], RESOLV_CONF_TEXT_BYTES, "%s", address);
	}
}

// Whole lines of it only.
static int read_text(int fd, char *text)
{
	size_t size = 0;
	ssize_t n = 1;

	while (n > 0 && size < RESOLV_CONF_MAX_BYTES) {
		n = read(fd, text + size, RESOLV_CONF_MAX_BYTES - size);
		if (n < 0)
			return -errno;
		size += (size_t)n;
	}
	text[size] = 0;
	char *end = size == RESOLV_CONF_MAX_BYTES ? strrchr(text, '\n') : NULL;
	if (end != NULL)
		*end = 0;
	return 0;
}

int resolv_conf_read(const char *path, struct resolv_conf *out)
{
	struct resolv_conf found;
	struct stat st;
	int fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK); // whatever stands there

	if (fd < 0)
		return -errno;
	char *text = calloc(1, RESOLV_CONF_MAX_BYTES + 1);
	int rc = text == NULL ? -ENOMEM : fstat(fd, &st) != 0 ? -errno : 0;
	if (rc == 0 && !S_ISREG(st.st_mode))
		rc = -EINVAL;
	if (rc == 0)
		rc = read_text(fd, text);
	(void)close(fd); // only read
	if (rc == 0) {
		resolv_conf_parse(text, &found);
		rc = found.n == 0 ? -ENODATA : 0;
	}
	if (rc == 0)
		*out = found;
	free(text);
	return rc;
}

const char *resolv_conf_reason(int rc)
{
	if (rc == -ENODATA)
		return "no nameserver line with an address";
	return rc == -EINVAL ? "it is no regular file" : strerror(-rc);
}
