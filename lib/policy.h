/* SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception */
/* When a heap collects, and when it grows instead. */
#ifndef SLOTHEAP_LIB_POLICY_H
#define SLOTHEAP_LIB_POLICY_H

#include "lib/heap.h"

/* After a full collection: the soft limit (an offset) up to which the heap may
 * fill, `needed` bytes of it at once, before it is collected in full again. */
uint64_t slhi_policy_soft_limit(const slh_heap *heap, uint64_t needed);

/* After a collection of a generational heap: bytes that may be allocated
 * before a young one. */
uint64_t slhi_policy_nursery(const slh_heap *heap);

/* The heap is to be collected: whether a young collection will do. */
bool slhi_policy_wants_young(const slh_heap *heap);

#endif
