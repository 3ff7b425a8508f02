/* SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception */
/* How far a heap may fill, and how it comes to be allowed more. */
#include "lib/policy.h"

/* Growth by less is not worth asking for. */
#define LEAST_WISH (UINT64_C(64) * 1024)

void slhi_heap_set_limit(slh_heap *heap)
{
  bool inline_ = !heap->corrupt && !heap->busy && heap->runtime->zeal == 0;

  /* 0: inline allocation comes to the library. */
  heap->data.limit = inline_ ? slhi_at_most(heap->soft, slhi_heap_committed(heap)) : 0;
}

static bool store_agrees(slh_heap *heap, uint64_t soft, uint64_t needed)
{
  slh_growth growth = {heap->soft - SLHI_START, soft - SLHI_START, heap->live, needed};
  bool agrees;

  if (!heap->grow)
    return true;
  slhi_heap_set_busy(heap, BUSY_ASKING);
  agrees = heap->grow(heap->host, heap, &growth);
  slhi_heap_set_busy(heap, BUSY_NOT);
  return agrees;
}

slh_status slhi_heap_move_soft(slh_heap *heap, uint64_t soft, uint64_t needed)
{
  slh_pool *pool = slh_heap_pool(heap);
  uint64_t floor = SLHI_START + heap->initial;
  uint64_t charge;

  soft = slhi_at_most(soft, heap->max);
  charge = soft > floor ? soft - floor : 0;
  if (soft > heap->soft && !store_agrees(heap, soft, needed))
    return SLH_E_REFUSED;
  if (charge > heap->charged && !slhi_pool_charge(pool, charge - heap->charged))
    return SLH_E_POOL_LIMIT;
  if (charge < heap->charged)
    slhi_pool_refund(pool, heap->charged - charge);
  heap->charged = charge;
  heap->soft = soft;
  slhi_heap_set_limit(heap);
  return SLH_OK;
}

slh_status slhi_heap_commit(slh_heap *heap, uint64_t bytes)
{
  uint64_t committed = slhi_heap_committed(heap);
  slh_status status;

  slhi_require_idle(heap, "slh_alloc_* or slh_new_*");
  if (heap->corrupt)
    return SLH_E_CORRUPT;
  /* In this order nothing overflows. */
  if (bytes > heap->max - SLHI_START)
    return SLH_E_TOO_LARGE;
  if (heap->data.bump + bytes > heap->soft) {
    heap->needed = bytes;
    return SLH_E_COLLECT;
  }
  status = slhi_slot_grow(slhi_heap_slot(heap), heap->data.bump + bytes - SLHI_START);
  if (status != SLH_OK)
    return status;
  if (slhi_heap_committed(heap) != committed)
    heap->growths++;
  slhi_heap_set_limit(heap);
  /* Room for this one allocation: the next comes here, too. */
  if (heap->runtime->zeal != 0)
    heap->data.limit = heap->data.bump + bytes;
  return SLH_OK;
}

/* Whether zeal wants a collection before this allocation. */
static bool is_due(slh_heap *heap, uint64_t bytes)
{
  if (heap->zealous == SLHI_ZEAL_CONTENT) {
    heap->zealous = 0;
    return false;
  }
  if (heap->busy || heap->corrupt || heap->no_gc != 0 || !heap->runtime->collector->collects ||
      bytes > heap->max - SLHI_START || ++heap->zealous < heap->runtime->zeal)
    return false;
  heap->zealous = 0;
  return true;
}

uint64_t slh_heap_bytes_needed(const slh_heap *heap)
{
  return heap->needed;
}

slh_status slh_heap_grow(slh_heap *heap, uint64_t bytes)
{
  uint64_t soft = heap->soft;
  slh_status status;

  slhi_require_idle(heap, "slh_heap_grow");
  if (heap->corrupt)
    return SLH_E_CORRUPT;
  if (bytes > heap->max - heap->data.bump)
    return SLH_E_LIMIT;
  if (heap->data.bump + bytes > soft) {
    status = slhi_heap_move_soft(heap, heap->data.bump + bytes, bytes);
    if (status != SLH_OK)
      return status;
  }
  status = slhi_heap_commit(heap, bytes);
  if (status == SLH_OK)
    heap->zealous = SLHI_ZEAL_CONTENT;
  else
    (void)slhi_heap_move_soft(heap, soft, 0); /* downwards: cannot fail */
  return status;
}

/* The policy's wish, or as much of it as is granted: a store that got only what
 * it needs at once would collect again at once. */
static void wish_for(slh_heap *heap, uint64_t soft, uint64_t needed)
{
  uint64_t least = heap->data.bump + needed;

  while (slhi_heap_move_soft(heap, soft, needed) != SLH_OK && soft > least + LEAST_WISH)
    soft = least + (soft - least) / 2;
}

slh_status slhi_heap_grow_for(slh_heap *heap, uint64_t bytes, slh_status why)
{
  slh_status status;

  if (why == SLH_OK)
    wish_for(heap, slhi_policy_soft_limit(heap, bytes), bytes);
  status = slh_heap_grow(heap, bytes);
  /* That there was no collection says more than that growth did not help. */
  return status == SLH_OK || why == SLH_OK ? status : why;
}

slh_status slh_heap_extend(slh_heap *heap, uint64_t bytes)
{
  slh_status status;

  if (SLH_UNLIKELY(heap->runtime->zeal != 0) && is_due(heap, bytes)) {
    heap->needed = bytes;
    return SLH_E_COLLECT;
  }
  status = slhi_heap_commit(heap, bytes);
  /* There is nothing to be had from collecting. */
  if (status == SLH_E_COLLECT && !heap->runtime->collector->collects)
    status = slhi_heap_grow_for(heap, bytes, SLH_OK);
  return status;
}
