/* SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception */
/*
 * The list of what may be on a stack, in heaps that count references: COUNTED objects
 * (counts.h) that were exposed, or found among the stack roots. They stay until a
 * collection does not find them there any more.
 */
#ifndef SLOTHEAP_LIB_LISTED_H
#define SLOTHEAP_LIB_LISTED_H

#include <slotheap/heap.h>

#include "pool/assert.h"

struct counts;

struct listed {
  uint32_t *at; /* those with SLHI_STATE_LISTED */
  uint32_t count;
  uint32_t capacity;
  uint32_t due; /* it is time for a collection when there are so many */
};

/* Entries that are not worth a collection. */
#define SLHI_LISTED_DUE 4096

/* `ref`, which is covered, may be on a stack. Without memory to note it, it stays until the
 * store ends. */
void slhi_listed_add(slh_heap *heap, struct counts *counts, uint32_t ref);

/* A collection is through: `kept` of them are left, at the front. */
static inline void slhi_listed_keep(struct listed *listed, uint32_t kept)
{
  SLHI_ASSERT_LE(kept, listed->count);
  listed->count = kept;
  listed->due = 2 * kept + SLHI_LISTED_DUE;
}

#endif
