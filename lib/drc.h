/* SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception */
/* What the parts of drc (drc.c) share: the objects, and the new ones among them. */
#ifndef SLOTHEAP_LIB_DRC_H
#define SLOTHEAP_LIB_DRC_H

#include "lib/collection.h"
#include "lib/counts.h"

/* Bytes of heap whose states are looked at for a byte of work. */
#define SLHI_SCAN_BYTES 16

/* The object that a reference is to: NULL if it is to none, or needs no count; `*sound` is
 * false if it is none that a heap can have. */
static inline uint32_t *slhi_drc_state_of(const struct collection *c, uint32_t ref,
                                          struct object *object, bool *sound)
{
  const slh_heap *heap = c->heap;
  const struct counts *counts = c->tables->counts;
  uint64_t end = heap->data.bump;
  uint32_t *state;

  if (ref < heap->data.start || (ref & 1) != 0)
    return NULL;
  *sound = false;
  if (!slhi_is_countable(heap, ref, end))
    return NULL;
  state = slhi_state(counts, ref);
  if ((*state & SLHI_STATE_KIND) > SLHI_STATE_COUNTED ||
      !slhi_object_read(slhi_shapes(heap->data.runtime), heap->data.base + ref, end - ref,
                        object) ||
      slhi_shape_kind(object->shape) == SLH_KIND_FILLER)
    return NULL;
  *sound = true;
  return state;
}

/* So far into the region the budget reaches. */
static inline uint32_t slhi_drc_scan_end(const struct collection *c, const struct region *region,
                                         uint64_t budget)
{
  uint64_t room = region->end - c->counting.at;

  return c->counting.at +
         (uint32_t)(budget < room / SLHI_SCAN_BYTES ? budget * SLHI_SCAN_BYTES : room);
}

/* Goes on to the next region with new objects, or the next part of it; those from `young` to
 * bump are the last. If `whole`, the heap is the only one. False: there is none. */
bool slhi_drc_next_region(struct collection *c, bool whole, struct region *region);

/* drc-promote.c: what is new and lives becomes counted. */
slhi_phase_fn slhi_drc_promote;

/* drc-sweep.c: what does not live becomes holes. */
void slhi_drc_begin_sweep(struct collection *c);
slhi_phase_fn slhi_drc_sweep;

#endif
