/* SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception */
/* A set of small numbers in words that the caller provides. */
#ifndef SLOTHEAP_LIB_BITMAP_H
#define SLOTHEAP_LIB_BITMAP_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

static inline size_t slhi_bitmap_bytes(uint64_t bits)
{
  return (size_t)((bits + 63) / 64 * 8);
}

static inline void slhi_bitmap_set(uint64_t *words, uint64_t bit)
{
  words[bit / 64] |= UINT64_C(1) << (bit % 64);
}

static inline bool slhi_bitmap_has(const uint64_t *words, uint64_t bit)
{
  return (words[bit / 64] >> (bit % 64) & 1) != 0;
}

#endif
