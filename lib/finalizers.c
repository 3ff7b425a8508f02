/* SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception */
/* Finalizers: the host's side of them. */
#include <slotheap/weak.h>

#include "lib/finalizers.h"

#include "lib/tables.h"
#include "pool/assert.h"

static slh_status reserve(slh_heap *heap, struct finalizers *list, uint64_t count)
{
  return slhi_table_reserve(heap, &list->capacity, count, UINT32_MAX, &list->refs,
                            sizeof *list->refs, &list->data, sizeof *list->data);
}

slh_status slh_finalizer_add(slh_heap *heap, slh_ref ref, void *data)
{
  struct tables *tables;
  struct finalizers *list;
  slh_status status;

  slhi_require_idle(heap, "slh_finalizer_add");
  if (slhi_heap_counts(heap))
    return SLH_E_UNSUPPORTED;
  if (!slh_is_object(ref))
    return SLH_E_TYPE;
  status = slhi_tables(heap, &tables);
  if (status != SLH_OK)
    return status;
  list = &tables->finalizers;
  status = reserve(heap, list, (uint64_t)list->count + 1);
  /* The queue can take all of them, so that no collection has to allocate. */
  if (status == SLH_OK)
    status = reserve(heap, &tables->queue, (uint64_t)tables->queue.count + list->count + 1);
  if (status != SLH_OK)
    return status;
  list->refs[list->count] = ref;
  list->data[list->count++] = data;
  return SLH_OK;
}

bool slh_finalizer_poll(slh_heap *heap, slh_ref *ref, void **data)
{
  struct finalizers *queue;

  slhi_require_idle(heap, "slh_finalizer_poll");
  if (heap->corrupt || !slhi_heap_tables(heap) || slhi_heap_tables(heap)->queue.count == 0)
    return false;
  queue = &slhi_heap_tables(heap)->queue;
  SLHI_ASSERT_LT(queue->first, queue->count);
  *ref = queue->refs[queue->first];
  *data = queue->data[queue->first++];
  /* Mostly polled: the rest moves to the front, so that the storage of what
   * is gone serves again. */
  if (2 * queue->first >= queue->count) {
    queue->count -= queue->first;
    memmove(queue->refs, queue->refs + queue->first, queue->count * sizeof *queue->refs);
    memmove(queue->data, queue->data + queue->first, queue->count * sizeof *queue->data);
    queue->first = 0;
  }
  return true;
}
