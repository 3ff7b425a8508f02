/* SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception */
/*
 * Allocation.
 *
 * Two families. slh_alloc_* never collects and has three outcomes: SLH_OK;
 * SLH_E_COLLECT (no room below the soft limit: collect, or grow by
 * slh_heap_grow, and retry; slh_heap_bytes_needed says how much); or an error
 * that no retry can help. slh_new_* collects and grows by itself, as the
 * heap's policy decides, and can move every object.
 *
 * Types must be of the heap's runtime (not checked). With the null collector,
 * slh_alloc_* grow the heap by themselves: there is nothing to collect.
 *
 * Objects come zeroed (references null), except from the _uninit calls: there
 * every field must be set before anything can collect.
 *
 * Errors of both: SLH_E_TYPE (not a struct / array type; not of the calls for
 * uninitialised structs), SLH_E_TOO_LARGE (the object alone exceeds max_bytes),
 * SLH_E_NOMEM (the system refused memory), SLH_E_FULL (dense pools: the heap has
 * outgrown its slot, and no larger one is free), SLH_E_CORRUPT (a collection met what
 * the library did not write). slh_alloc_*: SLH_E_COLLECT. slh_new_*, and with the null
 * collector slh_alloc_*: SLH_E_LIMIT (the live objects and this one exceed max_bytes),
 * SLH_E_POOL_LIMIT (the pool's budget), SLH_E_REFUSED (the growth callback). slh_new_*
 * also: SLH_E_BUSY (every evacuation space is lent, and growing did not do instead).
 * After any error but SLH_E_CORRUPT the heap is as usable as before.
 */
#ifndef SLOTHEAP_ALLOCATE_H
#define SLOTHEAP_ALLOCATE_H

#include <slotheap/base.h>
#include <slotheap/heap.h>
#include <slotheap/ref.h>
#include <slotheap/type.h>

SLH_BEGIN_DECLS

/*
 * Makes room for `bytes` without collecting: commits memory below the soft
 * limit. What slh_alloc_* calls when the inline path finds no room.
 * Errors: those of slh_alloc_* but SLH_E_TYPE.
 */
SLH_API SLH_NODISCARD slh_status slh_heap_extend(slh_heap *heap, uint64_t bytes);

/* Makes room for `bytes`: collects, or grows, or both, as the policy decides.
 * Moves objects. What slh_new_* calls, and what to call when slh_alloc_* returns
 * SLH_E_COLLECT and the policy is to decide whether a young collection will do.
 * Errors: those of slh_new_* but SLH_E_TYPE. */
SLH_API SLH_NODISCARD slh_status slh_heap_make_room(slh_heap *heap, uint64_t bytes);

/* The two differ in what they call when there is no room, and then they try
 * again: joining the loop from there, compilers can keep the bump pointer in
 * a register from one object to the next. */
#define SLH_DEFINE_UNINIT(name, make_room)                                                         \
  static inline SLH_NODISCARD slh_status name(slh_heap *heap, const slh_type *type, slh_ref *out)  \
  {                                                                                                \
    slh_heap_data *data = slh_heap_get_data(heap);                                                 \
    uint64_t at, end;                                                                              \
                                                                                                   \
    for (;;) {                                                                                     \
      slh_status status;                                                                           \
                                                                                                   \
      at = data->bump;                                                                             \
      end = at + type->size;                                                                       \
      if (SLH_LIKELY(end <= data->limit))                                                          \
        break;                                                                                     \
      status = make_room(heap, type->size);                                                        \
      if (status != SLH_OK)                                                                        \
        return status;                                                                             \
    }                                                                                              \
    data->bump = end;                                                                              \
    *(uint32_t *)(data->base + at) = type->header;                                                 \
    out->bits = (uint32_t)at;                                                                      \
    return SLH_OK;                                                                                 \
  }

/* An uninitialised struct. `type` must be a struct type of the heap's runtime
 * (not checked). Where one type is allocated again and again, a local copy of
 * its slh_type spares reloading it. */
SLH_DEFINE_UNINIT(slh_alloc_struct_uninit, slh_heap_extend)
SLH_DEFINE_UNINIT(slh_new_struct_uninit, slh_heap_make_room)
#undef SLH_DEFINE_UNINIT

/* The same, zeroed. */
SLH_API SLH_NODISCARD slh_status slh_alloc_struct(slh_heap *heap, const slh_type *type,
                                                  slh_ref *out);
SLH_API SLH_NODISCARD slh_status slh_new_struct(slh_heap *heap, const slh_type *type, slh_ref *out);

/* An array of `length` elements: zeroed, or with only header and length written.
 * Errors: as above. SLH_E_TYPE: no array type. SLH_E_TOO_LARGE: so many elements of that
 * size, with 8 bytes before them, exceed max_bytes. */
SLH_API SLH_NODISCARD slh_status slh_alloc_array(slh_heap *heap, const slh_type *type,
                                                 uint32_t length, slh_ref *out);
SLH_API SLH_NODISCARD slh_status slh_new_array(slh_heap *heap, const slh_type *type,
                                               uint32_t length, slh_ref *out);
SLH_API SLH_NODISCARD slh_status slh_alloc_array_uninit(slh_heap *heap, const slh_type *type,
                                                        uint32_t length, slh_ref *out);
SLH_API SLH_NODISCARD slh_status slh_new_array_uninit(slh_heap *heap, const slh_type *type,
                                                      uint32_t length, slh_ref *out);

/* Bytes that the last allocation answered with SLH_E_COLLECT wanted. */
SLH_API uint64_t slh_heap_bytes_needed(const slh_heap *heap);

/* Raises the soft limit so that `bytes` more can be allocated without a
 * collection. Errors: SLH_E_LIMIT (max_bytes), SLH_E_POOL_LIMIT,
 * SLH_E_REFUSED, SLH_E_NOMEM, SLH_E_FULL (dense pools, as above), SLH_E_CORRUPT. */
SLH_API SLH_NODISCARD slh_status slh_heap_grow(slh_heap *heap, uint64_t bytes);

SLH_END_DECLS

#endif
