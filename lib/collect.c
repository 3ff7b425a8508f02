/* SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception */
/* slh_heap_collect: the frame around a collector. */
#include "lib/heap.h"
#include "lib/roots.h"
#include "lib/tables.h"
#include "lib/verify.h"

/* All that the store names as roots, in one list. */
static slh_status list_roots(slh_heap *heap, const slh_roots *given, slh_roots *all)
{
  if (heap->tables)
    slhi_tables_list_roots(heap->tables, all);
  if (heap->enumerate_roots) {
    slhi_heap_set_busy(heap, "enumerate_roots");
    heap->enumerate_roots(heap->host, heap, all);
    slhi_heap_set_busy(heap, NULL);
  }
  if (given && given->failure != SLH_OK)
    return given->failure;
  for (size_t i = 0; given && i < given->count; i++) {
    const slh_root *root = &given->entries[i];

    (void)slh_roots_add(all, root->kind, root->first, root->count, root->reason);
  }
  return all->failure;
}

static slh_status collect(slh_heap *heap, const slh_roots *roots)
{
  slh_status status;

  if (heap->tables)
    slhi_host_data_begin(heap->tables);
  status = heap->runtime->collector->collect(heap, roots);
  if (status == SLH_OK)
    status = slhi_check_collected(heap, roots);
  heap->corrupt = status == SLH_E_CORRUPT;
  slhi_heap_set_limit(heap);
  if (status == SLH_OK && heap->tables && heap->runtime->collector->collects)
    slhi_host_data_sweep(heap);
  return status;
}

slh_status slh_heap_collect(slh_heap *heap, slh_roots *given)
{
  slh_roots all;
  slh_status status;

  slhi_require_idle(heap, "slh_heap_collect");
  if (heap->corrupt)
    return SLH_E_CORRUPT;
  slhi_roots_open(&all, &heap->runtime->allocator);
  status = list_roots(heap, given, &all);
  if (status == SLH_OK)
    status = collect(heap, &all);
  slhi_roots_close(&all);
  return status;
}
