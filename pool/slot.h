/* SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception */
/*
 * One slot: a range of address space with an accessible prefix that grows,
 * and the record that describes it. Knows bytes and pages only.
 *
 *   start                 start + committed          start + max
 *   |== may be dirty ==|.... zero ....|---- not accessible ----|
 *
 * A slot is used by one thread at a time, between take and put of its slab.
 */
#ifndef SLOTHEAP_POOL_SLOT_H
#define SLOTHEAP_POOL_SLOT_H

#include <slotheap/pool.h>
#include <stdalign.h>
#include <stdatomic.h>

struct slab;
struct protection;
struct block;

/* Room in a record for the layer above (its heap structure), zeroed when the
 * slab is made and kept from one use of the slot to the next. */
#define SLHI_SLOT_OWNER_BYTES 224

/* Written by the slot's user, read by statistics on any thread. */
struct slot_counters {
  _Atomic uint64_t committed; /* bytes accessible from start on */
  _Atomic uint64_t takes;
  _Atomic uint64_t scrubbed;
  _Atomic uint64_t decommitted;
  _Atomic uint32_t decommit_failures;
};

struct slot {
  alignas(64) char owner[SLHI_SLOT_OWNER_BYTES];
  char *start;       /* first accessible byte; fixed for the slot's life */
  uint64_t stale;    /* when taken: bytes from start on that may not be zero */
  struct slab *slab; /* it belongs to */
  struct slot_counters count;
  _Atomic uint32_t next;                   /* free: the slot below on the stack, plus 1 */
  _Atomic uint32_t in_use;                 /* 0 or 1 */
  _Atomic(struct protection *) protection; /* innermost protected call */
  struct block *blocks;                    /* host memory of its user; see host-memory.h */
  uint64_t host_bytes;                     /* in these blocks */
};

_Static_assert(sizeof(struct slot) == 320, "five cache lines, shared with no other slot");

/* For counters that one thread writes and any may read. */
static inline void slhi_count(_Atomic uint64_t *counter, uint64_t more)
{
  uint64_t value = atomic_load_explicit(counter, memory_order_relaxed);

  atomic_store_explicit(counter, value + more, memory_order_relaxed);
}

static inline uint64_t slhi_slot_committed(const struct slot *slot)
{
  return atomic_load_explicit(&slot->count.committed, memory_order_relaxed);
}

/*
 * Makes at least `bytes` accessible: doubles the prefix, clamped to the
 * slab's maximum, or takes just what is needed where the system refuses that.
 * Does nothing if they are accessible already.
 * SLH_E_LIMIT (more than the maximum), SLH_E_NOMEM.
 */
slh_status slhi_slot_grow(struct slot *slot, uint64_t bytes);

/*
 * Makes the slot fit for its next user, who must see no byte of this one:
 * scrubs up to `keep` bytes, gives the pages beyond back. `dirty` is how far
 * from start on bytes may not be zero. With SLH_ISOLATION_STRICT all that is
 * accessible counts as dirty; with SLH_ISOLATION_NONE nothing is scrubbed,
 * and slot->stale says what remains. Cannot fail: what the system will not
 * take back is scrubbed.
 */
void slhi_slot_reset(struct slot *slot, uint64_t dirty, uint64_t keep, slh_isolation isolation);

#endif
