// SPDX-License-Identifier: Apache-2.0
// The last changes that control has seen, in a file of the run directory: a ring of records of one
// size with one writer. Readers map the file and leave out what is being written just then.
#pragma once

#include <stddef.h>
#include <stdint.h>

enum {
	HISTORY_VERSION = 3,
	HISTORY_RECORDS = 4096,
	HISTORY_LABEL_BYTES = 64, // a DNS label and a NUL
	HISTORY_NAME_BYTES = 256, // the name of any object and a NUL
	HISTORY_BLOCKS_BYTES = 40,
};

enum history_what { HISTORY_ADDED = 1, HISTORY_CHANGED, HISTORY_GONE };

// What DNS names may have changed.
enum history_about {
	HISTORY_NAMESPACE = 1, // ns
	HISTORY_SERVICE, // ns, name: the service and all below it
	HISTORY_IMPORT, // the same in clusterset zones
	HISTORY_POD, // ns, address
	HISTORY_ADDRESS, // the reverse name of address
	HISTORY_MORE, // n_more names that have no record of their own
};

// One change of an object, as far as one name (or the names of one service) is concerned.
struct history_change {
	int64_t time_ns; // CLOCK_REALTIME
	uint64_t generation; // of the snapshot that showed it first; 0: not published yet
	uint64_t resource_version; // of the object; when it is gone, the last one seen; 0 unknown
	uint8_t what; // enum history_what
	uint8_t about; // enum history_about
	uint8_t family; // of address: 4, 6, or 0 for none
	uint8_t address[16]; // network order, IPv4 in the first 4
	uint32_t n_more;
	char ns[HISTORY_LABEL_BYTES], name[HISTORY_LABEL_BYTES];
	char kind[32]; // resource of the object: "services", "endpointslices", ...
	char object_ns[HISTORY_LABEL_BYTES], object[HISTORY_NAME_BYTES];
	// Whose watch told it, as lines of the Corefile ("3, 12"), cut when they are many. Empty
	// when there is only one: others tell the same change again.
	char blocks[HISTORY_BLOCKS_BYTES];
};

struct history_file;

// Zeroed is closed: adding does nothing then.
struct history_writer {
	struct history_file *file; // mapping
	uint64_t unpublished; // sequence number of the first change without a generation
};

// Opens the file, or makes it; the changes of an earlier life stay. 0 or -errno.
[[nodiscard]] int history_open(struct history_writer *w, const char *path);
void history_close(struct history_writer *w);

// Adds a change; its generation is ignored.
void history_add(struct history_writer *w, const struct history_change *c);

// All changes so far are in this snapshot.
void history_publish(struct history_writer *w, uint64_t generation);

// Calls fn for each change, oldest first. 0, -ENOENT without a file, -ENODATA when nobody writes
// one (a saved cluster), -EBADMSG when it is none of
// ours, or another -errno.
typedef void history_fn(void *user, const struct history_change *c);
[[nodiscard]] int history_read(const char *path, history_fn *fn, void *user);
