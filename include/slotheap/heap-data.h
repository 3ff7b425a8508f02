/* SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception */
/*
 * slh_heap_data: what inline calls and compiled code know of a heap. A compiler gets it by
 * codegen.h, without a number written down.
 */
#ifndef SLOTHEAP_HEAP_DATA_H
#define SLOTHEAP_HEAP_DATA_H

#include <slotheap/base.h>
#include <slotheap/runtime.h>

SLH_BEGIN_DECLS

/* A store's heap: taken by slh_heap_acquire, given back by slh_heap_release. */
typedef struct slh_heap slh_heap;

/*
 * What compiled code needs of a heap, at fixed offsets. An slh_heap * points
 * at its slh_heap_data. `bump` and all that follows it, but for the pointers,
 * are offsets from `base`.
 *
 * To allocate inline: end = bump + size; if end > limit, call the library;
 * else store bump = end and write the header word (and the length of an
 * array). Bytes from max(bump, dirty) on are zero, those below `dirty` are
 * not: initialise every field before anything can collect. With drc `bump` and `limit`
 * can lie in a hole among the objects: then there are objects behind it, too.
 *
 * To write a reference inline into an object that anything may have collected
 * since it was allocated (the write barrier of slh_set_ref): store it; then
 *   if object >= young, or value < young, or bit 0 of value is set: done;
 *   if header & SLH_HEADER_LOGGED: done;
 *   if remembered == remembered_end: call slh_remember_object(heap, object);
 *   else set that bit in the header and store the object's offset at
 *   *remembered++.
 * `object` is the array, not the element. With arrays of more than
 * SLH_REMEMBERED_WHOLE elements, call slh_remember_element in place of all
 * after the first line; else the whole array is looked at. With the copying and the null
 * collector nothing lies below `young`: the first comparison always ends it. With drc
 * there is another barrier; see SLH_COUNTING.
 */
typedef struct slh_heap_data {
  char *base;               /* +0  address of offset 0 */
  uint64_t bump;            /* +8  the next free byte; drc: perhaps in a hole */
  uint64_t limit;           /* +16 allocation may go up to here */
  uint32_t *remembered;     /* +24 where the write barrier notes the next object */
  uint32_t *remembered_end; /* +32 and where there is no more room for one */
  uint32_t dirty;           /* +40 bytes below may not be zero; see above */
  uint32_t young;           /* +44 objects from here on are young: no barrier; SLH_COUNTING */
  uint32_t start;           /* +48 the store's own objects lie from here on; an image's before */
  uint32_t mask;            /* +52 of offsets in a dense slot: its width - 1; wide: all ones */
  slh_runtime *runtime;     /* +56 */
} slh_heap_data;

SLH_STATIC_ASSERT(sizeof(slh_heap_data) == 64, "one cache line, known to compiled code");
SLH_STATIC_ASSERT(offsetof(slh_heap_data, bump) == 8, "known to compiled code");
SLH_STATIC_ASSERT(offsetof(slh_heap_data, limit) == 16, "known to compiled code");
SLH_STATIC_ASSERT(offsetof(slh_heap_data, remembered) == 24, "known to compiled code");
SLH_STATIC_ASSERT(offsetof(slh_heap_data, remembered_end) == 32, "known to compiled code");
SLH_STATIC_ASSERT(offsetof(slh_heap_data, dirty) == 40, "known to compiled code");
SLH_STATIC_ASSERT(offsetof(slh_heap_data, young) == 44, "known to compiled code");
SLH_STATIC_ASSERT(offsetof(slh_heap_data, start) == 48, "known to compiled code");
SLH_STATIC_ASSERT(offsetof(slh_heap_data, mask) == 52, "known to compiled code");
SLH_STATIC_ASSERT(offsetof(slh_heap_data, runtime) == 56, "known to compiled code");

/* Bit of `young` in heaps that count references (SLH_COLLECTOR_DRC), where it lies above
 * all objects: compiled code for them writes references by slh_counted_set (barrier.h), but
 * for those that slh_init_ref would do for. */
#define SLH_COUNTING 1u

/* Offset of the first object in a heap of a wide pool. References below it
 * fault: null plus a small offset is caught by the guard at no cost. */
#define SLH_WIDE_FIRST 4096u

/* The same in a dense pool, whose slots have nothing before them. */
#define SLH_DENSE_FIRST 8u

/* What compiled code needs of a heap. The same memory, at no cost. */
static inline slh_heap_data *slh_heap_get_data(const slh_heap *heap)
{
  return (slh_heap_data *)(uintptr_t)heap;
}

SLH_END_DECLS

#endif
