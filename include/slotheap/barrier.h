/* SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception */
/*
 * Barriers. First those for references inside objects, which slh_set_ref and
 * its like (access.h) call: the generational collector needs them. Then those
 * for references that the host holds itself, in its globals, tables and stacks: no
 * collector here needs them; hosts that call them everywhere can switch to one
 * that does.
 *
 * On the heap's thread. None of them collects.
 */
#ifndef SLOTHEAP_BARRIER_H
#define SLOTHEAP_BARRIER_H

#include <slotheap/base.h>
#include <slotheap/heap.h>
#include <slotheap/ref.h>

SLH_BEGIN_DECLS

/* ---- inside objects ---- */

/* Notes that references may have been written into `object`, so that the next
 * young collection looks at all of it: after writes through views, slices, or
 * slh_init_ref into an object that a collection may have met. Whatever is no
 * object is ignored. Never fails: if there is no memory to note it, the next collection
 * is a full one. */
SLH_API void slh_remember_object(slh_heap *heap, slh_ref object);

/* The same of one element of an array of references. */
SLH_API void slh_remember_element(slh_heap *heap, slh_ref array, uint32_t index);

/* Arrays of no more elements are remembered as a whole, others in parts. */
#define SLH_REMEMBERED_WHOLE 254u

/* Whether writing `value` into `object` makes a reference from an old object to
 * a young one. */
static inline bool slh_is_old_to_young(const slh_heap *heap, slh_ref object, slh_ref value)
{
  uint32_t young = slh_heap_get_data(heap)->young;

  return object.bits < young && value.bits >= young && (value.bits & 1) == 0;
}

/* The words of an old object. Whatever bits the reference has, they lie in the
 * heap: dense pools have no guard behind it. */
static inline uint32_t *slh_old_words(const slh_heap *heap, slh_ref object)
{
  return (uint32_t *)(void *)(slh_heap_get_data(heap)->base + (object.bits & ~UINT32_C(7)));
}

/* The write barrier: `value` was written into `object`, which is not an array
 * of more than SLH_REMEMBERED_WHOLE elements. */
static inline void slh_barrier(slh_heap *heap, slh_ref object, slh_ref value)
{
  slh_heap_data *data = slh_heap_get_data(heap);
  uint32_t *header;

  if (!slh_is_old_to_young(heap, object, value))
    return;
  header = slh_old_words(heap, object);
  if ((*header & SLH_HEADER_LOGGED) != 0)
    return;
  if (SLH_UNLIKELY(data->remembered == data->remembered_end)) {
    slh_remember_object(heap, object);
    return;
  }
  *header |= SLH_HEADER_LOGGED;
  *data->remembered++ = object.bits;
}

/* The same of an element of any array. */
static inline void slh_array_barrier(slh_heap *heap, slh_ref array, uint32_t index, slh_ref value)
{
  if (!slh_is_old_to_young(heap, array, value))
    return;
  if (slh_old_words(heap, array)[SLH_ARRAY_LENGTH_OFFSET / 4] > SLH_REMEMBERED_WHOLE)
    slh_remember_element(heap, array, index);
  else
    slh_barrier(heap, array, value);
}

/* ---- outside ---- */

/* Overwrites the reference in `*destination`, which holds one that was written
 * so or null, by `source`. Null, i31s and writing what is there already are
 * fine. */
static inline void slh_write_ref(slh_heap *heap, slh_ref *destination, slh_ref source)
{
  (void)heap;
  *destination = source;
}

/* One more copy of a reference, to be written or dropped on its own. */
static inline slh_ref slh_clone_ref(slh_heap *heap, slh_ref ref)
{
  slh_ref copy = SLH_NULL;

  slh_write_ref(heap, &copy, ref);
  return copy;
}

/* A copy that is no longer needed. */
static inline void slh_drop_ref(slh_heap *heap, slh_ref ref)
{
  slh_write_ref(heap, &ref, SLH_NULL);
}

/* The bits of a reference that is handed to compiled code, which gets the
 * copy: it is found again among the stack roots. */
static inline uint32_t slh_expose_ref(slh_heap *heap, slh_ref ref)
{
  (void)heap;
  return ref.bits;
}

/* Whether the heap must be collected before `count` references are exposed. */
static inline bool slh_needs_collection_before(const slh_heap *heap, uint32_t count)
{
  (void)heap;
  (void)count;
  return false;
}

SLH_END_DECLS

#endif
