/* SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception */
/* A heap's life: acquire, reset, release. */
#include "lib/heap.h"

#include <slotheap/inspect.h>

#include "lib/collection.h"
#include "pool/registry.h"

#define DEFAULT_INITIAL (UINT64_C(1) << 20)
#define DEFAULT_MAX_HOST (UINT64_C(16) << 20)

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
  heap->no_gc = 0;
  heap->zealous = 0;
  heap->charged = 0;
  /* What an earlier store left does not count. */
  heap->max_host = slhi_saturating_add(heap->host_allowance, slot->host_bytes);
  heap->soft = SLHI_START + heap->initial;
  slhi_heap_set_limit(heap);
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
    max = slhi_at_most(max, options->max_bytes & ~(uint64_t)(SLHI_OBJECT_ALIGN - 1));
  if (options->initial_bytes != 0)
    initial = options->initial_bytes;
  heap->data.base = slot->start - SLHI_START;
  /* Atomic for slhi_runtime_has_heaps, which looks in from other threads. */
  atomic_store_explicit(&heap->runtime, options->runtime, memory_order_relaxed);
  heap->enumerate_roots = options->enumerate_roots;
  heap->grow = options->grow;
  heap->host = options->host;
  heap->host_allowance = options->max_host_bytes ? options->max_host_bytes : DEFAULT_MAX_HOST;
  heap->max = SLHI_START + max;
  heap->initial = slhi_at_most(initial, max);
  start_empty(heap);
  *out = heap;
  return SLH_OK;
}

slh_status slh_heap_new(const slh_pool_options *pool_options, const slh_heap_options *options,
                        slh_heap **out, slh_error *error)
{
  slh_pool_options one = SLH_POOL_OPTIONS_INIT;
  slh_pool *pool;
  slh_status status;

  if (pool_options)
    one = *pool_options;
  one.slots = 1;
  one.max_collections = 1;
  status = slh_pool_new(&one, &pool, error);
  if (status != SLH_OK)
    return status;
  status = slh_heap_acquire(pool, options, out);
  if (status != SLH_OK) {
    slh_pool_free(pool);
    return slhi_error(error, status, "slh_heap_options: %s", slh_status_text(status));
  }
  (*out)->private_pool = true;
  return SLH_OK;
}

/* Bytes from the slot's start on that this store may have written. The clamp
 * is for compiled code that broke its own bump pointer. */
static uint64_t dirty_bytes(const slh_heap *heap)
{
  uint64_t dirty = heap->data.bump > heap->data.dirty ? heap->data.bump : heap->data.dirty;

  return slhi_at_most(dirty, slhi_heap_committed(heap)) - SLHI_START;
}

static void require_acquired(const slh_heap *heap, const char *call)
{
  const struct slot *slot = slhi_heap_slot(heap);

  if (SLH_UNLIKELY(!atomic_load_explicit(&slot->in_use, memory_order_relaxed)))
    slhi_misuse(call, "the heap is not acquired; was it released before?");
}

/* What release and reset have in common: nothing of the store remains. */
static void end_store(slh_heap *heap, const char *call)
{
  require_acquired(heap, call);
  if (heap->busy == BUSY_COLLECTING)
    slhi_collection_cancel(heap);
  slhi_require_idle(heap, call);
  if (SLH_UNLIKELY(heap->tables != NULL))
    slhi_tables_reset(heap);
  if (SLH_UNLIKELY(heap->charged != 0))
    slhi_pool_refund(slh_heap_pool(heap), heap->charged);
  slhi_pool_scrub(slhi_heap_slot(heap), dirty_bytes(heap));
}

void slh_heap_release(slh_heap *heap)
{
  struct slot *slot = slhi_heap_slot(heap);
  slh_pool *pool;

  if (!heap)
    return;
  if (SLH_UNLIKELY(atomic_load_explicit(&slot->protection, memory_order_relaxed) != NULL))
    slhi_misuse("slh_heap_release", "called on a heap from within a protected call of it");
  end_store(heap, "slh_heap_release");
  /* Nobody is to find the runtime here before the next store has named its own. */
  atomic_store_explicit(&heap->runtime, NULL, memory_order_relaxed);
  pool = heap->private_pool ? slh_heap_pool(heap) : NULL;
  heap->private_pool = false;
  slhi_slab_put(slot->slab, slot);
  slh_pool_free(pool);
}

void slh_heap_reset(slh_heap *heap)
{
  end_store(heap, "slh_heap_reset");
  start_empty(heap);
}

void slhi_busy_misuse(const slh_heap *heap, const char *call)
{
  static const char *const while_[] = {
      [BUSY_NOT] = "nothing goes on with it",
      [BUSY_COLLECTING] = "a collection of it is under way",
      [BUSY_YIELDING] = "a collection of it has yielded, or was left by a jump",
      [BUSY_LISTING] = "its enumerate_roots runs, or was left by a jump",
      [BUSY_DROPPING] = "a drop callback of it runs, or was left by a jump",
      [BUSY_ASKING] = "its growth callback runs, or was left by a jump",
  };

  slhi_misuse(call, "called on a heap while %s", while_[heap->busy]);
}

void slhi_heap_set_busy(slh_heap *heap, enum busy busy)
{
  heap->busy = busy;
  slhi_heap_set_limit(heap);
}

static bool has_no_heap_of(void *context, slh_pool *pool)
{
  for (uint32_t i = slhi_slab_touched(&pool->heaps); i-- > 0;) {
    struct slot *slot = &pool->heaps.slots[i];
    const slh_heap *heap = slhi_slot_heap(slot);

    if (atomic_load_explicit(&slot->in_use, memory_order_relaxed) != 0 &&
        atomic_load_explicit(&heap->runtime, memory_order_relaxed) == context)
      return false;
  }
  return true;
}

bool slhi_runtime_has_heaps(const slh_runtime *runtime)
{
  return !slhi_registry_visit(has_no_heap_of, (void *)(uintptr_t)runtime);
}

slh_runtime *slh_heap_runtime(const slh_heap *heap)
{
  return heap->runtime;
}

slh_collector slh_heap_collector(const slh_heap *heap)
{
  return heap->runtime->collector->id;
}

slh_pool *slh_heap_pool(const slh_heap *heap)
{
  return slhi_pool_of(slhi_heap_slot(heap));
}

void *slh_heap_host(const slh_heap *heap)
{
  return heap->host;
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
  stats.host_bytes = slhi_heap_slot(heap)->host_bytes;
  stats.max_host = heap->max_host;
  if (heap->tables) {
    stats.externrefs = heap->tables->host.used;
    stats.local_roots = heap->tables->locals.count;
    stats.owned_roots = heap->tables->owned.live;
    stats.functions = heap->tables->functions.count;
  }
  *out = stats;
}
