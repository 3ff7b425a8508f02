/* SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception */
/*
 * Shards: the free slots of a slab that are for all threads, in stacks without a lock.
 * Threads come to them while they are busy in their magazine, or with the slab's lock; see
 * slab.h.
 */
#ifndef SLOTHEAP_POOL_SHARD_H
#define SLOTHEAP_POOL_SHARD_H

#include <stdalign.h>

#include "pool/slot.h"

/*
 * A stack of free slots. The low half of the word is the number of the top
 * slot plus 1; the high half counts changes, so that a top that went and came
 * back is not mistaken for one that stayed (ABA).
 */
typedef _Atomic uint64_t slot_stack;

/* Free slots by what they cost: those put since the last decay, those that were
 * left by the one before, and those with no page in memory. */
struct shard {
  alignas(64) slot_stack hot;
  slot_stack cool;
  slot_stack clean;
};

/* Of a slab; a thread tries its home first. */
#define SLHI_SHARDS 8

/* The cheapest free slot of any shard; NULL: there is none. */
struct slot *slhi_shards_take(struct slab *slab, uint32_t home);

/* Up to `most` hot slots of one shard, the one put last first; returns how many. */
uint32_t slhi_shard_take_hot(struct slab *slab, uint32_t home, struct slot **out, uint32_t most);

/* One that has pages in memory, for giving them back: one that is cool, or if `hot` also
 * another. NULL: there is none. */
struct slot *slhi_shards_take_idle(struct slab *slab, bool hot);

/* Frees a slot: among the hot ones (`cool`: the cool ones), or the clean. */
void slhi_shard_put(struct slab *slab, uint32_t home, struct slot *slot, bool cool);

/* Nobody else at the shards: hot slots become cool, where no cool ones are left. */
void slhi_shards_cool(struct slab *slab);

#endif
