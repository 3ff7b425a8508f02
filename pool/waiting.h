/* SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception */
/* Threads that wait for a slot of a slab, first come first served. With the
 * slab's lock. */
#ifndef SLOTHEAP_POOL_WAITING_H
#define SLOTHEAP_POOL_WAITING_H

#include "pool/slab.h"

/* Waits up to `nanoseconds` for a slot to be handed over; NULL: none was. */
struct slot *slhi_wait(struct slab *slab, uint64_t nanoseconds);

/* Hands a slot, reset, to who has waited for longest. False: nobody waits. */
bool slhi_hand_over(struct slab *slab, struct slot *slot);

#endif
