/* SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception */
/* Heaps that have not been released: of a pool, of a runtime. */
#include "lib/heap.h"
#include "pool/registry.h"

void slh_pool_visit_heaps(slh_pool *pool, slh_visit_heap_fn *visit, void *context)
{
  uint32_t touched;
  bool go_on = true;

  slhi_check_pool(pool, "slh_pool_visit_heaps");
  touched = slhi_slab_touched(&pool->heaps[0]);
  for (uint32_t i = 0; i < touched && go_on; i++) {
    struct slot *slot = &pool->heaps[0].slots[i];

    if (slhi_slot_is_taken(slot))
      go_on = visit(context, slhi_slot_heap(slot));
  }
}

static bool has_no_heap_of(void *context, slh_pool *pool)
{
  for (uint32_t i = slhi_slab_touched(&pool->heaps[0]); i-- > 0;) {
    struct slot *slot = &pool->heaps[0].slots[i];
    slh_heap *heap = slhi_slot_heap(slot);

    if (slhi_slot_is_taken(slot) &&
        __atomic_load_n(&heap->data.runtime, __ATOMIC_RELAXED) == context)
      return false;
  }
  return true;
}

bool slhi_runtime_has_heaps(const slh_runtime *runtime)
{
  return !slhi_registry_visit(has_no_heap_of, (void *)(uintptr_t)runtime);
}
