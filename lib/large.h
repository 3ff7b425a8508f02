/* SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception */
/*
 * Large arrays in a collection. Their bytes do not go through the evacuation
 * space: they are scanned where they are, and slide down when the survivors are
 * copied back.
 *
 *   heap  |== LARGE a ==|= small =|==== LARGE b ====|= small ==|
 *   then  |== LARGE a ==|=== small ===|==== LARGE b ====|= small =|
 *
 * Those that have survived a full collection are known to the heap (struct
 * large_list), and have a place kept for them in the next, one after the other
 * from start on: so in the one after that they do not move at all. If one turns out to be
 * dead, its place becomes a filler. New ones get a place when they are reached,
 * as small objects do. If that lies beyond where they are, they do go through
 * the space: so each place lies at or below its array, and copying back in
 * the order of places overwrites nothing that is still to be moved.
 *
 * While the collection runs, the header word of one that was reached says where
 * it will be, as that of every object does; the record here has the rest.
 */
#ifndef SLOTHEAP_LIB_LARGE_H
#define SLOTHEAP_LIB_LARGE_H

#include <slotheap/heap-data.h>

#include "lib/object.h"

#define SLHI_LARGE_BYTES (UINT64_C(256) << 10)

struct evacuation;

/* Where large arrays were left by the last collection, in address order. */
struct large_place {
  uint32_t offset;
  uint32_t bytes;
};

struct large_list {
  struct large_place *at;
  uint32_t count;
  uint32_t capacity;
  uint64_t dead; /* bytes that fillers in place of dead ones take */
};

/* One in a collection. */
struct large {
  uint32_t offset; /* where it is */
  uint32_t place;  /* where it will be */
  uint32_t bytes;
  uint32_t header; /* of its shape */
  uint32_t length;
  uint32_t next; /* grey: the next one, plus 1, or 0 */
  bool reached;
  bool in_place; /* not copied into the space */
};

/* In the order of their places. */
struct larges {
  slh_heap *heap;
  const slh_allocator *allocator;
  struct large *at;
  uint32_t count;
  uint32_t capacity;
  uint32_t kept; /* those before have a place kept for them */
  uint32_t grey; /* the first of those to be scanned, plus 1, or 0 */
  uint32_t last_grey;
  uint32_t scanned; /* elements of it that are */
  uint32_t next;    /* copying back: the first that is not done */
  uint64_t dead;    /* bytes of fillers */
  uint64_t stayed;  /* bytes that did not move */
};

/* Starts a collection of [start, bump). Returns where small objects go. Without
 * memory nothing is large. */
uint64_t slhi_larges_begin(struct larges *larges, slh_heap *heap, bool young, uint64_t start);

/* A large array at `offset` is reached for the first time; `free` is where it
 * would go. Its place, or 0: it is to be treated as any object. `*takes`: bytes
 * that it takes of `free`. */
uint32_t slhi_larges_reach(struct larges *larges, uint32_t offset, const struct object *array,
                           uint64_t free, uint64_t *takes);

/* One goes through the space, to `place`. */
void slhi_larges_note(struct larges *larges, uint32_t place, const struct object *array);

/* Scans grey ones for about `budget` bytes; the work done, or SLHI_CORRUPT. */
uint64_t slhi_larges_scan(struct evacuation *e, uint64_t budget);

/* All have been found that live. Returns the end of survivors, `free` or less. */
uint64_t slhi_larges_settle(struct larges *larges, uint64_t start, uint64_t free);

/* Copies survivors back, from offset `at` on, which is below `free`; how far it
 * came. Adds to `*work`, about `budget` at most, what it has done. */
uint64_t slhi_larges_copy_back(const struct evacuation *e, uint64_t at, uint64_t budget,
                               uint64_t *work);

/* The collection is complete: the heap is told where they are. */
void slhi_larges_finish(struct larges *larges, bool young);

#endif
