// SPDX-License-Identifier: Apache-2.0
// proc(5).
#include "control/monitor/procfs.h"

#include <dirent.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

enum { PATH_BYTES = 64, FILE_BYTES = 4096 };

// The begin of a small file as a string; false when it cannot be read.
static bool read_file(pid_t pid, const char *name, char text[FILE_BYTES])
{
	char path[PATH_BYTES];

	(void)snprintf(path, sizeof(path), "/proc/%d/%s", (int)pid, name); // always fits
	FILE *f = fopen(path, "re");
	if (f == NULL)
		return false;
	size_t n = fread(text, 1, FILE_BYTES - 1, f);
	(void)fclose(f); // only read from
	text[n] = 0;
	return n > 0;
}

// The number behind a word at the begin of a line, or 0.
static uint64_t number_after(const char *text, const char *word)
{
	const char *at = strstr(text, word);

	return at == NULL ? 0 : strtoull(at + strlen(word), NULL, 10);
}

// Unix time of the system's start.
static double boot_s(void)
{
	struct timespec wall, up;

	(void)clock_gettime(CLOCK_REALTIME, &wall); // neither can fail on Linux
	(void)clock_gettime(CLOCK_BOOTTIME, &up);
	return (double)(wall.tv_sec - up.tv_sec) + (double)(wall.tv_nsec - up.tv_nsec) / 1e9;
}

// utime, stime and starttime stand behind the name, which may hold anything.
static bool read_stat(pid_t pid, struct proc_usage *out)
{
	char text[FILE_BYTES];
	double ticks = (double)sysconf(_SC_CLK_TCK);
	char *at = read_file(pid, "stat", text) ? strrchr(text, ')') : NULL;
	uint64_t fields[23] = {0};
	size_t n = 2; // fields are counted from 1; the next one is the third

	if (at == NULL || ticks <= 0)
		return false;
	at += strlen(")");
	char *rest = NULL;
	for (char *word = strtok_r(at, " ", &rest); word != NULL && n < 22;
		word = strtok_r(NULL, " ", &rest))
		fields[++n] = strtoull(word, NULL, 10);
	if (n < 22)
		return false;
	out->cpu_s = (double)(fields[14] + fields[15]) / ticks;
	out->start_s = boot_s() + (double)fields[22] / ticks;
	return true;
}

static uint64_t count_fds(pid_t pid)
{
	char path[PATH_BYTES];
	uint64_t n = 0;

	(void)snprintf(path, sizeof(path), "/proc/%d/fd", (int)pid); // always fits
	DIR *d = opendir(path);
	if (d == NULL)
		return 0;
	for (const struct dirent *e = readdir(d); e != NULL; e = readdir(d))
		n += e->d_name[0] != '.';
	(void)closedir(d);
	return n;
}

bool proc_usage_read(pid_t pid, struct proc_usage *out)
{
	char text[FILE_BYTES];

	*out = (struct proc_usage){0};
	if (pid <= 0 || !read_stat(pid, out))
		return false;
	if (read_file(pid, "status", text)) {
		out->private_bytes =
			(number_after(text, "\nRssAnon:") + number_after(text, "\nRssFile:")) *
			1024;
		out->shared_bytes = number_after(text, "\nRssShmem:") * 1024;
		out->virtual_bytes = number_after(text, "\nVmSize:") * 1024;
		out->threads = number_after(text, "\nThreads:");
	}
	if (read_file(pid, "limits", text))
		out->max_fds = number_after(text, "\nMax open files");
	out->open_fds = count_fds(pid);
	return true;
}
