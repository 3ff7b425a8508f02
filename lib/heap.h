/* SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception */
#ifndef SLOTHEAP_LIB_HEAP_H
#define SLOTHEAP_LIB_HEAP_H

#include <slotheap/heap.h>

#include "lib/runtime.h"
#include "pool/error.h"
#include "pool/pool.h"

/* What goes on with a heap, during which it must not be used. */
enum busy {
  BUSY_NOT,
  BUSY_COLLECTING,
  BUSY_YIELDING,
  BUSY_LISTING,
  BUSY_DROPPING,
  BUSY_ASKING,
  BUSY_FREEZING
};

/* A value of slh_heap.zealous: the heap was collected or grown, so that an
 * allocation can be tried again, and the next one goes well. */
#define SLHI_ZEAL_CONTENT UINT16_MAX

/*
 * A heap: what the host sees of it, in the owner's part of its slot's record.
 * There can be a million of them, so no field is wider than it must be. Offsets
 * count from data.base, and like sizes of parts of a heap fit in 32 bits:
 *
 *   base     start          bump      limit      soft        max
 *    |--------|=== objects ===|..........|----------|-----------|
 *     guard                    allocate    commit     collect or grow
 *
 * limit = min(soft, end of the nursery, what the slot has committed), so that
 * the inline allocation has one comparison to make.
 */
struct slh_heap {
  slh_heap_data data; /* first: an slh_heap * is an slh_heap_data * */
  slh_enumerate_roots_fn *enumerate_roots;
  slh_grow_fn *grow;
  void *host;
  uint64_t max_host;  /* host memory that the store asked for may not go beyond */
  uint32_t soft;      /* allocation beyond this collects or grows first */
  uint32_t max;       /* allocation beyond this is refused */
  uint32_t initial;   /* first value of soft - start */
  uint32_t needed;    /* bytes that the last SLH_E_COLLECT wanted */
  uint64_t reclaimed; /* from here on: see `fresh` in heap.c */
  uint64_t copied;
  uint32_t live; /* bytes left by the last full collection */
  uint32_t collections : 25;
  uint32_t survival : 7; /* percent that lived of what the last collection looked at */
  uint16_t growths;
  uint16_t no_gc;        /* scopes entered in which nothing may be collected */
  uint16_t zealous;      /* allocations since the last collection out of zeal */
  uint8_t busy;          /* enum busy */
  bool private_pool : 1; /* releasing the heap frees its pool */
  bool corrupt : 1;      /* a collection met what the library did not write */
  bool forgetful : 1;    /* not all that should be in the remembered set is */
  uint8_t nursery : 5;   /* young objects take SLHI_NURSERY_BYTES << nursery at most */
};

/* One more collection; the largest number that there is room for stands for all beyond. */
static inline void slhi_heap_count_collection(slh_heap *heap)
{
  heap->collections += heap->collections < (1u << 25) - 1;
}

/* Of the smallest nursery. */
#define SLHI_NURSERY_BYTES (UINT64_C(64) * 1024)

/* A value of slh_heap.nursery: only the soft limit bounds it. */
#define SLHI_NURSERY_UNBOUNDED 31

_Static_assert(offsetof(struct slh_heap, data) == 0, "slh_heap_get_data casts");
_Static_assert(sizeof(struct slh_heap) == SLHI_SLOT_OWNER_BYTES, "lives in a slot's record");
_Static_assert(offsetof(struct slot, owner) == 0, "slhi_heap_slot casts");

static inline struct slot *slhi_heap_slot(const slh_heap *heap)
{
  return (struct slot *)(uintptr_t)heap;
}

static inline slh_heap *slhi_slot_heap(struct slot *slot)
{
  return (slh_heap *)(void *)slot->owner;
}

/* Offset of its first object: data.start, or where the image begins that it has
 * before that. */
static inline uint32_t slhi_heap_first(const slh_heap *heap)
{
  return heap->data.mask == UINT32_MAX ? SLH_WIDE_START : SLH_DENSE_START;
}

