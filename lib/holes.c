/* SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception */
/* Free lists of holes, and the one that bump is in. */
#include "lib/holes.h"

#include "lib/counts.h"
#include "lib/growth.h"

/* Holes of a list of larger ones that are looked at for one that is large enough. */
#define TRIES 8

#define FIRST_REGIONS 64

/* ---- free lists ---- */

static uint32_t granules(uint64_t bytes)
{
  return (uint32_t)(bytes / SLHI_OBJECT_ALIGN);
}

/* The list of larger holes that one of so many granules is in. */
static uint32_t larger_list(uint32_t count)
{
  return 31 - (uint32_t)__builtin_clz(count) - 6;
}

/* Larger holes have their size in the state of their second word, out of reach. */
static uint32_t *size_of(const struct counts *counts, uint32_t at)
{
  return slhi_state(counts, at + SLHI_OBJECT_ALIGN);
}

/* The bytes of what a list says is a hole, or 0 if it is none: where forged objects overlap,
 * what was a hole can have become something else. */
static uint64_t measure(const struct counts *counts, uint32_t at, uint64_t bytes, uint64_t end)
{
  if (!slhi_has_state(counts, at, SLHI_STATE_HOLE, end))
    return 0;
  if (bytes == 0) {
    if (!slhi_has_state(counts, at + SLHI_OBJECT_ALIGN, SLHI_STATE_HOLE, end))
      return 0;
    bytes = *size_of(counts, at) & ~SLHI_STATE_KIND;
  }
  return bytes <= end - at ? bytes : 0;
}

static uint32_t next_of(const struct counts *counts, uint32_t at)
{
  return *slhi_state(counts, at) & ~SLHI_STATE_KIND;
}

void slhi_hole_add(slh_heap *heap, struct counts *counts, uint32_t at, uint32_t bytes)
{
  struct holes *holes = &counts->holes;
  uint32_t count = granules(bytes);
  uint32_t *list;

  slhi_store_filler(heap->data.base + at, bytes);
  if (count <= SLHI_HOLES_EXACT) {
    list = &holes->exact[count - 1];
    holes->has_exact |= UINT64_C(1) << (count - 1);
  } else {
    list = &holes->larger[larger_list(count)];
    holes->has_larger |= UINT32_C(1) << larger_list(count);
    *size_of(counts, at) = bytes | SLHI_STATE_HOLE;
  }
  *slhi_state(counts, at) = *list | SLHI_STATE_HOLE;
  *list = at;
  holes->bytes += bytes;
}

void slhi_holes_forget(struct counts *counts)
{
  struct holes *holes = &counts->holes;

  holes->has_exact = 0;
  holes->has_larger = 0;
  holes->bytes = 0;
  memset(holes->exact, 0, sizeof holes->exact);
  memset(holes->larger, 0, sizeof holes->larger);
}

/* What follows one that is none is lost until all is swept. */
static struct region take_exact(struct counts *counts, uint32_t list, uint64_t end)
{
  struct holes *holes = &counts->holes;
  uint32_t at = holes->exact[list];
  uint32_t bytes = SLHI_OBJECT_ALIGN * (list + 1);
  bool sound = measure(counts, at, bytes, end) != 0;

  holes->exact[list] = sound ? next_of(counts, at) : 0;
  if (holes->exact[list] == 0)
    holes->has_exact &= ~(UINT64_C(1) << list);
  return sound ? (struct region){at, at + bytes} : (struct region){0, 0};
}

/* The first with `bytes` of some in a list, or none. */
static struct region take_larger(struct counts *counts, uint32_t list, uint64_t bytes,
                                 uint32_t tries, uint64_t end)
{
  struct holes *holes = &counts->holes;
  uint32_t *link = &holes->larger[list];
  uint32_t at = *link, kind = 0;
  uint64_t found = measure(counts, at, 0, end);

  for (uint32_t i = 0; found != 0 && found < bytes; i++) {
    if (i == tries)
      return (struct region){0, 0};
    link = slhi_state(counts, at);
    kind = SLHI_STATE_HOLE;
    at = next_of(counts, at);
    found = measure(counts, at, 0, end);
  }
  *link = kind | (found != 0 ? next_of(counts, at) : 0);
  if (holes->larger[list] == 0)
    holes->has_larger &= ~(UINT32_C(1) << list);
  if (found == 0)
    return (struct region){0, 0};
  *size_of(counts, at) = SLHI_STATE_NEW;
  return (struct region){at, at + (uint32_t)found};
}

/* A hole of at least so many bytes; none: empty. Larger ones come first: the next
 * allocations find room there, too. */
static struct region find(struct counts *counts, uint64_t bytes, bool small, uint64_t end)
{
  const struct holes *holes = &counts->holes;
  uint32_t count = granules(bytes);
  uint32_t larger = holes->has_larger;
  struct region found = {0, 0};

