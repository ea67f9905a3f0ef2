// SPDX-License-Identifier: Apache-2.0
// A count of users over threads, embedded in what they use; the last one frees it.
#pragma once

#include <stdatomic.h>
#include <stddef.h>

struct holder;
typedef void holder_free_fn(struct holder *h);

struct holder {
	_Atomic unsigned users;
	holder_free_fn *free;
};

// Begins with one user.
static inline void holder_init(struct holder *h, holder_free_fn *free_fn)
{
	atomic_init(&h->users, 1);
	h->free = free_fn;
}

static inline void holder_hold(struct holder *h)
{
	atomic_fetch_add_explicit(&h->users, 1, memory_order_relaxed);
}

static inline void holder_drop(struct holder *h)
{
	if (h != NULL && atomic_fetch_sub_explicit(&h->users, 1, memory_order_acq_rel) == 1)
		h->free(h);
}
