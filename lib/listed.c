/* SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception */
/* What may be on a stack is noted; exposing does that. */
#include "lib/listed.h"

#include <slotheap/barrier.h>

#include "lib/counts.h"

#define FIRST_CAPACITY 256

static bool has_room(slh_heap *heap, struct listed *listed)
{
  return listed->count < listed->capacity ||
         slhi_table_widen(heap, &listed->at, sizeof *listed->at, &listed->capacity,
                          (uint64_t)listed->count + 1, FIRST_CAPACITY);
}

void slhi_listed_add(slh_heap *heap, struct counts *counts, uint32_t ref)
{
  uint32_t *state = slhi_state(counts, ref);

  if ((*state & SLHI_STATE_LISTED) != 0)
    return;
  if (has_room(heap, &counts->listed)) {
    *state |= SLHI_STATE_LISTED;
    counts->listed.at[counts->listed.count++] = ref;
  } else {
    *state |= SLHI_STATE_COUNT;
  }
}

void slh_counted_expose(slh_heap *heap, slh_ref ref)
{
  struct counts *counts = slhi_counts(heap);

  /* What was never counted is NEW, as an image's objects are, and needs no entry. */
  if (ref.bits % SLHI_OBJECT_ALIGN != 0 || !counts || !slhi_is_covered(counts, ref.bits))
    return;
  if ((*slhi_state(counts, ref.bits) & (SLHI_STATE_KIND | SLHI_STATE_LISTED)) == SLHI_STATE_COUNTED)
    slhi_listed_add(heap, counts, ref.bits);
}

bool slh_counted_list_is_long(const slh_heap *heap, uint32_t count)
{
  const struct counts *counts = slhi_counts(heap);

  return counts && counts->listed.count + (uint64_t)count > counts->listed.due;
}
