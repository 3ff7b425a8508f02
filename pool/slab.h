/* SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception */
/*
 * A slab: slots of equal stride, their records, and who has which. Any thread
 * takes and puts.
 *
 *   thread 1   thread 2        a free slot is in the magazine of a thread,
 *   [magazine] [magazine]      which nobody else looks into,
 *        |  x  |
 *   shards: hot, cool, clean   or in a shard, for all threads,
 *        |                     or fresh: it was never taken.
 *   fresh
 *
 * A thread works on its magazine, and on the shards, only while it is `busy`
 * there, and it does not become busy while the slab wants attention. So
 * whoever holds the lock and has asked for attention (slab.c) has all free slots
 * for itself: no slot is ever overlooked, and N slots serve N stores. What
 * must be ordered is that a thread sets `busy` before it looks for attention,
 * and the other way round: an asymmetric pair of fences, of which the thread's
 * costs nothing (Dice, Huang, Yang, "Asymmetric Dekker synchronization", 2001).
 */
#ifndef SLOTHEAP_POOL_SLAB_H
#define SLOTHEAP_POOL_SLAB_H

#include <pthread.h>

#include "pool/assert.h"
#include "pool/decommit.h"
#include "pool/host-memory.h"
#include "pool/math.h"
#include "pool/shard.h"
#include "pool/slot.h"

/* Slots whose pages are given back together. */
#define SLHI_QUEUE_SLOTS 64

struct magazine;
struct waiter;

/* A slot's first bytes, if a template is mapped there; see template.h. */
struct front {
  uint64_t template; /* its id, or 0: not to be used */
  uint64_t bytes;
};

struct slab {
  char *memory;            /* the first slot's lead */
  uint64_t bytes;          /* of all slots */
  uint64_t lead;           /* bytes before the first slot */
  uint64_t stride;         /* bytes from one slot to the next */
  uint64_t max;            /* most bytes of a slot that can become accessible */
  uint64_t page;           /* bytes of a page */
  uint32_t count;          /* slots */
  uint32_t gap;            /* bytes from offset 0 to a slot's first byte */
  uint64_t quick;          /* a slot that keeps less is released by scrubbing */
  uint64_t guard;          /* bytes at the end of each slot that are not for use */
  slh_decommit wish;       /* how pages are to go back */
  bool populate;           /* heaps get pages ahead of their needs */
  bool open;               /* slots are accessible from the beginning: no commits */
  bool fronted;            /* slots can have fronts: slhi_slab_open makes `fronts` */
  uint64_t id;             /* unique in the process */
  struct slot *slots;      /* their records */
  struct front *fronts;    /* one each, or NULL: they cannot have any */
  struct slh_pool *pool;   /* it belongs to */
  slh_allocator allocator; /* of their users' host memory */

  alignas(64) _Atomic uint32_t attention; /* not 0: threads come to the lock */
  struct magazine *_Atomic magazines;     /* all; they stay until the slab is closed */

  alignas(64) _Atomic uint32_t fresh; /* slots from here on were never taken */
  struct shard shards[SLHI_SHARDS];

  pthread_mutex_t lock;
  struct waiter *first_waiter;
  _Atomic uint64_t refusals; /* takes that found none */
  _Atomic uint64_t waits;    /* takes that had to wait */
  int cancel_state;          /* of the thread that has the lock */
  _Atomic bool forked;       /* other threads were lost: free slots must be found anew */

  /* Slots that are free once their pages have gone back; see residency.h. */
  struct decommit decommit;
  struct slhi_range queue[SLHI_QUEUE_SLOTS];
  uint32_t queued;
  uint64_t queued_bytes;
};

/* Opens a slab in memory that is reserved; geometry, allocator and pool are
 * set by the caller. SLH_E_NOMEM. */
slh_status slhi_slab_open(struct slab *slab, slh_error *error);
void slhi_slab_close(struct slab *slab);

/*
 * A free slot: the thread's that was put last, if it can be with this tag (0:
 * any); else another's; else one never used. If there is none it waits up to
 * `nanoseconds`, first come first served, then returns NULL.
 */
struct slot *slhi_slab_take(struct slab *slab, uint32_t tag, uint64_t nanoseconds);

/* Returns a slot, reset; so many bytes of it were scrubbed. */
void slhi_slab_put(struct slab *slab, struct slot *slot, uint64_t scrubbed);
void slhi_slab_count_scrubbed(struct slab *slab, uint64_t bytes);

/* Returns what a thread that ends has in its magazine. */
void slhi_slab_empty(struct slab *slab, struct magazine *magazine);

/* In a child after fork, before any other call. */
void slhi_slab_after_fork(struct slab *slab);

/* ---- with the lock ---- */

static inline void slhi_slab_assert_locked(struct slab *slab)
{
  SLHI_ASSERT(pthread_mutex_trylock(&slab->lock) != 0);
}

/* Threads may go into their magazines again. But while somebody waits, all who put a
 * slot have to come and see. */
static inline void slhi_slab_dismiss(struct slab *slab)
{
  atomic_store(&slab->attention, slab->first_waiter != NULL);
}

void slhi_slab_lock(struct slab *slab);
bool slhi_slab_try_lock(struct slab *slab);
void slhi_slab_unlock(struct slab *slab);

/* Returns a slot, reset, to who waits for one, or to a shard. */
void slhi_slab_put_locked(struct slab *slab, struct slot *slot);

/* Moves the slots of all magazines into shards; of each only those that it did
 * not need since the last time, if `idle`. */
void slhi_slab_drain(struct slab *slab, bool idle);

/* What was put since the last time is no longer hot. */
void slhi_slab_cool(struct slab *slab);

/* Without the lock: moves the slot that this thread has had free for longest
 * into a shard. False: there is none. */
bool slhi_slab_share_one(struct slab *slab);

/* Calls `visit` while no thread takes or puts a slot. */
bool slhi_slab_visit_alone(struct slab *slab, bool (*visit)(struct slab *slab, void *context),
                           void *context);

/* Slots ever taken: those whose records are in use. */
uint32_t slhi_slab_touched(const struct slab *slab);

/* Slots in that state now; of those touched. */
uint32_t slhi_slab_in_state(const struct slab *slab, enum slot_state state);

/* Bytes of the slab in physical memory. 0, or an errno value. */
int slhi_slab_resident(const struct slab *slab, uint64_t *out);

/* Which one it is of its slab. */
static inline uint32_t slhi_slot_number(const struct slot *slot)
{
  return (uint32_t)(slot - slot->slab->slots);
}

/* Where a slot's first byte lies. */
static inline char *slhi_slot_start(const struct slot *slot)
{
  const struct slab *slab = slot->slab;

  return slab->memory + slab->lead + (uint64_t)(slot - slab->slots) * slab->stride;
}

/* Bytes of its front. */
static inline uint64_t slhi_slot_front(const struct slot *slot)
{
  return SLH_UNLIKELY(slot->has_front) ? slot->slab->fronts[slhi_slot_number(slot)].bytes : 0;
}

#endif
