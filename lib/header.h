/* SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception */
/*
 * The header word of an object.
 *
 *   31                        6 5    3  2   1   0
 *  |       type index          | kind | 0 | L | F |
 *
 * F: forwarded. The other bits (low three cleared) are the object's new
 *    offset, a multiple of 8. Only while a collection runs.
 * L: logged in the remembered set.
 *
 * A word of zero is no header: memory that was never written holds no object.
 */
#ifndef SLOTHEAP_LIB_HEADER_H
#define SLOTHEAP_LIB_HEADER_H

#include <slotheap/type.h>

#define SLHI_FORWARDED UINT32_C(1)
#define SLHI_LOGGED UINT32_C(2)
#define SLHI_KIND_SHIFT 3
#define SLHI_INDEX_SHIFT 6

_Static_assert(SLH_TYPES_MAX == UINT32_MAX >> SLHI_INDEX_SHIFT, "the index fills the word");

static inline uint32_t slhi_header(slh_kind kind, uint32_t type_index)
{
  return type_index << SLHI_INDEX_SHIFT | (uint32_t)kind << SLHI_KIND_SHIFT;
}

/* Fillers have type index 0, which no type has, and their size in bytes, a
 * multiple of 8, in the word after the header. */
#define SLHI_FILLER_HEADER (UINT32_C(1) << SLHI_KIND_SHIFT)

_Static_assert(SLH_KIND_FILLER == 1, "SLHI_FILLER_HEADER");

/* Externrefs have type index 1 in every runtime. */
#define SLHI_EXTERN_INDEX 1
#define SLHI_EXTERN_HEADER (UINT32_C(1) << SLHI_INDEX_SHIFT | UINT32_C(4) << SLHI_KIND_SHIFT)

_Static_assert(SLH_KIND_EXTERN == 4, "SLHI_EXTERN_HEADER");

#endif
