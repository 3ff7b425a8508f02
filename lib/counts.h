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
 * counted. A COUNTED one whose count falls to nothing is reclaimed at once, unless it is
 * in the list of those that may be on a stack.
 *
 * What is reclaimed becomes a filler, and a hole (holes.h).
 *
 * Whatever references a heap holds, states are looked up by offsets in [start, end)
 * only, and nothing here trusts what it finds there to be an object's.
 */
#ifndef SLOTHEAP_LIB_COUNTS_H
#define SLOTHEAP_LIB_COUNTS_H

#include <slotheap/barrier.h>

#include "lib/heap.h"
#include "lib/holes.h"
#include "lib/object.h"
#include "lib/tables.h"

#define SLHI_STATE_KIND 3u
#define SLHI_STATE_NEW 0u
#define SLHI_STATE_COUNTED 1u
#define SLHI_STATE_HOLE 2u
#define SLHI_STATE_DYING 3u
#define SLHI_STATE_LISTED 4u
#define SLHI_STATE_MARKED 8u
#define SLHI_STATE_ONE 16u
#define SLHI_STATE_COUNT UINT32_C(0xfffffff0) /* all of it: too many to count; it stays */

/* What is being reclaimed: DYING objects, linked through their states. */
struct drop {
  uint32_t first; /* 0: none */
  uint32_t part;  /* so many of its references are done */
};

struct counts {
  uint32_t *states; /* of what lies at start + 8 * i */
  uint32_t covered; /* so many of them */
  uint32_t start;   /* slhi_heap_first */
  uint32_t young;   /* what lies from here on is new; 0: all that is the store's own */
  uint32_t *listed; /* may be on a stack: those with SLHI_STATE_LISTED */
  uint32_t listed_count;
  uint32_t listed_capacity;
  uint32_t listed_due; /* it is time for a collection when there are so many */
  uint32_t missed;     /* bytes for which there was no hole, though so much was free */
  uint32_t dropped;    /* bytes reclaimed since the heap was last swept whole */
  struct drop drop;
  struct holes holes;
};

/* Entries of the list that are not worth a collection. */
#define SLHI_LISTED_DUE 4096

/* A collection's state. */
struct counting {
  uint32_t *work;      /* objects whose references are to be counted; in the space */
  uint32_t work_count; /* of them */
  uint32_t current;    /* the one that is gone through; 0: none */
  uint32_t part;       /* of it: references done */
  uint32_t region;     /* see holes.h: the one that is looked through, */
  uint32_t at;         /* how far it is, */
  uint32_t run;        /* and where the dead ones before that begin */
  uint32_t looked_at;  /* bytes of new objects, */
  uint32_t lived;      /* and of these those that live */
  uint32_t kept;       /* entries of the list */
  bool whole;          /* all of the heap is swept */
};

/* The heap's counts, made if it has none; NULL: no memory. */
struct counts *slhi_counts_open(slh_heap *heap);

/* The heap's counts, or NULL. */
static inline struct counts *slhi_counts(const slh_heap *heap)
{
  const struct tables *tables = slhi_heap_tables(heap);

  return tables ? tables->counts : NULL;
}

/* End of its objects: where it counts, bump may be in a hole among them. */
static inline uint64_t slhi_heap_end(const slh_heap *heap)
{
  const struct counts *counts = SLH_UNLIKELY(slhi_heap_counts(heap)) ? slhi_counts(heap) : NULL;

  return counts && counts->holes.top != 0 ? counts->holes.top : heap->data.bump;
}

/* Before the next store. */
void slhi_counts_reset(struct counts *counts);

/* Has states up to offset `end`. False: no memory. */
bool slhi_counts_cover(slh_heap *heap, struct counts *counts, uint64_t end);

/* Where young objects begin. */
static inline uint32_t slhi_heap_young(const slh_heap *heap)
{
  const struct counts *counts;

  if (SLH_LIKELY(!slhi_heap_counts(heap)))
    return heap->data.young;
  counts = slhi_counts(heap);
  return counts && counts->young != 0 ? counts->young : heap->data.start;
}

/* The state of what starts at `at`, which must be covered. */
static inline uint32_t *slhi_state(const struct counts *counts, uint32_t at)
{
  return &counts->states[(at - counts->start) / SLHI_OBJECT_ALIGN];
}

/* Where the next state lies from `at` on that is not zero, or `end`: where nothing lives
 * there are none. */
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
  return at >= counts->start && at < end && at % SLHI_OBJECT_ALIGN == 0 &&
         (at - counts->start) / SLHI_OBJECT_ALIGN < counts->covered &&
         (*slhi_state(counts, at) & SLHI_STATE_KIND) == kind;
}

/* One reference to `ref` more. */
void slhi_count_up(slh_heap *heap, uint32_t ref);

/* What starts at `at` has died: it is put there, too. */
void slhi_counts_die(struct counts *counts, uint32_t at);

/* Reclaims what is in counts->drop, with what it refers to; about `*budget` bytes of
 * work, which are taken off it. Drop callbacks run. True: nothing is left. */
bool slhi_counts_drop(slh_heap *heap, struct counts *counts, uint64_t *budget);

/* `ref` may be on a stack. */
void slhi_counts_list(slh_heap *heap, struct counts *counts, uint32_t ref);

/* Writes references into an array, from `from` on, each `step` bytes after the one
 * before it: 4, or 0 for one value. False: nothing was written, since none is counted
 * there; what is written may be on a stack. */
bool slhi_counts_set_elements(slh_heap *heap, slh_ref array, char *to, const char *from,
                              uint32_t step, uint32_t count);

/* `count` references of a checked object at `at`, from number `first` on, were written by
 * somebody who did not count: what is there now is counted once more, or if the object is
 * new may be on a stack. */
void slhi_counts_remember(slh_heap *heap, const struct object *object, uint32_t at, uint32_t first,
                          uint32_t count);

/* In debug builds and with zeal, after a collection: no object has fewer references
 * counted than there are. SLH_E_CORRUPT, with a line on standard error. */
slh_status slhi_check_counts(slh_heap *heap);

#endif
