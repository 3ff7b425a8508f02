/* SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception */
/* Finalizers: what a host has to see to when an object is not reachable any more. */
#ifndef SLOTHEAP_LIB_FINALIZERS_H
#define SLOTHEAP_LIB_FINALIZERS_H

#include "lib/heap.h"

/* Objects with data of the host's, side by side for the collector: those that are
 * registered, in no order, or the queue of those found unreachable and not yet polled. */
struct finalizers {
  slh_ref *refs;
  void **data;
  uint32_t first; /* of a queue: those before it are gone */
  uint32_t old;   /* of those registered: they are at the front. What is queued is old */
  uint32_t count;
  uint32_t capacity;
};

/* Forgets all. */
static inline void slhi_finalizers_forget(struct finalizers *list)
{
  list->first = list->old = list->count = 0;
}

/* After a collection of a generational heap: no object is young. */
static inline void slhi_finalizers_promote(struct finalizers *list)
{
  list->old = list->count;
}

#endif
