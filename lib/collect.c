/* SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception */
/* The frame around a collector: slh_collection_* and slh_heap_collect. */
#include "lib/collection.h"
#include "lib/growth.h"
#include "lib/hide.h"
#include "lib/holes.h"
#include "lib/remembered.h"
#include "lib/verify.h"
#include "pool/clock.h"
#include "pool/events.h"

/* A space keeps the state of its collections, with the list of roots, up to so
 * many bytes. */
#define KEEP_BYTES (64 * 1024)

/* Work between two looks at the clock. */
#define TIMED_WORK (16 * 1024)

/* Work for a drop callback, in bytes. */
#define DROP_WORK 64

/* ---- beginning ---- */

/* The list of roots is kept in blocks of the evacuation space: nothing that a
 * collection needs is on the store's account. */
static void *resize_block(void *space, void *old, size_t bytes)
{
  return slhi_slot_resize(space, old, bytes);
}

static void release_block(void *space, void *block)
{
  slhi_slot_free(space, block);
}

void slhi_collection_end(slh_heap *heap, uint64_t used)
{
  struct slot *space = slhi_slot_space(slhi_heap_slot(heap));

  if (slhi_slot_host_bytes(space) > KEEP_BYTES)
    slhi_slot_free_all(space);
  slhi_pool_return_space(slhi_heap_slot(heap), used);
}

/* Borrows a space, with a collection's state. */
static slh_status prepare(slh_heap *heap, bool young, struct collection **out)
{
  struct slot *slot = slhi_heap_slot(heap);
  uint64_t bytes = heap->data.runtime->collector->space(heap, young);
  slh_status status = slhi_pool_lend_space(slot, bytes);
  struct slot *space;
  struct collection *c;

  if (status != SLH_OK) {
    SLHI_EVENT(exhausted, EXHAUSTED, slh_heap_pool(heap), heap, status, bytes,
               status == SLH_E_BUSY ? slh_heap_pool(heap)->plan.evacuation_spaces : 0);
    return status;
  }
  space = slhi_slot_space(slot);
  c = slhi_slot_host(space);
  if (!c) {
    c = slhi_slot_make_host(space, sizeof *c);
    if (!c) {
      slhi_collection_end(heap, 0);
      return SLH_E_NOMEM;
    }
    c->allocator = (slh_allocator){resize_block, release_block, space};
    slhi_roots_open(&c->roots, &c->allocator);
  }
  slh_roots_clear(&c->roots);
  c->heap = heap;
  c->young = young;
  c->phase = PHASE_CHECK;
  c->cursor = 0;
  c->part = 0;
  c->written = 0;
  c->collected = false;
  c->sweeping = false;
  *out = c;
  return SLH_OK;
}

/* What the host lists when it is asked. */
static void enumerate(slh_heap *heap, slh_roots *roots)
{
  if (!heap->enumerate_roots)
    return;
  slhi_heap_set_busy(heap, BUSY_LISTING);
  heap->enumerate_roots(heap->host, heap, roots);
  slhi_heap_set_busy(heap, BUSY_NOT);
}

slh_status slh_heap_list_roots(slh_heap *heap, slh_roots *roots)
{
  slhi_require_idle(heap, "slh_heap_list_roots");
  slhi_check_roots(roots, "slh_heap_list_roots");
  if (heap->corrupt)
    return SLH_E_CORRUPT;
  enumerate(heap, roots);
  if (slhi_heap_tables(heap))
    slhi_tables_list_roots(slhi_heap_tables(heap), roots);
  return roots->failure;
}

/* All that the store names as roots, in one list. */
static slh_status list_roots(slh_heap *heap, struct collection *c, const slh_roots *given)
{
  slh_roots *all = &c->roots;

  enumerate(heap, all);
  c->tables = slhi_heap_tables(heap);
  /* Some figures are there, too. */
  if (!c->tables && heap->data.runtime->collector->generational)
    (void)slhi_tables(heap, &c->tables);
  if (!c->tables) {
    c->tables = &c->none;
    memset(c->tables, 0, sizeof *c->tables);
  }
  /* A young one has marks of the few that matter. */
  if (!c->young)
    slhi_tables_list_roots(c->tables, all);
  if (given && given->failure != SLH_OK)
    return given->failure;
  for (size_t i = 0; given && i < given->count; i++) {
    const slh_root *root = &given->entries[i];

    (void)slh_roots_add(all, root->kind, root->first, root->count, root->reason);
  }
  return all->failure;
}

