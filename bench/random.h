/* SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception */
/* A seeded generator, the same on every machine. Not for secrets. */
#ifndef BENCH_RANDOM_H
#define BENCH_RANDOM_H

#include <math.h>
#include <stdint.h>

struct random {
  uint64_t state;
};

/* Two threads or stores with different numbers get unrelated sequences. */
static inline struct random random_seed(uint64_t seed, uint64_t number)
{
  struct random random = {seed ^ (number + 1) * UINT64_C(0xd1342543de82ef95)};
  return random;
}

/* 64 random bits (splitmix64). */
static inline uint64_t random_bits(struct random *random)
{
  uint64_t z = random->state += UINT64_C(0x9e3779b97f4a7c15);

  z = (z ^ z >> 30) * UINT64_C(0xbf58476d1ce4e5b9);
  z = (z ^ z >> 27) * UINT64_C(0x94d049bb133111eb);
  return z ^ z >> 31;
}

/* A number below `bound`; the bias, bound / 2^32, is of no matter here. */
static inline uint32_t random_below(struct random *random, uint32_t bound)
{
  return (uint32_t)((random_bits(random) >> 32) * bound >> 32);
}

/* A number from `low` to `high`, every factor of two equally likely: many
 * small ones, some large. */
static inline uint32_t random_log_uniform(struct random *random, uint32_t low, uint32_t high)
{
  double unit = (double)(random_bits(random) >> 11) * 0x1p-53;

  return (uint32_t)(low * exp(unit * log((double)(high + 1) / low)));
}

#endif
