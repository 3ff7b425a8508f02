/* SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception */
/* The monotonic clock, and waiting by it. */
#ifndef SLOTHEAP_POOL_CLOCK_H
#define SLOTHEAP_POOL_CLOCK_H

#include <pthread.h>
#include <time.h>

#include "pool/math.h"

#define SLHI_SECOND UINT64_C(1000000000)

static inline uint64_t slhi_now_ns(void)
{
  struct timespec now;

  clock_gettime(CLOCK_MONOTONIC, &now);
  return (uint64_t)now.tv_sec * SLHI_SECOND + (uint64_t)now.tv_nsec;
}

/* So many nanoseconds from now, at most a century. */
static inline struct timespec slhi_deadline(uint64_t nanoseconds)
{
  const uint64_t century = SLHI_SECOND * 3600 * 24 * 36525;
  uint64_t then = slhi_now_ns() + slhi_at_most(nanoseconds, century);
  struct timespec deadline = {(time_t)(then / SLHI_SECOND), (long)(then % SLHI_SECOND)};

  return deadline;
}

/* A condition whose deadlines are of this clock. */
static inline void slhi_condition_open(pthread_cond_t *condition)
{
  pthread_condattr_t monotonic;

  pthread_condattr_init(&monotonic);
  pthread_condattr_setclock(&monotonic, CLOCK_MONOTONIC);
  pthread_cond_init(condition, &monotonic);
  pthread_condattr_destroy(&monotonic);
}

#endif
