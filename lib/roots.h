/* SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception */
#ifndef SLOTHEAP_LIB_ROOTS_H
#define SLOTHEAP_LIB_ROOTS_H

#include <slotheap/roots.h>

#include "pool/host-memory.h"

/* Entries that need no allocation: most stores have a few roots. */
#define SLHI_ROOTS_INLINE 8

struct slh_roots {
  slh_allocator allocator;
  slh_root *entries; /* few, or allocated */
  size_t count;
  size_t capacity;
  slh_status failure; /* of the first slh_roots_add that failed */
  slh_root few[SLHI_ROOTS_INLINE];
};

/* Makes an empty list in memory that the caller has. */
void slhi_roots_open(slh_roots *roots, const slh_allocator *allocator);

#endif
