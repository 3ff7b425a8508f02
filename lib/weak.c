/* SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception */
/* Weak references: the host's side of them. */
#include <slotheap/weak.h>

#include "lib/tables.h"

slh_status slh_weak_new(slh_heap *heap, slh_ref ref, slh_weak *out)
{
  struct tables *tables;
  slh_status status;

  slhi_require_idle(heap, "slh_weak_new");
  if (slhi_heap_counts(heap))
    return SLH_E_UNSUPPORTED;
  status = slhi_tables(heap, &tables);
  if (status != SLH_OK)
    return status;
  return slhi_handle_new(heap, &tables->weak, ref, &out->stamp, &out->number);
}

static const struct handles *weak_of(const slh_heap *heap)
{
  return slhi_heap_tables(heap) ? &slhi_heap_tables(heap)->weak.at : NULL;
}

slh_ref slh_weak_get(const slh_heap *heap, slh_weak weak)
{
  return slhi_handle_get(heap, weak_of(heap), weak.stamp, weak.number, "slh_weak_get");
}

void slh_weak_free(slh_heap *heap, slh_weak weak)
{
  struct free_handles *handles = slhi_heap_tables(heap) ? &slhi_heap_tables(heap)->weak : NULL;

  slhi_require_idle(heap, "slh_weak_free");
  slhi_handle_free(handles, weak.stamp, weak.number, "slh_weak_free");
}
