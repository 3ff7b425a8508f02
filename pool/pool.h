/* SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception */
/*
 * A pool: a slab of slots for heaps, and a slab of evacuation spaces that are
 * lent to collections. What lib/ needs of it.
 */
#ifndef SLOTHEAP_POOL_POOL_H
#define SLOTHEAP_POOL_POOL_H

#include <slotheap/pool.h>

#include "pool/slab.h"

struct slh_pool {
  struct slab heaps;
  struct slab spaces;
  slh_pool_plan plan;
  _Atomic uint64_t budget_used; /* of plan.budget_bytes */
};

/* The pool that a heap's slot belongs to. */
static inline slh_pool *slhi_pool_of(const struct slot *slot)
{
  return (slh_pool *)((char *)slot->slab - offsetof(slh_pool, heaps));
}

/* Takes `bytes` out of the pool's budget. False: it has not that much left. */
bool slhi_pool_charge(slh_pool *pool, uint64_t bytes);
void slhi_pool_refund(slh_pool *pool, uint64_t bytes);

/* Scrubs a heap's slot, of which [start, start + dirty) was written, without
 * returning it. */
void slhi_pool_scrub(struct slot *slot, uint64_t dirty);

/*
 * Lends an evacuation space with at least `bytes` accessible. Its bytes are
 * whatever the last collection left there; no guest can ever address them.
 * SLH_E_BUSY (all are lent), SLH_E_NOMEM.
 */
slh_status slhi_pool_lend_space(slh_pool *pool, uint64_t bytes, struct slot **out);

/* Takes a space back; `used` bytes from its start on were written. */
void slhi_pool_return_space(slh_pool *pool, struct slot *space, uint64_t used);

#endif
