// SPDX-License-Identifier: Apache-2.0
// Replies of an upstream, made record by record. For the tests of what is kept of them.
#pragma once

#include "slowpath/message/entry.h"
#include "zones/base/wrbuf.h"
#include "zones/wire/rr.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

// A message under construction; names are written out in full unless a test says otherwise.
struct maker {
	uint8_t bytes[65535];
	struct wrbuf w;
	uint16_t n[4]; // records of each section
};

static struct maker made;

static inline struct dname name_of(const char *text)
{
	struct dname d;

	assert_int_equal(dname_parse(text, &d), 0);
	return d;
}

static inline struct ask ask_for(const char *name, uint16_t type)
{
	return (struct ask){.name = name_of(name), .type = type, .is_rd = true};
}

static inline void begin(const struct ask *a, uint16_t flags)
{
	memset(&made, 0, sizeof(made));
	made.w = wrbuf_of(made.bytes, sizeof(made.bytes));
	wrbuf_u16(&made.w, 0x1234);
	wrbuf_u16(&made.w, (uint16_t)(HEADER_QR | HEADER_RA | flags));
	for (int i = 0; i < 4; i++)
		wrbuf_u16(&made.w, i == 0);
	wrbuf_bytes(&made.w, a->name.wire, a->name.size_bytes);
	wrbuf_u16(&made.w, a->type);
	wrbuf_u16(&made.w, RR_CLASS_IN);
}

static inline void put_name(const char *text)
{
	struct dname d = name_of(text);

	wrbuf_bytes(&made.w, d.wire, d.size_bytes);
}

static inline void put_rr(int section, const char *owner, uint16_t type, uint32_t ttl_s)
{
	made.n[section]++;
	be16_put(made.bytes + 4 + 2 * section, made.n[section]);
	put_name(owner);
	wrbuf_u16(&made.w, type);
	wrbuf_u16(&made.w, RR_CLASS_IN);
	wrbuf_u32(&made.w, ttl_s);
}

static inline void put_a(int section, const char *owner, uint32_t ttl_s, uint8_t last)
{
	put_rr(section, owner, RR_TYPE_A, ttl_s);
	wrbuf_u16(&made.w, 4);
	wrbuf_u32(&made.w, 0xc6336400u | last);
}

static inline void put_target(int section, const char *owner, uint16_t type, const char *target)
{
	put_rr(section, owner, type, 60);
	wrbuf_u16(&made.w, name_of(target).size_bytes);
	put_name(target);
}

static inline struct entry *read_it(const struct ask *a)
{
	assert_false(made.w.full);
	return entry_read(a, made.bytes, made.w.pos);
}
