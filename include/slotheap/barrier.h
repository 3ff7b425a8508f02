/* SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception */
/*
 * Barriers. First those for references inside objects, which slh_set_ref and
 * its like (access.h) call: the generational collector needs them, and drc. Then those
 * for references that the host holds itself, in its globals, tables and stacks: only
 * drc needs them; hosts that call them everywhere can switch to it.
 *
 * With drc (deferred reference counting) an object lives as long as a reference to it
 * is counted, or it may be on a stack:
 *   - counted are references in objects that were there at the last collection, owned
 *     roots, and what slh_write_ref and slh_clone_ref have made;
 *   - on a stack may be what was allocated since the last collection, what slh_set_ref
 *     wrote into such an object, what is in a local root, what was exposed, and what the
 *     last collection found among the roots.
 * An object of which neither holds any more is reclaimed by the call that ends it:
 * slh_set_ref, slh_write_ref, slh_drop_ref, slh_owned_free and their like, which run drop
 * callbacks then, and take time in proportion to all that is reclaimed with it. A
 * collection finds out what is on a stack no longer.
 *
 * So with drc a reference that was read out of an object (slh_get_ref) is good until
 * something is written that can drop the object it refers to. To keep it beyond that:
 * expose it, if it lies among the stack roots at the next collection; clone it, and drop
 * the clone later; or root it. slh_init_ref keeps nothing alive before the next collection.
 *
 * On the heap's thread. None of them collects.
 */
#ifndef SLOTHEAP_BARRIER_H
#define SLOTHEAP_BARRIER_H

#include <slotheap/base.h>
#include <slotheap/heap-data.h>
#include <slotheap/ref.h>
#include <slotheap/type.h>

SLH_BEGIN_DECLS

/* ---- inside objects ---- */

/* Notes that references may have been written into `object`, so that the next
 * young collection looks at all of it: after writes through views, slices, or
 * slh_init_ref into an object that a collection may have met. Whatever is no
 * object is ignored. Never fails: if there is no memory to note it, the next collection
 * is a full one. With drc it is needed for new objects as well, and all that others
 * refer to now stays until the store ends: what it referred to before is not known;
 * better to use slh_set_ref. */
SLH_API void slh_remember_object(slh_heap *heap, slh_ref object);

/* The same of one element of an array of references. */
SLH_API void slh_remember_element(slh_heap *heap, slh_ref array, uint32_t index);

/* Arrays of no more elements are remembered as a whole, others in parts. */
#define SLH_REMEMBERED_WHOLE 254u

/* Whether the heap counts references: its collector is drc. */
static inline bool slh_heap_counts(const slh_heap *heap)
{
  return (slh_heap_get_data(heap)->young & SLH_COUNTING) != 0;
}

/* Whether references can be written into the object without a barrier: no collection has met it. */
static inline bool slh_is_young(const slh_heap *heap, slh_ref object)
{
  return object.bits >= slh_heap_get_data(heap)->young;
}

/* Writes the reference at `at` bytes from base, in `object`, of a heap that counts: what
 * slh_set_ref comes to where `object` is below `young`. In dense pools `at` is masked. */
SLH_API void slh_counted_set(slh_heap *heap, slh_ref object, uint64_t at, slh_ref value);

/* Notes that `value` may be on a stack. */
SLH_API void slh_counted_expose(slh_heap *heap, slh_ref value);

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

/* Writes `value` into `object`, at `at` bytes from base, by the statement `store`, with what
 * has to come after it, `barrier`: how slh_set_ref and its like are made. */
#define SLH_SET_REF(heap, object, at, value, store, barrier)                                       \
  do {                                                                                             \
    if (SLH_LIKELY(slh_is_young(heap, object))) {                                                  \
      store;                                                                                       \
    } else if (slh_heap_counts(heap)) {                                                            \
      slh_counted_set(heap, object, at, value);                                                    \
    } else {                                                                                       \
      store;                                                                                       \
      barrier;                                                                                     \
    }                                                                                              \
  } while (0)

/* ---- outside ---- */

/* The calls below, in a heap that counts. */
SLH_API void slh_counted_write(slh_heap *heap, slh_ref *destination, slh_ref source);
SLH_API bool slh_counted_list_is_long(const slh_heap *heap, uint32_t count);

/* Overwrites the reference in `*destination`, which holds one that was written
 * so or null, by `source`. Null, i31s and writing what is there already are
 * fine. With drc what is written so is counted, and need not be listed as a root. */
static inline void slh_write_ref(slh_heap *heap, slh_ref *destination, slh_ref source)
{
  if (SLH_UNLIKELY(slh_heap_counts(heap)))
    slh_counted_write(heap, destination, source);
  else
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

/* The bits of a reference that is handed to compiled code, or kept on a stack, which
 * gets the copy: it is found again among the roots of kind SLH_ROOT_STACK. Never fails: what
 * there is no memory to note stays until the store ends. */
static inline uint32_t slh_expose_ref(slh_heap *heap, slh_ref ref)
{
  if (SLH_UNLIKELY(slh_heap_counts(heap)))
    slh_counted_expose(heap, ref);
  return ref.bits;
}

/* Whether the heap should be collected before `count` references are exposed: the list of
 * those that may be on a stack has become long. */
static inline bool slh_needs_collection_before(const slh_heap *heap, uint32_t count)
{
  return SLH_UNLIKELY(slh_heap_counts(heap)) && slh_counted_list_is_long(heap, count);
}

SLH_END_DECLS

#endif
