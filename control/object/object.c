// SPDX-License-Identifier: Apache-2.0
// Names, addresses and the end of objects.
#include "control/object/object.h"

#include <malloc.h>
#include <stdlib.h>
#include <string.h>

#include <arpa/inet.h>

static const char *const kind_names[OBJECT_KINDS] = {
	[OBJECT_NAMESPACE] = "namespaces",
	[OBJECT_SERVICE] = "services",
	[OBJECT_SLICE] = "endpointslices",
	[OBJECT_POD] = "pods",
	[OBJECT_IMPORT] = "serviceimports",
	[OBJECT_IMPORT_SLICE] = "multicluster-endpointslices",
};

const char *object_kind_name(enum object_kind kind)
{
	return (unsigned)kind < OBJECT_KINDS ? kind_names[kind] : "unknown";
}

void object_free(struct object_meta *meta)
{
	free(meta); // the head is the start of the block
}

size_t object_size_bytes(const struct object_meta *meta)
{
	// The allocator only reads its own header in front of the block.
	return malloc_usable_size((void *)(uintptr_t)meta);
}

bool object_address_parse(const char *text, struct object_address *out)
{
	static const uint8_t mapped[12] = {0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0xff, 0xff};
	struct object_address a = {0};

	if (inet_pton(AF_INET, text, a.bytes) == 1) {
		a.family = OBJECT_IPV4;
		*out = a;
		return true;
	}
	if (inet_pton(AF_INET6, text, a.bytes) != 1)
		return false;
	a.family = OBJECT_IPV6;
	// Go's net.ParseIP, which CoreDNS uses, makes no difference between the two forms.
	if (memcmp(a.bytes, mapped, sizeof(mapped)) == 0) {
		memmove(a.bytes, a.bytes + 12, 4);
		memset(a.bytes + 4, 0, 12);
		a.family = OBJECT_IPV4;
	}
	*out = a;
	return true;
}

bool object_address_is_equal(const struct object_address *a, const struct object_address *b)
{
	return memcmp(a, b, sizeof(*a)) == 0;
}
