/* SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception */
#include "lib/growth.h"

#include "lib/collector.h"
#include "lib/holes.h"
#include "lib/hide.h"
#include "lib/policy.h"
#include "pool/assert.h"
#include "pool/events.h"

/* Growth by less is not worth asking for. */
#define LEAST_WISH (UINT64_C(64) * 1024)

void slhi_heap_set_limit(slh_heap *heap)
{
  bool inline_ = !heap->corrupt && !heap->busy && heap->data.runtime->zeal == 0 && !SLHI_HIDES;

  /* 0: inline allocation comes to the library. */
  heap->data.limit = inline_ ? slhi_at_most(slhi_heap_trigger(heap), slhi_heap_ready(heap)) : 0;
  if (SLH_UNLIKELY(slhi_heap_counts(heap)) && inline_ && slhi_holes_limit(heap) != 0)
    heap->data.limit = slhi_holes_limit(heap);
}

void slhi_heap_set_nursery(slh_heap *heap, uint64_t bytes)
{
  uint8_t nursery = 0;

  while (nursery < SLHI_NURSERY_UNBOUNDED && SLHI_NURSERY_BYTES << nursery < bytes)
    nursery++;
  heap->nursery = nursery;
  slhi_heap_set_limit(heap);
}

static bool store_agrees(slh_heap *heap, uint64_t soft, uint64_t needed)
{
  slh_growth growth = {heap->soft - heap->data.start, soft - heap->data.start, heap->live, needed};
  bool agrees;

  if (!heap->grow)
    return true;
  slhi_heap_set_busy(heap, BUSY_ASKING);
  agrees = heap->grow(heap->host, heap, &growth);
  slhi_heap_set_busy(heap, BUSY_NOT);
  return agrees;
}

static void tell_growth(const slh_heap *heap, slh_status status, uint64_t soft)
{
  SLHI_EVENT(grow, GROW, slh_heap_pool(heap), heap, status, soft - heap->data.start,
             heap->soft - heap->data.start);
}

slh_status slhi_heap_move_soft(slh_heap *heap, uint64_t soft, uint64_t needed)
{
  slh_pool *pool = slh_heap_pool(heap);
  uint64_t floor = heap->data.start + (uint64_t)heap->initial;
  uint64_t charged = slhi_heap_charged(heap);
  uint64_t charge;

  soft = slhi_at_most(soft, heap->max);
  charge = soft > floor ? soft - floor : 0;
  if (soft > heap->soft && !store_agrees(heap, soft, needed)) {
    tell_growth(heap, SLH_E_REFUSED, heap->soft);
    return SLH_E_REFUSED;
  }
  if (charge > charged && !slhi_pool_charge(pool, charge - charged)) {
    SLHI_EVENT(exhausted, EXHAUSTED, pool, heap, SLH_E_POOL_LIMIT, charge - charged,
               pool->plan.budget_bytes);
    return SLH_E_POOL_LIMIT;
  }
  if (charge < charged)
    slhi_pool_refund(pool, charged - charge);
  if (soft > heap->soft)
    tell_growth(heap, SLH_OK, soft);
  SLHI_ASSERT_LE(heap->data.start, soft);
  heap->soft = (uint32_t)soft;
  slhi_heap_set_limit(heap);
  return SLH_OK;
}

slh_status slhi_heap_access(slh_heap *heap, uint64_t end)
{
  struct slot *slot = slhi_heap_slot(heap);
  uint32_t gap = slot->slab->gap;
  uint64_t width = (uint64_t)heap->data.mask + 1;
  char *start = slhi_heap_memory(heap);
  bool grows = end > slhi_heap_committed(heap);
  slh_status status;

  SLHI_ASSERT_LE(gap, end);
  if (grows)
    slhi_show_free(heap);
  status = slhi_pool_grow(slot, end - gap, slhi_heap_dirty_bytes(heap), &start, &width);
  if (start == slhi_heap_memory(heap)) {
    if (grows)
      slhi_hide_free(heap);
    return status;
  }
  heap->data.base = start - gap;
  heap->data.mask = (uint32_t)(width - 1);
  if (heap->data.dirty < gap + slot->stale)
    heap->data.dirty = gap + slot->stale;
  slhi_hide_free(heap);
  return status;
}

