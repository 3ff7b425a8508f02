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
#include <stdbool.h>
#include <string.h>

struct slab;
struct protection;
struct host_memory;

/* Room in a record for the layer above (its heap structure), zeroed when the
 * slab is made and kept from one use of the slot to the next. */
#define SLHI_SLOT_OWNER_BYTES 144

enum slot_state {
  SLOT_FRESH, /* never taken */
  SLOT_TAKEN,
  SLOT_WAITING, /* free once its pages have been given back */
  SLOT_FREE
};

/* There can be a million of them: no field is wider than it must be. Sizes of
 * parts of a slot are below 4 GiB. */
struct slot {
  alignas(64) char owner[SLHI_SLOT_OWNER_BYTES];
  struct slab *slab;                       /* it belongs to */
  _Atomic(struct protection *) protection; /* innermost protected call */
  struct host_memory *host;                /* of its user, or NULL; see host-memory.h */
  _Atomic uint32_t committed;              /* bytes accessible from its start on */
  uint32_t resident;                       /* bytes from its start on that may be in memory */
  uint32_t stale;                          /* when taken: bytes that may not be zero */
  union {
    _Atomic uint32_t below;    /* free: the slot below on the stack, plus 1; 0: none */
    _Atomic uint32_t borrowed; /* taken: the larger slot that it borrowed, plus 1; 0: none */
  };
  union {
    uint32_t tag;      /* of the smallest size: the host's, of the store that had it last */
    uint32_t borrower; /* of a larger one, once lent: number of the slot that has it */
  };
  uint16_t space;        /* number of the evacuation space it was lent, plus 1 */
  _Atomic uint8_t state; /* enum slot_state */
  bool has_front;        /* its first bytes are a template's; see template.h */
};

_Static_assert(sizeof(struct slot) == 192, "three cache lines, shared with no other slot");

static inline void slhi_slot_set_state(struct slot *slot, enum slot_state state)
{
  atomic_store_explicit(&slot->state, state, memory_order_relaxed);
}

static inline bool slhi_slot_is_in_state(const struct slot *slot, enum slot_state state)
{
  return atomic_load_explicit(&slot->state, memory_order_relaxed) == state;
}

static inline bool slhi_slot_is_taken(const struct slot *slot)
{
  return slhi_slot_is_in_state(slot, SLOT_TAKEN);
}

/* A slot that was just taken: its next user's tag, and nothing borrowed. */
static inline void slhi_slot_begin_use(struct slot *slot, uint32_t tag)
{
  slot->tag = tag;
  atomic_store_explicit(&slot->borrowed, 0, memory_order_relaxed);
}

/* Whether it has the memory of a larger slot; see dense.c. It is taken. */
static inline bool slhi_slot_has_borrowed(const struct slot *slot)
{
  return atomic_load_explicit(&slot->borrowed, memory_order_relaxed) != 0;
}

static inline uint64_t slhi_slot_committed(const struct slot *slot)
{
  return atomic_load_explicit(&slot->committed, memory_order_relaxed);
}

/* How far a heap may fill before it asks for more. */
static inline uint64_t slhi_slot_ready(const struct slot *slot, bool populate)
{
  uint64_t committed = slhi_slot_committed(slot);

  return populate && slot->resident < committed ? slot->resident : committed;
}

/*
 * Makes at least `bytes` accessible: doubles the prefix, clamped to the
 * slab's maximum, or takes just what is needed where the system refuses that.
 * Does nothing if they are accessible already.
 * SLH_E_LIMIT (more than the maximum), SLH_E_NOMEM.
 */
slh_status slhi_slot_grow(struct slot *slot, uint64_t bytes);

/* Says how much of the slot may be in memory, behind its front; at least a page if it
 * has one. The pool keeps the sum. */
void slhi_slot_set_resident(struct slot *slot, uint64_t bytes);

/* Has huge pages, or none, asked for anew for its first bytes, as its pool wishes. */
void slhi_slot_advise(const struct slot *slot, uint64_t bytes);

/* Part of a slot, in bytes from its start on, that is to be given back. Small
 * enough to be returned in registers. */
struct extent {
  uint32_t from;
  uint32_t to;
  uint32_t scrubbed; /* bytes before it */
};

/*
 * Makes the slot, which starts at `start`, fit for its next user, who must see
 * no byte of this one: scrubs up to `keep` bytes; the pages beyond have to be
 * given back by the caller, who gets them. `dirty` is how far from start on
 * bytes may not be zero. With SLH_ISOLATION_STRICT all that is accessible
 * counts as dirty; with SLH_ISOLATION_NONE nothing is scrubbed, and
 * slot->stale says what remains.
 */
struct extent slhi_slot_reset(struct slot *slot, char *start, uint64_t dirty, uint64_t keep,
                              slh_isolation isolation);

/* The part of that which is mostly all: zeroes `bytes` from its start on. */
static inline void slhi_slot_scrub(struct slot *slot, char *start, uint64_t bytes)
{
  /* Not for 0 bytes: memset can be a masked store, which takes 200 ns on
   * memory that is not accessible even if the mask is empty. */
  if (bytes != 0)
    memset(start, 0, bytes);
  slot->stale = 0;
}

/* What it keeps is to be given back, too. */
void slhi_slot_give_up(struct slot *slot, struct extent *extent);

#endif
