// SPDX-License-Identifier: Apache-2.0
// A path that does not fit is a file that is not there.
#include "cli/nic_file.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

enum { NAMES_MAX = 4096 }; // of one folder

__attribute__((format(printf, 2, 0))) static bool path_print(
	char path[NIC_PATH_BYTES], const char *fmt, va_list ap)
{
	int n = vsnprintf(path, NIC_PATH_BYTES, fmt, ap);

	return n >= 0 && n < NIC_PATH_BYTES;
}

bool nic_file_read(char *out, size_t size_bytes, const char *fmt, ...)
{
	char path[NIC_PATH_BYTES];
	va_list ap;

	out[0] = 0;
	va_start(ap, fmt);
	bool fits = path_print(path, fmt, ap);
	va_end(ap);
	FILE *f = fits ? fopen(path, "re") : NULL;
	if (f == NULL)
		return false;
	bool is_read = fgets(out, (int)size_bytes, f) != NULL;
	(void)fclose(f); // only read
	if (!is_read)
		out[0] = 0;
	out[strcspn(out, "\n")] = 0;
	return is_read;
}

int nic_file_write(const char *text, const char *fmt, ...)
{
	char path[NIC_PATH_BYTES];
	va_list ap;

	va_start(ap, fmt);
	bool fits = path_print(path, fmt, ap);
	va_end(ap);
	int fd = fits ? open(path, O_WRONLY | O_CLOEXEC) : -1;
	if (fd < 0)
		return fits ? -errno : -ENAMETOOLONG;
	ssize_t n = write(fd, text, strlen(text));
	int rc = n == (ssize_t)strlen(text) ? 0 : (n < 0 ? -errno : -EIO);
	(void)close(fd); // sysfs acts in write
	return rc;
}

bool nic_file_exists(const char *root, const char *path)
{
	char whole[NIC_PATH_BYTES];

	return snprintf(whole, sizeof(whole), "%s%s", root, path) < (int)sizeof(whole) &&
		access(whole, F_OK) == 0;
}

void nic_link_read(char *out, size_t size_bytes, const char *fmt, ...)
{
	char path[NIC_PATH_BYTES], target[NIC_PATH_BYTES];
	va_list ap;

	out[0] = 0;
	va_start(ap, fmt);
	bool fits = path_print(path, fmt, ap);
	va_end(ap);
	ssize_t n = fits ? readlink(path, target, sizeof(target) - 1) : -1;
	if (n <= 0)
		return;
	target[n] = 0;
	const char *slash = strrchr(target, '/');
	(void)snprintf(out, size_bytes, "%s", slash == NULL ? target : slash + 1);
}

void nic_dir_walk(nic_dir_fn *fn, void *arg, const char *prefix, const char *fmt, ...)
{
	char path[NIC_PATH_BYTES];
	va_list ap;
	bool is_wanted = true;

	va_start(ap, fmt);
	bool fits = path_print(path, fmt, ap);
	va_end(ap);
	DIR *dir = fits ? opendir(path) : NULL;
	for (unsigned i = 0; dir != NULL && is_wanted && i < NAMES_MAX; i++) {
		const struct dirent *e = readdir(dir);
		if (e == NULL)
			break;
		if (e->d_name[0] == '.')
			continue;
		if (prefix == NULL || strncmp(e->d_name, prefix, strlen(prefix)) == 0)
			is_wanted = fn(e->d_name, arg);
	}
	if (dir != NULL)
		(void)closedir(dir); // only read
}
