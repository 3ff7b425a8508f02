/* SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception */
/*
 * Barriers for references that the host holds itself, in its globals, tables
 * and stacks. The copying and the null collector need none of them; hosts that
 * call them everywhere can switch to a collector that does. References inside
 * objects are written with slh_set_ref and its like (access.h).
 *
 * On the heap's thread. None of them collects.
 */
#ifndef SLOTHEAP_BARRIER_H
#define SLOTHEAP_BARRIER_H

#include <slotheap/base.h>
#include <slotheap/heap.h>
#include <slotheap/ref.h>

SLH_BEGIN_DECLS

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
