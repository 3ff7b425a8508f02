/* SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception */
/*
 * Counts of references, for the collector drc (drc.c).
 *
 * They lie outside the heap, where nothing that a guest writes can forge them: a word
 * for each 8 bytes of heap, the *state* of the object that starts there.
 *
 *    31                      4    3     2    1 0
 *   |  counted references     | mark | list | kind |     NEW, COUNTED
 *   |  offset of the next, a multiple of 8    | kind |   HOLE, DYING
 *
 * An object is NEW until the first collection after it was allocated. The references in it
 * are not counted, so that allocating and initialising are what they are in other heaps;
 * and it may be on a stack, so nothing but a collection reclaims it. If that finds a count,
 * or the object on a stack, then the object becomes COUNTED: what it refers to is
 * counted. A COUNTED one whose count falls to nothing is reclaimed at once (drop.h), unless it
 * is in the list of those that may be on a stack (listed.h).
 *
 * What is reclaimed becomes a filler, and a hole (holes.h).
 *
 * Whatever references a heap holds, states are looked up by offsets in [start, end)
 * only, and nothing here trusts what it finds there to be an object's.
 *
 * States cover a prefix of the heap, which grows. A count for which it could not grow is lost,
 * and the heap is `forgetful` until a collection has the memory: then all objects that lay
 * beyond the prefix get the greatest count, and so stay until the store ends.
 */
#ifndef SLOTHEAP_LIB_COUNTS_H
#define SLOTHEAP_LIB_COUNTS_H

#include "lib/drop.h"
#include "lib/heap.h"
#include "lib/holes.h"
#include "lib/listed.h"
#include "lib/object.h"
#include "lib/tables.h"
#include "pool/assert.h"

#define SLHI_STATE_KIND 3u
#define SLHI_STATE_NEW 0u
#define SLHI_STATE_COUNTED 1u
#define SLHI_STATE_HOLE 2u
#define SLHI_STATE_DYING 3u
#define SLHI_STATE_LISTED 4u
#define SLHI_STATE_MARKED 8u
#define SLHI_STATE_ONE 16u
#define SLHI_STATE_COUNT UINT32_C(0xfffffff0) /* all of it: too many to count; it stays */

struct counts {
  uint32_t *states; /* of what lies at first + 8 * i */
  uint32_t covered; /* so many of them */
  uint32_t first;   /* slhi_heap_first */
  struct listed listed;
  struct drop drop;
  struct holes holes;
};

/* The heap's counts, made if it has none; NULL: no memory. */
struct counts *slhi_counts_open(slh_heap *heap);

/* The heap's counts, or NULL. */
static inline struct counts *slhi_counts(const slh_heap *heap)
{
  const struct tables *tables = slhi_heap_tables(heap);

  return tables ? tables->counts : NULL;
}

/* Before the next store. */
void slhi_counts_reset(struct counts *counts);

/* Before a collection: all objects have states, what was lost before is made good, and
 * the heap is not forgetful any more. bump is at their end. SLH_E_NOMEM: nothing has changed.
 * SLH_E_CORRUPT: what lies in the heap cannot be gone through. */
slh_status slhi_counts_cover_all(slh_heap *heap, struct counts *counts);

/* Whether what starts at `at` has a state. */
static inline bool slhi_is_covered(const struct counts *counts, uint32_t at)
{
  return (at - counts->first) / SLHI_OBJECT_ALIGN < counts->covered;
}

/* The state of what starts at `at`, which must be covered. */
static inline uint32_t *slhi_state(const struct counts *counts, uint32_t at)
{
  SLHI_ASSERT_LE(counts->first, at);
  SLHI_ASSERT_LT((at - counts->first) / SLHI_OBJECT_ALIGN, counts->covered);
  return &counts->states[(at - counts->first) / SLHI_OBJECT_ALIGN];
}

/* Where the next state lies from `at` on that is not zero, or `end`: where nothing lives
 * there are none. What lies before `end` is covered. */
uint32_t slhi_next_state(const struct counts *counts, uint32_t at, uint32_t end);

/* Whether `ref` can be that of an object that is counted, of offsets below `end`: neither
 * null, an i31, nor one of an image's, which live as long as the store. */
static inline bool slhi_is_countable(const slh_heap *heap, uint32_t ref, uint64_t end)
{
  return ref >= heap->data.start && ref < end && ref % SLHI_OBJECT_ALIGN == 0;
}

/* Whether what starts at `at`, before `end`, has a state of that kind. */
static inline bool slhi_has_state(const struct counts *counts, uint32_t at, uint32_t kind,
                                  uint64_t end)
{
  return at >= counts->first && at < end && at % SLHI_OBJECT_ALIGN == 0 &&
         slhi_is_covered(counts, at) && (*slhi_state(counts, at) & SLHI_STATE_KIND) == kind;
}

/* The heap's counts, with a state for `ref`, which is countable. NULL: its count is lost. */
struct counts *slhi_counts_reach(slh_heap *heap, uint32_t ref);

/* One reference more in a state of a NEW or COUNTED object. */
static inline void slhi_state_up(uint32_t *state)
{
  if (*state < SLHI_STATE_COUNT)
    *state += SLHI_STATE_ONE;
}

/* One reference to `ref` more, whatever that is. `end`: of the heap's objects. */
static inline void slhi_count_up(slh_heap *heap, uint32_t ref, uint64_t end)
{
  const struct counts *counts = slhi_counts(heap);
  uint32_t *state;

  if (!slhi_is_countable(heap, ref, end))
    return;
  if (SLH_UNLIKELY(!counts || !slhi_is_covered(counts, ref))) {
    counts = slhi_counts_reach(heap, ref);
    if (!counts)
      return;
  }
  state = slhi_state(counts, ref);
  if ((*state & SLHI_STATE_KIND) <= SLHI_STATE_COUNTED)
    slhi_state_up(state);
}

/* One reference to `ref` less; if it was the last, `ref` is in counts->drop. */
static inline void slhi_count_down(const slh_heap *heap, struct counts *counts, uint32_t ref,
                                   uint64_t end)
{
  uint32_t *state;

  if (!slhi_is_countable(heap, ref, end) || !slhi_is_covered(counts, ref))
    return;
  state = slhi_state(counts, ref);
  if ((*state & SLHI_STATE_KIND) > SLHI_STATE_COUNTED || *state < SLHI_STATE_ONE ||
      *state >= SLHI_STATE_COUNT)
    return;
  *state -= SLHI_STATE_ONE;
  /* Neither NEW, nor listed, nor counted. */
  if (*state == SLHI_STATE_COUNTED)
    slhi_drop_add(counts, ref);
}

/* In debug builds and with zeal, after a collection: no object has fewer references
 * counted than there are, and there is room for all holes. SLH_E_CORRUPT, with a line on
 * standard error. */
slh_status slhi_check_counts(slh_heap *heap);

#endif
