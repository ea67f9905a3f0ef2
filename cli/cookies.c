// SPDX-License-Identifier: Apache-2.0
// Reads, makes and replaces secrets. Only the owner can read what is made here.
#include "cli/cookies.h"

#include "cli/say.h"

#include <ctype.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/random.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

enum { SECRET_BYTES = 16, SECRETS_MAX = 2, LINE_BYTES = 256 };

struct secrets {
	uint8_t bytes[SECRETS_MAX][SECRET_BYTES];
	unsigned n;
};

static int parse_secret(const char *text, uint8_t out[SECRET_BYTES])
{
	for (unsigned i = 0; i < SECRET_BYTES; i++) {
		unsigned byte;
		if (!isxdigit((unsigned char)text[2 * i]) ||
			!isxdigit((unsigned char)text[2 * i + 1]) ||
			sscanf(text + 2 * i, "%2x", &byte) != 1)
			return -EINVAL;
		out[i] = (uint8_t)byte;
	}
	return text[2 * SECRET_BYTES] == 0 ? 0 : -EINVAL;
}

static int parse_line(
	const char *path, unsigned number, char *line, struct secrets *s, struct err *err)
{
	const unsigned pos[2] = {number, 1};

	line[strcspn(line, "#\r\n")] = 0;
	for (size_t n = strlen(line); n > 0 && isblank((unsigned char)line[n - 1]); n--)
		line[n - 1] = 0;
	if (*line == 0)
		return 0;
	if (s->n == SECRETS_MAX)
		return err_set_at(err, -EINVAL, path, pos,
			"a third secret: one to make cookies with and one more that is taken");
	if (parse_secret(line, s->bytes[s->n]) != 0)
		return err_set_at(err, -EINVAL, path, pos,
			"no secret: 32 hexadecimal digits are needed (openssl rand -hex 16)");
	s->n++;
	return 0;
}

static int read_secrets(const char *path, struct secrets *s, struct err *err)
{
	char line[LINE_BYTES];
	unsigned number = 0;
	int rc = 0;
	FILE *f = fopen(path, "re");

	s->n = 0;
	if (f == NULL)
		return err_set(err, -errno, "cookie secrets %.90s: %s", path, strerror(errno));
	while (rc == 0 && fgets(line, sizeof(line), f) != NULL)
		rc = parse_line(path, ++number, line, s, err);
	(void)fclose(f); // only read
	if (rc == 0 && s->n == 0)
		rc = err_set(err, -EINVAL, "cookie secrets %.90s: there is none in it", path);
	return rc;
}

// Replaces the file as a whole.
static int write_secrets(const char *path, const struct secrets *s)
{
	char temp[PATH_MAX];

	if (snprintf(temp, sizeof(temp), "%s.new", path) >= (int)sizeof(temp))
		return -ENAMETOOLONG;
	(void)unlink(temp); // of a start that was cut off
	int fd = open(temp, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
	if (fd < 0)
		return -errno;
	int rc = 0;
	for (unsigned i = 0; i < s->n && rc >= 0; i++) {
		for (unsigned k = 0; k < SECRET_BYTES && rc >= 0; k++)
			rc = dprintf(fd, "%02x", s->bytes[i][k]);
		if (rc >= 0)
			rc = dprintf(fd, "\n");
	}
	bool is_bad = rc < 0 || fsync(fd) != 0;
	if (close(fd) != 0 || is_bad)
		return -EIO;
	return rename(temp, path) == 0 ? 0 : -errno;
}

static bool is_old(const char *path)
{
	struct stat st;

	return stat(path, &st) == 0 && time(NULL) - st.st_mtime > COOKIES_ROLL_S;
}

// A new secret in front; the newest of the others is still taken.
static int add_secret(const char *path, struct secrets *s, struct err *err)
{
	memcpy(s->bytes[1], s->bytes[0], SECRET_BYTES);
	s->n = s->n == 0 ? 1 : SECRETS_MAX;
	if (getrandom(s->bytes[0], SECRET_BYTES, 0) != SECRET_BYTES)
		return err_set(err, -EIO, "no random bytes");
	int rc = write_secrets(path, s);
	return rc == 0 ? 0 : err_set(err, rc, "cookie secrets %.90s: %s", path, strerror(-rc));
}

static int own_secrets(const char *path, struct secrets *s, struct err *err)
{
	struct err why = {0};
	char text[400];

	if (access(path, F_OK) != 0)
		return add_secret(path, s, err);
	if (read_secrets(path, s, &why) != 0) {
		say_warn("cookie secrets replaced reason=\"%s\"",
			err_print(&why, text, sizeof(text)));
		s->n = 0;
		return add_secret(path, s, err);
	}
	return is_old(path) ? add_secret(path, s, err) : 0;
}

static int make_memfd(const struct secrets *s, int *out, struct err *err)
{
	size_t size_bytes = (size_t)s->n * SECRET_BYTES;
	int fd = memfd_create("cookies", MFD_CLOEXEC | MFD_ALLOW_SEALING);

	if (fd < 0)
		return err_set(err, -errno, "cookie secrets: %s", strerror(errno));
	if (write(fd, s->bytes, size_bytes) != (ssize_t)size_bytes ||
		fcntl(fd, F_ADD_SEALS, F_SEAL_WRITE | F_SEAL_SHRINK | F_SEAL_GROW | F_SEAL_SEAL) !=
			0) {
		(void)close(fd);
		return err_set(err, -EIO, "cookie secrets cannot be kept in memory");
	}
	*out = fd;
	return 0;
}

int cookies_open(const char *file, const char *state_dir, int *out, struct err *err)
{
	struct secrets s = {0};
	char path[PATH_MAX];
	int rc;

	if (file != NULL)
		rc = read_secrets(file, &s, err);
	else if (snprintf(path, sizeof(path), "%s/cookies", state_dir) >= (int)sizeof(path))
		rc = err_set(err, -ENAMETOOLONG, "state directory %.100s: too long", state_dir);
	else
		rc = own_secrets(path, &s, err);
	if (rc == 0)
		rc = make_memfd(&s, out, err);
	explicit_bzero(&s, sizeof(s));
	return rc;
}
