/* SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception */
/* The state of a collection. It belongs to the evacuation space that the
 * collection was lent, so that heaps need none of their own. */
#ifndef SLOTHEAP_LIB_COLLECTION_H
#define SLOTHEAP_LIB_COLLECTION_H

#include <slotheap/collection.h>

#include "lib/evacuate.h"
#include "lib/large.h"
#include "lib/phase.h"
#include "lib/roots.h"
#include "lib/tables.h"

/* What collectors need that copy. */
struct copying {
  struct evacuation evacuation;
  struct larges larges; /* its records are kept from one collection in the space to the next */
  uint32_t queued;      /* finalizers in the queue before this collection */
  bool finalizing;      /* the second time through scan and ephemerons */
  bool moved_values;    /* this pass over the ephemerons has moved something */
};

/* What drc needs. */
struct counting {
  uint32_t *work;      /* objects whose references are to be counted; in the space */
  uint32_t work_count; /* of them */
  uint32_t current;    /* the one that is gone through; 0: none */
  uint32_t part;       /* of it: references done */
  uint32_t region;     /* number of the one (holes.h) that is looked through, */
  uint32_t at;         /* how far it is, */
  uint32_t run;        /* and where the dead ones before that begin */
  uint32_t looked_at;  /* bytes of new objects, */
  uint32_t lived;      /* and of these those that live */
  uint32_t kept;       /* entries of the list of what may be on a stack */
  bool whole;          /* all of the heap is swept */
};

/* First what the frame (collect.c) has for all collectors. */
struct collection {
  slh_heap *heap;
  struct tables *tables; /* of the heap */
  bool young;            /* of the young objects only */
  bool collected;        /* all phases are through: host data is swept */
  bool sweeping;         /* drop callbacks run */
  enum phase phase;
  uint64_t cursor;  /* how far the phase has come */
  uint64_t part;    /* how far what is at `cursor` has come */
  uint64_t used;    /* bytes, when it began */
  uint64_t written; /* bytes of the space, at most; when it is collected, so many */
  struct copying copying;
  struct counting counting;
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

/* Bytes of its evacuation space that the collection under way can have written, at most. */
static inline uint64_t slhi_collection_written(const slh_heap *heap)
{
  return slhi_heap_collection(heap)->written;
}

/* Ends a collection that is under way without completing it: for a heap that
 * is about to be scrubbed, or is corrupt. */
void slhi_collection_cancel(slh_heap *heap);

/* Gives the evacuation space back, of which so many bytes were written. */
void slhi_collection_end(slh_heap *heap, uint64_t used);

#endif