/* Whether there is room among the objects, and bump has gone there. */
static bool finds_room(slh_heap *heap, uint64_t bytes)
{
  const struct collector *collector = heap->data.runtime->collector;

  if (!collector->find_room || !collector->find_room(heap, bytes))
    return false;
  if (SLHI_HIDES || heap->data.runtime->zeal != 0)
    heap->data.limit = heap->data.bump + bytes;
  slhi_show(heap, heap->data.bump, heap->data.bump + bytes);
  return true;
}

slh_status slhi_heap_commit(slh_heap *heap, uint64_t bytes)
{
  uint64_t committed = slhi_heap_committed(heap);
  slh_status status;

  slhi_require_idle(heap, "slh_alloc_* or slh_new_*");
  if (heap->corrupt)
    return SLH_E_CORRUPT;
  /* In this order nothing overflows. */
  if (bytes > heap->max - heap->data.start)
    return SLH_E_TOO_LARGE;
  if (finds_room(heap, bytes))
    return SLH_OK;
  if (heap->data.bump + bytes > slhi_heap_trigger(heap)) {
    heap->needed = (uint32_t)bytes;
    return SLH_E_COLLECT;
  }
  status = slhi_heap_access(heap, heap->data.bump + bytes);
  if (status != SLH_OK)
    return status;
  if (slhi_heap_committed(heap) != committed)
    heap->growths += heap->growths < UINT16_MAX;
  slhi_heap_set_limit(heap);
  /* Room for this one allocation: the next comes here, too. */
  if (SLHI_HIDES || heap->data.runtime->zeal != 0)
    heap->data.limit = heap->data.bump + bytes;
  slhi_show(heap, heap->data.bump, heap->data.bump + bytes);
  return SLH_OK;
}

/* Whether zeal wants a collection before this allocation. */
static bool is_due(slh_heap *heap, uint64_t bytes)
{
  if (heap->zealous == SLHI_ZEAL_CONTENT) {
    heap->zealous = 0;
    return false;
  }
  if (heap->busy || heap->corrupt || heap->no_gc != 0 || !heap->data.runtime->collector->collects ||
      bytes > heap->max - heap->data.start || ++heap->zealous < heap->data.runtime->zeal)
    return false;
  heap->zealous--; /* still due if nothing is collected or grown */
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
  if (finds_room(heap, bytes)) {
    heap->zealous = SLHI_ZEAL_CONTENT;
    return SLH_OK;
  }
  if (bytes > heap->max - heap->data.bump)
    return SLH_E_LIMIT;
  if (heap->data.bump + bytes > soft) {
    status = slhi_heap_move_soft(heap, heap->data.bump + bytes, bytes);
    if (status != SLH_OK)
      return status;
  }
  if (heap->data.bump + bytes > slhi_heap_trigger(heap))
    slhi_heap_set_nursery(heap, heap->data.bump + bytes - heap->data.young);
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

  while (slhi_heap_move_soft(heap, soft, needed) != SLH_OK && soft > least + LEAST_WISH) {
    soft = least + (soft - least) / 2;
    /* It has that much already. */
    if (soft <= heap->soft)
      return;
  }
}

/* [promise nothing-lost] */
slh_status slhi_heap_grow_for(slh_heap *heap, uint64_t bytes, slh_status why)
{
  slh_status status;

  if (why == SLH_OK) {
    wish_for(heap, slhi_policy_soft_limit(heap, bytes), bytes);
    if (heap->nursery != SLHI_NURSERY_UNBOUNDED)
      slhi_heap_set_nursery(heap, slhi_policy_nursery(heap));
  }
  status = slh_heap_grow(heap, bytes);
  /* That there was no collection says more than that growth did not help. */
  return status == SLH_OK || why == SLH_OK ? status : why;
}

slh_status slh_heap_extend(slh_heap *heap, uint64_t bytes)
{
  slh_status status;

  if (SLH_UNLIKELY(heap->data.runtime->zeal != 0) && is_due(heap, bytes)) {
    heap->needed = (uint32_t)bytes;
    return SLH_E_COLLECT;
  }
  status = slhi_heap_commit(heap, bytes);
  /* There is nothing to be had from collecting. */
  if (status == SLH_E_COLLECT && !heap->data.runtime->collector->collects)
    status = slhi_heap_grow_for(heap, bytes, SLH_OK);
  return status;
}
