/* SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception */
/*
 * Deferred reference counting as a host meets it (Deutsch and Bobrow, "An efficient,
 * incremental, automatic garbage collector", CACM 19:9, 1976): the new reference is counted
 * up, it is written, the old one is counted down, and what that leaves without a count is
 * reclaimed.
 */
#include "lib/counted.h"

#include <slotheap/barrier.h>

#include "lib/counts.h"

/* One reference to `old` less. Counting up may have made the heap's counts. */
static inline void drop(slh_heap *heap, uint32_t old, uint64_t end)
{
  struct counts *counts = slhi_counts(heap);

  if (!counts)
    return;
  slhi_count_down(heap, counts, old, end);
  if (counts->drop.first != 0)
    slhi_drop_all(heap, counts);
}

void slh_counted_write(slh_heap *heap, slh_ref *destination, slh_ref source)
{
  uint64_t end = slhi_heap_end(heap);
  slh_ref old = *destination;

  slhi_require_idle(heap, "slh_write_ref, slh_clone_ref or slh_drop_ref");
  slhi_count_up(heap, source.bits, end);
  *destination = source;
  drop(heap, old.bits, end);
}

/* Whether the references in what starts at `object` are counted; those in images are. */
static inline bool is_counted(const slh_heap *heap, uint32_t object, uint64_t end)
{
  const struct counts *counts = slhi_counts(heap);

  if (object < heap->data.start)
    return true;
  return counts && slhi_has_state(counts, object, SLHI_STATE_COUNTED, end);
}

void slh_counted_set(slh_heap *heap, slh_ref object, uint64_t at, slh_ref value)
{
  uint64_t end = slhi_heap_end(heap);
  uint32_t old;
  char *place;

  slhi_require_idle(heap, "slh_set_ref");
  if (heap->data.mask != UINT32_MAX)
    at &= heap->data.mask & ~UINT64_C(3);
  place = heap->data.base + at;
  /* Beyond the objects it is what an unchecked write comes to: to a guard, perhaps. */
  if (at < slhi_heap_first(heap) || at + sizeof old > end || !is_counted(heap, object.bits, end)) {
    slhi_store_word(place, value.bits);
    slh_counted_expose(heap, value);
    return;
  }
  old = slhi_load_word(place);
  slhi_count_up(heap, value.bits, end);
  slhi_store_word(place, value.bits);
  drop(heap, old, end);
}

bool slhi_counted_set_elements(slh_heap *heap, slh_ref array, char *to, const char *from,
                               uint32_t step, uint32_t count)
{
  uint64_t end = slhi_heap_end(heap);
  bool backwards = from < to;
  struct counts *counts;

  if (!is_counted(heap, array.bits, end)) {
    for (uint32_t i = 0; i < count; i++)
      slh_counted_expose(heap, (slh_ref){slhi_load_word(from + (uint64_t)step * i)});
    return false;
  }
  for (uint32_t i = 0; i < count; i++)
    slhi_count_up(heap, slhi_load_word(from + (uint64_t)step * i), end);
  counts = slhi_counts(heap);
  for (uint32_t i = 0; i < count; i++) {
    uint64_t at = backwards ? count - 1 - i : i;
    uint32_t old = slhi_load_word(to + 4 * at);

    slhi_store_word(to + 4 * at, slhi_load_word(from + step * at));
    if (counts)
      slhi_count_down(heap, counts, old, end);
  }
  if (counts)
    slhi_drop_all(heap, counts);
  return true;
}

void slhi_counted_remember(slh_heap *heap, const struct object *object, uint32_t at, uint32_t first,
                           uint32_t count)
{
  struct references references = slhi_references(object, first);
  uint64_t end = slhi_heap_end(heap);
  bool counted = is_counted(heap, at, end);
  uint64_t offset;

  while (count-- > 0 && slhi_next_reference(&references, &offset)) {
    slh_ref ref = {slhi_load_word(heap->data.base + at + offset)};

    if (counted)
      slhi_count_up(heap, ref.bits, end);
    else
      slh_counted_expose(heap, ref);
  }
}
