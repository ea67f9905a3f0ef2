// SPDX-License-Identifier: Apache-2.0
// A record is written under a sequence number of zero: a reader that finds another number before
// and after its copy has a whole one.
#include "zones/link/history.h"

#include <errno.h>
#include <fcntl.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

static const char magic[8] = "B53HIST\n";

struct record {
	_Atomic uint64_t seq; // from 1; 0: being written
	_Atomic uint64_t generation;
	struct history_change change;
};

struct history_file {
	char magic[8];
	uint32_t version;
	uint32_t record_bytes;
	uint64_t n_records;
	_Alignas(64) _Atomic uint64_t last; // sequence number of the newest record
	_Alignas(64) struct record records[HISTORY_RECORDS];
};

static struct record *record_at(struct history_file *f, uint64_t seq)
{
	return &f->records[seq % HISTORY_RECORDS];
}

static bool is_ours(const struct history_file *f)
{
	return memcmp(f->magic, magic, sizeof(magic)) == 0 && f->version == HISTORY_VERSION &&
		f->record_bytes == sizeof(struct record) && f->n_records == HISTORY_RECORDS;
}

static void begin(struct history_file *f)
{
	memset(f, 0, sizeof(*f));
	f->version = HISTORY_VERSION;
	f->record_bytes = sizeof(struct record);
	f->n_records = HISTORY_RECORDS;
	memcpy(f->magic, magic, sizeof(magic));
}

static int map_writable(struct history_writer *w, int fd)
{
	struct stat st;

	if (fstat(fd, &st) != 0)
		return -errno;
	if (!S_ISREG(st.st_mode))
		return -EBADMSG;
	// Growing only: a reader's mapping stays good.
	if (st.st_size < (off_t)sizeof(*w->file) && ftruncate(fd, sizeof(*w->file)) != 0)
		return -errno;
	void *map = mmap(NULL, sizeof(*w->file), PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
	if (map == MAP_FAILED)
		return -errno;
	w->file = map;
	return 0;
}

int history_open(struct history_writer *w, const char *path)
{
	*w = (struct history_writer){0};
	int fd = open(path, O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK, 0600);
	if (fd < 0)
		return -errno;
	int rc = map_writable(w, fd);
	(void)close(fd);
	if (rc != 0)
		return rc;
	if (!is_ours(w->file))
		begin(w->file);
	// What an earlier life has not published comes with the first snapshot of this one.
	w->unpublished = atomic_load(&w->file->last) + 1;
	while (w->unpublished > 1 &&
		w->unpublished + HISTORY_RECORDS > atomic_load(&w->file->last) + 2 &&
		atomic_load(&record_at(w->file, w->unpublished - 1)->generation) == 0)
		w->unpublished--;
	return 0;
}

void history_close(struct history_writer *w)
{
	if (w->file != NULL)
		(void)munmap(w->file, sizeof(*w->file));
	*w = (struct history_writer){0};
}

void history_add(struct history_writer *w, const struct history_change *c)
{
	if (w->file == NULL)
		return;
	uint64_t seq = atomic_load_explicit(&w->file->last, memory_order_relaxed) + 1;
	struct record *r = record_at(w->file, seq);
	atomic_store_explicit(&r->seq, 0, memory_order_relaxed);
	atomic_thread_fence(memory_order_release);
	r->change = *c;
	atomic_store_explicit(&r->generation, 0, memory_order_relaxed);
	atomic_store_explicit(&r->seq, seq, memory_order_release);
	atomic_store_explicit(&w->file->last, seq, memory_order_release);
}

void history_publish(struct history_writer *w, uint64_t generation)
{
	if (w->file == NULL)
		return;
	uint64_t last = atomic_load_explicit(&w->file->last, memory_order_relaxed);
	if (last >= HISTORY_RECORDS && w->unpublished < last - HISTORY_RECORDS + 1)
		w->unpublished = last - HISTORY_RECORDS + 1; // the older ones are overwritten
	for (; w->unpublished <= last; w->unpublished++)
		atomic_store_explicit(&record_at(w->file, w->unpublished)->generation, generation,
			memory_order_relaxed);
}

// Texts end, whatever the file says.
static void tell(const struct history_change *read, uint64_t generation, history_fn *fn, void *user)
{
	struct history_change c = *read;

	c.generation = generation;
	c.ns[sizeof(c.ns) - 1] = c.name[sizeof(c.name) - 1] = 0;
	c.kind[sizeof(c.kind) - 1] = 0;
	c.object_ns[sizeof(c.object_ns) - 1] = c.object[sizeof(c.object) - 1] = 0;
	c.blocks[sizeof(c.blocks) - 1] = 0;
	fn(user, &c);
}

static void read_all(const struct history_file *f, history_fn *fn, void *user)
{
	uint64_t last = atomic_load_explicit(&f->last, memory_order_acquire);
	uint64_t seq = last > HISTORY_RECORDS ? last - HISTORY_RECORDS + 1 : 1;

	for (; seq <= last; seq++) {
		const struct record *r = &f->records[seq % HISTORY_RECORDS];
		if (atomic_load_explicit(&r->seq, memory_order_acquire) != seq)
			continue;
		struct history_change c = r->change;
		uint64_t generation = atomic_load_explicit(&r->generation, memory_order_relaxed);
		atomic_thread_fence(memory_order_acquire);
		if (atomic_load_explicit(&r->seq, memory_order_relaxed) == seq)
			tell(&c, generation, fn, user);
	}
}

int history_read(const char *path, history_fn *fn, void *user)
{
	struct stat st;
	int rc = 0;
	int fd = open(path, O_RDONLY | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK);

	if (fd < 0)
		return -errno;
	if (fstat(fd, &st) != 0)
		rc = -errno;
	else if (S_ISREG(st.st_mode) && st.st_size == 0)
		rc = -ENODATA;
	else if (!S_ISREG(st.st_mode) || st.st_size < (off_t)sizeof(struct history_file))
		rc = -EBADMSG;
	const struct history_file *f =
		rc != 0 ? MAP_FAILED : mmap(NULL, sizeof(*f), PROT_READ, MAP_SHARED, fd, 0);
	if (rc == 0 && f == MAP_FAILED)
		rc = -errno;
	(void)close(fd);
	if (rc != 0)
		return rc;
	if (is_ours(f))
		read_all(f, fn, user);
	else
		rc = -EBADMSG;
	union {
		const struct history_file *file;
		void *map;
	} u = {.file = f};
	(void)munmap(u.map, sizeof(*f));
	return rc;
}
