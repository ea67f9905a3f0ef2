// SPDX-License-Identifier: Apache-2.0
// Fuzzes the reader of saved clusters, JSON and YAML: what is refused has a reason and was
// abandoned.
#include "control/base/log.h"
#include "control/kube/dump.h"

#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include <sys/mman.h>

static unsigned synced;

static void on_kind(void *user, enum object_kind kind)
{
	(void)user;
	(void)kind;
}

static void on_put(void *user, enum object_set set, struct object_meta *object)
{
	(void)user;
	(void)set;
	object_free(object);
}

static void on_synced(void *user, enum object_kind kind, const char *resource_version)
{
	(void)user;
	synced += kind == OBJECT_SLICE && resource_version[0] == '0';
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size_bytes)
{
	static const struct kube_spec specs[] = {{.kind = OBJECT_SERVICE, .label_selector = "!x"},
		{.kind = OBJECT_SLICE}, {.kind = OBJECT_IMPORT_SLICE}, {.kind = OBJECT_POD}};
	const struct kube_events events = {
		.begin = on_kind, .put = on_put, .synced = on_synced, .abandoned = on_kind};
	int fd = memfd_create("dump", MFD_CLOEXEC);
	struct err e = {0};
	char path[64];
	int rc;

	if (fd < 0 || write(fd, data, size_bytes) != (ssize_t)size_bytes)
		abort();
	log_set_level(LOG_LEVEL_ERROR);
	synced = 0;
	(void)snprintf(path, sizeof(path), "/proc/self/fd/%d", fd);
	rc = kube_dump_load(path, specs, 4, &events, &e);
	if ((rc == 0) != (synced == 1) || (rc != 0 && e.text[0] == '\0'))
		abort();
	(void)close(fd);
	return 0;
}
