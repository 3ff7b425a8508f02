/* SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception */
/* The clock that everything here is timed with. */
#ifndef BENCH_CLOCK_H
#define BENCH_CLOCK_H

#include <stdint.h>
#include <time.h>

/* Nanoseconds since some moment. No system call where the kernel has a vDSO
 * clock; `serve` counts it among a store's system calls, so it would show. */
static inline uint64_t clock_ns(void)
{
  struct timespec now;

  clock_gettime(CLOCK_MONOTONIC, &now);
  return (uint64_t)now.tv_sec * 1000000000u + (uint64_t)now.tv_nsec;
}

#endif
