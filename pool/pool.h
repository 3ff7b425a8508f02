/* SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception */
/*
 * A pool: slabs of slots for heaps, one for each size, and a slab of evacuation
 * spaces that are lent to collections. What lib/ needs of it.
 */
#ifndef SLOTHEAP_POOL_POOL_H
#define SLOTHEAP_POOL_POOL_H

#include <slotheap/pool.h>

#include "pool/slab.h"

struct slh_pool {
  slh_pool_plan plan;
  char *memory; /* of all heaps' slots: one reservation */
  char *spaces_memory;
  _Atomic uint64_t budget_used;          /* of plan.budget_bytes */
  alignas(64) _Atomic uint64_t resident; /* sum of what slots of all slabs keep */
  _Atomic uint64_t traps;
  _Atomic uint64_t decayed;          /* when, in milliseconds */
  struct decay_thread *decay_thread; /* or NULL */
  struct slab spaces;
  struct slab heaps[]; /* by size; heaps that outgrew their slot borrow of larger ones */
};

static inline slh_pool *slhi_pool_of(const struct slot *slot)
{
  return slot->slab->pool;
}

/* Whether its heaps lie side by side, and can outgrow their slot; if not, it is wide. */
static inline bool slhi_pool_is_dense(const slh_pool *pool)
{
  return pool->plan.kind == SLH_POOL_DENSE;
}

/* ---- slots of heaps ---- */

/* A store has a *slot*, whose record its heap lies in, from acquire to release. Its
 * *memory* is the slot whose bytes the heap uses: the same one, unless a dense pool lent a
 * larger one when the heap had outgrown it. */

/* Takes a slot; see slhi_slab_take. */
struct slot *slhi_pool_take(slh_pool *pool, uint32_t tag, uint64_t nanoseconds);

/* A slot of a dense pool can have borrowed the memory of a larger one. */
struct slot *slhi_slot_borrowed(struct slot *slot);

/* The slot with a heap's memory. */
static inline struct slot *slhi_slot_memory(struct slot *slot)
{
  return SLH_UNLIKELY(slhi_slot_has_borrowed(slot)) ? slhi_slot_borrowed(slot) : slot;
}

/* From now on the slot has its own memory again. */
void slhi_slot_own(struct slot *slot);

/* Scrubs a heap's slot, of which [start, start + dirty) was written, for its
 * next store; slhi_pool_release also returns it. */
void slhi_pool_scrub(struct slot *slot, char *start, uint64_t dirty);
void slhi_pool_release(struct slot *slot, char *start, uint64_t dirty);

/* The same for memory alone: a larger slot that was lent, or with its bound of what is
 * kept and its isolation. */
void slhi_pool_release_memory(struct slot *memory, char *start, uint64_t dirty);
void slhi_slot_release(struct slot *memory, char *start, uint64_t dirty, uint64_t keep,
                       slh_isolation isolation);

/*
 * Makes at least `bytes` of a heap's slot accessible. In a dense pool that can
 * move the `used` bytes of the heap to a larger slot: `*start` changes then, and
 * `*width`. SLH_E_LIMIT, SLH_E_NOMEM, SLH_E_FULL (no larger slot is free).
 */
slh_status slhi_pool_grow(struct slot *slot, uint64_t bytes, uint64_t used, char **start,
                          uint64_t *width);

/* Takes `bytes` out of the pool's budget. False: it has not that much left. */
bool slhi_pool_charge(slh_pool *pool, uint64_t bytes);
void slhi_pool_refund(slh_pool *pool, uint64_t bytes);

/* In a child after fork. */
void slhi_pool_after_fork(slh_pool *pool);

/* ---- evacuation spaces ---- */

/*
 * Lends a heap's slot an evacuation space with at least `bytes` accessible. Its
 * bytes are whatever the last collection left there; no guest can ever address
 * them. SLH_E_BUSY (all are lent), SLH_E_NOMEM.
 */
slh_status slhi_pool_lend_space(struct slot *slot, uint64_t bytes);

/* The space that was lent. */
static inline struct slot *slhi_slot_space(const struct slot *slot)
{
  SLHI_ASSERT(slot->space != 0);
  return &slhi_pool_of(slot)->spaces.slots[slot->space - 1];
}

/* Takes it back; `used` bytes from its start on were written. */
void slhi_pool_return_space(struct slot *slot, uint64_t used);

#endif
