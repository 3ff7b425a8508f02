/* SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception */
/* A heap: its record in a slot, its marks, and what goes on with it. */
#ifndef SLOTHEAP_LIB_HEAP_H
#define SLOTHEAP_LIB_HEAP_H

#include <slotheap/allocate.h>
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
  BUSY_FREEZING,
  BUSY_RELEASED /* no store has it */
};

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
  union {
    uint64_t copied;  /* bytes, by collectors that copy */
    struct {          /* where references are counted, of which no collector copies: */
      uint32_t top;   /* end of its objects, while bump lies in a hole among them; else 0 */
      uint32_t young; /* what was allocated from here on is new; 0: all from start on */
    } counting;
  };
  uint32_t live; /* bytes left by the last full collection */
  uint32_t collections : 25;
  uint32_t survival : 7; /* percent that lived of what the last collection looked at */
  uint16_t growths;
  uint16_t no_gc;        /* scopes entered in which nothing may be collected */
  uint16_t zealous;      /* allocations since the last collection out of zeal */
  uint8_t busy;          /* enum busy */
  bool private_pool : 1; /* releasing the heap frees its pool */
  bool corrupt : 1;      /* a collection met what the library did not write */
  bool forgetful : 1;    /* not all is remembered, or counted, that should be */
  uint8_t nursery : 5;   /* young objects take SLHI_NURSERY_BYTES << nursery at most */
};

/* One more collection; the largest number that there is room for stands for all beyond. */
static inline void slhi_heap_count_collection(slh_heap *heap)
{
  heap->collections += heap->collections < (1u << 25) - 1;
}

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
  return heap->data.mask == UINT32_MAX ? SLH_WIDE_FIRST : SLH_DENSE_FIRST;
}

/* Whether it counts references. */
static inline bool slhi_heap_counts(const slh_heap *heap)
{
  return (heap->data.young & SLH_COUNTING) != 0;
}

/* data.young where references are counted: above all objects, so that every one that is
 * written is looked at. What is young there, slhi_heap_young says. */
#define SLHI_YOUNG_COUNTING (~UINT32_C(7) | SLH_COUNTING)

/* End of its objects: bump, unless that lies in a hole among them (holes.h). */
static inline uint64_t slhi_heap_end(const slh_heap *heap)
{
  return SLH_UNLIKELY(slhi_heap_counts(heap)) && heap->counting.top != 0 ? heap->counting.top
                                                                         : heap->data.bump;
}

/* Where young objects begin. */
static inline uint32_t slhi_heap_young(const slh_heap *heap)
{
  if (SLH_LIKELY(!slhi_heap_counts(heap)))
    return heap->data.young;
  return heap->counting.young != 0 ? heap->counting.young : heap->data.start;
}

/* Bytes that collections have copied. */
static inline uint64_t slhi_heap_copied(const slh_heap *heap)
{
  return slhi_heap_counts(heap) ? 0 : heap->copied;
}

/* Bytes of old objects; 0 where references are counted. Without barriers an image's are
 * young, too. */
static inline uint32_t slhi_heap_old(const slh_heap *heap)
{
  bool none = slhi_heap_counts(heap) || heap->data.young <= heap->data.start;

  return none ? 0 : heap->data.young - heap->data.start;
}

/* Its tables (tables.h), or NULL. They are kept from one store to the next. */
static inline struct tables *slhi_heap_tables(const slh_heap *heap)
{
  return slhi_slot_host(slhi_heap_slot(heap));
}

/* The state (collection.h) of the collection that is under way. */
static inline struct collection *slhi_heap_collection(const slh_heap *heap)
{
  return slhi_slot_host(slhi_slot_space(slhi_heap_slot(heap)));
}

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
static inline char *slhi_heap_memory(const slh_heap *heap)
{
  return heap->data.base + slhi_heap_slot(heap)->slab->gap;
}

/* Offset up to which it may fill before it asks its pool. */
static inline uint64_t slhi_heap_ready(const slh_heap *heap)
{
  const struct slot *slot = slhi_heap_slot(heap);

  return slot->slab->gap + slhi_slot_ready(slot, slot->slab->populate);
}

/* Bytes allocated since acquire or reset. */
uint64_t slhi_heap_allocated(const slh_heap *heap);

void slhi_heap_set_busy(slh_heap *heap, enum busy busy);

/* Stops because of what goes on with the heap. */
_Noreturn void slhi_busy_misuse(const slh_heap *heap, const char *call);

/* Stops if something goes on with the heap. */
static inline void slhi_require_idle(const slh_heap *heap, const char *call)
{
  if (SLH_UNLIKELY(heap->busy != BUSY_NOT))
    slhi_busy_misuse(heap, call);
}

/* Whether a heap of this runtime is alive in any pool. Slow. */
bool slhi_runtime_has_heaps(const slh_runtime *runtime);

#endif
