/* SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception */
/*
 * Holes: free room among the objects of a heap that does not move them. Each is a
 * filler, so that the heap can be walked; free lists by size are linked through the
 * states of their first words (counts.h), so that nothing in the heap is trusted.
 *
 *   |== objects ==|.. hole ..|= objects =|. hole .|= objects =|
 *                            bump -> |   ^ limit              ^ top
 *
 * To allocate in a hole, bump and limit are moved there, so that inline allocation
 * needs to know nothing of it: the hole becomes a *region*, and `top` (heap.h) says where the
 * heap ends meanwhile. When the region is full, or the heap is to be looked through, bump goes
 * back. What regions have, and what lies from `young` on, are the new objects.
 *
 * Holes are merged with their neighbours when the heap is swept whole (drc-sweep.c).
 */
#ifndef SLOTHEAP_LIB_HOLES_H
#define SLOTHEAP_LIB_HOLES_H

#include <slotheap/heap-data.h>

struct counts;

/* Free lists of holes of exactly 8 * (i + 1) bytes, and of those from 8 << (i + 6)
 * bytes on. */
#define SLHI_HOLES_EXACT 64
#define SLHI_HOLES_LARGER 24

struct region {
  uint32_t start;
  uint32_t end;
};

struct holes {
  uint64_t has_exact;  /* a bit for each list that is not empty */
  uint32_t has_larger; /* the same */
  uint32_t exact[SLHI_HOLES_EXACT];
  uint32_t larger[SLHI_HOLES_LARGER];
  uint64_t bytes;         /* of all that are in lists */
  uint32_t missed;        /* bytes for which there was none at last, though so much was free */
  struct region *regions; /* since the last collection; bump is in the last while `top` is set */
  uint32_t region_count;
  uint32_t region_capacity;
};

/* Makes a filler and a hole of [at, at + bytes). */
void slhi_hole_add(slh_heap *heap, struct counts *counts, uint32_t at, uint32_t bytes);

/* Forgets all holes; the fillers stay. */
void slhi_holes_forget(struct counts *counts);

/* As find_room of struct collector. */
bool slhi_holes_find_room(slh_heap *heap, uint64_t bytes);

/* bump is at the end of the objects again. */
void slhi_holes_leave(slh_heap *heap);

/* The heap can be walked: what is left of a hole that bump is in is a filler. */
void slhi_holes_seal(const slh_heap *heap);

/* Where the region ends that bump is in; 0: it is in none. */
uint32_t slhi_holes_limit(const slh_heap *heap);

/* Free bytes among the objects. */
uint64_t slhi_heap_holes(const slh_heap *heap);

#endif
