/* SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception */
/* A heap's life: acquire, reset, release. */
#include "lib/heap.h"

#include "lib/collection.h"
#include "lib/growth.h"
#include "lib/image.h"
#include "lib/options.h"
#include "lib/hide.h"
#include "lib/tables.h"
#include "pool/events.h"
#include "pool/options.h"

/* ---- acquire and release ---- */

/* What each store begins with: the end of its heap's record, in one piece. There
 * is no nursery until there is something old. */
static const slh_heap fresh = {.nursery = SLHI_NURSERY_UNBOUNDED};

#define FRESH offsetof(slh_heap, reclaimed)

/* An empty heap in a slot that is all zero but for slot->stale bytes. */
static inline void start_empty(slh_heap *heap)
{
  const struct slot *slot = slhi_heap_slot(heap);
  uint32_t stale = slot->slab->gap + slot->stale;

  heap->data.bump = heap->data.start;
  heap->data.young = heap->data.start | heap->data.runtime->young_mask;
  heap->data.dirty = stale > heap->data.start ? stale : heap->data.start;
  memcpy((char *)heap + FRESH, (const char *)&fresh + FRESH, sizeof fresh - FRESH);
  heap->soft = heap->data.start + heap->initial;
  heap->data.limit = heap->data.runtime->zeal == 0 && !SLHI_HIDES
                         ? slhi_at_most(heap->soft, slhi_heap_ready(heap))
                         : 0;
  slhi_hide_free(heap);
}

/* Where the heap's memory lies. */
static void place(slh_heap *heap, const struct slot *slot)
{
  const struct slab *slab = slot->slab;

  heap->data.base = slhi_slot_start(slot) - slab->gap;
  heap->data.mask = slhi_pool_is_dense(slab->pool) ? (uint32_t)(slab->stride - 1) : UINT32_MAX;
}

static inline __attribute__((always_inline)) void
set_sizes(slh_heap *heap, const slh_heap_options *options, const struct slot *slot)
{
  uint64_t max = slhi_pool_of(slot)->plan.max_heap_bytes;
  uint64_t initial = options->initial_bytes ? options->initial_bytes : SLHI_INITIAL_BYTES;

  if (options->fixed && slhi_pool_is_dense(slhi_pool_of(slot)))
    max = slot->slab->max - SLH_DENSE_FIRST;
  max -= heap->data.start - slhi_heap_first(heap);
  if (options->max_bytes != 0)
    max = slhi_at_most(max, options->max_bytes & ~(uint64_t)(SLHI_OBJECT_ALIGN - 1));
  heap->max = heap->data.start + (uint32_t)max;
  heap->initial = (uint32_t)slhi_at_most(initial, max);
  heap->max_host = options->max_host_bytes ? options->max_host_bytes : SLHI_MAX_HOST_BYTES;
}

/* What is rare. */
static __attribute__((noinline)) slh_status start(slh_heap *heap, const slh_heap_options *options)
{
  slh_status status = slhi_image_begin(heap, options);

  if (status != SLH_OK)
    slh_heap_release(heap);
  return status;
}

static inline __attribute__((always_inline)) slh_status
acquire(slh_pool *pool, const slh_heap_options *options, uint64_t nanoseconds, slh_heap **out)
{
  const slh_image *image = options->image;
  struct slot *slot;
  slh_heap *heap;

  if (SLH_UNLIKELY(!options->runtime))
    return SLH_E_INVALID;
  slot = slhi_pool_take(pool,
                        SLH_UNLIKELY(image != NULL) ? slhi_image_begin_tag(options) : options->tag,
                        nanoseconds);
  if (SLH_UNLIKELY(!slot)) {
    SLHI_EVENT(exhausted, EXHAUSTED, pool, NULL, SLH_E_FULL, 1, pool->plan.slots);
    return SLH_E_FULL;
  }
  heap = slhi_slot_heap(slot);
  /* A dense pool may have moved the one before. */
  if (SLH_UNLIKELY(!heap->data.base || slhi_pool_is_dense(pool)))
    place(heap, slot);
  /* Atomic for slhi_runtime_has_heaps, which looks in from other threads. */
  __atomic_store_n(&heap->data.runtime, options->runtime, __ATOMIC_RELAXED);
  heap->enumerate_roots = options->enumerate_roots;
  heap->grow = options->grow;
  heap->host = options->host;
  heap->data.start =
      SLH_UNLIKELY(image != NULL) && !options->resume ? image->end : slhi_heap_first(heap);
  set_sizes(heap, options, slot);
  start_empty(heap);
  SLHI_EVENT(acquire, ACQUIRE, pool, heap, options->tag, image ? image->end - image->first : 0, 0);
  if (SLH_UNLIKELY(image != NULL || slot->has_front)) {
    slh_status status = start(heap, options);

    if (status != SLH_OK)
      return status;
  }
  *out = heap;
  return SLH_OK;
}

/* Hot: signatures are not looked at. */
slh_status slh_heap_acquire(slh_pool *pool, const slh_heap_options *options, slh_heap **out)
{
  if (SLH_UNLIKELY(options->struct_size != sizeof *options || options->image != NULL))
    return slh_heap_acquire_within(pool, options, 0, out, NULL);
  return acquire(pool, options, 0, out);
}

