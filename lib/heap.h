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
  BUSY_ASKING
};

/* A value of slh_heap.zealous: the heap was collected or grown, so that an
 * allocation can be tried again, and the next one goes well. */
#define SLHI_ZEAL_CONTENT UINT32_MAX

/*
 * A heap: what the host sees of it, in the owner's part of its slot's record.
 * Offsets count from data.base:
 *
 *   base     start          bump      limit      soft        max
 *    |--------|=== objects ===|..........|----------|-----------|
 *     guard                    allocate    commit     collect or grow
 *
 * limit = min(soft, what the slot has committed), so that the inline
 * allocation has one comparison to make.
 */
struct slh_heap {
  slh_heap_data data; /* first: an slh_heap * is an slh_heap_data * */
  _Atomic(slh_runtime *) runtime;
  uint64_t soft;           /* allocation beyond this collects or grows first */
  uint64_t max;            /* allocation beyond this is refused */
  uint64_t initial;        /* first value of soft - start, and its least */
  uint64_t charged;        /* bytes of the pool's budget that it has */
  uint64_t max_host;       /* slot->host_bytes may not go beyond */
  uint64_t host_allowance; /* of that, what the store asked for */
  slh_enumerate_roots_fn *enumerate_roots;
  slh_grow_fn *grow;
  void *host;
  uint64_t needed; /* bytes that the last SLH_E_COLLECT wanted */
  uint64_t reclaimed;
  uint64_t copied;
  uint64_t live; /* bytes left by the last collection */
  uint32_t collections;
  uint32_t growths;
  struct tables *tables; /* or NULL; kept from one store to the next */
  uint32_t no_gc;        /* scopes entered in which nothing may be collected */
  uint32_t zealous;      /* allocations since the last collection out of zeal */
  enum busy busy;
  bool private_pool; /* releasing the heap frees its pool */
  bool corrupt;      /* a collection met what the library did not write */
};

_Static_assert(offsetof(struct slh_heap, data) == 0, "slh_heap_get_data casts");
_Static_assert(sizeof(struct slh_heap) <= SLHI_SLOT_OWNER_BYTES, "lives in a slot's record");
_Static_assert(offsetof(struct slot, owner) == 0, "slhi_heap_slot casts");

/* Offset of the first object. */
#define SLHI_START SLH_WIDE_START

static inline struct slot *slhi_heap_slot(const slh_heap *heap)
{
  return (struct slot *)(uintptr_t)heap;
}

static inline slh_heap *slhi_slot_heap(struct slot *slot)
{
  return (slh_heap *)(void *)slot->owner;
}

/* Offset of the first byte that cannot be accessed. */
static inline uint64_t slhi_heap_committed(const slh_heap *heap)
{
  return SLHI_START + slhi_slot_committed(slhi_heap_slot(heap));
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

/* slh_heap_extend without zeal, and without growing. */
slh_status slhi_heap_commit(slh_heap *heap, uint64_t bytes);

/* Whether a heap of this runtime is alive in any pool. Slow. */
bool slhi_runtime_has_heaps(const slh_runtime *runtime);

#endif
