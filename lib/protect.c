/* SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception */
/* Protected calls, and what a heap is after one that has trapped. */
#include <slotheap/trap.h>

#include "lib/collection.h"
#include "lib/tables.h"
#include "pool/trap.h"

/* What goes on with the heap once a callback has trapped. */
static enum busy busy_after_trap(slh_heap *heap)
{
  switch ((enum busy)heap->busy) {
  case BUSY_LISTING: /* the collection had not begun */
    slhi_collection_end(heap, 0);
    return BUSY_NOT;
  case BUSY_ASKING:
  case BUSY_FREEZING:
    return BUSY_NOT;
  case BUSY_DROPPING: /* the entry is gone; what called it goes on, or is called again */
    return slhi_heap_slot(heap)->space != 0 && slhi_heap_collection(heap)->sweeping
               ? BUSY_COLLECTING
               : BUSY_NOT;
  case BUSY_YIELDING:
    return BUSY_COLLECTING;
  default:
    return heap->busy;
  }
}

/* The frames that a protected call opened end with it if it traps; those from
 * before are gone if the heap was reset in it. */
static void end_call(struct slot *slot, const struct opened *before)
{
  slh_heap *heap = slhi_slot_heap(slot);
  struct tables *tables = slhi_heap_tables(heap);
  bool was_reset;

  slhi_heap_set_busy(heap, busy_after_trap(heap));
  if (!tables)
    return;
  was_reset = tables->reset_stamp > before->last_stamp;
  tables->frame = was_reset ? 0 : before->frame;
  if (was_reset || tables->locals.count > before->locals)
    tables->locals.count = was_reset ? 0 : before->locals;
}

slh_status slh_heap_protect(slh_heap *heap, slh_protected_fn *call, void *argument, slh_trap *trap)
{
  const struct tables *tables = slhi_heap_tables(heap);
  struct opened before = {0};

  if (tables)
    before = (struct opened){tables->frame, tables->last_stamp, tables->locals.count};
  return slhi_slot_protect(slhi_heap_slot(heap), call, argument, end_call, &before, trap);
}
