/* SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception */
#include "lib/tables.h"

#include "lib/counts.h"
#include "pool/assert.h"
#include "pool/events.h"

/* A slot keeps its tables for the next store up to this many bytes. */
#define KEEP_BYTES (64 * 1024)

/* Of arrays, in items; they double. */
#define FIRST_CAPACITY 16

/* Stamps are handed to slots in ranges of this many. */
#define STAMP_RANGE (UINT64_C(1) << 32)

/* [promise bounded-memory] */
slh_status slhi_table_resize(slh_heap *heap, void *array, uint64_t count, size_t each)
{
  struct slot *slot = slhi_heap_slot(heap);
  const struct tables *tables = slhi_heap_tables(heap);
  void *old, *resized;

  /* The old array counts, too: for a moment both can be there. */
  if (slhi_slot_host_bytes(slot) + count * each + SLHI_BLOCK_OVERHEAD >
      slhi_saturating_add(heap->max_host, tables->uncounted)) {
    SLHI_EVENT(exhausted, EXHAUSTED, slh_heap_pool(heap), heap, SLH_E_HOST_LIMIT, count * each,
               heap->max_host);
    return SLH_E_HOST_LIMIT;
  }
  memcpy(&old, array, sizeof old);
  resized = slhi_slot_resize(slot, old, (size_t)(count * each));
  if (!resized)
    return SLH_E_NOMEM;
  memcpy(array, &resized, sizeof resized);
  return SLH_OK;
}

bool slhi_table_widen(slh_heap *heap, void *array, size_t each, uint32_t *capacity, uint64_t count,
                      uint32_t first)
{
  uint64_t wider = *capacity ? *capacity : first;

  while (wider < count)
    wider *= 2;
  if (wider > UINT32_MAX || slhi_table_resize(heap, array, wider, each) != SLH_OK)
    return false;
  *capacity = (uint32_t)wider;
  return true;
}

slh_status slhi_table_reserve(slh_heap *heap, uint32_t *capacity, uint64_t count, uint64_t most,
                              void *first, size_t first_bytes, void *second, size_t second_bytes)
{
  uint64_t wanted = *capacity ? *capacity : FIRST_CAPACITY;
  slh_status status;

  if (count <= *capacity)
    return SLH_OK;
  while (wanted < count)
    wanted *= 2;
  if (wanted > most)
    return SLH_E_HOST_LIMIT;
  status = slhi_table_resize(heap, first, wanted, first_bytes);
  if (status == SLH_OK)
    status = slhi_table_resize(heap, second, wanted, second_bytes);
  if (status == SLH_OK)
    *capacity = (uint32_t)wanted;
  return status;
}

slh_status slhi_tables(slh_heap *heap, struct tables **out)
{
  struct slot *slot = slhi_heap_slot(heap);
  struct tables *tables = slhi_slot_host(slot);

  if (heap->corrupt)
    return SLH_E_CORRUPT;
  if (!tables) {
    tables = slhi_slot_make_host(slot, sizeof *tables);
    if (!tables)
      return SLH_E_NOMEM;
    tables->uncounted = slhi_slot_host_bytes(slot);
    tables->reset_stamp = slhi_new_stamp(tables);
  }
  *out = tables;
  return SLH_OK;
}

uint64_t slhi_new_stamp(struct tables *tables)
{
  static _Atomic uint64_t ranges;

  if (tables->last_stamp % STAMP_RANGE == 0)
    tables->last_stamp = atomic_fetch_add_explicit(&ranges, 1, memory_order_relaxed) * STAMP_RANGE;
  return ++tables->last_stamp;
}

void slhi_align_stamps(struct tables *tables, uint64_t count)
{
  SLHI_ASSERT_LT(count, STAMP_RANGE);
  if (tables->last_stamp % STAMP_RANGE + count >= STAMP_RANGE)
    tables->last_stamp = 0;
}

void slhi_tables_list_roots(const struct tables *tables, slh_roots *roots)
{
  const struct handles *locals = &tables->locals;
  const struct handles *owned = &tables->owned.at;
  const struct finalizers *queue = &tables->queue;

  if (locals->count != 0)
    (void)slh_roots_add(roots, SLH_ROOT_STACK, locals->refs, locals->count, "local roots");
  if (owned->count != 0)
    (void)slh_roots_add(roots, SLH_ROOT_OTHER, owned->refs, owned->count, "owned roots");
  if (queue->count != queue->first)
    (void)slh_roots_add(roots, SLH_ROOT_OTHER, queue->refs + queue->first,
                        queue->count - queue->first, "queued finalizers");
}

void slhi_tables_promote(struct tables *tables)
{
  slhi_handles_promote(&tables->locals);
  slhi_handles_promote(&tables->owned.at);
  slhi_handles_promote(&tables->weak.at);
  slhi_ephemerons_promote(&tables->ephemerons);
  slhi_finalizers_promote(&tables->finalizers);
  slhi_host_data_promote(&tables->host);
}

void slhi_tables_reset(slh_heap *heap)
{
  struct slot *slot = slhi_heap_slot(heap);
  struct tables *tables = slhi_heap_tables(heap);

  slhi_remembered_reset(heap);
  slhi_host_data_reset(heap);
  if (slhi_slot_host_bytes(slot) > KEEP_BYTES) {
    slhi_slot_free_all(slot);
    return;
  }
  /* What this store leaves is not for the next one's account. */
  tables->uncounted = slhi_slot_host_bytes(slot);
  tables->reset_stamp = slhi_new_stamp(tables);
  tables->frame = 0;
  tables->locals.count = 0;
  slhi_handles_forget(&tables->owned);
  slhi_handles_forget(&tables->weak);
  slhi_ephemerons_forget(&tables->ephemerons);
  slhi_finalizers_forget(&tables->finalizers);
  slhi_finalizers_forget(&tables->queue);
  slhi_functions_forget(&tables->functions);
  if (tables->counts)
    slhi_counts_reset(tables->counts);
  tables->large.count = 0;
  tables->large.dead = 0;
  tables->young_collections = 0;
  tables->promoted = 0;
  memset(&tables->image, 0, sizeof tables->image);
  slhi_tables_promote(tables);
}
