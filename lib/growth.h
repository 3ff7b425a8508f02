/* SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception */
/*
 * How far a heap may fill, and how it comes to be allowed more: the soft limit, the
 * nursery below it, and what the slot has committed, for which the inline limit stands.
 */
#ifndef SLOTHEAP_LIB_GROWTH_H
#define SLOTHEAP_LIB_GROWTH_H

#include "lib/heap.h"

/* Of the smallest nursery. */
#define SLHI_NURSERY_BYTES (UINT64_C(64) * 1024)

/* A value of slh_heap.nursery: only the soft limit bounds it. */
#define SLHI_NURSERY_UNBOUNDED 31

/* A value of slh_heap.zealous: the heap was collected or grown, so that an
 * allocation can be tried again, and the next one goes well. */
#define SLHI_ZEAL_CONTENT UINT16_MAX

/* Allocation beyond this collects first: the soft limit, or before it the end
 * of the nursery. */
static inline uint64_t slhi_heap_trigger(const slh_heap *heap)
{
  uint64_t nursery_end = heap->data.young + (SLHI_NURSERY_BYTES << heap->nursery);

  return nursery_end < heap->soft ? nursery_end : heap->soft;
}

/* Makes the nursery at least so large. */
void slhi_heap_set_nursery(slh_heap *heap, uint64_t bytes);

/* Bytes of the pool's budget that the heap has: what it may hold beyond its
 * initial size. */
static inline uint64_t slhi_heap_charged(const slh_heap *heap)
{
  uint64_t free = (uint64_t)heap->data.start + heap->initial;

  return heap->soft > free ? heap->soft - free : 0;
}

/* Sets the limit that follows from the soft limit, what is committed, and
 * whether the heap can be used at all. */
void slhi_heap_set_limit(slh_heap *heap);

/*
 * Moves the soft limit (an offset). Upwards the store's growth callback and the
 * pool's budget have a say; `needed` is for the callback. It cannot go beyond
 * max. SLH_E_REFUSED, SLH_E_POOL_LIMIT: it is as it was.
 */
slh_status slhi_heap_move_soft(slh_heap *heap, uint64_t soft, uint64_t needed);

/*
 * Collection could not be had or did not free enough: the soft limit gives way,
 * by as much as the policy wishes if that is granted. `why` is what the
 * collection came to.
 */
slh_status slhi_heap_grow_for(slh_heap *heap, uint64_t bytes, slh_status why);

/* Makes the heap accessible up to offset `end`. A dense pool can move it for that.
 * SLH_E_LIMIT, SLH_E_NOMEM, SLH_E_FULL. */
slh_status slhi_heap_access(slh_heap *heap, uint64_t end);

/* slh_heap_extend without zeal, and without growing. */
slh_status slhi_heap_commit(slh_heap *heap, uint64_t bytes);

#endif
