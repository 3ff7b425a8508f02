/* SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception */
/* The state of a collection. It belongs to the evacuation space that the
 * collection was lent, so that heaps need none of their own. */
#ifndef SLOTHEAP_LIB_COLLECTION_H
#define SLOTHEAP_LIB_COLLECTION_H

#include <slotheap/collection.h>

#include "lib/counts.h"
#include "lib/evacuate.h"
#include "lib/roots.h"

/* In the order in which they come. Ephemerons lead back to the scan until
 * their values have moved; finalizers do once, for what they revive. */
enum phase {
  PHASE_CHECK,      /* that no root is misaligned */
  PHASE_ROOTS,      /* what the roots refer to is moved */
  PHASE_IMAGE,      /* all: what objects of an image refer to is moved */
  PHASE_HANDLES,    /* young: what handles with a mark refer to is moved */
  PHASE_CARDS,      /* young: what remembered parts of arrays refer to */
  PHASE_REMEMBERED, /* young: what remembered objects refer to */
  PHASE_UNCHAIN,    /* young: ephemerons of keys that can move leave their chains */
  PHASE_SCAN,       /* what moved objects refer to is moved */
  PHASE_EPHEMERONS, /* values of keys that are alive are moved */
  PHASE_WEAK,       /* weak references to what was not reached are cleared */
  PHASE_FINALIZERS, /* finalizers of what was not reached are queued */
  PHASE_REVIVE,     /* the objects queued are moved */
  PHASE_DEAD_KEYS,  /* ephemerons of what is still not reached are removed */
  PHASE_INDEX,      /* the others are found by their keys again */
  PHASE_COPY_BACK,  /* survivors are copied to where they belong */
  PHASE_FINISH,     /* the roots get their final form */
  PHASE_DONE,
  /* Those of drc, after PHASE_CHECK; then PHASE_DONE. */
  PHASE_MARK,    /* what may be on a stack, and is, gets a mark */
  PHASE_PROMOTE, /* what is new and lives has its references counted */
  PHASE_UNLIST,  /* what has no mark is on no stack */
  PHASE_DROP,    /* what is referred to no more is reclaimed, with what it refers to */
  PHASE_SWEEP,   /* what is new and dead becomes holes; these coalesce */
};

struct collection {
  slh_heap *heap;
  bool young; /* of the young objects only */
  enum phase phase;
  bool finalizing;          /* the second time through scan and ephemerons */
  bool moved_values;        /* this pass over the ephemerons has moved something */
  uint64_t used;            /* bytes, when it began */
  uint64_t cursor;          /* how far the phase has come */
  uint64_t part;            /* how far the root at `cursor` has come */
  uint32_t queued;          /* finalizers in the queue before this collection */
  uint64_t written;         /* bytes of the space, at most; when it is done, so many */
  bool moved;               /* all phases are through: host data is swept */
  bool sweeping;            /* drop callbacks run */
  struct tables *tables;    /* of the heap */
  struct counting counting; /* of drc; the two that follow are the others' */
  struct evacuation evacuation;
  struct larges larges;
  slh_allocator allocator; /* of the list of roots: blocks of the space */
  slh_roots roots;
  struct tables none; /* of a heap that has no tables */
};

/* Work for an entry of a table, in bytes. */
#define SLHI_ENTRY_WORK 16

static inline void slhi_spend(uint64_t *budget, uint64_t work)
{
  *budget -= slhi_at_most(work, *budget);
}

/* Bytes that a collection under way can have written into its evacuation space: of
 * a young one, not as many as the heap has. */
static inline uint64_t slhi_collection_written(const slh_heap *heap)
{
  return heap->busy == BUSY_LISTING ? 0 : slhi_heap_collection(heap)->written;
}

/* Ends a collection that is under way without completing it: for a heap that
 * is about to be scrubbed, or is corrupt. */
void slhi_collection_cancel(slh_heap *heap);

/* Gives the evacuation space back, of which so many bytes were written. */
void slhi_collection_end(slh_heap *heap, uint64_t used);

#endif
