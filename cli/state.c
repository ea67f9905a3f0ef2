// SPDX-License-Identifier: Apache-2.0
// One line per thing: its kind, then its words.
#include "cli/state.h"

#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <limits.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

static const char first_line[] = "burst53-state 1\n";

static const char *const mode_texts[] = {
	[MODE_KERNEL] = "kernel", [MODE_SHARED] = "shared", [MODE_OWN] = "own"};

const char *address_mode_text(enum address_mode mode)
{
	return mode_texts[mode];
}

const struct state_child *state_find_child(const struct state *s, const char *name)
{
	for (size_t i = 0; i < s->n_children; i++) {
		if (strcmp(s->children[i].name, name) == 0)
			return &s->children[i];
	}
	return NULL;
}

bool state_has_child(const struct state *s, const char *name)
{
	return state_find_child(s, name) != NULL;
}

static void print_listen(FILE *f, const struct server_address *l)
{
	char text[INET6_ADDRSTRLEN];

	if (inet_ntop(l->family == 6 ? AF_INET6 : AF_INET, l->bytes, text, sizeof(text)) != NULL)
		(void)fprintf(f, "listen %s %u\n", text, (unsigned)l->port);
}

static void print_state(FILE *f, const struct state *s)
{
	(void)fputs(first_line, f);
	(void)fprintf(f, "supervisor %d %" PRIu64 "\n", (int)s->supervisor.pid,
		s->supervisor.start_ticks);
	if (s->table[0] != 0)
		(void)fprintf(f, "table %s\n", s->table);
	(void)fprintf(f, "port %s\ncounters %d\n", s->port, s->counters_fd);
	for (size_t i = 0; i < s->n_children; i++) {
		const struct state_child *c = &s->children[i];
		(void)fprintf(f, "child %s %d %" PRIu64 " %u\n", c->name, (int)c->proc.pid,
			c->proc.start_ticks, c->starts);
	}
	for (size_t i = 0; i < s->n_addresses; i++)
		(void)fprintf(f, "address %s %s\n", s->addresses[i].text,
			mode_texts[s->addresses[i].mode]);
	for (size_t i = 0; i < s->n_listens; i++)
		print_listen(f, &s->listens[i]);
}

int state_write(const char *path, const struct state *s)
{
	char temp[PATH_MAX];

	if (snprintf(temp, sizeof(temp), "%s.new", path) >= (int)sizeof(temp))
		return -ENAMETOOLONG;
	FILE *f = fopen(temp, "we");
	if (f == NULL)
		return -errno;
	print_state(f, s);
	bool is_bad = ferror(f) != 0;
	if (fclose(f) != 0 || is_bad)
		return -EIO;
	return rename(temp, path) == 0 ? 0 : -errno;
}

static void take_child(const char *line, struct state *s)
{
	struct state_child c = {0};
	int pid;

	if (s->n_children < STATE_CHILDREN_MAX &&
		sscanf(line, "child %15s %d %" SCNu64 " %u", c.name, &pid, &c.proc.start_ticks,
			&c.starts) == 4) {
		c.proc.pid = pid;
		s->children[s->n_children++] = c;
	}
}

static void take_address(const char *line, struct state *s)
{
	struct state_address a = {0};
	char mode[8];

	if (s->n_addresses == RUN_ADDRESSES_MAX ||
		sscanf(line, "address %49s %7s", a.text, mode) != 2)
		return;
	for (size_t i = 0; i < sizeof(mode_texts) / sizeof(mode_texts[0]); i++) {
		if (strcmp(mode, mode_texts[i]) != 0)
			continue;
		a.mode = (enum address_mode)i;
		s->addresses[s->n_addresses++] = a;
	}
}

static void take_listen(const char *line, struct state *s)
{
	struct server_address l = {0};
	char text[INET6_ADDRSTRLEN];

	if (s->n_listens == SOCKETS_MAX || sscanf(line, "listen %45s %" SCNu16, text, &l.port) != 2)
		return;
	l.family = strchr(text, ':') == NULL ? 4 : 6;
	if (inet_pton(l.family == 6 ? AF_INET6 : AF_INET, text, l.bytes) == 1)
		s->listens[s->n_listens++] = l;
}

// Lines of a kind that is not known here are left alone: a newer version may have written them.
static void take_line(const char *line, struct state *s)
{
	int pid;

	if (sscanf(line, "supervisor %d %" SCNu64, &pid, &s->supervisor.start_ticks) == 2)
		s->supervisor.pid = pid;
	else if (sscanf(line, "table %63s", s->table) == 1 ||
		sscanf(line, "port %127s", s->port) == 1 ||
		sscanf(line, "counters %d", &s->counters_fd) == 1)
		return;
	else if (strncmp(line, "child ", 6) == 0)
		take_child(line, s);
	else if (strncmp(line, "listen ", 7) == 0)
		take_listen(line, s);
	else
		take_address(line, s);
}

int state_read(const char *path, struct state *s)
{
	char line[256];

	memset(s, 0, sizeof(*s));
	s->counters_fd = -1;
	FILE *f = fopen(path, "re");
	if (f == NULL)
		return -errno;
	int rc = fgets(line, sizeof(line), f) != NULL && strcmp(line, first_line) == 0 ? 0
										       : -EBADMSG;
	while (rc == 0 && fgets(line, sizeof(line), f) != NULL)
		take_line(line, s);
	(void)fclose(f); // only read
	return rc;
}
