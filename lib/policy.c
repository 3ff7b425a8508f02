/* SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception */
#include "lib/policy.h"

/*
 * Twice what lived, and never less than the store's initial size: a
 * collection's cost is in what lives, so each live byte is copied at most
 * once for each byte allocated since, and a heap is at most half garbage.
 */
uint64_t slhi_policy_soft_limit(const slh_heap *heap, uint64_t needed)
{
  uint64_t live = heap->data.bump - SLHI_START;
  uint64_t wish = 2 * live + needed;

  return SLHI_START + (wish > heap->initial ? wish : heap->initial);
}