  if (bytes > UINT32_MAX - SLHI_OBJECT_ALIGN || bytes == 0)
    return found;
  if (count > SLHI_HOLES_EXACT) {
    uint32_t list = larger_list(count);

    if (larger >> list & 1)
      found = take_larger(counts, list, bytes, TRIES, end);
    /* In those that follow, any will do. */
    larger &= ~UINT32_C(1) << list;
  }
  if (found.end == 0 && larger != 0)
    found = take_larger(counts, (uint32_t)__builtin_ctz(larger), bytes, TRIES, end);
  /* It would be an error that there is no room: however many there are, they are looked at. */
  if (found.end == 0 && small && count > SLHI_HOLES_EXACT)
    found = take_larger(counts, larger_list(count), bytes,
                        granules(holes->bytes) / SLHI_HOLES_EXACT, end);
  if (found.end == 0 && small && count <= SLHI_HOLES_EXACT && holes->has_exact >> (count - 1) != 0)
    found = take_exact(counts,
                       count - 1 + (uint32_t)__builtin_ctzll(holes->has_exact >> (count - 1)), end);
  return found;
}

/* ---- regions ---- */

static bool has_room_for_region(slh_heap *heap, struct holes *holes)
{
  return holes->region_count < holes->region_capacity ||
         slhi_table_widen(heap, &holes->regions, sizeof *holes->regions, &holes->region_capacity,
                          (uint64_t)holes->region_count + 1, FIRST_REGIONS);
}

/* The region that bump is in. */
static struct region *open_region(const struct holes *holes)
{
  SLHI_ASSERT_LT(0, holes->region_count);
  return &holes->regions[holes->region_count - 1];
}

/* bump, unless something has moved it out of its region. */
static uint32_t bump_in(const slh_heap *heap, const struct region *region)
{
  uint64_t bump = heap->data.bump;
  bool is_there = bump >= region->start && bump <= region->end && bump % SLHI_OBJECT_ALIGN == 0;

  return is_there ? (uint32_t)bump : region->end;
}

void slhi_holes_leave(slh_heap *heap)
{
  struct counts *counts = slhi_counts(heap);
  struct region *region;
  uint32_t at, end;

  if (!counts || heap->counting.top == 0)
    return;
  region = open_region(&counts->holes);
  at = bump_in(heap, region);
  end = region->end;
  region->end = at;
  if (region->start == region->end)
    counts->holes.region_count--;
  if (at < end)
    slhi_hole_add(heap, counts, at, end - at);
  heap->data.bump = heap->counting.top;
  heap->counting.top = 0;
  slhi_heap_set_limit(heap);
}

bool slhi_holes_find_room(slh_heap *heap, uint64_t bytes)
{
  struct counts *counts = slhi_counts(heap);
  struct region found;
  bool small;

  if (!counts)
    return false;
  slhi_holes_leave(heap);
  if (bytes > heap->max)
    return false;
  bytes = slhi_align_object(bytes);
  /* Small ones when the rest is used up. */
  small = heap->data.bump + bytes > slhi_heap_trigger(heap);
  counts->holes.missed = small ? (uint32_t)bytes : 0;
  if (counts->holes.bytes < bytes || !has_room_for_region(heap, &counts->holes))
    return false;
  found = find(counts, bytes, small, heap->data.bump);
  if (found.end == 0)
    return false;
  counts->holes.missed = 0;
  *slhi_state(counts, found.start) = SLHI_STATE_NEW;
  counts->holes.bytes -= slhi_at_most(found.end - found.start, counts->holes.bytes);
  counts->holes.regions[counts->holes.region_count++] = found;
  heap->counting.top = (uint32_t)heap->data.bump;
  /* All that was allocated may be anything. */
  if (heap->data.dirty < heap->data.bump)
    heap->data.dirty = (uint32_t)heap->data.bump;
  heap->data.bump = found.start;
  slhi_heap_set_limit(heap);
  return true;
}

void slhi_holes_seal(const slh_heap *heap)
{
  const struct counts *counts = slhi_heap_counts(heap) ? slhi_counts(heap) : NULL;
  uint32_t at;

  if (!counts || heap->counting.top == 0)
    return;
  at = bump_in(heap, open_region(&counts->holes));
  if (at < open_region(&counts->holes)->end)
    slhi_store_filler(heap->data.base + at, open_region(&counts->holes)->end - at);
}

uint32_t slhi_holes_limit(const slh_heap *heap)
{
  const struct counts *counts = slhi_counts(heap);

  return counts && heap->counting.top != 0 ? open_region(&counts->holes)->end : 0;
}

uint64_t slhi_heap_holes(const slh_heap *heap)
{
  const struct counts *counts = slhi_heap_counts(heap) ? slhi_counts(heap) : NULL;

  if (!counts)
    return 0;
  return counts->holes.bytes + (heap->counting.top ? open_region(&counts->holes)->end -
                                                         bump_in(heap, open_region(&counts->holes))
                                                   : 0);
}
