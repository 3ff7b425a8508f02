/* SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception */
/* Sums that do not overflow, and the like. */
#ifndef SLOTHEAP_POOL_MATH_H
#define SLOTHEAP_POOL_MATH_H

#include <stdint.h>

static inline uint64_t slhi_at_most(uint64_t value, uint64_t limit)
{
  return value < limit ? value : limit;
}

/* The sum, or UINT64_MAX where it would be more. */
static inline uint64_t slhi_saturating_add(uint64_t a, uint64_t b)
{
  return a + b < a ? UINT64_MAX : a + b;
}

/* `page` is a power of two. */
static inline uint64_t slhi_round_up(uint64_t bytes, uint64_t page)
{
  return (bytes + page - 1) & ~(page - 1);
}

/* Fibonacci hashing (Knuth, volume 3, section 6.4): 32 bits, the low ones good. */
static inline uint32_t slhi_hash(uint64_t key)
{
  return (uint32_t)(key * UINT64_C(0x9e3779b97f4a7c15) >> 32);
}

#endif
