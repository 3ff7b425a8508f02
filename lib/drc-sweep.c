/* SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception */
/* The phase of drc that makes holes of what is dead. */
#include "lib/drc.h"

#include "lib/verify.h"

/* All is swept when one part in so many of the heap was dropped since, or is holes of which
 * none was large enough; and when nothing else is left to be done. */
#define WHOLE_PART 8

/* What lies between two objects that live is a hole; at the end of the heap, bump is
 * where it begins. */
static void end_run(struct collection *c, uint32_t from, uint32_t end)
{
  slh_heap *heap = c->heap;

  if (from >= end)
    return;
  slhi_poison(heap, from, end - from);
  if (end != heap->data.bump) {
    slhi_hole_add(heap, c->tables->counts, from, end - from);
    return;
  }
  if (heap->data.dirty < heap->data.bump)
    heap->data.dirty = (uint32_t)heap->data.bump;
  heap->data.bump = from;
}

/* The bytes of what stays at `at`: what is COUNTED, and, unless all is swept, a hole that the
 * phase before this one made in the region, for it is in a list. 0: it is neither. */
static uint64_t bytes_that_stay(const struct collection *c, uint32_t at, uint32_t end)
{
  struct shapes shapes = slhi_shapes(c->heap->data.runtime);
  bool is_hole = (*slhi_state(c->tables->counts, at) & SLHI_STATE_KIND) == SLHI_STATE_HOLE;
  struct object object;

  if (!slhi_object_read(shapes, c->heap->data.base + at, end - at, &object))
    return 0;
  return (slhi_shape_kind(object.shape) == SLH_KIND_FILLER) == is_hole ? object.bytes : 0;
}

/* From c->counting.at on. Whatever does not stay is dead. */
static bool sweep_some(struct collection *c, const struct region *region, uint64_t *budget)
{
  struct counting *counting = &c->counting;
  const struct counts *counts = c->tables->counts;
  uint32_t first = counting->at;
  uint32_t end = slhi_drc_scan_end(c, region, *budget);

  if (counting->run == 0)
    counting->run = region->start;
  while ((counting->at = slhi_next_state(counts, counting->at, end)) < end) {
    uint32_t at = counting->at;
    uint32_t *state = slhi_state(counts, at), kind = *state & SLHI_STATE_KIND;
    uint64_t bytes;

    if (kind != SLHI_STATE_COUNTED && (kind != SLHI_STATE_HOLE || counting->whole)) {
      *state = SLHI_STATE_NEW;
      counting->at = at + SLHI_OBJECT_ALIGN;
      continue;
    }
    bytes = bytes_that_stay(c, at, region->end);
    if (bytes == 0)
      return false;
    end_run(c, counting->run, at);
    counting->at = counting->run = at + (uint32_t)bytes;
    slhi_spend(budget, SLHI_ENTRY_WORK);
  }
  if (counting->at == region->end)
    end_run(c, counting->run, region->end);
  slhi_spend(budget, SLHI_ENTRY_WORK + (counting->at - first) / SLHI_SCAN_BYTES);
  return true;
}

bool slhi_drc_sweep(struct collection *c, uint64_t *budget, slh_status *status)
{
  struct region region;

  while (*budget > 0) {
    if (!slhi_drc_next_region(c, c->counting.whole, &region))
      return true;
    if (!sweep_some(c, &region, budget)) {
      *status = SLH_E_CORRUPT;
      return false;
    }
  }
  return false;
}

void slhi_drc_begin_sweep(struct collection *c)
{
  struct counts *counts = c->tables->counts;
  const slh_heap *heap = c->heap;
  uint64_t used = heap->data.bump - heap->data.start, part = used / WHOLE_PART;
  uint64_t live = used - counts->holes.bytes - (c->counting.looked_at - c->counting.lived);
  /* Zeal collects before anything could be missed. */
  uint32_t missed = heap->data.runtime->zeal != 0 ? heap->needed : counts->holes.missed;

  c->counting.whole =
      counts->drop.bytes > part || live == 0 ||
      (missed != 0 && (counts->holes.bytes > part || missed > heap->max - heap->data.bump));
  c->counting.region = 0;
  c->counting.at = 0;
  if (c->counting.whole) {
    slhi_holes_forget(counts);
    counts->drop.bytes = 0;
    counts->holes.missed = 0;
  }
}
