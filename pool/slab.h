/* SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception */
/*
 * A slab: one reservation, cut into slots of equal stride, and the stack of
 * those that are free. Take and put are lock-free; any thread.
 */
#ifndef SLOTHEAP_POOL_SLAB_H
#define SLOTHEAP_POOL_SLAB_H

#include "pool/host-memory.h"
#include "pool/math.h"
#include "pool/slot.h"

struct slab {
  char *memory;            /* the reservation */
  uint64_t bytes;          /* its size */
  uint64_t lead;           /* bytes before the first slot */
  uint64_t stride;         /* bytes from one slot to the next */
  uint64_t max;            /* most bytes of a slot that can become accessible */
  uint64_t page;           /* bytes of a page */
  uint32_t count;          /* slots */
  struct slot *slots;      /* their records */
  slh_allocator allocator; /* of their users' host memory */

  /* A stack of free slots, last used first out. The low half is the number
   * of the top slot plus 1; the high half counts changes, so that a top that
   * went and came back is not mistaken for one that stayed (ABA). */
  alignas(64) _Atomic uint64_t free;
  _Atomic uint32_t fresh;    /* slots from here on were never taken */
  _Atomic uint64_t refusals; /* takes that found none */
};

/* Reserves a slab; geometry (lead, stride, max, page, count) and the
 * allocator are set by the caller; sizes are page-aligned. SLH_E_NOMEM. */
slh_status slhi_slab_open(struct slab *slab, slh_error *error);
void slhi_slab_close(struct slab *slab);

/* The free slot that was used last, else one never used, else NULL. */
struct slot *slhi_slab_take(struct slab *slab);

/* Returns a slot, reset. False: it is not taken (a misuse to be named by the
 * caller), and nothing was done. */
bool slhi_slab_put(struct slab *slab, struct slot *slot);

/* Slots ever taken: those whose records are in use. */
uint32_t slhi_slab_touched(const struct slab *slab);

/* Slots taken now. */
uint32_t slhi_slab_in_use(const struct slab *slab);

/* Bytes of the slab in physical memory. 0, or an errno value. */
int slhi_slab_resident(const struct slab *slab, uint64_t *out);

#endif
