/* SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception */
/* The frame around a collector: slh_collection_* and slh_heap_collect. */
#include "lib/collection.h"
#include "lib/verify.h"

/* Work for a drop callback, in bytes. */
#define DROP_WORK 64

/* ---- beginning ---- */

/* The list of roots is kept in blocks of the heap's slot. Nothing that a
 * collection needs counts against the store's limit: a store that has reached
 * it can be collected. */
static void *resize_block(void *heap, void *old, size_t bytes)
{
  return slhi_table_resize_uncounted(heap, &old, 1, bytes) == SLH_OK ? old : NULL;
}

static void release_block(void *heap, void *block)
{
  slhi_slot_free(slhi_heap_slot(heap), block);
}

/* The heap's collection state, with an empty list of roots. */
static slh_status prepare(slh_heap *heap)
{
  struct tables *tables;
  struct collection *c;
  slh_status status = slhi_tables(heap, &tables);

  if (status != SLH_OK)
    return status;
  if (!tables->collection) {
    status = slhi_table_resize_uncounted(heap, &tables->collection, 1, sizeof *c);
    if (status != SLH_OK)
      return status;
    c = tables->collection;
    c->allocator = (slh_allocator){resize_block, release_block, heap};
    slhi_roots_open(&c->roots, &c->allocator);
  }
  slh_roots_clear(&tables->collection->roots);
  return SLH_OK;
}

/* All that the store names as roots, in one list. */
static slh_status list_roots(slh_heap *heap, const slh_roots *given)
{
  slh_roots *all = &heap->tables->collection->roots;

  slhi_tables_list_roots(heap->tables, all);
  if (heap->enumerate_roots) {
    slhi_heap_set_busy(heap, BUSY_LISTING);
    heap->enumerate_roots(heap->host, heap, all);
    slhi_heap_set_busy(heap, BUSY_NOT);
  }
  if (given && given->failure != SLH_OK)
    return given->failure;
  for (size_t i = 0; given && i < given->count; i++) {
    const slh_root *root = &given->entries[i];

    (void)slh_roots_add(all, root->kind, root->first, root->count, root->reason);
  }
  return all->failure;
}

static slh_status begin(slh_heap *heap, const slh_roots *given, const char *call)
{
  slh_status status;

  slhi_require_idle(heap, call);
  if (heap->no_gc != 0)
    slhi_misuse(call, "called within slh_heap_enter_no_gc");
  if (heap->corrupt)
    return SLH_E_CORRUPT;
  if (heap->runtime->collector->collects) {
    status = prepare(heap);
    if (status == SLH_OK)
      status = list_roots(heap, given);
    if (status == SLH_OK)
      status = heap->runtime->collector->begin(heap);
    if (status != SLH_OK)
      return status;
    slhi_host_data_begin(heap->tables);
    heap->tables->collection->moved = false;
  }
  slhi_heap_set_busy(heap, BUSY_COLLECTING);
  return SLH_OK;
}

slh_status slh_collection_begin(slh_heap *heap, const slh_roots *roots)
{
  return begin(heap, roots, "slh_collection_begin");
}

bool slh_collection_is_active(const slh_heap *heap)
{
  return heap->busy == BUSY_COLLECTING || heap->busy == BUSY_YIELDING;
}

/* ---- going on ---- */

void slhi_collection_cancel(slh_heap *heap)
{
  const struct collector *collector = heap->runtime->collector;

  if (collector->collects && !heap->tables->collection->moved)
    collector->cancel(heap);
  slhi_heap_set_busy(heap, BUSY_NOT);
}

/* Moves what lives. */
static slh_status move(slh_heap *heap, uint64_t *budget)
{
  struct collection *c = heap->tables->collection;
  slh_status status = heap->runtime->collector->step(heap, budget, &c->moved);

  if (status == SLH_OK && c->moved)
    status = slhi_check_collected(heap, &c->roots);
  if (status == SLH_E_CORRUPT) {
    heap->corrupt = true;
    slhi_collection_cancel(heap);
  }
  return status;
}

/* Drops the host data of what died. */
static void sweep(slh_heap *heap, uint64_t budget)
{
  heap->tables->collection->sweeping = true;
  slhi_heap_set_busy(heap, BUSY_DROPPING);
  slhi_host_data_sweep(heap, budget / DROP_WORK + 1);
  slhi_heap_set_busy(heap, BUSY_COLLECTING);
  heap->tables->collection->sweeping = false;
}

static slh_status step(slh_heap *heap, uint64_t budget, bool *complete)
{
  struct collection *c;
  slh_status status;

  *complete = true;
  if (heap->runtime->collector->collects) {
    c = heap->tables->collection;
    budget += budget == 0;
    if (!c->moved) {
      status = move(heap, &budget);
      if (status != SLH_OK)
        return status;
    }
    if (c->moved && budget > 0)
      sweep(heap, budget);
    *complete = c->moved && slhi_host_data_is_swept(heap->tables);
  }
  if (*complete) {
    heap->zealous = SLHI_ZEAL_CONTENT;
    slhi_heap_set_busy(heap, BUSY_NOT);
  }
  return SLH_OK;
}

slh_status slh_collection_step(slh_heap *heap, uint64_t budget, bool *complete)
{
  if (heap->corrupt)
    return SLH_E_CORRUPT;
  if (heap->busy != BUSY_COLLECTING)
    slhi_misuse("slh_collection_step", "no collection of the heap is under way");
  return step(heap, budget, complete);
}

static slh_status complete(slh_heap *heap)
{
  bool is_complete = false;
  slh_status status = SLH_OK;

  while (status == SLH_OK && !is_complete)
    status = step(heap, UINT64_MAX, &is_complete);
  return status;
}

slh_status slh_collection_abandon(slh_heap *heap)
{
  if (heap->corrupt)
    return SLH_E_CORRUPT;
  return heap->busy == BUSY_COLLECTING ? complete(heap) : SLH_OK;
}

/* ---- all at once ---- */

slh_status slh_heap_collect(slh_heap *heap, const slh_roots *roots)
{
  slh_status status = begin(heap, roots, "slh_heap_collect");

  return status == SLH_OK ? complete(heap) : status;
}

/* The heap is no more to be used, released or reset than in a drop callback. */
static bool yields(slh_heap *heap, slh_yield_fn *yield, void *context)
{
  bool go_on;

  slhi_heap_set_busy(heap, BUSY_YIELDING);
  go_on = yield(context);
  slhi_heap_set_busy(heap, BUSY_COLLECTING);
  return go_on;
}

slh_status slh_heap_collect_async(slh_heap *heap, const slh_roots *roots, uint64_t budget,
                                  slh_yield_fn *yield, void *context)
{
  bool is_complete = false;
  slh_status status = begin(heap, roots, "slh_heap_collect_async");

  while (status == SLH_OK && !is_complete) {
    status = step(heap, budget, &is_complete);
    if (status == SLH_OK && !is_complete && !yields(heap, yield, context))
      return complete(heap);
  }
  return status;
}

/* ---- scopes without collection ---- */

void slh_heap_enter_no_gc(slh_heap *heap)
{
  slhi_require_idle(heap, "slh_heap_enter_no_gc");
  heap->no_gc++;
}

void slh_heap_leave_no_gc(slh_heap *heap)
{
  if (heap->no_gc == 0)
    slhi_misuse("slh_heap_leave_no_gc", "no scope without collection was entered");
  heap->no_gc--;
}
