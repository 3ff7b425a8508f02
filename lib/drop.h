/* SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception */
/*
 * What is reclaimed because nothing refers to it any more, in heaps that count references:
 * DYING objects, linked through their states (counts.h), so that no chain of them takes stack.
 * Each becomes a hole when what it refers to has lost its references.
 */
#ifndef SLOTHEAP_LIB_DROP_H
#define SLOTHEAP_LIB_DROP_H

#include <slotheap/heap.h>

struct counts;

struct drop {
  uint32_t first; /* 0: none */
  uint32_t part;  /* so many of its references are done */
  uint32_t bytes; /* reclaimed since the heap was last swept whole */
};

/* What starts at `at`, which is covered, has died: it comes first. */
void slhi_drop_add(struct counts *counts, uint32_t at);

/* Reclaims what has died, with what it refers to; about `*budget` bytes of work, which are
 * taken off it. Drop callbacks run. True: nothing is left. */
bool slhi_drop_some(slh_heap *heap, struct counts *counts, uint64_t *budget);

/* The same until nothing is left. */
void slhi_drop_all(slh_heap *heap, struct counts *counts);

#endif
