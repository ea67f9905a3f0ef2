// SPDX-License-Identifier: Apache-2.0
// Only `nameserver` lines matter: search lists are the clients' business.
#include "slowpath/forward/resolv_conf.h"

#include <ctype.h>
#include <errno.h>
#include <net/if.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

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

int resolv_conf_parse(char *text, char list[RESOLV_CONF_MAX][RESOLV_CONF_TEXT_BYTES])
{
	int n = 0;
	char *save = NULL;

	for (char *line = strtok_r(text, "\n", &save); line != NULL && n < RESOLV_CONF_MAX;
		line = strtok_r(NULL, "\n", &save)) {
		if (strcmp(next_word(&line), "nameserver") != 0)
			continue;
		const char *address = next_word(&line);
		if (address[0] == 0 || strlen(address) >= RESOLV_CONF_TEXT_BYTES)
			continue;
		(void)snprintf(list[n++], RESOLV_CONF_TEXT_BYTES, "%s", address); // it fits
	}
	return n;
}

int resolv_conf_read(const char *path, char list[RESOLV_CONF_MAX][RESOLV_CONF_TEXT_BYTES])
{
	FILE *f = fopen(path, "re");

	if (f == NULL)
		return -errno;
	char *text = calloc(1, RESOLV_CONF_MAX_BYTES);
	if (text == NULL) {
		(void)fclose(f); // only read
		return -ENOMEM;
	}
	size_t size = fread(text, 1, RESOLV_CONF_MAX_BYTES - 1, f);
	int rc = ferror(f) ? -EIO : 0;
	text[size] = 0;
	(void)fclose(f); // only read
	if (rc == 0)
		rc = resolv_conf_parse(text, list);
	free(text);
	return rc;
}

uint32_t resolv_conf_interface(const char *name)
{
	return isdigit((unsigned char)name[0]) ? (uint32_t)strtoul(name, NULL, 10)
					       : if_nametoindex(name);
}
