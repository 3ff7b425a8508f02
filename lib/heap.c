/* SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception */
/* A heap's life: acquire, limits, growth, reset, release. */
#include "lib/heap.h"

#include <slotheap/inspect.h>

#include "lib/object.h"

#define DEFAULT_INITIAL (UINT64_C(1) << 20)

static uint64_t at_most(uint64_t value, uint64_t limit)
{
  return value < limit ? value : limit;
}

/* ---- acquire and release ---- */

/* An empty heap in a slot that is all zero but for slot->stale bytes. */
static void start_empty(slh_heap *heap)
{
  struct slot *slot = slhi_heap_slot(heap);

  heap->data.bump = SLHI_START;
  heap->data.young = SLHI_START;
  heap->data.dirty = SLHI_START + slot->stale;
  heap->needed = 0;
  heap->reclaimed = 0;
  heap->copied = 0;
  heap->live = 0;
  heap->collections = 0;
  heap->growths = 0;
  heap->corrupt = false;
  slhi_heap_set_soft(heap, SLHI_START + heap->initial);
}

slh_status slh_heap_acquire(slh_pool *pool, const slh_heap_options *options, slh_heap **out)
{
  uint64_t max = pool->plan.max_heap_bytes;
  uint64_t initial = DEFAULT_INITIAL;
  struct slot *slot;
  slh_heap *heap;

  if (options->struct_size != sizeof *options || !options->runtime)
    return SLH_E_INVALID;
  slot = slhi_slab_take(&pool->heaps);
  if (SLH_UNLIKELY(!slot))
    return SLH_E_FULL;
  heap = slhi_slot_heap(slot);
  if (options->max_bytes != 0)
    max = at_most(max, options->max_bytes & ~(uint64_t)(SLHI_OBJECT_ALIGN - 1));
  if (options->initial_bytes != 0)
    initial = options->initial_bytes;
  if (!options->runtime->collector->collects)
    initial = max;
  heap->data.base = slot->start - SLHI_START;
  heap->runtime = options->runtime;
  heap->enumerate_roots = options->enumerate_roots;
  heap->host = options->host;
  heap->max = SLHI_START + max;
  heap->initial = at_most(initial, max);
  start_empty(heap);
  *out = heap;
  return SLH_OK;
}

/* Bytes from the slot's start on that this store may have written. The clamp
 * is for compiled code that broke its own bump pointer. */
static uint64_t dirty_bytes(const slh_heap *heap)
{
  uint64_t dirty = heap->data.bump > heap->data.dirty ? heap->data.bump : heap->data.dirty;

  return at_most(dirty, slhi_heap_committed(heap)) - SLHI_START;
}

static void require_acquired(const slh_heap *heap, const char *call)
{
  const struct slot *slot = slhi_heap_slot(heap);

  if (SLH_UNLIKELY(!atomic_load_explicit(&slot->in_use, memory_order_relaxed)))
    slhi_misuse(call, "the heap is not acquired; was it released before?");
}

void slh_heap_release(slh_heap *heap)
{
  struct slot *slot = slhi_heap_slot(heap);

  if (!heap)
    return;
  require_acquired(heap, "slh_heap_release");
  slhi_pool_scrub(slot, dirty_bytes(heap));
  slhi_slab_put(slot->slab, slot);
}

void slh_heap_reset(slh_heap *heap)
{
  require_acquired(heap, "slh_heap_reset");
  slhi_pool_scrub(slhi_heap_slot(heap), dirty_bytes(heap));
  start_empty(heap);
}

slh_runtime *slh_heap_runtime(const slh_heap *heap)
{
  return heap->runtime;
}

slh_pool *slh_heap_pool(const slh_heap *heap)
{
  return slhi_pool_of(slhi_heap_slot(heap));
}

void *slh_heap_host(const slh_heap *heap)
{
  return heap->host;
}

/* ---- limits and growth ---- */

void slhi_heap_set_soft(slh_heap *heap, uint64_t soft)
{
  heap->soft = at_most(soft, heap->max);
  heap->data.limit = at_most(heap->soft, slhi_heap_committed(heap));
}

slh_status slhi_heap_extend(slh_heap *heap, uint64_t bytes)
{
  uint64_t committed = slhi_heap_committed(heap);
  slh_status status;

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
  slhi_heap_set_soft(heap, heap->soft);
  return SLH_OK;
}

uint64_t slh_heap_bytes_needed(const slh_heap *heap)
{
  return heap->needed;
}

slh_status slh_heap_grow(slh_heap *heap, uint64_t bytes)
{
  uint64_t soft = heap->soft;
  slh_status status;

  if (heap->corrupt)
    return SLH_E_CORRUPT;
  if (bytes > heap->max - heap->data.bump)
    return SLH_E_LIMIT;
  if (heap->data.bump + bytes > soft)
    slhi_heap_set_soft(heap, heap->data.bump + bytes);
  status = slhi_heap_extend(heap, bytes);
  if (status != SLH_OK)
    slhi_heap_set_soft(heap, soft);
  return status;
}

/* ---- figures ---- */

uint64_t slh_heap_start(const slh_heap *heap)
{
  (void)heap;
  return SLHI_START;
}

uint64_t slh_heap_bump(const slh_heap *heap)
{
  return heap->data.bump;
}

void slh_heap_get_stats(const slh_heap *heap, slh_heap_stats *out)
{
  slh_heap_stats stats = {0};

  stats.used = heap->data.bump - SLHI_START;
  stats.soft_limit = heap->soft - SLHI_START;
  stats.max = heap->max - SLHI_START;
  stats.accessible = slhi_slot_committed(slhi_heap_slot(heap));
  stats.dirty = dirty_bytes(heap);
  stats.allocated_total = stats.used + heap->reclaimed;
  stats.reclaimed_total = heap->reclaimed;
  stats.copied_total = heap->copied;
  stats.live = heap->live;
  stats.collections = heap->collections;
  stats.growths = heap->growths;
  *out = stats;
}
