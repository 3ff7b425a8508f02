/* SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception */
/* What a heap's policy says, in the heap's own terms. */
#ifndef SLOTHEAP_LIB_POLICY_H
#define SLOTHEAP_LIB_POLICY_H

#include <slotheap/policy.h>

#include "lib/heap.h"

/* What to do when there is no room for `bytes`. */
slh_policy_action slhi_policy_act(const slh_heap *heap, uint64_t bytes);

/* The soft limit (an offset) up to which the heap may fill, `bytes` of it at
 * once. */
uint64_t slhi_policy_soft_limit(const slh_heap *heap, uint64_t bytes);

/* Bytes that may be allocated before a young collection. */
uint64_t slhi_policy_nursery(const slh_heap *heap);

#endif
