// SPDX-License-Identifier: Apache-2.0
// Fuzzes what an API server may send as a list or a watch: in one chunk and in small ones the same
// comes out.
#include "control/base/log.h"
#include "control/kube/stream.h"

#include <stdlib.h>

static void put(void *user, struct object_meta *object)
{
	*(size_t *)user += object_size_bytes(object) != 0;
	object_free(object);
}

static void del(void *user, const char *ns, const char *name)
{
	*(size_t *)user += 1000 + (ns[0] == name[0]);
}

static void progress(void *user, const char *resource_version, bool initial_end)
{
	*(size_t *)user += 1000000 + initial_end + decode_resource_version(resource_version) % 3;
}

static size_t run(const uint8_t *data, size_t n, size_t chunk)
{
	const struct kube_spec spec = {.kind = data[0] % OBJECT_KINDS, .keep_zones = data[0] & 32};
	struct kube_stats stats = {0};
	size_t sum = 0;
	struct stream_handler handler = {&sum, put, del, del, progress};
	struct stream s;
	int rc = 0;

	stream_init(&s, data[0] & 64 ? STREAM_PAGE : STREAM_WATCH, &spec, &stats, &handler);
	for (size_t at = 1; rc == 0 && at < n; at += chunk)
		rc = stream_body(&s, data[0] & 128 ? 500 : 200, "application/json",
			(const char *)data + at, n - at < chunk ? n - at : chunk);
	stream_end(&s, data[0] & 128 ? 500 : 200);
	sum += (size_t)s.status.code + (s.broken.code != 0) + stats.objects_skipped +
		stats.values_skipped;
	stream_fini(&s);
	return sum;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size_bytes)
{
	log_set_level(LOG_LEVEL_ERROR);
	if (size_bytes != 0 && run(data, size_bytes, size_bytes) != run(data, size_bytes, 3))
		abort();
	return 0;
}
