/* SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception */
#include "lib/policy.h"

/* The largest nursery: about what a processor's caches hold. */
#define NURSERY_BYTES (UINT64_C(4) << 20)

/* With zeal, one collection in so many is a full one. */
#define ZEAL_FULL 4

static uint64_t at_least(uint64_t a, uint64_t b)
{
  return a > b ? a : b;
}

/*
 * Twice what lived, and never less than the store's initial size: a
 * collection's cost is in what lives, so each live byte is copied at most
 * once for each byte allocated since, and a heap is at most half garbage.
 * Where young collections come first, a nursery more.
 */
uint64_t slhi_policy_soft_limit(const slh_heap *heap, uint64_t needed)
{
  uint64_t live = heap->data.bump - heap->data.start;
  uint64_t wish = 2 * live + needed;

  if (heap->data.runtime->collector->generational)
    wish += slhi_at_most(NURSERY_BYTES, at_least(live, heap->initial));
  return heap->data.start + at_least(wish, heap->initial);
}

/* Half of what the heap may fill between full collections, so that the last
 * nursery is not much smaller than the first. */
uint64_t slhi_policy_nursery(const slh_heap *heap)
{
  uint64_t live_end = heap->data.start + (uint64_t)heap->live;
  uint64_t room = heap->soft > live_end ? heap->soft - live_end : 0;

  return slhi_at_most(NURSERY_BYTES, room / 2);
}

/* As long as there is room for half a nursery behind what is old. */
bool slhi_policy_wants_young(const slh_heap *heap)
{
  const slh_runtime *runtime = heap->data.runtime;

  if (!runtime->collector->generational || heap->data.young == heap->data.start)
    return false;
  if (runtime->zeal != 0)
    return heap->collections % ZEAL_FULL != 0;
  return heap->soft >= heap->data.young + slhi_policy_nursery(heap) / 2;
}
