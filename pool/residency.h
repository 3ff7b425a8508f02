/* SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception */
/*
 * How much of a slab stays in memory. Slots whose pages have to be given back
 * wait in a queue, so that it is done for many at once; slots that stay
 * free for the decay time, or exceed the pool's resident budget, give up what
 * they keep.
 *
 *   put --> [queue, or in flight with io_uring] --> free: hot --> cool --> clean
 *                                                      decay   decay
 *
 * All but slhi_residency_put need the slab's lock.
 */
#ifndef SLOTHEAP_POOL_RESIDENCY_H
#define SLOTHEAP_POOL_RESIDENCY_H

#include "pool/slab.h"

/* Puts a slot whose pages in `extent` are given back before it is free. */
void slhi_residency_put(struct slab *slab, struct slot *slot, struct extent extent);

/* Gives pages of a slot that stays taken back at once. */
void slhi_residency_drop(struct slot *slot, struct extent extent);

/* Frees slots whose pages have gone back meanwhile; if `wait`, at least one if
 * there is any. Whether it did. */
bool slhi_residency_reap(struct slab *slab, bool wait);

/* Frees all slots of the queue. */
void slhi_residency_flush(struct slab *slab);

/*
 * Gives the pages of idle slots back: of those that were free since the call
 * before the last, or of all that are free if `all`. Takes and gives back the
 * lock in between.
 */
void slhi_residency_decay(struct slab *slab, bool all);

/* Brings what a pool keeps down to its resident budget, as far as that is in
 * idle slots. Without any lock. */
void slhi_residency_relieve(slh_pool *pool);

/* In a child: what waited in the parent becomes free here. */
void slhi_residency_after_fork(struct slab *slab);

#endif
