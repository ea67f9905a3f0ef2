// SPDX-License-Identifier: Apache-2.0
// What the file system says of a file, in one number.
#include "slowpath/base/file_mark.h"

#include <sys/stat.h>

uint64_t file_mark(const char *path)
{
	struct stat st;

	if (stat(path, &st) != 0)
		return 0;
	// Rights change only the ctime.
	uint64_t mark = (uint64_t)st.st_ino * 0x9e3779b97f4a7c15u ^ (uint64_t)st.st_mtim.tv_nsec ^
		(uint64_t)st.st_mtim.tv_sec << 20 ^ (uint64_t)st.st_size << 44 ^
		(uint64_t)st.st_ctim.tv_nsec << 8 ^ (uint64_t)st.st_ctim.tv_sec << 32;
	return mark == 0 ? 1 : mark;
}
