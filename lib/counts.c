/* SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception */
/* States of objects: how many there are, and what becomes of counts without memory. */
#include "lib/counts.h"

/* Of states, in entries; they double. */
#define FIRST_STATES 1024

/* States that are looked at together. */
#define SCAN_STATES 8

struct counts *slhi_counts_open(slh_heap *heap)
{
  struct tables *tables;
  struct counts *counts;

  if (slhi_tables(heap, &tables) != SLH_OK)
    return NULL;
  if (tables->counts)
    return tables->counts;
  counts = slhi_slot_resize(slhi_heap_slot(heap), NULL, sizeof *counts);
  if (!counts)
    return NULL;
  memset(counts, 0, sizeof *counts);
  tables->uncounted += sizeof *counts;
  counts->first = slhi_heap_first(heap);
  counts->listed.due = SLHI_LISTED_DUE;
  tables->counts = counts;
  return counts;
}

void slhi_counts_reset(struct counts *counts)
{
  if (counts->states)
    memset(counts->states, 0, counts->covered * sizeof *counts->states);
  counts->listed.count = 0;
  counts->listed.due = SLHI_LISTED_DUE;
  counts->drop = (struct drop){0};
  slhi_holes_forget(counts);
  counts->holes.region_count = 0;
  counts->holes.missed = 0;
}

/* Has states up to offset `end`. The heap's own limits bound this, so it is not on the
 * store's account. False: no memory. */
static bool cover(slh_heap *heap, struct counts *counts, uint64_t end)
{
  uint64_t wanted = (end - counts->first) / SLHI_OBJECT_ALIGN;
  uint64_t covered = counts->covered ? 2 * (uint64_t)counts->covered : FIRST_STATES;
  uint64_t most = (heap->max - counts->first) / SLHI_OBJECT_ALIGN;
  uint32_t *states;

  if (wanted <= counts->covered)
    return true;
  covered = slhi_at_most(covered > wanted ? covered : wanted, most > wanted ? most : wanted);
  states = slhi_slot_resize(slhi_heap_slot(heap), counts->states, covered * sizeof *states);
  if (!states)
    return false;
  memset(states + counts->covered, 0, (covered - counts->covered) * sizeof *states);
  slhi_heap_tables(heap)->uncounted += (covered - counts->covered) * sizeof *states;
  counts->states = states;
  counts->covered = (uint32_t)covered;
  return true;
}

/* A heap that has lost a count gets no further states before the next collection, which
 * could not tell any more what lay beyond them. */
struct counts *slhi_counts_reach(slh_heap *heap, uint32_t ref)
{
  struct counts *counts = heap->forgetful ? NULL : slhi_counts_open(heap);

  if (counts && cover(heap, counts, ref + (uint64_t)SLHI_OBJECT_ALIGN))
    return counts;
  heap->forgetful = true;
  return NULL;
}

/* Objects from offset `from` on stay until the store ends: their counts were lost. */
static slh_status keep(const slh_heap *heap, const struct counts *counts, uint64_t from)
{
  struct shapes shapes = slhi_shapes(heap->data.runtime);
  uint64_t end = heap->data.bump;
  struct object object;

  for (uint64_t at = heap->data.start; at < end; at += object.bytes) {
    if (!slhi_object_read(shapes, heap->data.base + at, end - at, &object))
      return SLH_E_CORRUPT;
    if (at >= from && slhi_shape_kind(object.shape) != SLH_KIND_FILLER)
      *slhi_state(counts, (uint32_t)at) |= SLHI_STATE_COUNT;
  }
  return SLH_OK;
}

slh_status slhi_counts_cover_all(slh_heap *heap, struct counts *counts)
{
  uint64_t from = counts->first + SLHI_OBJECT_ALIGN * (uint64_t)counts->covered;
  slh_status status = SLH_OK;

  if (!cover(heap, counts, heap->data.bump))
    return SLH_E_NOMEM;
  if (heap->forgetful)
    status = keep(heap, counts, from);
  heap->forgetful = false;
  return status;
}

uint32_t slhi_next_state(const struct counts *counts, uint32_t at, uint32_t end)
{
  const uint32_t *first = &counts->states[(at - counts->first) / SLHI_OBJECT_ALIGN];
  const uint32_t *state = first;
  const uint32_t *last = first + (at < end ? (end - at) / SLHI_OBJECT_ALIGN : 0);
  uint64_t some[SCAN_STATES / 2];

  SLHI_ASSERT_LE(last - counts->states, counts->covered);
  for (; last - state >= SCAN_STATES; state += SCAN_STATES) {
    memcpy(some, state, sizeof some);
    if ((some[0] | some[1] | some[2] | some[3]) != 0)
      break;
  }
  while (state < last && *state == 0)
    state++;
  return at + SLHI_OBJECT_ALIGN * (uint32_t)(state - first);
}