/* Whether it is enough to look at the young objects. */
static bool can_be_young(const slh_heap *heap)
{
  return heap->data.runtime->collector->generational && !heap->forgetful &&
         heap->data.young > heap->data.start;
}

static slh_status start(slh_heap *heap, struct collection *c, const slh_roots *given)
{
  slh_status status = list_roots(heap, c, given);

  if (status == SLH_OK && c->young)
    status = slhi_check_remembered(heap);
  if (status != SLH_OK)
    return status;
  c->used = heap->data.bump - heap->data.start;
  slhi_host_data_begin(&c->tables->host, c->young || slhi_heap_counts(heap));
  return heap->data.runtime->collector->begin(heap, c);
}

static slh_status begin(slh_heap *heap, const slh_roots *given, bool young, const char *call)
{
  struct collection *c;
  slh_status status;

  slhi_require_idle(heap, call);
  if (heap->no_gc != 0)
    slhi_misuse(call, "called within slh_heap_enter_no_gc");
  if (given)
    slhi_check_roots(given, call);
  if (heap->corrupt)
    return SLH_E_CORRUPT;
  if (heap->data.runtime->collector->collects) {
    if (slhi_heap_counts(heap))
      slhi_holes_leave(heap);
    status = prepare(heap, young && can_be_young(heap), &c);
    if (status != SLH_OK)
      return status;
    status = start(heap, c, given);
    if (status != SLH_OK) {
      heap->corrupt = status == SLH_E_CORRUPT;
      slhi_collection_end(heap, 0);
      slhi_heap_set_limit(heap);
      return status;
    }
    SLHI_EVENT(collection_begin, COLLECTION_BEGIN, slh_heap_pool(heap), heap, c->young,
               heap->data.bump - (c->young ? heap->data.young : heap->data.start), c->used);
  }
  slhi_heap_set_busy(heap, BUSY_COLLECTING);
  return SLH_OK;
}

slh_status slh_collection_begin(slh_heap *heap, const slh_roots *roots)
{
  return begin(heap, roots, false, "slh_collection_begin");
}

slh_status slh_collection_begin_young(slh_heap *heap, const slh_roots *roots)
{
  return begin(heap, roots, true, "slh_collection_begin_young");
}

bool slh_collection_is_active(const slh_heap *heap)
{
  return heap->busy == BUSY_COLLECTING || heap->busy == BUSY_YIELDING;
}

/* ---- going on ---- */

static void tell_end(const slh_heap *heap, slh_status status)
{
  SLHI_EVENT(collection_end, COLLECTION_END, slh_heap_pool(heap), heap, status,
             status == SLH_OK ? heap->data.bump - heap->data.start : 0,
             slhi_heap_collection(heap)->used);
}

void slhi_collection_cancel(slh_heap *heap)
{
  /* How far it came is not known if the heap turned out to be corrupt. */
  if (heap->data.runtime->collector->collects) {
    tell_end(heap, heap->corrupt ? SLH_E_CORRUPT : SLH_E_BUSY);
    slhi_collection_end(heap, slhi_collection_written(heap));
  }
  slhi_heap_set_busy(heap, BUSY_NOT);
}

/* Finds what lives, and makes room of the rest. */
static slh_status collect(slh_heap *heap, struct collection *c, uint64_t *budget)
{
  slh_status status = heap->data.runtime->collector->step(heap, c, budget, &c->collected);

  if (status == SLH_OK && c->collected) {
    if (c->young && slhi_checks(heap))
      slhi_tables_list_roots(c->tables, &c->roots);
    status = slhi_check_collected(heap, &c->roots);
  }
  if (status == SLH_E_CORRUPT) {
    heap->corrupt = true;
    slhi_collection_cancel(heap);
  }
  return status;
}

/* Drops the host data of what died. */
static void sweep(slh_heap *heap, struct collection *c, uint64_t *budget)
{
  uint64_t before = c->tables->host.used;

  c->sweeping = true;
  slhi_heap_set_busy(heap, BUSY_DROPPING);
  slhi_host_data_sweep(&slhi_heap_tables(heap)->host, *budget / DROP_WORK + 1);
  slhi_heap_set_busy(heap, BUSY_COLLECTING);
  c->sweeping = false;
  *budget -= slhi_at_most(DROP_WORK * (before - c->tables->host.used), *budget);
}

