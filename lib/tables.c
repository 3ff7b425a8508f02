/* SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception */
#include "lib/tables.h"

/* A slot keeps its tables for the next store up to this many bytes. */
#define KEEP_BYTES (64 * 1024)

/* Stamps are handed to slots in ranges of this many. */
#define STAMP_RANGE (UINT64_C(1) << 32)

slh_status slhi_table_resize(slh_heap *heap, void *array, uint64_t count, size_t each)
{
  struct slot *slot = slhi_heap_slot(heap);
  void *old, *resized;

  memcpy(&old, array, sizeof old);
  /* The old array counts, too: for a moment both can be there. */
  if (slot->host_bytes + count * each > heap->max_host)
    return SLH_E_HOST_LIMIT;
  resized = slhi_slot_resize(slot, old, (size_t)(count * each));
  if (!resized)
    return SLH_E_NOMEM;
  memcpy(array, &resized, sizeof resized);
  return SLH_OK;
}

slh_status slhi_tables(slh_heap *heap, struct tables **out)
{
  slh_status status;

  if (!heap->tables) {
    status = slhi_table_resize(heap, &heap->tables, 1, sizeof *heap->tables);
    if (status != SLH_OK)
      return status;
    memset(heap->tables, 0, sizeof *heap->tables);
    heap->tables->reset_stamp = slhi_new_stamp(heap->tables);
  }
  *out = heap->tables;
  return SLH_OK;
}

uint64_t slhi_new_stamp(struct tables *tables)
{
  static _Atomic uint64_t ranges;

  if (tables->last_stamp % STAMP_RANGE == 0)
    tables->last_stamp = atomic_fetch_add_explicit(&ranges, 1, memory_order_relaxed) * STAMP_RANGE;
  return ++tables->last_stamp;
}

void slhi_tables_list_roots(const struct tables *tables, slh_roots *roots)
{
  const struct handles *locals = &tables->locals;
  const struct handles *owned = &tables->owned.at;
  const struct finalizers *queue = &tables->queue;

  if (locals->count != 0)
    (void)slh_roots_add(roots, SLH_ROOT_OTHER, locals->refs, locals->count, "local roots");
  if (owned->count != 0)
    (void)slh_roots_add(roots, SLH_ROOT_OTHER, owned->refs, owned->count, "owned roots");
  if (queue->count != queue->first)
    (void)slh_roots_add(roots, SLH_ROOT_OTHER, queue->refs + queue->first,
                        queue->count - queue->first, "queued finalizers");
}

static void forget_handles(struct free_handles *handles)
{
  handles->at.count = 0;
  handles->free = 0;
  handles->live = 0;
}

void slhi_tables_reset(slh_heap *heap)
{
  struct tables *tables = heap->tables;

  slhi_host_data_begin(tables);
  slhi_heap_set_busy(heap, BUSY_DROPPING);
  slhi_host_data_sweep(heap, UINT64_MAX);
  slhi_heap_set_busy(heap, BUSY_NOT);
  if (slhi_heap_slot(heap)->host_bytes > KEEP_BYTES) {
    heap->tables = NULL;
    slhi_slot_free_all(slhi_heap_slot(heap));
    return;
  }
  tables->reset_stamp = slhi_new_stamp(tables);
  tables->frame = 0;
  tables->locals.count = 0;
  forget_handles(&tables->owned);
  forget_handles(&tables->weak);
  forget_handles(&tables->ephemerons.tables);
  tables->ephemerons.count = 0;
  slhi_ephemerons_index(&tables->ephemerons);
  tables->finalizers.count = 0;
  tables->queue.first = tables->queue.count = 0;
  slhi_functions_forget(&tables->functions);
}