slh_status slh_heap_acquire_within(slh_pool *pool, const slh_heap_options *options,
                                   uint64_t nanoseconds, slh_heap **out, slh_error *error)
{
  slh_heap_options known;
  slh_status status = slhi_read_options("slh_heap_options", options, &known, sizeof known, error);

  if (status == SLH_OK && known.runtime)
    slhi_check_runtime(known.runtime, "slh_heap_acquire or slh_heap_acquire_within");
  if (status == SLH_OK && known.image)
    status = slhi_image_begin_check(pool, &known, error);
  if (status != SLH_OK)
    return status;
  status = acquire(pool, &known, nanoseconds, out);
  if (status == SLH_E_FULL)
    return slhi_error(
        error, status, "all %llu heaps that the pool has (slh_pool_options.slots) are taken%s",
        (unsigned long long)pool->plan.slots, nanoseconds ? ", and none was released in time" : "");
  if (status == SLH_OK)
    return status;
  if (known.image)
    return slhi_error(error, status, "beginning with an image: %s", slh_status_text(status));
  return slhi_error(error, status, "slh_heap_options: no runtime");
}

slh_status slh_heap_new(const slh_pool_options *pool_options, const slh_heap_options *options,
                        slh_heap **out, slh_error *error)
{
  slh_pool_options one;
  slh_pool *pool;
  slh_status status = slhi_read_options("slh_pool_options", pool_options, &one, sizeof one, error);

  if (status != SLH_OK)
    return status;
  one.slots = 1;
  one.max_collections = 1;
  status = slh_pool_new(&one, &pool, error);
  if (status != SLH_OK)
    return status;
  status = slh_heap_acquire_within(pool, options, 0, out, error);
  if (status != SLH_OK) {
    slh_pool_free(pool);
    return status;
  }
  (*out)->private_pool = true;
  return SLH_OK;
}

static void require_acquired(const slh_heap *heap, const char *call)
{
  if (SLH_UNLIKELY(!slhi_slot_is_taken(slhi_heap_slot(heap))))
    slhi_misuse(call, "the heap is not acquired; was it released before?");
}

/* What release and reset have in common: nothing goes on with the heap; then nothing
 * of the store remains. */
static inline void stop_store(slh_heap *heap, const char *call)
{
  require_acquired(heap, call);
  if (heap->busy == BUSY_COLLECTING)
    slhi_collection_cancel(heap);
  slhi_require_idle(heap, call);
}

static inline void end_store(slh_heap *heap)
{
  slhi_show_free(heap);
  if (SLH_UNLIKELY(slhi_heap_tables(heap) != NULL))
    slhi_tables_reset(heap);
  if (SLH_UNLIKELY(slhi_heap_charged(heap) != 0))
    slhi_pool_refund(slh_heap_pool(heap), slhi_heap_charged(heap));
}

void slh_heap_release(slh_heap *heap)
{
  struct slot *slot = slhi_heap_slot(heap);
  slh_pool *pool = NULL;

  if (!heap)
    return;
  if (SLH_UNLIKELY(atomic_load_explicit(&slot->protection, memory_order_relaxed) != NULL))
    slhi_misuse("slh_heap_release", "called on a heap from within a protected call of it");
  stop_store(heap, "slh_heap_release");
  SLHI_EVENT(release, RELEASE, slh_heap_pool(heap), heap, heap->collections,
             slhi_heap_dirty_bytes(heap), slhi_heap_allocated(heap));
  end_store(heap);
  /* Nobody is to find the runtime here before the next store has named its own. */
  __atomic_store_n(&heap->data.runtime, NULL, __ATOMIC_RELAXED);
  heap->busy = BUSY_RELEASED;
  if (SLH_UNLIKELY(heap->private_pool))
    pool = slh_heap_pool(heap);
  slhi_pool_release(slot, slhi_heap_memory(heap), slhi_heap_dirty_bytes(heap));
  if (SLH_UNLIKELY(pool != NULL))
    slh_pool_free(pool);
}

/* [promise as-new] */
void slh_heap_discard(slh_heap *heap)
{
  struct slot *slot = slhi_heap_slot(heap);

  if (!heap)
    return;
  require_acquired(heap, "slh_heap_discard");
  atomic_store_explicit(&slot->protection, NULL, memory_order_relaxed);
  if (slot->space != 0)
    slhi_collection_end(heap, slhi_collection_written(heap));
  heap->busy = BUSY_NOT;
  slh_heap_release(heap);
}

/* It has the room that the image took, too; but may use no more than before. */
static void end_image(slh_heap *heap)
{
  uint32_t max = heap->max - heap->data.start;

  heap->data.start = slhi_heap_first(heap);
  heap->max = heap->data.start + max;
}

void slh_heap_reset(slh_heap *heap)
{
  bool private_pool = heap->private_pool;

  stop_store(heap, "slh_heap_reset");
  SLHI_EVENT(reset, RESET, slh_heap_pool(heap), heap, heap->collections,
             slhi_heap_dirty_bytes(heap), slhi_heap_allocated(heap));
  end_store(heap);
  slhi_pool_scrub(slhi_heap_slot(heap), slhi_heap_memory(heap), slhi_heap_dirty_bytes(heap));
  end_image(heap);
  start_empty(heap);
  heap->private_pool = private_pool;
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
      [BUSY_FREEZING] = "slh_image_freeze runs, or was left by a jump",
      [BUSY_RELEASED] = "no store has it: it was released",
  };

  slhi_misuse(call, "called on a heap while %s", while_[heap->busy]);
}

void slhi_heap_set_busy(slh_heap *heap, enum busy busy)
{
  heap->busy = busy;
  slhi_heap_set_limit(heap);
}

slh_runtime *slh_heap_runtime(const slh_heap *heap)
{
  return heap->data.runtime;
}

slh_collector slh_heap_collector(const slh_heap *heap)
{
  return heap->data.runtime->collector->id;
}

slh_pool *slh_heap_pool(const slh_heap *heap)
{
  return slhi_pool_of(slhi_heap_slot(heap));
}

void *slh_heap_host(const slh_heap *heap)
{
  return heap->host;
}