static slh_status step_collection(slh_heap *heap, uint64_t *budget, bool *complete)
{
  struct collection *c = slhi_heap_collection(heap);
  slh_status status = SLH_OK;

  *budget += *budget == 0;
  if (!c->collected)
    status = collect(heap, c, budget);
  if (status != SLH_OK)
    return status;
  if (c->collected && *budget > 0 && !slhi_host_data_is_swept(&c->tables->host))
    sweep(heap, c, budget);
  *complete = c->collected && slhi_host_data_is_swept(&c->tables->host);
  if (*complete) {
    slhi_hide(heap, heap->data.bump, heap->data.start + c->used);
    tell_end(heap, SLH_OK);
    slhi_collection_end(heap, c->written);
  }
  return SLH_OK;
}

/* Takes the work done off the budget. */
static slh_status step(slh_heap *heap, uint64_t *budget, bool *complete)
{
  bool is_complete = true;
  slh_status status = SLH_OK;

  if (heap->data.runtime->collector->collects)
    status = step_collection(heap, budget, &is_complete);
  if (status != SLH_OK)
    return status;
  if (is_complete) {
    heap->zealous = SLHI_ZEAL_CONTENT;
    slhi_heap_set_busy(heap, BUSY_NOT);
  }
  *complete = is_complete;
  return SLH_OK;
}

/* [promise bounded-step] */
slh_status slh_collection_step(slh_heap *heap, uint64_t budget, bool *complete)
{
  bool is_complete;
  slh_status status;

  if (heap->corrupt)
    return SLH_E_CORRUPT;
  if (heap->busy != BUSY_COLLECTING)
    slhi_misuse("slh_collection_step", "no collection of the heap is under way");
  status = step(heap, &budget, &is_complete);
  if (status == SLH_OK)
    *complete = is_complete;
  return status;
}

slh_status slh_collection_step_for(slh_heap *heap, uint64_t *budget, uint64_t nanoseconds,
                                   bool *complete)
{
  uint64_t begun = slhi_now_ns();
  bool is_complete = false;
  slh_status status;

  if (heap->corrupt)
    return SLH_E_CORRUPT;
  if (heap->busy != BUSY_COLLECTING)
    slhi_misuse("slh_collection_step_for", "no collection of the heap is under way");
  do {
    uint64_t some = slhi_at_most(*budget, TIMED_WORK);
    uint64_t left = some;

    status = step(heap, &left, &is_complete);
    *budget -= some > left ? some - left : 0; /* 0 is taken for 1 */
  } while (status == SLH_OK && !is_complete && *budget > 0 && slhi_now_ns() - begun < nanoseconds);
  if (status == SLH_OK)
    *complete = is_complete;
  return status;
}

static slh_status complete(slh_heap *heap)
{
  bool is_complete = false;
  slh_status status = SLH_OK;

  while (status == SLH_OK && !is_complete) {
    uint64_t budget = UINT64_MAX;

    status = step(heap, &budget, &is_complete);
  }
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
  slh_status status = begin(heap, roots, false, "slh_heap_collect");

  return status == SLH_OK ? complete(heap) : status;
}

slh_status slh_heap_collect_young(slh_heap *heap, const slh_roots *roots)
{
  slh_status status = begin(heap, roots, true, "slh_heap_collect_young");

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
  slh_status status = begin(heap, roots, false, "slh_heap_collect_async");

  while (status == SLH_OK && !is_complete) {
    uint64_t some = budget;

    status = step(heap, &some, &is_complete);
    if (status == SLH_OK && !is_complete && !yields(heap, yield, context))
      return complete(heap);
  }
  return status;
}

/* ---- scopes without collection ---- */

void slh_heap_enter_no_gc(slh_heap *heap)
{
  slhi_require_idle(heap, "slh_heap_enter_no_gc");
  if (heap->no_gc == UINT16_MAX)
    slhi_misuse("slh_heap_enter_no_gc", "%d scopes are nested already", UINT16_MAX);
  heap->no_gc++;
}

void slh_heap_leave_no_gc(slh_heap *heap)
{
  if (heap->no_gc == 0)
    slhi_misuse("slh_heap_leave_no_gc", "no scope without collection was entered");
  heap->no_gc--;
}