/* Whether it counts references. */
static inline bool slhi_heap_counts(const slh_heap *heap)
{
  return (heap->data.young & SLH_COUNTING) != 0;
}

/* data.young where references are counted: above all objects, so that every one that is
 * written is looked at. What is young there is in lib/counts.h. */
#define SLHI_YOUNG_COUNTING (~UINT32_C(7) | SLH_COUNTING)

/* Bytes of old objects; 0 where references are counted. Without barriers an image's are
 * young, too. */
static inline uint32_t slhi_heap_old(const slh_heap *heap)
{
  bool none = slhi_heap_counts(heap) || heap->data.young <= heap->data.start;

  return none ? 0 : heap->data.young - heap->data.start;
}

/* Its tables, or NULL; see tables.h. They are kept from one store to the next. */
static inline struct tables *slhi_heap_tables(const slh_heap *heap)
{
  return slhi_slot_host(slhi_heap_slot(heap));
}

/* The state of the collection that is under way. */
static inline struct collection *slhi_heap_collection(const slh_heap *heap)
{
  return slhi_slot_host(slhi_slot_space(slhi_heap_slot(heap)));
}

/* Allocation beyond this collects first: the soft limit, or before it the end
 * of the nursery. */
static inline uint64_t slhi_heap_trigger(const slh_heap *heap)
{
  uint64_t nursery_end = heap->data.young + (SLHI_NURSERY_BYTES << heap->nursery);

  return nursery_end < heap->soft ? nursery_end : heap->soft;
}

/* Makes the nursery at least so large. */
void slhi_heap_set_nursery(slh_heap *heap, uint64_t bytes);

/* Offset of the first byte that cannot be accessed. */
static inline uint64_t slhi_heap_committed(const slh_heap *heap)
{
  const struct slot *slot = slhi_heap_slot(heap);

  return slot->slab->gap + (uint64_t)slhi_slot_committed(slot);
}

/* Bytes from the slot's start on that this store may have written. The clamp
 * is for compiled code that broke its own bump pointer. */
static inline uint64_t slhi_heap_dirty_bytes(const slh_heap *heap)
{
  uint64_t dirty = heap->data.bump > heap->data.dirty ? heap->data.bump : heap->data.dirty;

  return slhi_at_most(dirty, slhi_heap_committed(heap)) - slhi_heap_slot(heap)->slab->gap;
}

/* Where the slot's first byte lies. */
static inline char *slhi_heap_first_byte(const slh_heap *heap)
{
  return heap->data.base + slhi_heap_slot(heap)->slab->gap;
}

/* Offset up to which it may fill before it asks its pool. */
static inline uint64_t slhi_heap_ready(const slh_heap *heap)
{
  const struct slot *slot = slhi_heap_slot(heap);

  return slot->slab->gap + slhi_slot_ready(slot, slot->slab->populate);
}

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

void slhi_heap_set_busy(slh_heap *heap, enum busy busy);

/*
 * Collection could not be had or did not free enough: the soft limit gives way,
 * by as much as the policy wishes if that is granted. `why` is what the
 * collection came to.
 */
slh_status slhi_heap_grow_for(slh_heap *heap, uint64_t bytes, slh_status why);

/* Stops because of what goes on with the heap. */
_Noreturn void slhi_busy_misuse(const slh_heap *heap, const char *call);

/* Stops if something goes on with the heap. */
static inline void slhi_require_idle(const slh_heap *heap, const char *call)
{
  if (SLH_UNLIKELY(heap->busy != BUSY_NOT))
    slhi_busy_misuse(heap, call);
}

/* Makes the heap accessible up to offset `end`. A dense pool can move it for that.
 * SLH_E_LIMIT, SLH_E_NOMEM, SLH_E_FULL. */
slh_status slhi_heap_access(slh_heap *heap, uint64_t end);

/* slh_heap_extend without zeal, and without growing. */
slh_status slhi_heap_commit(slh_heap *heap, uint64_t bytes);

/* Whether a heap of this runtime is alive in any pool. Slow. */
bool slhi_runtime_has_heaps(const slh_runtime *runtime);

#endif
