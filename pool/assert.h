/* SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception */
/*
 * Invariants of the library itself, checked in debug builds only: there a broken one stops
 * the process with a message. What a host or a guest can bring about is no invariant.
 *
 *   SLHI_ASSERT(condition)
 *   SLHI_ASSERT_EQ(a, b)   a == b; LE: a <= b; LT: a < b. The message has both values, which
 *                          are unsigned integers.
 *
 * The arguments are not evaluated in other builds: they must have no effect.
 */
#ifndef SLOTHEAP_POOL_ASSERT_H
#define SLOTHEAP_POOL_ASSERT_H

#include "pool/error.h"

#ifdef SLH_DEBUG

#define SLHI_ASSERT(condition)                                                                     \
  ((condition)                                                                                     \
       ? (void)0                                                                                   \
       : slhi_misuse(__func__, "broken invariant at %s:%d: %s", __FILE__, __LINE__, #condition))

#define SLHI_ASSERT_THAT(a, is, b)                                                                 \
  do {                                                                                             \
    uint64_t slhi_a = (a), slhi_b = (b);                                                           \
                                                                                                   \
    if (SLH_UNLIKELY(!(slhi_a is slhi_b)))                                                         \
      slhi_misuse(__func__, "broken invariant at %s:%d: %s " #is " %s: %llu and %llu", __FILE__,   \
                  __LINE__, #a, #b, (unsigned long long)slhi_a, (unsigned long long)slhi_b);       \
  } while (0)

#else

#define SLHI_ASSERT(condition) ((void)sizeof(condition))
#define SLHI_ASSERT_THAT(a, is, b) ((void)sizeof((uint64_t)(a)is(uint64_t)(b)))

#endif

#define SLHI_ASSERT_EQ(a, b) SLHI_ASSERT_THAT(a, ==, b)
#define SLHI_ASSERT_LE(a, b) SLHI_ASSERT_THAT(a, <=, b)
#define SLHI_ASSERT_LT(a, b) SLHI_ASSERT_THAT(a, <, b)

#endif
