/* SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception */
/* Lists of roots, as hosts make them and collections have them. */
#ifndef SLOTHEAP_LIB_ROOTS_H
#define SLOTHEAP_LIB_ROOTS_H

#include <slotheap/roots.h>

#include "pool/host-memory.h"
#include "pool/signature.h"

/* Entries that need no allocation: most stores have a few roots. */
#define SLHI_ROOTS_INLINE 8

struct slh_roots {
  uint32_t signature; /* SLHI_SIGNATURE_ROOTS */
  slh_status failure; /* of the first slh_roots_add that failed */
  slh_allocator allocator;
  slh_root *entries; /* few, or allocated */
  size_t count;
  size_t capacity;
  slh_root few[SLHI_ROOTS_INLINE];
};

static inline void slhi_check_roots(const slh_roots *roots, const char *call)
{
  slhi_check_signature(roots->signature, SLHI_SIGNATURE_ROOTS, call);
}

/* Makes an empty list in memory that the caller has. */
void slhi_roots_open(slh_roots *roots, const slh_allocator *allocator);

#endif
